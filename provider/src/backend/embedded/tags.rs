//! Blind tags: what a store searches by without being able to read it.

use crate::attribute::{AttributeType, Attributes, Value};
use crate::error::Result;
use crate::ffi::awslc::sealing;
use crate::secret::Secret;
use crate::store::Tag;

/// The attributes that get a tag: those that applications search by. Class and key type answer
/// "all private keys"; the others are nearly unique. The order is that of the tags in a record.
const TAGGED: [AttributeType; 9] = [
    AttributeType::CLASS,
    AttributeType::KEY_TYPE,
    AttributeType::ID,
    AttributeType::LABEL,
    AttributeType::SUBJECT,
    AttributeType::ISSUER,
    AttributeType::SERIAL_NUMBER,
    AttributeType::APPLICATION,
    AttributeType::OBJECT_ID,
];

/// Whether objects can be found by the attribute without being opened.
pub(super) fn is_tagged(id: AttributeType) -> bool {
    TAGGED.contains(&id)
}

/// The tags of what a query names, nearly unique ones first; the tag of all objects if that is
/// nothing that gets one. `None` if a value is of a kind that no object has.
pub(super) fn of_query(key: &Secret, query: &Attributes) -> Result<Option<Vec<Tag>>> {
    let mut tags = Vec::new();
    for (id, value) in TAGGED.into_iter().rev().filter_map(|id| Some((id, query.find(id)?))) {
        match tag(key, id, value)? {
            Some(tag) => tags.push(tag),
            None => return Ok(None),
        }
    }
    if tags.is_empty() {
        tags.push(presence(key)?);
    }
    Ok(Some(tags))
}

/// The tag of an attribute with a value; `None` for a value of a kind that no tagged attribute has.
fn tag(key: &Secret, id: AttributeType, value: &Value) -> Result<Option<Tag>> {
    let number;
    let value: &[u8] = match value {
        Value::Number(wide) => {
            number = wide.to_be_bytes();
            &number
        }
        Value::Bytes(bytes) => bytes,
        _ => return Ok(None),
    };
    hash(key, id, value).map(Some)
}

/// The tag that every object has: found by it, all of them are listed.
fn presence(key: &Secret) -> Result<Tag> {
    hash(key, AttributeType::TOKEN, &[1])
}

/// All tags of an object.
pub(super) fn of(key: &Secret, attributes: &Attributes) -> Result<Vec<Tag>> {
    let mut tags = vec![presence(key)?];
    for id in TAGGED {
        if let Some(value) = attributes.find(id) {
            tags.extend(tag(key, id, value)?);
        }
    }
    Ok(tags)
}

/// HMAC-SHA256 of type and value, cut to 16 bytes: a collision by chance needs 2^64 values.
fn hash(key: &Secret, id: AttributeType, value: &[u8]) -> Result<Tag> {
    let mac = sealing::hmac_sha256(key, &[&id.0.to_be_bytes(), value])?;
    let mut tag = [0; 16];
    tag.copy_from_slice(&mac[..16]);
    Ok(Tag(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_under_another_attribute_or_key_has_another_tag() {
        let (one, two) = (Secret::copy_of(&[1; 32]), Secret::copy_of(&[2; 32]));
        let value = Value::bytes(*b"a");
        let of = |key, id| tag(key, id, &value).unwrap().unwrap();
        assert_eq!(of(&one, AttributeType::ID), of(&one, AttributeType::ID));
        assert_ne!(of(&one, AttributeType::ID), of(&one, AttributeType::LABEL));
        assert_ne!(of(&one, AttributeType::ID), of(&two, AttributeType::ID));
    }
}
