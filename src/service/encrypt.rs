//! Encrypting with a key's primary version.

use super::{Kms, require_length};
use crate::domain::envelope::{Header, Scheme, WrappedDataKey};
use crate::domain::key::{KeyId, KeyName, Material, Usage};
use crate::domain::record::{KeyRecord, Version};
use crate::error::{Kind, Result};
use crate::port::Cipher;

/// Bytes that PKCS#1 v1.5 adds at least (RFC 8017, 7.2.1).
const PKCS1_OVERHEAD: usize = 11;

impl Kms<'_> {
    /// Encrypts data: header, then body.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the key is for something else or no version is active.
    pub fn encrypt(&self, name: &KeyName, scheme: Option<Scheme>, data: &[u8]) -> Result<Vec<u8>> {
        require_length(data.len())?;
        let stored = self.load(name)?;
        let record = stored.record();
        record.require(Usage::Encrypt)?;
        let scheme = Scheme::for_key(record.algorithm(), scheme)?;
        require_fit(record, scheme, data.len())?;
        let version = record.primary()?;
        match scheme {
            Scheme::RsaOaep => self.encrypt_hybrid(record, version, data),
            Scheme::AesGcm | Scheme::AesCbc | Scheme::RsaPkcs1 => {
                self.encrypt_direct(record, version, scheme, data)
            }
        }
        .map_err(|error| error.while_doing(format!("key {name} version {}", version.number)))
    }

    fn encrypt_direct(
        &self,
        record: &KeyRecord,
        version: &Version,
        scheme: Scheme,
        data: &[u8],
    ) -> Result<Vec<u8>> {
        let header = self.header(record, version, scheme, None)?;
        self.encrypt_body(version.id, &header, data)
    }

    fn encrypt_hybrid(
        &self,
        record: &KeyRecord,
        version: &Version,
        data: &[u8],
    ) -> Result<Vec<u8>> {
        let (data_key, hash, wrapped) = self.vault.new_data_key(version.id)?;
        let wrapped = WrappedDataKey { hash, wrapped };
        let sealed = self
            .header(record, version, Scheme::RsaOaep, Some(wrapped))
            .and_then(|header| self.encrypt_body(data_key, &header, data));
        self.vault.forget_data_key(data_key)?;
        sealed
    }

    fn encrypt_body(&self, key: KeyId, header: &Header, data: &[u8]) -> Result<Vec<u8>> {
        let mut message = header.to_bytes()?;
        let body = self.vault.encrypt(key, cipher(header, &message), data)?;
        message.extend(body);
        Ok(message)
    }

    fn header(
        &self,
        record: &KeyRecord,
        version: &Version,
        scheme: Scheme,
        data_key: Option<WrappedDataKey>,
    ) -> Result<Header> {
        let nonce = match scheme.nonce_len() {
            0 => Vec::new(),
            length => self.vault.random(length)?,
        };
        let (key, id) = (record.name().clone(), version.id);
        Ok(Header { scheme, key, version: version.number, id, nonce, data_key })
    }
}

/// The cipher of a message's body.
pub(super) fn cipher<'a>(header: &'a Header, associated: &'a [u8]) -> Cipher<'a> {
    match header.scheme {
        Scheme::AesGcm | Scheme::RsaOaep => Cipher::AesGcm { nonce: &header.nonce, associated },
        Scheme::AesCbc => Cipher::AesCbcPad { iv: &header.nonce },
        Scheme::RsaPkcs1 => Cipher::RsaPkcs1,
    }
}

fn require_fit(record: &KeyRecord, scheme: Scheme, length: usize) -> Result<()> {
    let Material::Rsa { bits } = record.algorithm().material() else { return Ok(()) };
    let limit = bits / 8 - PKCS1_OVERHEAD;
    if scheme == Scheme::RsaPkcs1 && length > limit {
        return Err(Kind::Malformed
            .because(format!(
                "the input has {length} bytes; rsa-pkcs1 with {} takes at most {limit}",
                record.algorithm()
            ))
            .advise("use --scheme rsa-oaep, which has no limit and is authenticated"));
    }
    Ok(())
}
