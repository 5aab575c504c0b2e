//! Checking a whole token: `keyway token check`.

use super::Admin;
use crate::backend::Pin;
use crate::error::Result;

pub use crate::backend::embedded::{Finding, Remedy, Report};

impl Admin {
    /// Verifies everything that the token's files can be held against: the database, accounts,
    /// every record, the index, the seal over the set of rows, the chain of events. Without the
    /// user's PIN only what needs none. Other programs may use the token meanwhile.
    ///
    /// # Errors
    /// PinIncorrect, PinLocked, UserPinNotInitialized; damage is no error but a finding.
    pub fn check(&self, pin: Option<Pin<'_>>) -> Result<Report> {
        self.token.check(pin)
    }

    /// Vouches for what a check found, and makes the index anew: damaged objects stay damaged, the
    /// set of objects and accounts is the token's from now on.
    ///
    /// # Errors
    /// PinIncorrect, PinLocked, UserPinNotInitialized; DeviceError if the token record or the
    /// database is damaged: then only a backup helps.
    pub fn accept(&self, pin: Pin<'_>) -> Result<()> {
        self.token.accept(pin)
    }
}
