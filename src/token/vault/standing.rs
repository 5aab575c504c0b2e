//! The state and the dates of a key, held by the token itself where it knows them: a token of
//! Keyway's own (`docs/policy.md`). It is known by the attribute, not by the module's name.

use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::types::Date;
use cryptoki_sys::CK_ULONG;

use super::TokenVault;
use super::block::{clear, every_use, protecting};
use super::certificates;
use super::template::{KEY_CLASSES, PROTECTED_CLASSES};
use crate::domain::key::{Algorithm, KeyId, Usage};
use crate::domain::lifecycle::{Duty, State};
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};
use crate::port::{Block, Standing};
use crate::token::open::OpenToken;

/// CKA_KEYWAY_STATE: a CK_ULONG, numbered as [`State`] is.
const STATE: AttributeType = AttributeType::VendorDefined(0x8000_4B02);

impl Standing for TokenVault<'_> {
    fn suspend(&self, id: KeyId) -> Result<Block> {
        let mut reached = Block::Final;
        for class in KEY_CLASSES {
            for object in self.token.find_key(class, id)? {
                reached = reached.max(if enter(self.token, object, State::Suspended)? {
                    self.token.reach_of_states()?
                } else {
                    clear(self.token, object, protecting(class))?;
                    Block::FlagsOnly
                });
            }
        }
        Ok(reached)
    }

    fn resume(&self, id: KeyId, usage: Usage) -> Result<()> {
        for class in KEY_CLASSES {
            for object in self.token.find_key(class, id)? {
                enter(self.token, object, State::Active)?;
                set(self.token, object, &missing(self.token, object, rights(class, usage))?)?;
            }
        }
        Ok(())
    }

    fn disable(&self, id: KeyId) -> Result<()> {
        for class in PROTECTED_CLASSES {
            for object in self.token.find_key(class, id)? {
                clear(self.token, object, every_use(class))?;
            }
        }
        for object in self.token.find_key(ObjectClass::PUBLIC_KEY, id)? {
            clear(self.token, object, protecting(ObjectClass::PUBLIC_KEY))?;
        }
        Ok(())
    }

    fn reopen(&self, id: KeyId, usage: Usage) -> Result<()> {
        for class in KEY_CLASSES {
            for object in self.token.find_key(class, id)? {
                enter(self.token, object, State::Deactivated)?;
                set(self.token, object, &processing(class, usage))?;
            }
        }
        Ok(())
    }

    fn limit(&self, id: KeyId, from: Option<Timestamp>, until: Option<Timestamp>) -> Result<()> {
        let mut dates = Vec::new();
        dates.extend(from.map(first_day).transpose()?.map(Attribute::StartDate));
        dates.extend(until.map(last_day).transpose()?.map(Attribute::EndDate));
        for class in KEY_CLASSES {
            for object in self.token.find_key(class, id)? {
                if state(self.token, object)?.is_some() {
                    set(self.token, object, &dates)?;
                }
            }
        }
        Ok(())
    }

    fn certificates(&self, id: KeyId, algorithm: Algorithm) -> Result<Vec<String>> {
        certificates::subjects(self.token, id, algorithm)
    }
}

/// Brings an object to a state. `false` when the token knows no states. One that is compromised
/// stays so, and one that is retired is not merely suspended.
pub(super) fn enter(token: &OpenToken, object: ObjectHandle, to: State) -> Result<bool> {
    let Some(mut now) = state(token, object)? else { return Ok(false) };
    let value = (to as CK_ULONG).to_ne_bytes().to_vec();
    loop {
        let is_retired = now == State::Deactivated as CK_ULONG && to == State::Suspended;
        if now == to as CK_ULONG || now == State::Compromised as CK_ULONG || is_retired {
            return Ok(true);
        }
        let Err(error) = set(token, object, &[Attribute::VendorDefined((STATE, value.clone()))])
        else {
            return Ok(true);
        };
        // Another program may have brought it to a state meanwhile from which there is no such way.
        match state(token, object)? {
            Some(then) if then != now => now = then,
            _ => return Err(error),
        }
    }
}

/// The state that the token holds an object to, by its number.
fn state(token: &OpenToken, object: ObjectHandle) -> Result<Option<CK_ULONG>> {
    let attributes = token.attributes(object, &[STATE])?;
    Ok(attributes.into_iter().find_map(|attribute| match attribute {
        Attribute::VendorDefined((_, value)) => {
            Some(CK_ULONG::from_ne_bytes(value.try_into().ok()?))
        }
        _ => None,
    }))
}

/// The state to which the token holds an object, where it knows states.
pub(super) fn held(token: &OpenToken, object: ObjectHandle) -> Result<Option<State>> {
    let held = state(token, object)?;
    let known = |number| State::ALL.into_iter().find(|(state, _)| *state as CK_ULONG == number);
    Ok(held.and_then(known).map(|(state, _)| state))
}

/// The state for which the token lets an object protect nothing, if it is in one.
pub(super) fn unprotecting(token: &OpenToken, object: ObjectHandle) -> Result<Option<State>> {
    Ok(held(token, object)?.filter(|state| !state.allows(Duty::Protect)))
}

fn set(token: &OpenToken, object: ObjectHandle, attributes: &[Attribute]) -> Result<()> {
    if attributes.is_empty() {
        return Ok(());
    }
    token
        .session()
        .update_attributes(object, attributes)
        .map_err(|error| token.failed("cannot change what a key may do", error))
}

/// Those of the flags that the object does not have on.
fn missing(
    token: &OpenToken,
    object: ObjectHandle,
    flags: Vec<Attribute>,
) -> Result<Vec<Attribute>> {
    let types: Vec<_> = flags.iter().map(Attribute::attribute_type).collect();
    let there = token.attributes(object, &types)?;
    Ok(flags.into_iter().filter(|flag| !there.contains(flag)).collect())
}

/// The flags with which a key of this use protects, on.
fn rights(class: ObjectClass, usage: Usage) -> Vec<Attribute> {
    let (encrypts, wraps) = (usage == Usage::Encrypt, usage == Usage::Wrap);
    match class {
        ObjectClass::SECRET_KEY => match usage {
            Usage::Encrypt => vec![Attribute::Encrypt(true)],
            Usage::Wrap => vec![Attribute::Wrap(true)],
            Usage::Mac => vec![Attribute::Sign(true)],
            Usage::Sign | Usage::Agree => Vec::new(),
        },
        ObjectClass::PRIVATE_KEY if usage == Usage::Sign => vec![Attribute::Sign(true)],
        ObjectClass::PRIVATE_KEY => Vec::new(),
        _ => match (encrypts, wraps) {
            (true, _) => vec![Attribute::Encrypt(true), Attribute::Wrap(true)],
            (_, true) => vec![Attribute::Wrap(true)],
            _ => Vec::new(),
        },
    }
}

/// The flags with which a key of this use processes, on.
fn processing(class: ObjectClass, usage: Usage) -> Vec<Attribute> {
    match (class, usage) {
        (ObjectClass::SECRET_KEY, Usage::Encrypt) => vec![Attribute::Decrypt(true)],
        (ObjectClass::SECRET_KEY, Usage::Wrap) => vec![Attribute::Unwrap(true)],
        (ObjectClass::SECRET_KEY, Usage::Mac) => vec![Attribute::Verify(true)],
        (ObjectClass::PRIVATE_KEY, Usage::Encrypt) => {
            vec![Attribute::Decrypt(true), Attribute::Unwrap(true)]
        }
        (ObjectClass::PRIVATE_KEY, Usage::Wrap) => vec![Attribute::Unwrap(true)],
        (ObjectClass::PRIVATE_KEY, Usage::Agree) => vec![Attribute::Derive(true)],
        _ => Vec::new(),
    }
}

/// The day of a moment, from whose beginning on the token lets the key protect.
fn first_day(moment: Timestamp) -> Result<Date> {
    day(moment)
}

/// The last day on which something before this moment lies.
fn last_day(moment: Timestamp) -> Result<Date> {
    day(Timestamp::from_unix(moment.unix().saturating_sub(1)))
}

fn day(moment: Timestamp) -> Result<Date> {
    let day = moment.date_time();
    let (year, month, day) =
        (format!("{:04}", day.year()), format!("{:02}", day.month()), format!("{:02}", day.day()));
    Date::new_from_str_slice(&year, &month, &day)
        .map_err(|error| Kind::Internal.because(format!("{moment} is no date")).caused_by(error))
}
