//! Keys of the token as recipients and identities of the age file format
//! (age-encryption.org/v1): the stanza `keyway`.
//!
//! Its one argument is the version of the stanza. The body of version 1 is the file key as
//! `keyway encrypt` writes it, so that it names key and version and is authenticated; version 2 is
//! for pairs that agree. `docs/sealed-files.md` draws both.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io;

use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::secrecy::ExposeSecret;

use super::Kms;
use super::stanza_pair::{self, X25519_TAG};
use crate::domain::key::{KeyName, Usage};
use crate::error::{Error, Kind, Result};

/// The stanza's tag.
pub(super) const TAG: &str = "keyway";
/// The version of the stanza for keys that encrypt.
const VERSION: &str = "1";

impl Kms<'_> {
    /// Wraps the key of an age file with a key's primary version, inside the token.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the key neither encrypts nor agrees, or no version is active.
    pub fn wrap_file_key(&self, name: &KeyName, file_key: &FileKey) -> Result<Stanza> {
        let record = self.load(name)?.body.record;
        if record.usage() == Usage::Agree {
            return self.wrap_for_pair(&record, file_key);
        }
        let body = self.encrypt(name, None, file_key.expose_secret())?;
        Ok(Stanza { tag: TAG.to_owned(), args: vec![VERSION.to_owned()], body })
    }

    /// Unwraps the key of an age file, inside the token. `None` for another program's stanza.
    ///
    /// # Errors
    /// As [`Kms::decrypt`]; [`Kind::Malformed`] for what is no file key.
    pub fn unwrap_file_key(
        &self,
        named: Option<&KeyName>,
        stanza: &Stanza,
    ) -> Result<Option<FileKey>> {
        match (stanza.tag.as_str(), stanza.args.as_slice()) {
            (TAG, [version]) if version == VERSION => {
                file_key(&self.decrypt(named, &stanza.body)?).map(Some)
            }
            (TAG, [version]) if version == stanza_pair::VERSION => {
                self.unwrap_for_pair(named, &stanza.body).map(Some)
            }
            (TAG, _) => Err(Kind::Malformed
                .because("a keyway stanza of an unknown version")
                .advise("a newer keyway made it: update this one")),
            (X25519_TAG, [share]) => self.unwrap_x25519(named, share, &stanza.body),
            _ => Ok(None),
        }
    }
}

/// The key of an age file.
pub(super) fn file_key(plain: &[u8]) -> Result<FileKey> {
    FileKey::try_init_with_mut(|key| match plain.len() {
        FILE_KEY_BYTES => {
            key.copy_from_slice(plain);
            Ok(())
        }
        length => Err(Kind::Malformed.because(format!("a file key of {length} bytes"))),
    })
}

/// A key of the token that files are sealed to.
pub(super) struct KeyRecipient<'k> {
    pub kms: Kms<'k>,
    pub name: &'k KeyName,
}

impl age::Recipient for KeyRecipient<'_> {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        match self.kms.wrap_file_key(self.name, file_key) {
            Ok(stanza) => Ok((vec![stanza], HashSet::new())),
            Err(error) => Err(EncryptError::Io(io::Error::other(error))),
        }
    }
}

/// Every key of the token, or one: the stanza says which.
pub(super) struct TokenIdentity<'k> {
    pub kms: Kms<'k>,
    pub named: Option<&'k KeyName>,
    /// Why stanzas of ours did not open, for the case that no other does.
    pub refused: RefCell<Option<Error>>,
}

impl age::Identity for TokenIdentity<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        match self.kms.unwrap_file_key(self.named, stanza) {
            Ok(key) => key.map(Ok),
            Err(error) => {
                self.refused.borrow_mut().get_or_insert(error);
                None
            }
        }
    }
}
