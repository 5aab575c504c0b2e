//! What an inner object is recognised by, also after its handle was lost.

use crate::attribute::rule::{Default, Kind};
use crate::attribute::table::{class_of, subtype_attribute};
use crate::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Value, abi};
use crate::backend::ObjectId;
use crate::ffi::awslc::sealing::sha256;
use crate::policy::significant_bits;

/// The attributes that tell objects of one token apart, if they are there and not empty.
const TELLING: [AttributeType; 17] = [
    AttributeType::CLASS,
    AttributeType::TOKEN,
    AttributeType::PRIVATE,
    AttributeType::LABEL,
    AttributeType::ID,
    AttributeType::KEY_TYPE,
    AttributeType::CERTIFICATE_TYPE,
    AttributeType::ISSUER,
    AttributeType::SERIAL_NUMBER,
    AttributeType::SUBJECT,
    AttributeType::APPLICATION,
    AttributeType::OBJECT_ID,
    AttributeType::CHECK_VALUE,
    AttributeType::MODULUS,
    AttributeType::EC_PARAMS,
    AttributeType::EC_POINT,
    AttributeType::VALUE_LEN,
];

/// Of the public objects, what they hold as well.
const CONTENT: AttributeType = AttributeType::VALUE;

/// What to search for to find the object again.
pub(super) fn template(attributes: &Attributes) -> Attributes {
    let mut template = Attributes::new();
    for id in TELLING.into_iter().chain([CONTENT]) {
        match attributes.find(id) {
            Some(Value::Secret(_)) | None => {}
            Some(Value::Bytes(bytes)) if bytes.is_empty() => {}
            Some(value) => template.set(id, value.clone()),
        }
    }
    template
}

/// The identity that follows from it. `twin` tells objects apart that look alike.
pub(super) fn of(template: &Attributes, twin: u64) -> ObjectId {
    let mut bytes = Vec::new();
    for (id, value) in template.iter() {
        let value = abi::written(value).unwrap_or_default();
        bytes.extend(id.0.to_be_bytes());
        bytes.extend((value.len() as u64).to_be_bytes());
        bytes.extend_from_slice(&value);
    }
    let hash = sha256(&[b"keyway inner object", &bytes, &twin.to_be_bytes()]);
    ObjectId(hash[..16].try_into().expect("16 of 32 bytes"))
}

/// What to ask the inner token for of an object of this class: every attribute that may be shown.
pub(super) fn wanted(known: &Attributes) -> Vec<AttributeType> {
    let class = known.class().and_then(|class| {
        let subtype = subtype_attribute(class).and_then(|id| known.number(id));
        class_of(class, subtype).ok()
    });
    let Some(class) = class else { return TELLING.to_vec() };
    let open =
        !known.is_true(AttributeType::SENSITIVE) && known.is_true(AttributeType::EXTRACTABLE);
    let shown = |kind: Kind| kind != Kind::Secret || open;
    let rules = class.rules().filter(|rule| shown(rule.kind));
    let ours = [AttributeType::UNIQUE_ID, AttributeType::KEYWAY_STATE];
    rules.map(|rule| rule.id).filter(|id| !ours.contains(id)).collect()
}

/// Gives an object's values the kinds that its class says, and what its token does not say of it:
/// what follows from the rest, what our rules take for granted, and where they do not, what permits
/// least.
pub(super) fn complete(attributes: &mut Attributes) {
    let Some(class) = attributes.class().and_then(|class| {
        let subtype = subtype_attribute(class).and_then(|id| attributes.number(id));
        class_of(class, subtype).ok()
    }) else {
        return;
    };
    for rule in class.rules() {
        // What the value of a key is called hides nothing in another object.
        if let Some(Value::Secret(value)) = attributes.find(rule.id)
            && rule.kind != Kind::Secret
        {
            let value = Value::bytes(value.expose());
            attributes.set(rule.id, value);
        }
        let value = match (rule.default, rule.kind) {
            (Default::True, Kind::Bool) => Value::Bool(true),
            (Default::Policy, Kind::Bool) => Value::Bool(rule.id == AttributeType::SENSITIVE),
            (_, Kind::Bool) => Value::Bool(false),
            (Default::Number(number), _) => Value::Number(number),
            _ => continue,
        };
        attributes.set_default(rule.id, value);
    }
    if attributes.class() == Some(ObjectClass::PUBLIC_KEY)
        && attributes.key_type() == Some(KeyType::RSA)
        && let Some(modulus) = attributes.bytes(AttributeType::MODULUS)
    {
        let bits = Value::Number(significant_bits(modulus));
        attributes.set_default(AttributeType::MODULUS_BITS, bits);
    }
}

/// What says which attributes an object has, and what records a key has.
pub(super) const FIRST: [AttributeType; 8] = [
    AttributeType::CLASS,
    AttributeType::TOKEN,
    AttributeType::LABEL,
    AttributeType::ID,
    AttributeType::KEY_TYPE,
    AttributeType::CERTIFICATE_TYPE,
    AttributeType::SENSITIVE,
    AttributeType::EXTRACTABLE,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_modulus_is_known_where_a_token_does_not_say_it() {
        let read = |class: ObjectClass| {
            let mut key = Attributes::from_iter([
                (AttributeType::CLASS, Value::Number(class.0)),
                (AttributeType::KEY_TYPE, Value::Number(KeyType::RSA.0)),
                (AttributeType::MODULUS, Value::bytes([&[0x00, 0x80][..], &[1; 255]].concat())),
            ]);
            complete(&mut key);
            key.number(AttributeType::MODULUS_BITS)
        };
        assert_eq!(read(ObjectClass::PUBLIC_KEY), Some(2048));
        assert_eq!(read(ObjectClass::PRIVATE_KEY), None);
    }
}
