//! Sealing files of any size in the age format, to keys of the token.

use std::fmt;
use std::io::{Read, Write};
use std::str::FromStr;

use age::{EncryptError, Encryptor, x25519};

use super::Kms;
use super::flow::{copy, ours, unread, written};
use super::stanza::KeyRecipient;
use crate::domain::key::{KeyName, Usage};
use crate::error::{Error, Kind, Result};

/// Who can open a sealed file.
#[derive(Clone)]
pub enum Recipient {
    /// A key of the token.
    Key(KeyName),
    /// The holder of an age identity, by its public key `age1...`.
    Age(x25519::Recipient),
}

impl Kms<'_> {
    /// Seals everything that is read, and answers how many bytes that was. The file key is
    /// wrapped inside the token; what is sealed passes through in pieces. Without a recipient the
    /// token's only key that encrypts is taken.
    ///
    /// # Errors
    /// [`Kind::Refused`] when a key is for something else or no version is active, [`Kind::Usage`]
    /// when no recipient is named and none is plain.
    pub fn seal(
        &self,
        to: &[Recipient],
        input: &mut dyn Read,
        output: &mut dyn Write,
    ) -> Result<u64> {
        let only;
        let to = match to {
            [] => {
                only = [Recipient::Key(self.only_encrypting_key()?)];
                &only
            }
            named => named,
        };
        let recipients: Vec<Box<dyn age::Recipient + '_>> = to
            .iter()
            .map(|recipient| -> Box<dyn age::Recipient + '_> {
                match recipient {
                    Recipient::Key(name) => Box::new(KeyRecipient { kms: *self, name }),
                    Recipient::Age(key) => Box::new(key.clone()),
                }
            })
            .collect();
        let encryptor = Encryptor::with_recipients(recipients.iter().map(|recipient| &**recipient))
            .map_err(refused)?;
        let mut sealed = encryptor.wrap_output(output).map_err(written)?;
        let length = copy(input, &mut sealed, unread)?;
        sealed.finish().and_then(Write::flush).map_err(written)?;
        Ok(length)
    }

    /// The one key that protects data now.
    fn only_encrypting_key(&self) -> Result<KeyName> {
        let records = self.registry.list()?.records;
        let mut names = records
            .iter()
            .map(|stored| stored.record())
            .filter(|record| record.require(Usage::Encrypt).is_ok() && record.primary().is_ok())
            .map(|record| record.name());
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name.clone()),
            (None, _) => Err(Kind::Usage
                .because("no key of the token encrypts")
                .advise("make one: keyway key create NAME --algorithm aes-256")),
            (Some(_), Some(_)) => Err(Kind::Usage
                .because("several keys of the token encrypt")
                .advise("name one: --to KEY; see: keyway key list")),
        }
    }
}

fn refused(error: EncryptError) -> Error {
    let internal = |error: &dyn fmt::Display| {
        Kind::Internal.because(format!("cannot make the header of the sealed file: {error}"))
    };
    match error {
        EncryptError::Io(error) => ours(error).unwrap_or_else(|error| internal(&error)),
        error => internal(&error),
    }
}

impl FromStr for Recipient {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.parse::<x25519::Recipient>() {
            Ok(recipient) => Ok(Self::Age(recipient)),
            Err(_) => text.parse().map(Self::Key),
        }
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(name) => write!(f, "{name}"),
            Self::Age(key) => write!(f, "{key}"),
        }
    }
}
