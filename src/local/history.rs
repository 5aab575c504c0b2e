//! What happened to a token.

use keyway_pkcs11::admin::history::{EventKind, Occurrence, Role};
use keyway_pkcs11::backend::Pin as Local;

use super::LocalToken;
use super::error::local_error;
use crate::domain::time::Timestamp;
use crate::error::Result;
use crate::token::Pin;

/// A token's events, oldest first.
#[derive(Debug)]
pub struct Log {
    /// The token's label.
    pub label: String,
    /// The events.
    pub entries: Vec<Entry>,
    /// What is wrong with the end of their chain.
    pub end: Option<String>,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Entry {
    /// 1 for the first, then without gaps.
    pub sequence: u64,
    /// When, by the clock of the machine.
    pub at: Timestamp,
    /// What happened, in words.
    pub what: String,
    /// The label of the object that it happened to, if it is still there.
    pub label: Option<String>,
    /// The object's CKA_UNIQUE_ID.
    pub object: Option<String>,
    /// What is wrong with the event.
    pub fault: Option<String>,
}

impl LocalToken {
    /// Every event, each held against the one before it and against what the user's keys vouch for.
    ///
    /// # Errors
    /// [`Kind::Pin`](crate::error::Kind::Pin), [`Kind::Token`](crate::error::Kind::Token) if the
    /// token's file cannot be read.
    pub fn log(&self, pin: &Pin) -> Result<Log> {
        let history = self.admin.history(Local(pin.expose())).map_err(local_error)?;
        let entries = history.occurrences.into_iter().map(entry).collect();
        Ok(Log { label: history.label, entries, end: history.end })
    }
}

fn entry(occurrence: Occurrence) -> Entry {
    let what = match (occurrence.kind, occurrence.role) {
        (Some(kind), Some(role)) => format!("{} {}", of_role(role), words(kind)),
        (Some(kind), None) => words(kind).to_owned(),
        (None, _) => "something that only a newer version knows".to_owned(),
    };
    Entry {
        sequence: occurrence.sequence,
        at: Timestamp::from_unix(occurrence.at / 1000),
        what,
        label: occurrence.label,
        object: occurrence.object.map(|id| format!("{id:?}")),
        fault: occurrence.fault,
    }
}

fn words(kind: EventKind) -> &'static str {
    match kind {
        EventKind::TokenInitialized => "initialised the token",
        EventKind::PinChanged => "PIN set",
        EventKind::LoginFailed => "PIN was wrong",
        EventKind::Created => "created",
        EventKind::Updated => "changed",
        EventKind::Destroyed => "destroyed",
        EventKind::Attested => "made or changed without a login, now vouched for",
        EventKind::Adopted => "the set of objects was accepted as found",
        EventKind::BackedUp => "backed up",
        EventKind::Restored => "restored from a backup",
    }
}

fn of_role(role: Role) -> &'static str {
    match role {
        Role::SecurityOfficer => "security officer:",
        Role::User => "user:",
    }
}
