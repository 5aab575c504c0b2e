//! Moving ciphertexts to the newest version of their key, or to another key.

use std::io::{Read, Write};

use super::{Encryption, Kms};
use crate::domain::envelope::Context;
use crate::domain::key::KeyName;
use crate::error::Result;

/// From what to what.
#[derive(Clone, Debug)]
pub struct Reencryption {
    /// The key that encrypts from now on; the one that decrypts if none is named.
    pub to: Option<KeyName>,
    /// The context, which stays the same.
    pub context: Context,
}

impl Kms<'_> {
    /// Decrypts what is read and encrypts it with a key's newest version and its default scheme.
    /// The data passes through memory in pieces and is written nowhere.
    ///
    /// # Errors
    /// As [`Kms::decrypt_to`] and [`Kms::encrypt_from`].
    pub fn reencrypt(
        &self,
        how: &Reencryption,
        input: &mut dyn Read,
        output: &mut dyn Write,
    ) -> Result<()> {
        let mut data = self.decrypting(None, &how.context, input)?;
        let key = how.to.clone().unwrap_or_else(|| data.key.clone());
        let how = Encryption { key, scheme: None, context: how.context.clone() };
        self.encrypt_from(&how, &mut data, output)
    }
}
