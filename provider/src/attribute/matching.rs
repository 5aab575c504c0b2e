//! Which objects a search template means: the same bytes in every attribute that it names.

use crate::attribute::rule::Kind;
use crate::attribute::table::kind_of;
use crate::attribute::{Attributes, Raw, Template, Value, abi};
use crate::error::{Code, Result};
use crate::object::read;

/// Reads a search template.
///
/// An attribute of no class, or a value that its attribute cannot have, is kept as the bytes that
/// it is: no object has it, so nothing matches ("it can ... initialize a search operation which
/// will match no objects", `C_FindObjectsInit`). Browsers ask for vendor classes this way.
///
/// # Errors
/// AttributeValueInvalid for an attribute that is there twice with different values.
pub fn query(template: &Template<'_>) -> Result<Attributes> {
    let mut query = Attributes::new();
    for entry in &template.entries {
        let kind = kind_of(entry.id);
        let typed = kind.and_then(|kind| abi::read(entry.id, kind, &entry.value).ok());
        let value = typed.unwrap_or_else(|| unmatched(kind, &entry.value));
        if query.find(entry.id).is_some_and(|other| *other != value) {
            return Err(Code::AttributeValueInvalid
                .because(format!("{:?} twice with different values", entry.id)));
        }
        query.set(entry.id, value);
    }
    Ok(query)
}

/// Whether the object has every attribute of `query`, with the same value. What may not be read of
/// an object cannot be searched for either: a search must not confirm a guess of a key.
pub fn matches(object: &Attributes, query: &Attributes) -> bool {
    query.iter().all(|(id, wanted)| match object.find(id) {
        Some(Value::Secret(_)) | None => read::visible(object, id) == Ok(wanted),
        Some(value) => value == wanted,
    })
}

/// A value that no object has under an attribute of this kind.
fn unmatched(kind: Option<Kind>, raw: &Raw<'_>) -> Value {
    match (kind, raw) {
        (_, Raw::Bytes(bytes)) => Value::bytes(*bytes),
        (Some(Kind::Template), Raw::Template(_)) => Value::bytes(*b""),
        (_, Raw::Template(_)) => Value::Template(Default::default()),
    }
}
