//! `C_CreateObject`: an object of what the application brings.

use crate::attribute::rule::Act;
use crate::attribute::{AttributeType, Attributes, ObjectClass, Template, Value};
use crate::error::Result;
use crate::object::Caller;
use crate::object::draft::{Draft, class_in};
use crate::policy::significant_bits;

/// The attributes of an imported object, complete but for what the token computes from its
/// material (`engine::complete`) and `CKA_UNIQUE_ID`.
///
/// `CKA_LOCAL`, `CKA_ALWAYS_SENSITIVE` and `CKA_NEVER_EXTRACTABLE` are false: nobody here knows
/// where the material was before. A `CKA_CHECK_VALUE` of the template is kept as it is for
/// `engine::complete` to verify; an empty one means that none is wanted.
///
/// # Errors
/// TemplateIncomplete, TemplateInconsistent, AttributeTypeInvalid, AttributeValueInvalid and
/// AttributeReadOnly for the template; SessionReadOnly and UserNotLoggedIn for the caller.
pub fn from_template(template: &Template<'_>, caller: Caller) -> Result<Attributes> {
    let class = class_in(template, &Attributes::new())?;
    let draft = Draft::new(class, template)?;
    draft.check(Act::Create, caller)?;
    let mut attributes = draft.complete(Act::Create, caller.policy)?;
    caller.admit(&[&attributes])?;
    if class.class == ObjectClass::DOMAIN_PARAMETERS {
        measure(&mut attributes);
    }
    Ok(attributes)
}

/// Adds `CKA_PRIME_BITS` to domain parameters: they are no key for the engine to complete.
fn measure(parameters: &mut Attributes) {
    let prime = parameters.bytes(AttributeType::PRIME).unwrap_or_default();
    let bits = Value::Number(significant_bits(prime));
    parameters.set(AttributeType::PRIME_BITS, bits);
}
