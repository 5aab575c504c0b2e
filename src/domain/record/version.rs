//! One version of a key: its number, its objects' identifier, its state.

use super::Recovery;
use crate::domain::key::KeyId;
use crate::domain::lifecycle::{Reason, State};
use crate::domain::time::Timestamp;

/// One version of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Counts from 1.
    pub number: u32,
    /// The CKA_ID of its objects.
    pub id: KeyId,
    /// Where it stands in its life.
    pub state: State,
    /// Why it was revoked.
    pub reason: Option<Reason>,
    /// When it was made.
    pub created: Timestamp,
    /// When it becomes active, if that was not at once.
    pub activates: Option<Timestamp>,
    /// When it stops to protect.
    pub expires: Option<Timestamp>,
    /// When its state last changed.
    pub changed: Timestamp,
    /// Whether the token, too, was brought to refuse it. Compromised without this means that the
    /// revocation was interrupted and has to be finished.
    pub blocked: bool,
    /// Whether its rights were taken in a way that whoever has the PIN can undo, and are to stay so.
    pub recoverable: bool,
    /// The way back from a compromise, if it was taken.
    pub recovery: Option<Recovery>,
}

impl Version {
    /// A version in use from now on.
    pub fn active(number: u32, id: KeyId, now: Timestamp) -> Self {
        Self {
            number,
            id,
            state: State::Active,
            reason: None,
            created: now,
            activates: None,
            expires: None,
            changed: now,
            blocked: false,
            recoverable: false,
            recovery: None,
        }
    }

    /// Whether the record says compromised but the token does not refuse the key yet.
    pub fn is_unfinished(&self) -> bool {
        self.state == State::Compromised && !self.blocked && !self.recoverable
    }
}
