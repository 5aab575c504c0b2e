//! Key material that comes into the token from outside.

use super::KeySpec;
use crate::error::Result;

/// What comes in. Whoever holds it wipes it.
#[derive(Clone, Copy)]
pub enum Material<'m> {
    /// A private key, as the DER of PKCS#8.
    Private(&'m [u8]),
    /// The bytes of a secret key.
    Secret(&'m [u8]),
}

/// How a key came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Wrapped under a key that the token agreed on: no call carried the key itself.
    Wrapped,
    /// As it is, in the call that made the object, and why.
    Clear(String),
}

/// Brings keys into the token. There is no way back: they become sensitive and not extractable.
pub trait Import {
    /// Makes the objects of a key from its material, wrapped on its way if the token can unwrap it.
    ///
    /// # Errors
    /// The token refuses, or the material is not of the algorithm.
    fn import(&self, spec: &KeySpec, material: Material<'_>) -> Result<Entry>;
}
