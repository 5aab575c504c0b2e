//! Data without our header: what other systems made, or are to read.

use zeroize::Zeroizing;

use super::encrypt::require_fit;
use super::messages::Nonces;
use super::{Kms, require_length};
use crate::domain::envelope::{BareScheme, Scheme};
use crate::domain::key::{KeyName, Usage};
use crate::domain::lifecycle::Duty;
use crate::error::Result;
use crate::port::Cipher;

/// What a bare ciphertext is encrypted with: it does not say so itself.
#[derive(Clone, Debug)]
pub struct Bare {
    /// The key.
    pub key: KeyName,
    /// Its version, for decryption; the newest if none is named.
    pub version: Option<u32>,
    /// How.
    pub scheme: BareScheme,
}

impl Kms<'_> {
    /// Encrypts data with a key's primary version for another system. Nonce or IV stand in front,
    /// unless an IV was given.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when the key is for something else or no version is active,
    /// [`crate::Kind::Malformed`] when the data does not fit the scheme.
    pub fn encrypt_bare(&self, how: &Bare, data: &[u8]) -> Result<Vec<u8>> {
        require_length(data.len())?;
        let stored = self.load(&how.key)?;
        let record = stored.record();
        record.require(Usage::Encrypt)?;
        let scheme = Scheme::for_key(record.algorithm(), Some(how.scheme.scheme()))?;
        require_fit(record, scheme, data.len(), oaep_overhead(&how.scheme))?;
        let version = record.primary()?;
        let mut nonces = Nonces::of_version(*self, version.id);
        let leading = match (&how.scheme, how.scheme.leading()) {
            (BareScheme::AesGcm, _) => nonces.draw()?,
            (_, 0) => Vec::new(),
            (_, length) => self.vault.random(length)?,
        };
        let nonce = match &how.scheme {
            BareScheme::AesCbc { iv: Some(iv) } => iv,
            _ => leading.as_slice(),
        };
        let body =
            self.vault.encrypt(version.id, cipher(&how.scheme, nonce), data).map_err(|error| {
                error.while_doing(format!("key {} version {}", how.key, version.number))
            })?;
        nonces.finish(&how.key)?;
        Ok([leading, body].concat())
    }

    /// Decrypts data that another system encrypted. A version has to be named if it is not the
    /// newest: no key is tried.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when the version's state forbids it, [`crate::Kind::NotAuthentic`]
    /// when the data does not decrypt, [`crate::Kind::Malformed`] when it cannot be such data.
    pub fn decrypt_bare(&self, how: &Bare, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        require_length(bytes.len())?;
        let stored = self.load(&how.key)?;
        let record = stored.record();
        record.require(Usage::Encrypt)?;
        Scheme::for_key(record.algorithm(), Some(how.scheme.scheme()))?;
        let version = record.version(how.version.unwrap_or(record.latest().number))?;
        record.require_duty(version, Duty::Process)?;
        let (nonce, body) = how.scheme.split(bytes)?;
        self.vault.decrypt(version.id, cipher(&how.scheme, nonce), body).map_err(|error| {
            error.while_doing(format!("key {} version {}", how.key, version.number))
        })
    }
}

/// Bytes that OAEP adds (RFC 8017, 7.1.1).
fn oaep_overhead(scheme: &BareScheme) -> Option<usize> {
    match scheme {
        BareScheme::RsaOaep { hash, .. } => Some(2 * hash.output_len() + 2),
        _ => None,
    }
}

fn cipher<'a>(scheme: &'a BareScheme, nonce: &'a [u8]) -> Cipher<'a> {
    match scheme {
        BareScheme::AesGcm => Cipher::AesGcm { nonce, associated: &[] },
        BareScheme::AesCbc { .. } => Cipher::AesCbcPad { iv: nonce },
        BareScheme::RsaOaep { hash, label } => Cipher::RsaOaep { hash: *hash, label },
        BareScheme::RsaPkcs1 => Cipher::RsaPkcs1,
    }
}
