//! Certificates: what follows from their contents, which are not checked for validity.

use ::spki::SubjectPublicKeyInfoRef;
use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Encode, Sequence};

use crate::attribute::table::certificate::X_509_TYPE;
use crate::attribute::{AttributeType, Attributes, Value};
use crate::engine::digest;
use crate::error::{Code, Result};
use crate::mechanism::Hash;

/// Adds `CKA_CHECK_VALUE` (section "Certificate objects"): the first three bytes of the SHA-1 of
/// `CKA_VALUE`; and `CKA_PUBLIC_KEY_INFO`, where `CKA_VALUE` is an X.509 certificate and the
/// template does not say it. A certificate that is named by its URL has neither, nor has one whose
/// template asks for no check value with an empty one.
///
/// # Errors
/// AttributeValueInvalid for a check value that is not the certificate's.
pub fn complete(attributes: &mut Attributes) -> Result<()> {
    let value = attributes.bytes(AttributeType::VALUE).unwrap_or_default();
    if value.is_empty() {
        return Ok(());
    }
    let check = Value::bytes(&digest::digest(Hash::Sha1, value)[..3]);
    let info = public_key_info(attributes, value);
    match attributes.find(AttributeType::CHECK_VALUE) {
        None => attributes.set(AttributeType::CHECK_VALUE, check),
        Some(given) if *given == check || given.as_bytes() == Some(&[]) => {}
        Some(_) => {
            return Err(Code::AttributeValueInvalid
                .because("CKA_CHECK_VALUE is not the check value of this certificate"));
        }
    }
    if let Some(info) = info {
        attributes.set(AttributeType::PUBLIC_KEY_INFO, Value::bytes(info));
    }
    Ok(())
}

/// The key in the certificate, unless the template names one ("Cryptoki does not enforce the
/// relationship") or `value` is no DER of an X.509 certificate.
fn public_key_info(attributes: &Attributes, value: &[u8]) -> Option<Vec<u8>> {
    let x_509 = attributes.number(AttributeType::CERTIFICATE_TYPE) == Some(X_509_TYPE);
    let named = attributes.bytes(AttributeType::PUBLIC_KEY_INFO).unwrap_or_default();
    if !x_509 || !named.is_empty() {
        return None;
    }
    Certificate::from_der(value).ok()?.to_be_signed.key.to_der().ok()
}

/// `Certificate` of RFC 5280 section 4.1.
#[derive(Sequence)]
struct Certificate<'a> {
    to_be_signed: ToBeSigned<'a>,
    _algorithm: AnyRef<'a>,
    _signature: BitStringRef<'a>,
}

/// `TBSCertificate`: the key and what stands around it.
#[derive(Sequence)]
struct ToBeSigned<'a> {
    #[asn1(context_specific = "0", optional = "true", tag_mode = "EXPLICIT")]
    _version: Option<AnyRef<'a>>,
    _serial_number: AnyRef<'a>,
    _signature: AnyRef<'a>,
    _issuer: AnyRef<'a>,
    _validity: AnyRef<'a>,
    _subject: AnyRef<'a>,
    key: SubjectPublicKeyInfoRef<'a>,
    #[asn1(context_specific = "1", optional = "true", tag_mode = "IMPLICIT")]
    _issuer_unique_id: Option<BitStringRef<'a>>,
    #[asn1(context_specific = "2", optional = "true", tag_mode = "IMPLICIT")]
    _subject_unique_id: Option<BitStringRef<'a>>,
    #[asn1(context_specific = "3", optional = "true", tag_mode = "EXPLICIT")]
    _extensions: Option<AnyRef<'a>>,
}
