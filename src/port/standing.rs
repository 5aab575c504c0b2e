//! How a token itself holds a key to the state that its record gives it, for every program.

use super::Block;
use crate::domain::key::{Algorithm, KeyId, Usage};
use crate::domain::time::Timestamp;
use crate::error::Result;

/// What stands between a key and its use in the token. What it takes away for good is in
/// [`super::Vault`]: `retire`, `block`, `destroy`.
pub trait Standing {
    /// Takes the right to protect from a key for a while. [`Block::Final`] says that only the
    /// token's own rules bring it back; the others say who is not bound by them.
    ///
    /// # Errors
    /// The token refuses.
    fn suspend(&self, id: KeyId) -> Result<Block>;

    /// Gives the right back to a key of this use.
    ///
    /// # Errors
    /// The token refuses.
    fn resume(&self, id: KeyId, usage: Usage) -> Result<()>;

    /// Turns off every usage flag of the private or secret part, and those with which the public one
    /// protects. Whoever has the PIN can set them again.
    ///
    /// # Errors
    /// The token refuses.
    fn disable(&self, id: KeyId) -> Result<()>;

    /// Gives a version of this use, whose flags had been turned off, back those with which it
    /// processes, and no other.
    ///
    /// # Errors
    /// The token refuses.
    fn reopen(&self, id: KeyId, usage: Usage) -> Result<()>;

    /// Tells the token between which days a key protects, where it holds keys to that. Days are
    /// whole: the moment itself is for whoever reads the record.
    ///
    /// # Errors
    /// The token refuses.
    fn limit(&self, id: KeyId, from: Option<Timestamp>, until: Option<Timestamp>) -> Result<()>;

    /// The subjects of the certificates on the token for a key: those with its identifier, and
    /// those over its public half.
    ///
    /// # Errors
    /// The token failed.
    fn certificates(&self, id: KeyId, algorithm: Algorithm) -> Result<Vec<String>>;
}
