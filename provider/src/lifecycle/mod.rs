//! The lifecycle of a key in the token: its state (NIST SP 800-57 part 1 revision 5, section 7)
//! and its dates say what any application may do with it.

pub mod period;
pub mod state;
pub mod transition;

use crate::attribute::{AttributeType, Attributes, ObjectClass, Value};
use crate::error::{Code, Result};
use crate::mechanism::Function;
use crate::object::Caller;
use crate::policy::{Policy, Relaxation};

use period::Period;
use state::{Duty, State};
use transition::{Transition, Who};

/// State and dates of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    state: State,
    period: Period,
    /// The functions that need no look at the clock, a bit each.
    open: u16,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::of(&Attributes::new())
    }
}

impl Lifecycle {
    /// A key without the attribute is active; one whose state is none of ours does nothing.
    pub fn of(attributes: &Attributes) -> Self {
        let state = State::of(attributes);
        let period = Period::of(attributes);
        let open = match period.is_unlimited() {
            true => Function::ALL
                .iter()
                .filter(|function| state.allows(Duty::of(**function)))
                .fold(0, |bits, function| bits | 1 << *function as u16),
            false => 0,
        };
        Self { state, period, open }
    }

    /// Whether the key may be used for `function` now. Without dates this is one test of a bit.
    ///
    /// # Errors
    /// KeyFunctionNotPermitted for a state, or a day, that does not allow it.
    pub fn admit(&self, function: Function, policy: Policy) -> Result<()> {
        match self.open & 1 << function as u16 != 0 {
            true => Ok(()),
            false => self.admit_now(function, policy),
        }
    }

    fn admit_now(&self, function: Function, policy: Policy) -> Result<()> {
        let duty = Duty::of(function);
        if !self.state.allows(duty) {
            return Err(Code::KeyFunctionNotPermitted.because(format!(
                "the key is {} (CKA_KEYWAY_STATE), so it does not {function:?}: {}",
                self.state,
                self.state.advice()
            )));
        }
        match self.by_date(policy) {
            now if now.allows(duty) => Ok(()),
            now => Err(Code::KeyFunctionNotPermitted.because(format!(
                "the key is {now} by its dates ({}; today is {}), so it does not {function:?}: {}",
                self.period,
                period::today(),
                now.advice()
            ))),
        }
    }

    /// The state by day: what the dates alone say.
    fn by_date(&self, policy: Policy) -> State {
        match self.period.now() {
            now if now != State::Active && policy.lets_pass(Relaxation::DatesIgnored) => {
                State::Active
            }
            now => now,
        }
    }

    /// # Errors
    /// KeyNotWrappable unless the key is active: wrapped and unwrapped again it would be.
    pub fn admit_leaving(&self, policy: Policy) -> Result<()> {
        match (self.state, self.by_date(policy)) {
            (State::Active, State::Active) => Ok(()),
            (State::Active, now) | (now, _) => Err(Code::KeyNotWrappable.because(format!(
                "the key is {now}: wrapped and unwrapped again it would be active (to keep it, \
                 back up the token)"
            ))),
        }
    }

    /// What a key derived from `base`, of this lifecycle, has to be beyond what its template
    /// (`given`) says: one that may not protect derives none that may, and none outlives its base.
    pub fn inherited(&self, base: &Attributes, given: &Attributes, policy: Policy) -> Attributes {
        let mut demanded = Attributes::new();
        let active = (self.state, self.by_date(policy)) == (State::Active, State::Active);
        if !active && State::of(given) != State::Compromised {
            let state = Value::Number(State::Deactivated.number());
            demanded.set(AttributeType::KEYWAY_STATE, state);
        }
        let end = base.bytes(AttributeType::END_DATE).filter(|end| !end.is_empty());
        let own = given.bytes(AttributeType::END_DATE).filter(|end| !end.is_empty());
        match end {
            Some(end) if policy.binds_dates() && own.is_none_or(|own| own > end) => {
                demanded.set(AttributeType::END_DATE, Value::bytes(end));
            }
            _ => {}
        }
        demanded
    }
}

/// Gives the attributes of a base key the state and the end of `other` where those allow less: two
/// keys that one is derived from.
pub fn join(base: &mut Attributes, other: &Attributes) {
    if State::of(base) == State::Active {
        base.set(AttributeType::KEYWAY_STATE, Value::Number(State::of(other).number()));
    }
    let (id, end) = (AttributeType::END_DATE, other.bytes(AttributeType::END_DATE));
    if let Some(end) = end.filter(|end| !end.is_empty())
        && base.bytes(id).is_none_or(|own| own.is_empty() || own > end)
    {
        base.set(id, Value::bytes(end));
    }
}

/// Holds the state of a complete object against those that there are.
///
/// # Errors
/// AttributeValueInvalid for any other number.
pub fn check(attributes: &Attributes) -> Result<()> {
    match attributes.number(AttributeType::KEYWAY_STATE) {
        Some(number) if State::numbered(number).is_none() => {
            let known = State::ALL.map(|(state, name)| format!("{} {name}", state.number()));
            Err(Code::AttributeValueInvalid
                .because(format!("CKA_KEYWAY_STATE {number} is no state: {}", known.join(", "))))
        }
        _ => Ok(()),
    }
}

/// Whether the state or a date of a key may become `value`, in place or in a copy.
///
/// # Errors
/// AttributeReadOnly for a way back, and for a date that would lengthen the time in which the key
/// protects.
pub fn may_change(
    id: AttributeType,
    current: &Attributes,
    value: &Value,
    caller: Caller,
) -> Result<()> {
    match (id, value) {
        (AttributeType::KEYWAY_STATE, Value::Number(number)) => {
            let from = State::of(current);
            let Some(to) = State::numbered(*number).filter(|to| *to != from) else { return Ok(()) };
            let who = if caller.is_security_officer() { Who::Officer } else { Who::Anyone };
            match transition::allowed(Transition { from, to }, who) {
                true => Ok(()),
                false => Err(Code::AttributeReadOnly.because(format!(
                    "a key that is {from} does not become {to}{}",
                    match transition::allowed(Transition { from, to }, Who::Officer) {
                        true => ": that is the security officer's to decide",
                        false => "",
                    }
                ))),
            }
        }
        (AttributeType::START_DATE | AttributeType::END_DATE, value)
            if caller.policy.binds_dates() && current.class().is_some_and(ObjectClass::is_key) =>
        {
            match period::shortens(id, current.bytes(id).unwrap_or_default(), value) {
                true => Ok(()),
                false => Err(Code::AttributeReadOnly.because(format!(
                    "{id:?} would lengthen the time in which the key protects: make a new key"
                ))),
            }
        }
        _ => Ok(()),
    }
}
