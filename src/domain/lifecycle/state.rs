//! The states of a key version and what each allows.

use std::fmt;
use std::str::FromStr;

use der::Enumerated;

use crate::error::{Error, Kind};

/// A state of NIST SP 800-57 part 1, section 7. The numbers stand in records and stay for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
pub enum State {
    /// Made, but not yet in use.
    PreActive = 1,
    /// Protects and processes.
    Active = 2,
    /// Set aside for a while: processes what it protected before.
    Suspended = 3,
    /// Retired: processes what it protected before, for ever out of protecting.
    Deactivated = 4,
    /// Somebody else may have it: neither protects nor processes.
    Compromised = 5,
    /// The key is gone; its record stays.
    Destroyed = 6,
}

/// The two things a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Encrypts, signs, wraps: makes new protection.
    Protect,
    /// Decrypts, verifies, unwraps: reads what is protected.
    Process,
}

impl State {
    /// Every state with its name.
    pub const ALL: [(State, &'static str); 6] = [
        (State::PreActive, "pre-active"),
        (State::Active, "active"),
        (State::Suspended, "suspended"),
        (State::Deactivated, "deactivated"),
        (State::Compromised, "compromised"),
        (State::Destroyed, "destroyed"),
    ];

    /// The name as people read it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    /// Whether a key in this state may do this duty.
    pub fn allows(self, duty: Duty) -> bool {
        match self {
            State::Active => true,
            State::Suspended | State::Deactivated => duty == Duty::Process,
            State::PreActive | State::Compromised | State::Destroyed => false,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for State {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(state, _)| *state).ok_or_else(|| {
            let names = Self::ALL.map(|(_, name)| name).join(", ");
            Kind::Usage
                .because(format!("{text:?} is not a state"))
                .advise(format!("one of {names}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_active_key_protects() {
        for (state, _) in State::ALL {
            assert_eq!(state.allows(Duty::Protect), state == State::Active, "{state}");
        }
    }

    #[test]
    fn a_compromised_or_destroyed_key_does_nothing() {
        for duty in [Duty::Protect, Duty::Process] {
            assert!(!State::Compromised.allows(duty));
            assert!(!State::Destroyed.allows(duty));
        }
    }
}
