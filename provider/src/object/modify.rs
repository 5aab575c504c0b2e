//! `C_SetAttributeValue`: what may still change once an object is there.

use crate::attribute::rule::Rule;
use crate::attribute::{AttributeType, Attributes, ObjectClass, Template, Value};
use crate::error::{Code, Result};
use crate::lifecycle;
use crate::object::Caller;
use crate::object::consistent::consistent;
use crate::object::draft::{Draft, class_in, only_the_officer, rule};

/// The attributes of the object after the change.
///
/// # Errors
/// SessionReadOnly and UserNotLoggedIn for the caller; ActionProhibited for an object with
/// `CKA_MODIFIABLE` false, or a trusted one unless the security officer asks; AttributeReadOnly for
/// an attribute that cannot change, or not this way; AttributeTypeInvalid, AttributeValueInvalid
/// and TemplateInconsistent for the template; what the policy does not admit.
pub fn modified(
    current: &Attributes,
    template: &Template<'_>,
    caller: Caller,
) -> Result<Attributes> {
    caller.admit(&[current])?;
    if !current.is_true(AttributeType::MODIFIABLE) {
        return Err(Code::ActionProhibited.because("the object has CKA_MODIFIABLE false"));
    }
    if current.is_true(AttributeType::TRUSTED) && !caller.is_security_officer() {
        return Err(
            Code::ActionProhibited.because("a trusted object is the security officer's to change")
        );
    }
    let changes = changes(current, template)?;
    let mut attributes = current.clone();
    for (id, value) in changes.attributes.iter() {
        let rule = rule(changes.class, id)?;
        may_change(rule, current, value, caller)?;
        if !rule.changeable() && !gives_up_check_value(rule, current, value) {
            return Err(Code::AttributeReadOnly.because(format!("{id:?} does not change")));
        }
        attributes.set(id, value.clone());
    }
    consistent(&attributes)?;
    caller.policy.keep_roles(current, &mut attributes);
    caller.policy.admit_change(current, &attributes)?;
    Ok(attributes)
}

/// A template of changes, read by the rules of the object's class.
pub(super) fn changes(current: &Attributes, template: &Template<'_>) -> Result<Draft> {
    let class = class_in(&Template::default(), current)?;
    Draft::new(class, template)
}

/// What the footnotes say of a change from what an object has to `value`, in place or in a copy.
///
/// # Errors
/// AttributeReadOnly for a one-way switch that is thrown, trust that is not the caller's to give,
/// and what [`lifecycle::may_change`] refuses; AttributeValueInvalid for public key information that is not the key's.
pub(super) fn may_change(
    rule: &Rule,
    current: &Attributes,
    value: &Value,
    caller: Caller,
) -> Result<()> {
    only_the_officer(rule, value, caller)?;
    lifecycle::may_change(rule.id, current, value, caller)?;
    let before = current.find(rule.id);
    let thrown = |number, at| {
        rule.notes.has(number) && before == Some(&Value::Bool(at)) && *value != Value::Bool(at)
    };
    if thrown(11, true) || thrown(12, false) {
        return Err(Code::AttributeReadOnly
            .because(format!("{:?} is a one-way switch and was thrown", rule.id)));
    }
    // "MUST be consistent with the underlying private key data": the token has it from there.
    let info = rule.id == AttributeType::PUBLIC_KEY_INFO && rule.notes.has(8);
    if info && before != Some(value) {
        return Err(Code::AttributeValueInvalid
            .because("CKA_PUBLIC_KEY_INFO differs from that of the private key"));
    }
    Ok(())
}

/// "C_SetAttributeValue may be used to destroy the attribute, by supplying no-value" (section
/// "Secret key objects").
fn gives_up_check_value(rule: &Rule, current: &Attributes, value: &Value) -> bool {
    rule.id == AttributeType::CHECK_VALUE
        && current.class() == Some(ObjectClass::SECRET_KEY)
        && value.as_bytes().is_some_and(<[u8]>::is_empty)
}
