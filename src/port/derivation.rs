//! Keys derived inside the token.

use super::KeySpec;
use crate::domain::key::KeyId;
use crate::error::Result;

/// What a derived key of the session may do, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionUse {
    /// Encrypts.
    Encrypt,
    /// Decrypts.
    Decrypt,
    /// Makes authentication tags.
    Authenticate,
    /// Checks authentication tags.
    Check,
}

/// Keys derived from a base key of 32 bytes, which is in the token as they are: AES-256-CBC with
/// IV 0 of the 32 bytes of data (CKM_AES_CBC_ENCRYPT_DATA).
pub trait Derivation {
    /// Derives an AES-256 key of the token.
    ///
    /// # Errors
    /// The token lacks CKM_AES_CBC_ENCRYPT_DATA.
    fn derive_key(&self, base: KeyId, data: &[u8; 32], spec: &KeySpec) -> Result<()>;

    /// Derives a key that lives as long as this session and answers its identifier.
    ///
    /// # Errors
    /// As [`Derivation::derive_key`].
    fn derive_session_key(&self, base: KeyId, data: &[u8; 32], usage: SessionUse) -> Result<KeyId>;

    /// HMAC-SHA-256 of a message.
    ///
    /// # Errors
    /// The key is missing or may not do it.
    fn authenticate(&self, key: KeyId, message: &[u8]) -> Result<Vec<u8>>;

    /// Whether the tag is HMAC-SHA-256 of the message.
    ///
    /// # Errors
    /// As [`Derivation::authenticate`]. A wrong tag is `false`, not an error.
    fn is_authentic(&self, key: KeyId, message: &[u8], tag: &[u8]) -> Result<bool>;
}
