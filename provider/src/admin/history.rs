//! What happened to a token: `keyway log`.

use super::Admin;
use crate::backend::Pin;
use crate::error::Result;

pub use crate::backend::embedded::{History, Occurrence};
pub use crate::lifecycle::state::State;
pub use crate::mechanism::Function;
pub use crate::store::event::EventKind;
pub use crate::store::{Role, Who};

impl Admin {
    /// Every event of the token, oldest first, with what is wrong with the chain.
    ///
    /// # Errors
    /// PinIncorrect, PinLocked, UserPinNotInitialized; DeviceError if the file cannot be read.
    pub fn history(&self, pin: Pin<'_>) -> Result<History> {
        self.token.history(pin)
    }
}
