//! Data objects that are derived: CKM_HKDF_DATA.

use crate::attribute::rule::Act;
use crate::attribute::table::class_of;
use crate::attribute::{AttributeType, Attributes, ObjectClass, Template};
use crate::error::{Code, Result};
use crate::object::Caller;
use crate::object::derive::Wanted;
use crate::object::draft::{Draft, identity};
use crate::object::read::nested;

/// A data object to derive. "CKA_VALUE_LEN should be set to the desired [...] length", though such an
/// object does not have it.
///
/// # Errors
/// As [`for_derive`](crate::object::for_derive).
pub(super) fn for_data(
    template: &Template<'_>,
    base: &Attributes,
    caller: Caller,
) -> Result<Wanted> {
    let length = template.number(AttributeType::VALUE_LEN)?;
    let length = length
        .map(usize::try_from)
        .transpose()
        .map_err(|_| Code::AttributeValueInvalid.because(format!("CKA_VALUE_LEN is {length:?}")))?;
    if template.find(AttributeType::VALUE).is_some() {
        return Err(Code::TemplateInconsistent.because("CKA_VALUE is what is derived"));
    }
    let mut rest = template.clone();
    rest.entries.retain(|entry| entry.id != AttributeType::VALUE_LEN);
    let class = class_of(ObjectClass::DATA, None)?;
    let mut draft = Draft::new(class, &rest)?;
    draft.impose(nested(base, AttributeType::DERIVE_TEMPLATE))?;
    draft.impose(&identity(class))?;
    draft.check(Act::Derive, caller)?;
    let attributes = draft.complete(Act::Derive, caller.policy)?;
    caller.admit(&[&attributes])?;
    Ok(Wanted { attributes, length })
}
