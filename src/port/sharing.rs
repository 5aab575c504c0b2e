//! Keys that go from token to token, wrapped.

use super::KeySpec;
use crate::domain::envelope::OaepHash;
use crate::domain::key::KeyId;
use crate::error::Result;

/// Wrapping for others, and unwrapping what others wrapped.
pub trait Sharing {
    /// Wraps a secret key for a recipient whose public key the security officer has made a trusted
    /// wrapping key. Answers the hash in OAEP (the one that was asked for, else the best that the
    /// token has) and the wrapped form.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when the recipient's key is not trusted, or the key was not created
    /// for sharing.
    fn wrap_for(
        &self,
        key: KeyId,
        recipient: KeyId,
        hash: Option<OaepHash>,
    ) -> Result<(OaepHash, Vec<u8>)>;

    /// Unwraps a secret key into the token: sensitive, and not extractable.
    ///
    /// # Errors
    /// [`crate::Kind::NotAuthentic`] when it does not unwrap to a key of this algorithm.
    fn receive(
        &self,
        unwrap_with: KeyId,
        hash: OaepHash,
        wrapped: &[u8],
        spec: &KeySpec,
    ) -> Result<()>;
}
