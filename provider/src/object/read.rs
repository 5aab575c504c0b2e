//! `C_GetAttributeValue` and `C_GetObjectSize`: what an application may see of an object.

use std::mem::size_of;

use once_cell::sync::Lazy;
use pkcs11_sys::CK_ULONG;

use crate::attribute::rule::{Default, Kind};
use crate::attribute::table::{class_of, subtype_attribute};
use crate::attribute::{AttributeType, Attributes, Value, abi};
use crate::error::{Code, Result};
use crate::lifecycle::state::State;
use crate::object::draft::empty;

/// The value of an attribute, if the application may have it. Of an attribute that the object lacks
/// and that is empty by default, the empty value; of a key older than its state, active.
///
/// # Errors
/// AttributeSensitive for key material of a sensitive or unextractable key, also if it is not
/// there; AttributeTypeInvalid for an attribute that the object does not have.
pub fn readable(attributes: &Attributes, id: AttributeType) -> Result<&Value> {
    visible(attributes, id).map_err(|code| match code {
        Code::AttributeSensitive => code.because(format!("{id:?} is not to be revealed")),
        code => code.because(format!("the object does not have {id:?}")),
    })
}

/// As [`readable`], without the story: a search asks this of many objects.
pub(crate) fn visible(attributes: &Attributes, id: AttributeType) -> Result<&Value, Code> {
    let rule = attributes.class().and_then(|class| {
        let subtype = subtype_attribute(class).and_then(|id| attributes.number(id));
        class_of(class, subtype).ok()?.rule(id)
    });
    let value = attributes.find(id);
    let material = rule.is_some_and(|rule| rule.notes.has(7)) || is_secret(value);
    if material && is_hidden(attributes) {
        return Err(Code::AttributeSensitive);
    }
    let default = || match rule {
        Some(rule) if rule.default == Default::Empty => Some(empty_value(rule.kind)),
        Some(rule) if rule.id == AttributeType::KEYWAY_STATE => Some(&ACTIVE),
        _ => None,
    };
    value.or_else(default).ok_or(Code::AttributeTypeInvalid)
}

/// Bytes that an object takes: a type, a length and a value for each attribute.
pub fn size(attributes: &Attributes) -> usize {
    let row = 2 * size_of::<CK_ULONG>();
    attributes
        .iter()
        .map(|(_, value)| match value {
            Value::Template(nested) => row + size(nested),
            value => row + abi::written(value).map_or(0, |bytes| bytes.len()),
        })
        .sum()
}

/// The attributes that `CKA_UNWRAP_TEMPLATE` and its like of a key hold; none if it has none.
pub(super) fn nested(key: &Attributes, id: AttributeType) -> &Attributes {
    static NONE: Lazy<Attributes> = Lazy::new(Attributes::new);
    match key.find(id) {
        Some(Value::Template(template)) => template,
        _ => &NONE,
    }
}

static ACTIVE: Value = Value::Number(State::Active as u64);

/// Footnote 7.
fn is_hidden(attributes: &Attributes) -> bool {
    attributes.is_true(AttributeType::SENSITIVE) || !attributes.is_true(AttributeType::EXTRACTABLE)
}

fn is_secret(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Secret(_)))
}

fn empty_value(kind: Kind) -> &'static Value {
    static BYTES: Lazy<Value> = Lazy::new(|| empty(Kind::Bytes));
    static MECHANISMS: Lazy<Value> = Lazy::new(|| empty(Kind::Mechanisms));
    static TEMPLATE: Lazy<Value> = Lazy::new(|| empty(Kind::Template));
    match kind {
        Kind::Mechanisms => &MECHANISMS,
        Kind::Template => &TEMPLATE,
        Kind::Bool | Kind::Number | Kind::Bytes | Kind::Secret | Kind::Date => &BYTES,
    }
}
