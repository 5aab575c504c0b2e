//! `C_UnwrapKey`: a key whose material comes wrapped.

use crate::attribute::rule::Act;
use crate::attribute::{AttributeType, Attributes, ObjectClass, Template, Value};
use crate::error::{Code, Result};
use crate::object::Caller;
use crate::object::draft::{Draft, class_in};
use crate::object::read::nested;

/// The attributes of a key to unwrap, complete but for its material, what follows from it, and
/// `CKA_UNIQUE_ID`. What `CKA_UNWRAP_TEMPLATE` of the unwrapping key says is added.
///
/// `CKA_EXTRACTABLE` defaults to true (section `C_UnwrapKey`): the material has been outside.
/// `CKA_VALUE_LEN` of the template is kept, for whoever unwraps to hold against the length found.
///
/// # Errors
/// As [`from_template`](crate::object::from_template); TemplateInconsistent for a template that
/// contradicts `CKA_UNWRAP_TEMPLATE`, describes no secret or private key, or would show what a trusted
/// key unwraps.
pub fn for_unwrap(
    template: &Template<'_>,
    unwrapping_key: &Attributes,
    caller: Caller,
) -> Result<Attributes> {
    let demanded = nested(unwrapping_key, AttributeType::UNWRAP_TEMPLATE);
    let class = class_in(template, demanded)?;
    if !matches!(class.class, ObjectClass::SECRET_KEY | ObjectClass::PRIVATE_KEY) {
        return Err(
            Code::TemplateInconsistent.because(format!("a {} cannot be unwrapped", class.name))
        );
    }
    let mut draft = Draft::new(class, template)?;
    draft.impose(demanded)?;
    if unwrapping_key.is_true(AttributeType::TRUSTED) && caller.policy.guards_trust() {
        draft.impose(&guarded(&draft.attributes))?;
    }
    draft.check(Act::Unwrap, caller)?;
    let attributes = draft.complete(Act::Unwrap, caller.policy)?;
    caller.admit(&[&attributes])?;
    Ok(attributes)
}

/// What a trusted key unwraps: a key with `CKA_WRAP_WITH_TRUSTED` may be in there, and comes back as
/// hidden as it left.
fn guarded(asked: &Attributes) -> Attributes {
    let yes = |id| (id, Value::Bool(true));
    let stays = asked.find(AttributeType::EXTRACTABLE) == Some(&Value::Bool(false));
    let trusted_only = (!stays).then(|| yes(AttributeType::WRAP_WITH_TRUSTED));
    [yes(AttributeType::SENSITIVE)].into_iter().chain(trusted_only).collect()
}
