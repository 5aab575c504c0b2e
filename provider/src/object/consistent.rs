//! What the attributes of one object have to do with each other.

use crate::attribute::table::certificate::WTLS_TYPE;
use crate::attribute::{AttributeType, Attributes, ObjectClass};
use crate::error::{Code, Result};
use crate::lifecycle;
use crate::object::derived_length;

/// Holds the attributes of a complete object against each other.
///
/// # Errors
/// TemplateInconsistent for a public key that asks for a PIN at each use, or a certificate of
/// which neither the value nor a place to find it is known; TemplateIncomplete for a certificate
/// elsewhere whose keys are not known by their hashes; AttributeValueInvalid for a length that the
/// key type does not have, or a state that is none.
pub(super) fn consistent(attributes: &Attributes) -> Result<()> {
    // "This attribute may only be set to CK_TRUE when CKA_PRIVATE is also CK_TRUE."
    if attributes.is_true(AttributeType::ALWAYS_AUTHENTICATE)
        && !attributes.is_true(AttributeType::PRIVATE)
    {
        return Err(Code::TemplateInconsistent
            .because("CKA_ALWAYS_AUTHENTICATE is for private objects only"));
    }
    derived_length(attributes)?;
    lifecycle::check(attributes)?;
    match attributes.class() {
        Some(ObjectClass::CERTIFICATE) => certificate(attributes),
        _ => Ok(()),
    }
}

/// Footnotes 2 to 4 of the table of X.509 certificate attributes, 1 to 4 of that of WTLS.
fn certificate(attributes: &Attributes) -> Result<()> {
    let filled = |id| attributes.bytes(id).is_some_and(|bytes| !bytes.is_empty());
    let wtls = attributes.number(AttributeType::CERTIFICATE_TYPE) == Some(WTLS_TYPE);
    if wtls && filled(AttributeType::VALUE) && !filled(AttributeType::SUBJECT) {
        return Err(Code::TemplateInconsistent
            .because("CKA_SUBJECT of a WTLS certificate \"can only be empty if CKA_VALUE is\""));
    }
    if !filled(AttributeType::URL) {
        return match filled(AttributeType::VALUE) {
            true => Ok(()),
            false => Err(Code::TemplateInconsistent
                .because("CKA_VALUE and CKA_URL of a certificate are both empty")),
        };
    }
    let hashes =
        [AttributeType::HASH_OF_SUBJECT_PUBLIC_KEY, AttributeType::HASH_OF_ISSUER_PUBLIC_KEY];
    match hashes.into_iter().find(|hash| !filled(*hash)) {
        Some(hash) => {
            Err(Code::TemplateIncomplete
                .because(format!("a certificate with CKA_URL needs {hash:?}")))
        }
        None => Ok(()),
    }
}
