//! Keys for other programs' data: envelope encryption where the program encrypts by itself.

use zeroize::Zeroizing;

use super::{Encryption, Kms};
use crate::domain::envelope::Context;
use crate::domain::key::KeyName;
use crate::error::Result;

/// Bytes of a data key.
const LENGTH: usize = 32;

/// A fresh data key.
pub struct DataKey {
    /// The key itself, to be used and forgotten.
    pub plain: Zeroizing<Vec<u8>>,
    /// A ciphertext of it, which [`Kms::decrypt_to`] opens, to be kept beside the data.
    pub wrapped: Vec<u8>,
}

impl Kms<'_> {
    /// Makes 256 random bits in the token and encrypts them there with a key's newest version.
    ///
    /// # Errors
    /// As [`Kms::encrypt_from`].
    pub fn data_key(&self, key: &KeyName, context: Context) -> Result<DataKey> {
        let plain = Zeroizing::new(self.vault.random(LENGTH)?);
        let how = Encryption { key: key.clone(), scheme: None, context };
        let mut wrapped = Vec::new();
        self.encrypt_from(&how, &mut plain.as_slice(), &mut wrapped)?;
        Ok(DataKey { plain, wrapped })
    }
}
