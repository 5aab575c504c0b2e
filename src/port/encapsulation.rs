//! Secrets that only the holder of a private key can derive again.

use crate::domain::key::{Algorithm, KeyId};
use crate::error::Result;

/// An ephemeral public value and the key that it leads to.
pub struct Encapsulated {
    /// The ephemeral public value: an uncompressed point, or a u-coordinate of 32 bytes.
    pub ephemeral: Vec<u8>,
    /// A base key of the session (AES-256) for [`super::Derivation`].
    pub base: KeyId,
}

/// Diffie-Hellman with an ephemeral pair of the sender, inside the token. The base key is the last
/// 32 bytes of the shared secret.
pub trait Encapsulation {
    /// Derives a base key for the holder of a pair of this token. The ephemeral pair is gone then.
    ///
    /// # Errors
    /// The token lacks the curve, or the pair is missing.
    fn encapsulate(&self, to: KeyId, algorithm: Algorithm) -> Result<Encapsulated>;

    /// Derives the same base key with the private half.
    ///
    /// # Errors
    /// [`crate::Kind::NotAuthentic`] for a value that is not on the curve; the private half is
    /// missing or may not derive.
    fn decapsulate(&self, key: KeyId, algorithm: Algorithm, ephemeral: &[u8]) -> Result<KeyId>;

    /// Derives a key of the session for [`super::Cipher::ChaCha20Poly1305`] with HKDF-SHA-256 over
    /// the whole shared secret of 32 bytes, as age's X25519 stanzas want it.
    ///
    /// # Errors
    /// [`crate::Kind::Unsupported`] when the token lacks HKDF or ChaCha20-Poly1305; else as
    /// [`Encapsulation::decapsulate`].
    fn decapsulate_hkdf(
        &self,
        key: KeyId,
        algorithm: Algorithm,
        ephemeral: &[u8],
        hkdf: Hkdf<'_>,
    ) -> Result<KeyId>;

    /// Whether the token has what [`Encapsulation::decapsulate_hkdf`] needs.
    fn has_hkdf(&self) -> bool;
}

/// The public inputs of HKDF-SHA-256 (RFC 5869).
#[derive(Clone, Copy, Debug)]
pub struct Hkdf<'a> {
    /// For the extraction.
    pub salt: &'a [u8],
    /// For the expansion.
    pub info: &'a [u8],
}
