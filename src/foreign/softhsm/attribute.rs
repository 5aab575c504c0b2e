//! From what SoftHSM2 stores to what C_CreateObject takes.

use cryptoki_sys::{
    CK_ATTRIBUTE_TYPE, CK_ULONG, CKA_ALLOWED_MECHANISMS, CKA_ALWAYS_SENSITIVE,
    CKA_KEY_GEN_MECHANISM, CKA_LOCAL, CKA_MODULUS_BITS, CKA_NEVER_EXTRACTABLE, CKA_TOKEN,
    CKA_TRUSTED, CKA_UNIQUE_ID, CKA_VALUE_LEN,
};

use super::file::{Value, Values};
use crate::foreign::ForeignObject;

/// What a token says of a key itself and takes from nobody (footnotes 2, 4 and 6 of PKCS#11).
const OWN_WORDS: [CK_ATTRIBUTE_TYPE; 7] = [
    CKA_LOCAL,
    CKA_ALWAYS_SENSITIVE,
    CKA_NEVER_EXTRACTABLE,
    CKA_KEY_GEN_MECHANISM,
    CKA_UNIQUE_ID,
    CKA_MODULUS_BITS,
    CKA_VALUE_LEN,
];

/// The object that SoftHSM2's attributes describe.
pub(super) fn object(values: &Values) -> ForeignObject {
    let mut object = ForeignObject::default();
    for (name, value) in values {
        if OWN_WORDS.contains(name) {
            continue;
        }
        match value {
            Value::Flag(true) if *name == CKA_TRUSTED => object
                .losses
                .push("CKA_TRUSTED: only the new token's security officer can say so".to_owned()),
            Value::Flag(false) if *name == CKA_TRUSTED => {}
            Value::Flag(value) => object.flag(*name, *value),
            Value::Number(value) => match CK_ULONG::try_from(*value) {
                Ok(value) => object.number(*name, value),
                Err(_) => object.obstacle = Some(format!("attribute {name:#x} is too large")),
            },
            // SoftHSM2 stores every attribute that a class has; an empty one says nothing.
            Value::Bytes(value) if value.is_empty() => {}
            Value::Bytes(value) => object.bytes(*name, value),
            Value::Template { empty: true } => {}
            Value::Template { empty: false } => {
                object.obstacle = Some(format!(
                    "it limits what it wraps or derives (attribute {name:#x}), which would be lost"
                ));
            }
            Value::Mechanisms(list) if list.is_empty() => {}
            Value::Mechanisms(list) => {
                let numbers: Vec<u8> =
                    list.iter().flat_map(|number| (*number as CK_ULONG).to_ne_bytes()).collect();
                object.bytes(CKA_ALLOWED_MECHANISMS, &numbers);
            }
        }
    }
    object.flag(CKA_TOKEN, true);
    object
}
