//! The groups in which keys are agreed.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Kind};

/// A Diffie-Hellman group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// X25519 (RFC 7748).
    X25519,
    /// ECDH on P-256.
    P256,
    /// Finite-field Diffie-Hellman in ffdhe3072 (RFC 7919).
    Ffdhe3072,
}

impl Group {
    /// Every group with its name.
    pub const ALL: [(Group, &'static str); 3] =
        [(Group::X25519, "x25519"), (Group::P256, "p256"), (Group::Ffdhe3072, "ffdhe3072")];

    /// The name as people type it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(group, _)| *group == self).map_or("", |(_, name)| name)
    }

    /// Bytes of a public value: u-coordinate, uncompressed point, or residue.
    pub fn value_len(self) -> usize {
        match self {
            Group::X25519 => 32,
            Group::P256 => 65,
            Group::Ffdhe3072 => 384,
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Group {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(group, _)| *group).ok_or_else(|| {
            let names = Self::ALL.map(|(_, name)| name).join(", ");
            Kind::Usage
                .because(format!("{text:?} is not a group"))
                .advise(format!("one of {names}"))
        })
    }
}
