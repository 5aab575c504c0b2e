//! Attribute values and the sorted set of them that makes an object.

use std::sync::Arc;

use crate::attribute::{AttributeType, KeyType, ObjectClass, Shared};
use crate::secret::Secret;

/// A value in its own type; its rule says which.
#[derive(Clone, Debug)]
pub enum Value {
    Bool(bool),
    /// `CK_ULONG` and what is built on it.
    Number(u64),
    /// Byte arrays, big integers, RFC 2279 strings and dates (`CK_DATE`: 0 or 8 bytes).
    Bytes(Shared<[u8]>),
    /// Byte arrays that only a sealed record may hold: `CKA_VALUE`, `CKA_PRIVATE_EXPONENT`, ...
    Secret(Arc<Secret>),
    /// `CKA_ALLOWED_MECHANISMS`.
    Mechanisms(Shared<[u64]>),
    /// `CKA_WRAP_TEMPLATE` and its like.
    Template(Shared<Attributes>),
}

impl Value {
    pub fn bytes(bytes: impl Into<Shared<[u8]>>) -> Self {
        Self::Bytes(bytes.into())
    }

    pub fn secret(secret: Secret) -> Self {
        Self::Secret(Arc::new(secret))
    }

    /// The bytes of a byte array, secret or not.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Secret(secret) => Some(secret.expose()),
            _ => None,
        }
    }
}

/// Equal means equal as the application sees it; secrets compare in constant time.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::Mechanisms(a), Self::Mechanisms(b)) => a == b,
            (Self::Template(a), Self::Template(b)) => a == b,
            (a, b) => match (a.as_bytes(), b.as_bytes()) {
                (Some(a), Some(b)) => subtle::ConstantTimeEq::ct_eq(a, b).into(),
                _ => false,
            },
        }
    }
}

/// The attributes of an object, at most one of each type, in ascending order of type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(Vec<(AttributeType, Value)>);

impl Attributes {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Room for so many attributes before the first is there.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    pub fn find(&self, id: AttributeType) -> Option<&Value> {
        let row = self.0.binary_search_by_key(&id, |row| row.0).ok()?;
        Some(&self.0[row].1)
    }

    pub fn has(&self, id: AttributeType) -> bool {
        self.find(id).is_some()
    }

    /// Adds `value`, or puts it in the place of the value that was there.
    pub fn set(&mut self, id: AttributeType, value: Value) {
        match self.0.binary_search_by_key(&id, |row| row.0) {
            Ok(row) => self.0[row].1 = value,
            Err(row) => self.0.insert(row, (id, value)),
        }
    }

    /// As [`set`](Self::set), but keeps a value that is already there.
    pub fn set_default(&mut self, id: AttributeType, value: Value) {
        if let Err(row) = self.0.binary_search_by_key(&id, |row| row.0) {
            self.0.insert(row, (id, value));
        }
    }

    /// As [`set_default`](Self::set_default) for many, which come in ascending order of type.
    pub fn set_defaults(&mut self, values: impl Iterator<Item = (AttributeType, Value)>) {
        // A key gets some more: its material, what follows from it, its name.
        const MORE: usize = 4;
        let room = self.0.len() + values.size_hint().1.unwrap_or_default() + MORE;
        let given = std::mem::replace(&mut self.0, Vec::with_capacity(room));
        let mut given = given.into_iter().peekable();
        for (id, value) in values {
            while let Some(row) = given.next_if(|row| row.0 < id) {
                self.0.push(row);
            }
            if given.peek().is_none_or(|row| row.0 != id) {
                self.0.push((id, value));
            }
        }
        self.0.extend(given);
    }

    pub fn remove(&mut self, id: AttributeType) -> Option<Value> {
        let row = self.0.binary_search_by_key(&id, |row| row.0).ok()?;
        Some(self.0.remove(row).1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (AttributeType, &Value)> {
        self.0.iter().map(|(id, value)| (*id, value))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a Boolean attribute is there and true.
    pub fn is_true(&self, id: AttributeType) -> bool {
        matches!(self.find(id), Some(Value::Bool(true)))
    }

    pub fn number(&self, id: AttributeType) -> Option<u64> {
        match self.find(id) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub fn bytes(&self, id: AttributeType) -> Option<&[u8]> {
        self.find(id)?.as_bytes()
    }

    pub fn class(&self) -> Option<ObjectClass> {
        self.number(AttributeType::CLASS).map(ObjectClass)
    }

    pub fn key_type(&self) -> Option<KeyType> {
        self.number(AttributeType::KEY_TYPE).map(KeyType)
    }
}

impl FromIterator<(AttributeType, Value)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (AttributeType, Value)>>(rows: I) -> Self {
        let mut attributes = Self::new();
        for (id, value) in rows {
            attributes.set(id, value);
        }
        attributes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_keeps_order_and_one_value_a_type() {
        let mut attributes = Attributes::new();
        attributes.set(AttributeType::LABEL, Value::bytes(*b"b"));
        attributes.set(AttributeType::CLASS, Value::Number(3));
        attributes.set(AttributeType::LABEL, Value::bytes(*b"a"));
        attributes.set_default(AttributeType::CLASS, Value::Number(4));
        let defaults = [(AttributeType::CLASS, 5), (AttributeType::TOKEN, 6)];
        attributes.set_defaults(defaults.map(|(id, n)| (id, Value::Number(n))).into_iter());
        assert_eq!(attributes.number(AttributeType::TOKEN), Some(6));
        let types: Vec<_> = attributes.iter().map(|row| row.0).collect();
        assert_eq!(types, [AttributeType::CLASS, AttributeType::TOKEN, AttributeType::LABEL]);
        assert_eq!(attributes.bytes(AttributeType::LABEL), Some(&b"a"[..]));
        assert_eq!(attributes.class(), Some(ObjectClass::PRIVATE_KEY));
    }
}
