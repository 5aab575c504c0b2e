//! Why a key was revoked.

use std::fmt;
use std::str::FromStr;

use der::Enumerated;

use super::State;
use crate::error::{Error, Kind};

/// A reason for revocation, numbered like the CRL reasons of RFC 5280, 5.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
pub enum Reason {
    /// No particular reason.
    Unspecified = 0,
    /// Somebody else has or may have the key.
    Compromise = 1,
    /// Its owner belongs to somebody else now.
    Affiliation = 3,
    /// Another key took its place.
    Superseded = 4,
    /// What it served has ended.
    Cessation = 5,
}

impl Reason {
    /// Every reason with its name.
    pub const ALL: [(Reason, &'static str); 5] = [
        (Reason::Unspecified, "unspecified"),
        (Reason::Compromise, "compromise"),
        (Reason::Affiliation, "affiliation"),
        (Reason::Superseded, "superseded"),
        (Reason::Cessation, "cessation"),
    ];

    /// The name as people type it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(reason, _)| *reason == self).map_or("", |(_, name)| name)
    }

    /// The state that a key goes to when it is revoked for this reason.
    pub fn state(self) -> State {
        match self {
            Reason::Compromise => State::Compromised,
            _ => State::Deactivated,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Reason {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(reason, _)| *reason).ok_or_else(
            || {
                let names = Self::ALL.map(|(_, name)| name).join(", ");
                Kind::Usage
                    .because(format!("{text:?} is not a reason for revocation"))
                    .advise(format!("one of {names}"))
            },
        )
    }
}
