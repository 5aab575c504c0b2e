//! Objects of an inner token, found and read.

use super::identity;
use super::pool::Pinned;
use super::profile::Profile;
use super::record::{Name, effective, public};
use super::records::{self, ByLabel};
use super::supplied;
use crate::attribute::{AttributeType, Attributes, Value};
use crate::backend::ObjectId;
use crate::error::{Code, Result};
use crate::ffi::inner::InnerSession;

/// The handles that the inner token finds: all of them, for without its login a token finds less
/// and does not say so.
///
/// # Errors
/// What the inner token answers.
pub(super) fn search(session: &Pinned, query: &Attributes) -> Result<Vec<u64>> {
    let found = session.find(query)?;
    let pool = session.pool();
    pool.check_login(session)?;
    match pool.generation() == session.generation() {
        true => Ok(found),
        false => Err(Code::SessionClosed.because("the token was opened anew during a search")),
    }
}

/// What an object shows, completed, and of a key what its records say. They are asked for one by
/// one, unless all of them are in `records`.
///
/// # Errors
/// ObjectHandleInvalid for one that is gone; what the inner token answers.
pub(super) fn read(
    session: &InnerSession,
    profile: &Profile,
    handle: u64,
    records: Option<&ByLabel>,
) -> Result<Attributes> {
    let first = session.read(handle, &identity::FIRST)?;
    if !first.has(AttributeType::CLASS) {
        return Err(Code::ObjectHandleInvalid.because(format!("object {handle:#x} has no class")));
    }
    let records = match (records, Name::of(&first)) {
        (_, None) => Vec::new(),
        (Some(all), Some(name)) => all.get(&name.label()).cloned().unwrap_or_default(),
        (None, Some(_)) => records::of(session, &first)?,
    };
    let mut attributes = session.read(handle, &identity::wanted(&first))?;
    if !attributes.has(AttributeType::CLASS) {
        return Err(Code::ObjectHandleInvalid.because(format!("object {handle:#x} went away")));
    }
    first.iter().for_each(|(id, value)| attributes.set_default(id, value.clone()));
    identity::complete(&mut attributes);
    if profile.lists_own_mechanisms
        && let Some(Value::Mechanisms(own)) = attributes.find(AttributeType::ALLOWED_MECHANISMS)
    {
        let all = Value::Mechanisms(supplied::with_composed(own).into());
        attributes.set(AttributeType::ALLOWED_MECHANISMS, all);
    }
    if !records.is_empty() {
        effective(records.iter(), public(&attributes).as_ref()).show(&mut attributes);
    }
    Ok(attributes)
}

/// Gives an object our name for it.
pub(super) fn name(attributes: &mut Attributes, id: ObjectId) {
    attributes.set(AttributeType::UNIQUE_ID, Value::bytes(id.digits()));
}

/// The identity behind a name.
///
/// # Errors
/// GeneralError for attributes that no bridge gave.
pub(super) fn named(attributes: &Attributes) -> Result<ObjectId> {
    let parsed = attributes.bytes(AttributeType::UNIQUE_ID).and_then(|name| {
        let text = std::str::from_utf8(name).ok().filter(|text| text.len() == 32)?;
        u128::from_str_radix(text, 16).ok()
    });
    let parsed = parsed.ok_or_else(|| Code::GeneralError.because("an object without identity"))?;
    Ok(ObjectId(parsed.to_be_bytes()))
}
