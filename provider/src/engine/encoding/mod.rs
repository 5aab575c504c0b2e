//! Encodings of keys: what wraps (PKCS#8, RFC 5958; the value of a secret key), and
//! `SubjectPublicKeyInfo` (RFC 5280) for `CKA_PUBLIC_KEY_INFO`.

mod decode;
mod pkcs8;
mod spki;

use ::spki::ObjectIdentifier;
use der::Encode;

use crate::attribute::{AttributeType, Attributes, KeyType, ObjectClass};
use crate::error::{Code, Context, Result};
use crate::secret::Secret;

pub use decode::private_key;
pub(super) use spki::{
    dh as dh_public_key_info, dsa as dsa_public_key_info, ec as ec_public_key_info,
    rsa as rsa_public_key_info,
};

/// RFC 8017 appendix C.
const RSA: ObjectIdentifier = pkcs1::ALGORITHM_OID;
/// RFC 5480 section 2.1.1.
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// PKCS #3 section 9.
const DH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.3.1");
/// RFC 3279 section 2.3.2.
const DSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");

/// The encoding of a key for wrapping: the value of a secret key, the PKCS#8 DER of a private key.
///
/// # Errors
/// KeyNotWrappable for an object that has no such encoding.
pub fn of(attributes: &Attributes) -> Result<Secret> {
    match attributes.class() {
        Some(ObjectClass::SECRET_KEY) => match attributes.bytes(AttributeType::VALUE) {
            Some(value) => Ok(Secret::copy_of(value)),
            None => Err(Code::KeyNotWrappable.because("the secret key has no value")),
        },
        Some(ObjectClass::PRIVATE_KEY) => match attributes.key_type() {
            Some(KeyType::RSA) => pkcs8::rsa(attributes),
            Some(KeyType::EC) => pkcs8::ec(attributes),
            Some(KeyType::EC_EDWARDS | KeyType::EC_MONTGOMERY) => pkcs8::curve25519(attributes),
            Some(KeyType::DH) => pkcs8::dh(attributes),
            Some(KeyType::DSA) => pkcs8::dsa(attributes),
            other => Err(Code::KeyNotWrappable.because(format!("no encoding for {other:?}"))),
        },
        other => Err(Code::KeyNotWrappable.because(format!("{other:?} cannot be wrapped"))),
    }
}

/// The DER of something secret, born where it stays.
fn secret_der(value: &impl Encode) -> Result<Secret> {
    const WHAT: &str = "encode a private key";
    let len = value.encoded_len().or_code(Code::GeneralError, WHAT)?;
    Secret::try_with(u32::from(len) as usize, |out| {
        value.encode_to_slice(out).or_code(Code::GeneralError, WHAT).map(|_| ())
    })
}
