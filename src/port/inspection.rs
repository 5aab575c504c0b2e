//! What a token shows of the objects of a key, to be held against the key's record.

use super::KeySpec;
use crate::domain::key::KeyId;
use crate::domain::lifecycle::State;
use crate::error::Result;

/// What a token lets every program do with a version, whatever its record says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Its private or secret part is there.
    pub is_there: bool,
    /// One of its objects makes new protection.
    pub protects: bool,
    /// Its private or secret part reads what is protected.
    pub processes: bool,
    /// The state to which the token itself holds its private or secret part, where it knows states.
    pub state: Option<State>,
}

/// Looking at keys without using them.
pub trait Inspection {
    /// What the token lets programs do with the objects of this identifier; nothing where there is
    /// none. Dates are not looked at.
    ///
    /// # Errors
    /// The token failed.
    fn rights(&self, id: KeyId) -> Result<Rights>;

    /// What is not as keyway made it, in words: the objects' number, their labels, how they are
    /// guarded, and what they may do beyond their use. The flags with which they protect come and go
    /// with the state: [`Inspection::rights`] is for those.
    ///
    /// # Errors
    /// The token failed.
    fn deviations(&self, spec: &KeySpec) -> Result<Vec<String>>;
}
