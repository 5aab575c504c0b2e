//! The way back from compromised: `keyway key recover`.

use super::Admin;
use crate::backend::{ObjectId, Pin};
use crate::error::Result;

impl Admin {
    /// Makes every compromised key with this label deactivated: it decrypts, verifies and unwraps
    /// what it protected before, and protects nothing new. Empty if there is none. Programs that use
    /// the token see it at their next use of the key.
    ///
    /// # Errors
    /// PinIncorrect and PinLocked for either PIN, each try counted like a login's;
    /// UserPinNotInitialized; ActionProhibited for a key with CKA_MODIFIABLE false;
    /// TokenWriteProtected; DeviceError for a token that was changed by something other than Keyway.
    pub fn recover(&self, label: &str, so_pin: Pin<'_>, pin: Pin<'_>) -> Result<Vec<ObjectId>> {
        self.token.recover(label, so_pin, pin)
    }
}
