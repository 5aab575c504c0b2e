//! The certificates on a token that are for one key.

use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use der::{Decode, Encode};
use x509_cert::Certificate;

use super::public::public_key;
use crate::domain::key::{Algorithm, KeyId};
use crate::error::Result;
use crate::token::open::OpenToken;

/// The subjects of the certificates with the key's identifier or over its public half.
pub(super) fn subjects(token: &OpenToken, id: KeyId, algorithm: Algorithm) -> Result<Vec<String>> {
    // A key whose public half is gone may still have certificates with its identifier.
    let public = match public_key(token, id, algorithm).and_then(|key| key.to_der()) {
        Err(error) if error.is_session_lost() => return Err(error),
        public => public.ok(),
    };
    let mut subjects = Vec::new();
    for object in token.find(&[Attribute::Class(ObjectClass::CERTIFICATE)])? {
        let (mut same_id, mut subject) = (false, None);
        for attribute in token.attributes(object, &[AttributeType::Id, AttributeType::Value])? {
            match attribute {
                Attribute::Id(bytes) => same_id = bytes == id.as_bytes(),
                Attribute::Value(encoded) => subject = read(&encoded),
                _ => {}
            }
        }
        match subject {
            Some((subject, key)) if same_id || public.as_ref() == Some(&key) => {
                subjects.push(subject);
            }
            None if same_id => subjects.push("(not an X.509 certificate)".to_owned()),
            _ => {}
        }
    }
    Ok(subjects)
}

/// Subject and SubjectPublicKeyInfo of a certificate.
fn read(encoded: &[u8]) -> Option<(String, Vec<u8>)> {
    let certificate = Certificate::from_der(encoded).ok()?;
    let signed = certificate.tbs_certificate();
    let key = signed.subject_public_key_info().to_der().ok()?;
    Some((signed.subject().to_string(), key))
}
