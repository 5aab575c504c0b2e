//! What happened to a token, as a chain of events in which nothing can be changed unnoticed.

use crate::backend::ObjectId;
use crate::error::{Code, Result};
use crate::ffi::awslc::sealing;
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
    BackedUp = 16,
    Restored = 17,
}

impl EventKind {
    /// The kind of this number, if this version knows it.
    pub fn of(number: u8) -> Option<Self> {
        const KINDS: [EventKind; 10] = [
            EventKind::TokenInitialized,
            EventKind::PinChanged,
            EventKind::LoginFailed,
            EventKind::Created,
            EventKind::Updated,
            EventKind::Destroyed,
            EventKind::Attested,
            EventKind::Adopted,
            EventKind::BackedUp,
            EventKind::Restored,
        ];
        KINDS.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// An event on its way into the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: EventKind,
    /// The object, or for a login or PIN the role in the last byte.
    pub subject: [u8; 16],
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
        Self { kind, subject: id.0 }
    }

    pub fn of_token(kind: EventKind) -> Self {
        Self { kind, subject: [0; 16] }
    }

    pub fn of_role(kind: EventKind, role: super::Role) -> Self {
        let mut subject = [0; 16];
        subject[15] = role as u8;
        Self { kind, subject }
    }
}

impl EventRecord {
    /// The record of `event` behind the one with `previous` sequence number and chain value.
    ///
    /// # Errors
    /// What the witness answers.
    pub fn append(
        event: &Event,
        at: u64,
        previous: (u64, [u8; 32]),
        witness: &dyn Witness,
    ) -> Result<Self> {
        let (sequence, kind, subject) = (previous.0 + 1, event.kind as u8, event.subject);
        let chain = link(&previous.1, sequence, at, kind, &subject);
        let mac = witness.attest(&chain)?;
        Ok(Self { sequence, at, kind, subject, chain, mac })
    }

    /// Whether this record follows one with the chain value `previous`.
    pub fn follows(&self, previous: &[u8; 32]) -> bool {
        self.chain == link(previous, self.sequence, self.at, self.kind, &self.subject)
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |time| time.as_millis() as u64)
}

fn link(previous: &[u8; 32], sequence: u64, at: u64, kind: u8, subject: &[u8; 16]) -> [u8; 32] {
    let parts: [&[u8]; 5] =
        [previous, &sequence.to_be_bytes(), &at.to_be_bytes(), &[kind], subject];
    sealing::sha256(&parts)
}
