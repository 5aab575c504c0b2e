//! One line of a journal.

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// What happened to one key.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// 1 for the first, then without gaps.
    pub sequence: u64,
    /// When, by the clock of the machine, as `2026-11-22T08:00:00Z`.
    pub at: String,
    /// The number of the user whose process it was.
    pub user: u32,
    /// The number of the process.
    pub process: u32,
    /// The key's name.
    pub key: String,
    /// What happened, in words.
    pub what: String,
    /// SHA-256 of the line before, in hexadecimal; of the token's serial number in the first.
    pub previous: String,
}

impl Entry {
    /// When it happened, if the line says so in a way that is understood.
    pub fn moment(&self) -> Option<Timestamp> {
        self.at.parse().ok()
    }
}
