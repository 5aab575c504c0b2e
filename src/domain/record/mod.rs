//! The record of one key: its versions and their states. `docs/key-records.md` draws it.

mod change;
mod due;
mod encoding;
#[cfg(test)]
mod properties;
mod recovery;
mod terms;
mod version;

pub use due::Due;
pub use encoding::Body;
pub use recovery::{Authority, Recovery};
pub use terms::{Owner, Suspicion, Terms};
pub use version::Version;

use super::key::{Algorithm, KeyId, KeyName, Usage};
use super::lifecycle::{Duty, State};
use super::time::Timestamp;
use crate::error::{Kind, Result};

/// Where the material of a key came from. The numbers stand in records and stay for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, der::Enumerated)]
#[repr(u8)]
pub enum Origin {
    /// Generated in this token.
    Generated = 1,
    /// Agreed with a peer, in this token.
    Agreed = 2,
    /// Imported from a file: others may have it, too.
    Imported = 3,
    /// Received from another token, wrapped.
    Received = 4,
}

/// What is known of a key. Its invariants hold for every value: versions are numbered from 1
/// without a gap, at most one is active, and no two share an identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    name: KeyName,
    algorithm: Algorithm,
    usage: Usage,
    origin: Origin,
    created: Timestamp,
    versions: Vec<Version>,
    terms: Terms,
    suspicion: Option<Suspicion>,
}

impl KeyRecord {
    /// The record of a new key whose first version is active.
    ///
    /// # Errors
    /// [`Kind::Usage`] when the algorithm cannot be used so.
    pub fn new(
        name: KeyName,
        algorithm: Algorithm,
        usage: Usage,
        origin: Origin,
        id: KeyId,
        now: Timestamp,
    ) -> Result<Self> {
        let usage = algorithm.usage(Some(usage))?;
        let versions = vec![Version::active(1, id, now)];
        let (created, terms) = (now, Terms::default());
        Ok(Self { name, algorithm, usage, origin, created, versions, terms, suspicion: None })
    }

    /// The same new key under terms, and pre-active until a moment if one is named.
    ///
    /// # Errors
    /// [`Kind::Usage`] when it would never be active.
    pub fn under(mut self, terms: Terms, activate_at: Option<Timestamp>) -> Result<Self> {
        let now = self.created;
        let activate_at = activate_at.filter(|at| *at > now);
        let start = activate_at.unwrap_or(now);
        let expires = terms.expiry(start);
        if let Some(end) = expires.into_iter().chain(terms.destroy_at).find(|end| *end <= start) {
            return Err(Kind::Usage
                .because(format!("key {} would end at {end} and start at {start}", self.name))
                .advise("give it an end that is later than its start and than now"));
        }
        for version in &mut self.versions {
            (version.activates, version.expires) = (activate_at, expires);
            if activate_at.is_some() {
                version.state = State::PreActive;
            }
        }
        self.terms = terms;
        Ok(self)
    }

    /// What was laid down for the whole key.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Why the key is, or was, thought to be compromised.
    pub fn suspicion(&self) -> Option<&Suspicion> {
        self.suspicion.as_ref()
    }

    /// The key's name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// What it is made of.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What it is for.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Where its material came from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// When it was created.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// Its versions, oldest first.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The newest version.
    pub fn latest(&self) -> &Version {
        self.versions.last().expect("a record has at least one version: new and check see to it")
    }

    /// The state of the key as a whole: that of its newest version.
    pub fn state(&self) -> State {
        self.latest().state
    }

    /// The version that protects new data.
    ///
    /// # Errors
    /// [`Kind::Refused`] when no version is active.
    pub fn primary(&self) -> Result<&Version> {
        self.versions.iter().rev().find(|version| version.state == State::Active).ok_or_else(|| {
            let (state, latest) = (self.state(), self.latest());
            let (why, advice) = match (state, latest.activates, latest.expires) {
                (State::Destroyed, ..) => {
                    ("it is gone".to_owned(), "create a key with another name".to_owned())
                }
                (State::PreActive, Some(at), _) => {
                    (format!("it protects from {at} on"), "wait, or use another key".to_owned())
                }
                (State::Suspended, ..) => {
                    let why = "it protects nothing meanwhile".to_owned();
                    (why, format!("use it again: keyway key resume {}", self.name))
                }
                (State::Deactivated, _, Some(at)) if latest.reason.is_none() => (
                    format!("it expired at {at} and protects nothing any more"),
                    format!("make a new version: keyway key rotate {}", self.name),
                ),
                _ => (
                    "it protects nothing any more".to_owned(),
                    format!("make a new version: keyway key rotate {}", self.name),
                ),
            };
            Kind::Refused.because(format!("key {} is {state}: {why}", self.name)).advise(advice)
        })
    }

    /// A version by its number.
    ///
    /// # Errors
    /// [`Kind::NotFound`] for a version that never was.
    pub fn version(&self, number: u32) -> Result<&Version> {
        self.versions.iter().find(|version| version.number == number).ok_or_else(|| {
            Kind::NotFound
                .because(format!("key {} has no version {number}", self.name))
                .advise(format!("it has 1 to {}", self.versions.len()))
        })
    }

    /// Checks that a version's state allows the duty.
    ///
    /// # Errors
    /// [`Kind::Refused`] when it does not.
    pub fn require_duty(&self, version: &Version, duty: Duty) -> Result<()> {
        match version.state.allows(duty) {
            true => Ok(()),
            false => Err(self.refusal(version)),
        }
    }

    /// Checks that the key is for this use.
    ///
    /// # Errors
    /// [`Kind::Refused`] when it is for another.
    pub fn require(&self, usage: Usage) -> Result<()> {
        if self.usage != usage {
            return Err(Kind::Refused
                .because(format!("key {} is for {}, not for {usage}", self.name, self.usage))
                .advise(format!("create one for it: keyway key create NAME --use {usage}")));
        }
        Ok(())
    }

    fn refusal(&self, version: &Version) -> crate::error::Error {
        let why = match version.reason {
            Some(reason) => format!(" (reason: {reason}, {})", version.changed),
            None => String::new(),
        };
        let (name, number, state) = (&self.name, version.number, version.state);
        Kind::Refused
            .because(format!("key {name} version {number} is {state}{why}"))
            .advise("a key in this state is not used; see: keyway key show")
    }
}
