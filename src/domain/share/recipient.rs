//! A recipient's key, from his certificate.

use const_oid::db::rfc5912::RSA_ENCRYPTION;
use der::{Decode, Encode};
use pkcs1::RsaPublicKeyRef;
use spki::SubjectPublicKeyInfoOwned;

use crate::domain::hash::sha256;
use crate::domain::key::KeyId;
use crate::domain::pki::Certificate;
use crate::error::{Kind, Result};

/// A key that others can be wrapped for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub hash: [u8; 32],
    /// The subject of its certificate.
    pub subject: String,
    /// The RSA modulus, big-endian.
    pub modulus: Vec<u8>,
    /// The RSA exponent, big-endian.
    pub exponent: Vec<u8>,
}

impl Recipient {
    /// The key of a certificate.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] when it is no RSA key.
    pub fn of(certificate: &Certificate) -> Result<Self> {
        let key = certificate.public_key();
        let subject = certificate.subject().to_string();
        let rsa = (key.algorithm.oid == RSA_ENCRYPTION)
            .then(|| key.subject_public_key.as_bytes())
            .flatten()
            .and_then(|bits| RsaPublicKeyRef::from_der(bits).ok())
            .ok_or_else(|| {
                Kind::Unsupported
                    .because(format!("the certificate of {subject} is not for an RSA key"))
                    .advise(
                        "recipients have RSA keys: only for those do all tokens wrap as trusted",
                    )
            })?;
        Ok(Self {
            hash: Self::hash_of(key)?,
            subject,
            modulus: rsa.modulus.as_bytes().to_vec(),
            exponent: rsa.public_exponent.as_bytes().to_vec(),
        })
    }

    /// How a key is named in a share.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it cannot be encoded.
    pub fn hash_of(key: &SubjectPublicKeyInfoOwned) -> Result<[u8; 32]> {
        let der = key.to_der().map_err(|error| {
            Kind::Malformed.because("a public key that cannot be encoded").caused_by(error)
        })?;
        Ok(sha256(&[&der]))
    }

    /// CKA_ID of the trusted wrapping key on the distributor's token.
    pub fn id(&self) -> KeyId {
        let mut id = [0; KeyId::LEN];
        id.copy_from_slice(&self.hash[..KeyId::LEN]);
        KeyId::new(id)
    }
}
