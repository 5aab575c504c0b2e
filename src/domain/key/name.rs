//! A key's name: what people call it, unique in its token.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Kind};

/// 1 to 64 of `a-z A-Z 0-9 . _ -`, first a letter or digit: safe in a label, a file and a shell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// Longest name, in bytes.
    pub const MAX: usize = 64;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if text.len() > Self::MAX || !starts || !text.chars().all(allowed) {
            return Err(Kind::Usage.because(format!("{text:?} is not a key name")).advise(
                "use 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-', starting with a letter or digit",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_accepted() {
        for name in ["a", "backup-2026", "Web.Server_1", &"x".repeat(64)] {
            assert_eq!(name.parse::<KeyName>().expect(name).as_str(), name);
        }
    }

    #[test]
    fn names_that_would_need_quoting_are_refused() {
        for name in ["", "-x", ".x", "a b", "a/b", "ä", "a\0", "a\n", &"x".repeat(65)] {
            assert!(name.parse::<KeyName>().is_err(), "{name:?}");
        }
    }
}
