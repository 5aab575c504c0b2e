//! Decrypting with the version that the ciphertext names.

use zeroize::Zeroizing;

use super::encrypt::cipher;
use super::{Kms, require_length};
use crate::domain::envelope::{Header, Message, Scheme};
use crate::domain::key::{KeyName, Usage};
use crate::domain::lifecycle::Duty;
use crate::domain::record::{KeyRecord, Version};
use crate::error::{Kind, Result};

impl Kms<'_> {
    /// Decrypts what [`Kms::encrypt`] made. No key is tried: the header names it, by its name and
    /// by the identifier of its version. A key may be named that has the same version under
    /// another name, as a peer's agreed key may.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the version's state forbids it, [`Kind::NotAuthentic`] when the
    /// ciphertext was changed.
    pub fn decrypt(&self, named: Option<&KeyName>, message: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        require_length(message.len())?;
        let message = Message::parse(message)?;
        let header = &message.header;
        let stored = self.load(named.unwrap_or(&header.key))?;
        let record = stored.record();
        record.require(Usage::Encrypt)?;
        Scheme::for_key(record.algorithm(), Some(header.scheme))?;
        let version = version_of(record, header)?;
        record.require_duty(version, Duty::Process)?;
        self.open_body(version, &message).map_err(|error| {
            error.while_doing(format!("key {} version {}", record.name(), version.number))
        })
    }

    fn open_body(&self, version: &Version, message: &Message<'_>) -> Result<Zeroizing<Vec<u8>>> {
        let cipher = cipher(&message.header, message.associated);
        let Some(data_key) = &message.header.data_key else {
            return self.vault.decrypt(version.id, cipher, message.body);
        };
        let key = self.vault.open_data_key(version.id, data_key.hash, &data_key.wrapped)?;
        let opened = self.vault.decrypt(key, cipher, message.body);
        self.vault.forget_data_key(key)?;
        opened
    }
}

/// The version that the header names by its identifier.
fn version_of<'r>(record: &'r KeyRecord, header: &Header) -> Result<&'r Version> {
    record.versions().iter().find(|version| version.id == header.id).ok_or_else(|| {
        Kind::NotFound
            .because(format!(
                "the ciphertext is for version {} of a key {} (id {}), which key {} of this token \
                 does not have",
                header.version,
                header.key,
                header.id,
                record.name()
            ))
            .advise("look for the token that it was made on, or name the right key with --key")
    })
}
