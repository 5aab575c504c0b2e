//! What happened to a token.

use keyway_pkcs11::admin::history::{EventKind, Function, Occurrence, Role};
use keyway_pkcs11::attribute::AttributeType;
use keyway_pkcs11::backend::Pin as Local;

use super::LocalToken;
use super::error::local_error;
use crate::domain::time::Timestamp;
use crate::error::Result;
use crate::token::Pin;
use crate::users::Users;

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
    /// Who caused it: the name of the user, or the number of one that this machine does not know;
    /// nothing for what versions wrote that did not say so.
    pub user: Option<String>,
    /// The program that did it, as it called itself: the file name, empty if it has none.
    pub program: Option<String>,
    /// The number of its process.
    pub process: Option<u32>,
    /// What happened, in words.
    pub what: String,
    /// Whether it is the use of a key.
    pub is_use: bool,
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
        let users = Users::of_this_machine();
        let entry = |occurrence| entry(occurrence, &users);
        let entries = history.occurrences.into_iter().map(entry).collect();
        Ok(Log { label: history.label, entries, end: history.end })
    }
}

fn entry(occurrence: Occurrence, users: &Users) -> Entry {
    let what = match (occurrence.kind, occurrence.role) {
        (Some(kind), Some(role)) => format!("{} {}", of_role(role), words(kind)),
        (Some(kind), None) => format!("{}{}", words(kind), particulars(&occurrence)),
        (None, _) => "something that only a newer version knows".to_owned(),
    };
    let who = occurrence.who;
    Entry {
        sequence: occurrence.sequence,
        at: Timestamp::from_unix(occurrence.at / 1000),
        user: who.as_ref().map(|who| users.name(who.user)),
        process: who.as_ref().map(|who| who.process),
        program: who.map(|who| who.program),
        what,
        is_use: matches!(occurrence.kind, Some(EventKind::Used | EventKind::Wrapped)),
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
        EventKind::Used => "used",
        EventKind::Wrapped => "left the token, wrapped",
        EventKind::Rewrapped => "the master key was wrapped anew, for another root or none",
        EventKind::Recovered => "recovered by the security officer: deactivated, not compromised",
        EventKind::BackedUp => "backed up",
        EventKind::Restored => "restored from a backup",
    }
}

/// What is known of an event beyond its kind.
fn particulars(occurrence: &Occurrence) -> String {
    let Occurrence { used, states, changed, under, .. } = occurrence;
    let mut text = match (occurrence.kind, used) {
        (Some(EventKind::Used), Some((function, mechanism))) => {
            format!(" to {} with {mechanism:?}", verb(*function))
        }
        (_, Some((_, mechanism))) => format!(" with {mechanism:?}"),
        (_, None) => String::new(),
    };
    if let Some((from, to)) = states {
        text += &format!(" from {from} to {to}");
    }
    let others =
        changed.iter().filter(|id| states.is_none() || **id != AttributeType::KEYWAY_STATE);
    let names: Vec<String> = others.map(|id| format!("{id:?}")).collect();
    if !names.is_empty() {
        text += &format!(": {}", names.join(", "));
    }
    if let Some(under) = under {
        text += &format!(" under object {under:?}");
    }
    text
}

fn verb(function: Function) -> &'static str {
    match function {
        Function::Encrypt => "encrypt",
        Function::Decrypt => "decrypt",
        Function::Digest => "digest it",
        Function::Sign => "sign",
        Function::Verify => "verify",
        Function::SignRecover => "sign (recoverably)",
        Function::VerifyRecover => "verify (recovering)",
        Function::Wrap => "wrap",
        Function::Unwrap => "unwrap",
        Function::Derive => "derive",
    }
}

fn of_role(role: Role) -> &'static str {
    match role {
        Role::SecurityOfficer => "security officer:",
        Role::User => "user:",
    }
}
