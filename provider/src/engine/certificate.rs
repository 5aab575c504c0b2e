//! Certificates: the checksum that follows from their contents, which are not parsed.

use crate::attribute::{AttributeType, Attributes, Value};
use crate::engine::digest;
use crate::error::{Code, Result};
use crate::mechanism::Hash;

/// Adds `CKA_CHECK_VALUE` (section "Certificate objects"): the first three bytes of the SHA-1 of
/// `CKA_VALUE`. A certificate that is named by its URL has none, nor has one whose template asks
/// for none with an empty value.
///
/// # Errors
/// AttributeValueInvalid for a check value that is not the certificate's.
pub fn complete(attributes: &mut Attributes) -> Result<()> {
    let value = attributes.bytes(AttributeType::VALUE).unwrap_or_default();
    if value.is_empty() {
        return Ok(());
    }
    let check = &digest::digest(Hash::Sha1, value)[..3];
    match attributes.bytes(AttributeType::CHECK_VALUE) {
        None => {
            attributes.set(AttributeType::CHECK_VALUE, Value::bytes(check));
            Ok(())
        }
        Some([]) => Ok(()),
        Some(given) if given == check => Ok(()),
        Some(_) => Err(Code::AttributeValueInvalid
            .because("CKA_CHECK_VALUE is not the check value of this certificate")),
    }
}
