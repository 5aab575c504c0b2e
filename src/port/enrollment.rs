//! Pairs that show once who has them, and only unwrap from then on.

use super::KeySpec;
use crate::domain::key::KeyId;
use crate::error::Result;

/// Makes recipient keys. A request for a certificate has to be signed by its key, and a recipient's
/// key must not sign: so it signs as an object of the session, and comes into the token without
/// that right. Whatever interrupts it, no key stays that signs.
pub trait Enrollment {
    /// Generates a pair that lives as long as this session and may sign and unwrap.
    ///
    /// # Errors
    /// The token lacks the mechanism or failed.
    fn generate_for_request(&self, spec: &KeySpec) -> Result<()>;

    /// Makes the pair of this identifier one of the token that may unwrap and nothing else, and
    /// destroys that of the session.
    ///
    /// # Errors
    /// [`crate::Kind::Unsupported`] when the token does not let go of the right to sign; then
    /// nothing is left of the pair.
    fn keep_for_unwrapping(&self, id: KeyId) -> Result<()>;
}
