//! The states of a key and what each allows.

use std::fmt;

use crate::attribute::{AttributeType, Attributes};
use crate::mechanism::Function;

/// A state of NIST SP 800-57 part 1 revision 5, section 7; its number is the value of
/// CKA_KEYWAY_STATE. A destroyed key is no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// The two things a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Makes new protection.
    Protect,
    /// Reads what is protected.
    Process,
}

impl Duty {
    /// C_DeriveKey serves both sides of an agreement, so it counts as processing; what it makes
    /// does no more than its base key may. Digesting a key shows of it what reading it would.
    pub fn of(function: Function) -> Self {
        match function {
            Function::Encrypt | Function::Sign | Function::SignRecover | Function::Wrap => {
                Self::Protect
            }
            Function::Decrypt
            | Function::Verify
            | Function::VerifyRecover
            | Function::Unwrap
            | Function::Derive
            | Function::Digest => Self::Process,
        }
    }
}

impl State {
    /// Every state with its name, in the order of their numbers.
    pub const ALL: [(State, &'static str); 5] = [
        (State::PreActive, "pre-active"),
        (State::Active, "active"),
        (State::Suspended, "suspended"),
        (State::Deactivated, "deactivated"),
        (State::Compromised, "compromised"),
    ];

    /// The state of a key. Without the attribute it is active; a number that is none of these, which
    /// only another version of this program can have written, counts as compromised.
    pub fn of(attributes: &Attributes) -> Self {
        match attributes.number(AttributeType::KEYWAY_STATE) {
            None => Self::Active,
            Some(number) => Self::numbered(number).unwrap_or(Self::Compromised),
        }
    }

    pub fn numbered(number: u64) -> Option<Self> {
        Self::ALL.iter().map(|row| row.0).find(|state| state.number() == number)
    }

    pub fn number(self) -> u64 {
        self as u64
    }

    /// Whether a key in this state may do this duty.
    pub fn allows(self, duty: Duty) -> bool {
        match self {
            Self::Active => true,
            Self::Suspended | Self::Deactivated => duty == Duty::Process,
            Self::PreActive | Self::Compromised => false,
        }
    }

    /// Of two states that are said of one key the one that holds: the one that takes more, or is
    /// further on.
    pub fn stricter(self, other: Self) -> Self {
        let rank = |state| match state {
            Self::Active => 0,
            Self::PreActive => 1,
            Self::Suspended => 2,
            Self::Deactivated => 3,
            Self::Compromised => 4,
        };
        if rank(other) > rank(self) { other } else { self }
    }

    /// What to do about a refusal.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::PreActive => "activate it, or wait for CKA_START_DATE",
            Self::Suspended => "resume it by setting the state to active",
            Self::Active | Self::Deactivated => "make a new key for what is new",
            Self::Compromised => {
                "make a new key; if the report was a mistake, both PINs bring it back to \
                 deactivated (keyway key recover)"
            }
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|row| row.0 == *self).map_or("", |row| row.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Value;

    #[test]
    fn only_an_active_key_protects_and_a_compromised_one_does_nothing() {
        for (state, _) in State::ALL {
            assert_eq!(state.allows(Duty::Protect), state == State::Active, "{state}");
        }
        for (state, processes) in [
            (State::PreActive, false),
            (State::Active, true),
            (State::Suspended, true),
            (State::Deactivated, true),
            (State::Compromised, false),
        ] {
            assert_eq!(state.allows(Duty::Process), processes, "{state}");
        }
    }

    #[test]
    fn of_two_states_the_one_that_allows_less_holds() {
        for (a, _) in State::ALL {
            for (b, _) in State::ALL {
                let both = a.stricter(b);
                assert_eq!(both, b.stricter(a));
                let protects = a.allows(Duty::Protect) && b.allows(Duty::Protect);
                assert_eq!(both.allows(Duty::Protect), protects, "{a} and {b}");
            }
        }
        assert_eq!(State::Active.stricter(State::PreActive), State::PreActive);
        assert_eq!(State::Suspended.stricter(State::Deactivated), State::Deactivated);
    }

    #[test]
    fn a_key_without_a_state_is_active_and_one_with_an_unknown_state_does_nothing() {
        assert_eq!(State::of(&Attributes::new()), State::Active);
        let unknown = [(AttributeType::KEYWAY_STATE, Value::Number(77))].into_iter().collect();
        assert!(!State::of(&unknown).allows(Duty::Process));
    }
}
