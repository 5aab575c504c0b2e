//! What happened to a token, as a chain of events in which nothing can be changed unnoticed.

use crate::backend::ObjectId;
use crate::error::{Code, Result};
use crate::ffi::awslc::sealing;
use crate::store::detail::{self, Facts, Who};
use crate::store::{Delta, Head};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    TokenInitialized = 1,
    PinChanged = 2,
    LoginFailed = 3,
    Created = 4,
    Updated = 5,
    Destroyed = 6,
    /// An object that was made, changed or destroyed without a login is vouched for.
    Attested = 7,
    /// The set of rows was vouched for as it was found.
    Adopted = 8,
    /// A private or secret key is used for something for the first time in a login of a process.
    Used = 9,
    /// A private or secret key left the token, wrapped.
    Wrapped = 10,
    /// A compromised key processes again, by decision of the security officer.
    Recovered = 11,
    /// The master key was wrapped anew, under another root or none.
    Rewrapped = 12,
    BackedUp = 16,
    Restored = 17,
}

impl EventKind {
    /// The kind of this number, if this version knows it.
    pub fn of(number: u8) -> Option<Self> {
        const KINDS: [EventKind; 14] = [
            EventKind::TokenInitialized,
            EventKind::PinChanged,
            EventKind::LoginFailed,
            EventKind::Created,
            EventKind::Updated,
            EventKind::Destroyed,
            EventKind::Attested,
            EventKind::Adopted,
            EventKind::Used,
            EventKind::Wrapped,
            EventKind::Recovered,
            EventKind::Rewrapped,
            EventKind::BackedUp,
            EventKind::Restored,
        ];
        KINDS.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// An event on its way into the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: EventKind,
    /// When: milliseconds since 1970, by the clock of the machine.
    pub at: u64,
    /// The object, or for a login or PIN the role in the last byte.
    pub subject: [u8; 16],
    pub facts: Facts,
}

/// An event as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// 1 for the first, then without gaps.
    pub sequence: u64,
    /// Milliseconds since 1970, by the clock of the machine.
    pub at: u64,
    pub kind: u8,
    pub subject: [u8; 16],
    /// Who caused it and what it was exactly, see [`detail`]; absent in what versions before the
    /// third of the schema wrote.
    pub detail: Option<Vec<u8>>,
    /// SHA-256 of the chain value before and this event.
    pub chain: [u8; 32],
    /// Over `chain`; absent when no key was at hand. The next one that is there attests this
    /// event as well.
    pub mac: Option<[u8; 32]>,
}

/// Vouches for what a transaction does: the token with the keys that a login unlocked.
pub trait Witness: Send + Sync {
    /// Whether there are keys to vouch with.
    fn is_present(&self) -> bool;
    /// The MAC of an event; `None` if there are no keys.
    ///
    /// # Errors
    /// HostMemory if the engine has none left.
    fn attest(&self, chain: &[u8; 32]) -> Result<Option<[u8; 32]>>;
    /// The seal over the set of rows after `delta`, from the one `before` it.
    ///
    /// # Errors
    /// DeviceError for a seal that these keys did not make, or one that is missing.
    fn seal(&self, before: Option<&[u8]>, delta: &Delta, head: &Head) -> Result<Vec<u8>>;
}

/// Nobody is logged in.
pub struct Nobody;

impl Witness for Nobody {
    fn is_present(&self) -> bool {
        false
    }

    fn attest(&self, _chain: &[u8; 32]) -> Result<Option<[u8; 32]>> {
        Ok(None)
    }

    fn seal(&self, _before: Option<&[u8]>, _delta: &Delta, _head: &Head) -> Result<Vec<u8>> {
        Err(Code::GeneralError.because("a seal without keys"))
    }
}

impl Event {
    pub fn of_object(kind: EventKind, id: ObjectId) -> Self {
        Self::new(kind, id.0)
    }

    pub fn of_token(kind: EventKind) -> Self {
        Self::new(kind, [0; 16])
    }

    pub fn of_role(kind: EventKind, role: super::Role) -> Self {
        let mut subject = [0; 16];
        subject[15] = role as u8;
        Self::new(kind, subject)
    }

    /// The same with what is known of it.
    pub fn with(self, facts: Facts) -> Self {
        Self { facts, ..self }
    }

    fn new(kind: EventKind, subject: [u8; 16]) -> Self {
        Self { kind, at: now(), subject, facts: Facts::default() }
    }
}

impl EventRecord {
    /// The record of `event`, which `who` caused, behind the one with `previous` sequence number
    /// and chain value.
    ///
    /// # Errors
    /// What the witness answers.
    pub fn append(
        event: &Event,
        who: &Who,
        previous: (u64, [u8; 32]),
        witness: &dyn Witness,
    ) -> Result<Self> {
        let mut record = Self {
            sequence: previous.0 + 1,
            at: event.at,
            kind: event.kind as u8,
            subject: event.subject,
            detail: Some(detail::encode(who, &event.facts)),
            chain: [0; 32],
            mac: None,
        };
        record.chain = record.link(&previous.1);
        record.mac = witness.attest(&record.chain)?;
        Ok(record)
    }

    /// Whether this record follows one with the chain value `previous`.
    pub fn follows(&self, previous: &[u8; 32]) -> bool {
        self.chain == self.link(previous)
    }

    /// The chain value of this record behind `previous`. The parts before the detail have one
    /// length, so a record without detail and one with it never have the same.
    fn link(&self, previous: &[u8; 32]) -> [u8; 32] {
        sealing::sha256(&[
            previous,
            &self.sequence.to_be_bytes(),
            &self.at.to_be_bytes(),
            &[self.kind],
            &self.subject,
            self.detail.as_deref().unwrap_or_default(),
        ])
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |time| time.as_millis() as u64)
}
