//! Where it is written down what became of keys, outside the token.

use crate::domain::key::KeyName;
use crate::error::Result;

/// A list of what happened that only grows.
pub trait Journal {
    /// Adds a line. It has reached the disk when this answers.
    ///
    /// # Errors
    /// The line could not be written.
    fn append(&self, key: &KeyName, what: &str) -> Result<()>;
}
