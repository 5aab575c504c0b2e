//! `C_CopyObject`: the same material under attributes that may differ a little.

use crate::attribute::rule::{Kind, Rule};
use crate::attribute::{AttributeType, Attributes, ObjectClass, Template, Value};
use crate::error::{Code, Result};
use crate::object::Caller;
use crate::object::consistent::consistent;
use crate::object::draft::rule;
use crate::object::modify::{changes, may_change};

/// "The Cryptoki attributes which can be modified during the course of a C_CopyObject operation are
/// ... those described as being modifiable, plus the four special attributes".
const SPECIAL: [AttributeType; 4] = [
    AttributeType::TOKEN,
    AttributeType::PRIVATE,
    AttributeType::MODIFIABLE,
    AttributeType::DESTROYABLE,
];

/// The attributes of the copy, complete but for a `CKA_UNIQUE_ID` of its own.
///
/// A copy must not be a way around `CKA_MODIFIABLE`: of an object that cannot be modified, only the
/// special attributes and `CKA_COPYABLE` can differ in a copy, and it cannot be modified either.
/// The copy of a trusted object is trusted only if the security officer makes it; of a trusted
/// secret key nobody else makes one, for it could do what the trusted key does not.
///
/// # Errors
/// ActionProhibited for an object with `CKA_COPYABLE` false, a trusted secret key unless the security
/// officer asks, or for changes while copying an object with `CKA_MODIFIABLE` false; TemplateInconsistent for a public copy of a private object;
/// AttributeReadOnly for an attribute that cannot change, or not this way; AttributeTypeInvalid
/// and AttributeValueInvalid for the template; SessionReadOnly and UserNotLoggedIn for the caller.
pub fn copied(
    original: &Attributes,
    template: &Template<'_>,
    caller: Caller,
) -> Result<Attributes> {
    if !original.is_true(AttributeType::COPYABLE) {
        return Err(Code::ActionProhibited.because("the object has CKA_COPYABLE false"));
    }
    let trusted = original.is_true(AttributeType::TRUSTED) && !caller.is_security_officer();
    let secret = original.class() == Some(ObjectClass::SECRET_KEY);
    if trusted && secret && caller.policy.guards_trust() {
        return Err(
            Code::ActionProhibited.because("a trusted key is the security officer's to copy")
        );
    }
    let changes = changes(original, template)?;
    let mut copy = original.clone();
    copy.remove(AttributeType::UNIQUE_ID);
    if trusted {
        copy.set(AttributeType::TRUSTED, Value::Bool(false));
    }
    for (id, value) in changes.attributes.iter() {
        let rule = rule(changes.class, id)?;
        may_differ(rule, original, value)?;
        may_change(rule, original, value, caller)?;
        copy.set(id, value.clone());
    }
    if original.is_true(AttributeType::PRIVATE) && !copy.is_true(AttributeType::PRIVATE) {
        return Err(Code::TemplateInconsistent.because("a public copy of a private object"));
    }
    consistent(&copy)?;
    caller.policy.keep_roles(original, &mut copy);
    caller.admit(&[&copy])?;
    Ok(copy)
}

/// Whether the copy may have `value`.
///
/// # Errors
/// AttributeReadOnly, ActionProhibited: see [`copied`].
fn may_differ(rule: &Rule, original: &Attributes, value: &Value) -> Result<()> {
    // Comparing a secret would confirm a guess of it.
    let same = rule.kind != Kind::Secret && original.find(rule.id) == Some(value);
    if same && !rule.computed() {
        return Ok(());
    }
    let special = SPECIAL.contains(&rule.id);
    if !special && !rule.changeable() {
        return Err(
            Code::AttributeReadOnly.because(format!("{:?} does not change in a copy", rule.id))
        );
    }
    if original.is_true(AttributeType::MODIFIABLE) {
        return Ok(());
    }
    match rule.id {
        AttributeType::MODIFIABLE => Err(Code::AttributeReadOnly
            .because("a copy of what cannot be modified cannot be modified either")),
        id if special || id == AttributeType::COPYABLE => Ok(()),
        id => Err(Code::ActionProhibited
            .because(format!("{id:?} of an object with CKA_MODIFIABLE false"))),
    }
}
