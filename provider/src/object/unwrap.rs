//! `C_UnwrapKey`: a key whose material comes wrapped.

use crate::attribute::rule::Act;
use crate::attribute::{AttributeType, Attributes, ObjectClass, Template};
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
/// contradicts `CKA_UNWRAP_TEMPLATE` or describes no secret or private key.
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
    draft.check(Act::Unwrap, caller)?;
    let attributes = draft.complete(Act::Unwrap, caller.policy)?;
    caller.admit(&[&attributes])?;
    Ok(attributes)
}
