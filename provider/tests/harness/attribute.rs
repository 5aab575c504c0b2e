//! Templates as Rust values.

use keyway_pkcs11::attribute::{AttributeType, KeyType, ObjectClass};

/// One attribute of a template.
#[derive(Clone, Debug)]
pub struct Attribute {
    kind: AttributeType,
    /// `None` is a NULL pointer.
    value: Option<Vec<u8>>,
    len: u64,
}

impl Attribute {
    pub fn bytes(kind: AttributeType, value: &[u8]) -> Self {
        Self { kind, len: value.len() as u64, value: Some(value.to_vec()) }
    }

    pub fn text(kind: AttributeType, value: &str) -> Self {
        Self::bytes(kind, value.as_bytes())
    }

    pub fn flag(kind: AttributeType, value: bool) -> Self {
        Self::bytes(kind, &[value.into()])
    }

    pub fn number(kind: AttributeType, value: u64) -> Self {
        Self::bytes(kind, &value.to_ne_bytes())
    }

    pub fn class(class: ObjectClass) -> Self {
        Self::number(AttributeType::CLASS, class.0)
    }

    pub fn key_type(key_type: KeyType) -> Self {
        Self::number(AttributeType::KEY_TYPE, key_type.0)
    }

    /// A NULL pointer with a length.
    pub fn null(kind: AttributeType, len: u64) -> Self {
        Self { kind, value: None, len }
    }
}

/// An array of `CK_ATTRIBUTE`, three words each: type, pointer, length.
pub fn words(template: &[Attribute]) -> Vec<u64> {
    let entry = |attribute: &Attribute| {
        let pointer = attribute.value.as_ref().map_or(0, |value| value.as_ptr() as u64);
        [attribute.kind.0, pointer, attribute.len]
    };
    template.iter().flat_map(entry).collect()
}

/// Templates put together: the later parts replace attributes of the earlier ones.
pub fn merged(parts: &[&[Attribute]]) -> Vec<Attribute> {
    let mut all: Vec<Attribute> = Vec::new();
    for attribute in parts.iter().copied().flatten() {
        all.retain(|known| known.kind != attribute.kind);
        all.push(attribute.clone());
    }
    all
}
