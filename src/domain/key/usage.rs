//! What a key is for: one purpose a key (NIST SP 800-57 part 1, 5.2).

use std::fmt;
use std::str::FromStr;

use der::Enumerated;

use crate::error::{Error, Kind};

/// The one purpose of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
pub enum Usage {
    /// Encrypts and decrypts data.
    Encrypt = 1,
    /// Signs and verifies.
    Sign = 2,
    /// Wraps and unwraps other keys.
    Wrap = 3,
    /// Agrees on keys with a peer.
    Agree = 4,
    /// Makes and checks message authentication codes.
    Mac = 5,
}

impl Usage {
    /// Every use with its name.
    pub const ALL: [(Usage, &'static str); 5] = [
        (Usage::Encrypt, "encrypt"),
        (Usage::Sign, "sign"),
        (Usage::Wrap, "wrap"),
        (Usage::Agree, "agree"),
        (Usage::Mac, "mac"),
    ];

    /// The name as people type it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(usage, _)| *usage == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Usage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(usage, _)| *usage).ok_or_else(|| {
            let names = Self::ALL.map(|(_, name)| name).join(", ");
            Kind::Usage.because(format!("{text:?} is not a use")).advise(format!("one of {names}"))
        })
    }
}
