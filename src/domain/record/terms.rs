//! What was laid down for a whole key: whose it is, how long it lasts, what may become of it.

use std::fmt;
use std::str::FromStr;

use crate::domain::time::{Period, Timestamp};
use crate::error::{Error, Kind, Result};

/// The terms of a key. They hold for every version of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Whose it is.
    pub owner: Option<Owner>,
    /// Whether it may be given to other tokens.
    pub shareable: bool,
    /// How long each version protects.
    pub expire_after: Option<Period>,
    /// When the last version stops to protect, whatever becomes of it.
    pub expire_at: Option<Timestamp>,
    /// How old a version may become before the next one takes its place.
    pub rotate_every: Option<Period>,
    /// When every version is to be destroyed.
    pub destroy_at: Option<Timestamp>,
    /// SHA-256 of the SubjectPublicKeyInfo whose reports of a compromise are believed.
    pub reporter: Option<[u8; 32]>,
}

impl Terms {
    /// When a version that protects from `start` on stops to.
    pub fn expiry(&self, start: Timestamp) -> Option<Timestamp> {
        let period = self.expire_after.map(|period| period.after(start));
        period.into_iter().chain(self.expire_at).min()
    }
}

/// Why a key is thought to be compromised, by a report or by what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// Since when.
    pub since: Timestamp,
    /// The newest version that it concerns; it concerns all before that one, too.
    pub up_to: u32,
    /// What speaks for it.
    pub evidence: String,
}

/// Whose a key is: 1 to 64 characters on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(String);

impl Owner {
    /// Longest name, in characters.
    const MAX: usize = 64;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Owner {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let length = text.chars().count();
        if !(1..=Self::MAX).contains(&length) || text.trim() != text || text.contains(is_hidden) {
            return Err(Kind::Usage
                .because(format!("{text:?} is no owner"))
                .advise("use 1 to 64 characters on one line, without space around them"));
        }
        Ok(Self(text.to_owned()))
    }
}

fn is_hidden(c: char) -> bool {
    c.is_control()
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_expires_at_the_earlier_of_both() {
        let start = Timestamp::from_unix(1_000);
        let expire_after = Some("1h".parse().expect("a period"));
        let terms = |at| Terms {
            expire_after,
            expire_at: Some(Timestamp::from_unix(at)),
            ..Terms::default()
        };
        assert_eq!(terms(2_000).expiry(start), Some(Timestamp::from_unix(2_000)));
        assert_eq!(terms(9_000).expiry(start), Some(Timestamp::from_unix(4_600)));
        assert_eq!(Terms::default().expiry(start), None);
    }

    #[test]
    fn an_owner_is_one_line() {
        assert_eq!("Zoë & Co".parse::<Owner>().expect("an owner").as_str(), "Zoë & Co");
        for wrong in ["", " a", "a\n", "a\tb", &"x".repeat(65)] {
            assert!(wrong.parse::<Owner>().is_err(), "{wrong:?}");
        }
    }
}
