//! Which attributes hold a key itself, and the objects that a key is tried with.

use cryptoki_sys::{
    CK_ATTRIBUTE_TYPE, CKA_BASE, CKA_CLASS, CKA_COEFFICIENT, CKA_DECRYPT, CKA_EC_PARAMS,
    CKA_EC_POINT, CKA_ENCRYPT, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_EXTRACTABLE, CKA_KEY_TYPE,
    CKA_MODULUS, CKA_PRIME, CKA_PRIME_1, CKA_PRIME_2, CKA_PRIVATE, CKA_PRIVATE_EXPONENT,
    CKA_PUBLIC_EXPONENT, CKA_SENSITIVE, CKA_SIGN, CKA_SUBPRIME, CKA_TOKEN, CKA_VALUE, CKA_VERIFY,
    CKO_PRIVATE_KEY, CKO_PUBLIC_KEY,
};
use der::Decode;
use der::asn1::OctetStringRef;

use super::proof::is_block_cipher;
use crate::foreign::ForeignObject;

/// What everybody may know of a key; the value of a public key is [`CKA_VALUE`], too.
pub(super) const PUBLIC: [CK_ATTRIBUTE_TYPE; 7] = [
    CKA_MODULUS,
    CKA_PUBLIC_EXPONENT,
    CKA_EC_PARAMS,
    CKA_EC_POINT,
    CKA_PRIME,
    CKA_SUBPRIME,
    CKA_BASE,
];

/// What nobody else may know of a private or secret key.
pub(super) const SECRET: [CK_ATTRIBUTE_TYPE; 7] = [
    CKA_VALUE,
    CKA_PRIVATE_EXPONENT,
    CKA_PRIME_1,
    CKA_PRIME_2,
    CKA_EXPONENT_1,
    CKA_EXPONENT_2,
    CKA_COEFFICIENT,
];

/// The template of an object of the session that a key is proved with: it may do what the proof
/// needs, whatever the key itself may.
pub(super) fn probe(object: &ForeignObject) -> ForeignObject {
    let mut probe = ForeignObject::new(object.class().unwrap_or_default());
    for name in [CKA_CLASS, CKA_KEY_TYPE] {
        if let Some(value) = object.get(name) {
            probe.bytes(name, value);
        }
    }
    probe.flags(&[
        (CKA_TOKEN, false),
        (CKA_PRIVATE, true),
        (CKA_SENSITIVE, true),
        (CKA_EXTRACTABLE, false),
    ]);
    match object.class() {
        Some(CKO_PRIVATE_KEY) => probe.flag(CKA_SIGN, true),
        _ if is_block_cipher(object) => {
            probe.flag(CKA_ENCRYPT, true);
            probe.flag(CKA_DECRYPT, true);
        }
        _ => probe.flag(CKA_SIGN, true),
    }
    probe
}

/// The template of a public key of the session that verifies.
pub(super) fn verifier(public: &ForeignObject) -> ForeignObject {
    let mut verifier = ForeignObject::new(CKO_PUBLIC_KEY);
    for name in [CKA_KEY_TYPE].iter().chain(&PUBLIC) {
        if let Some(value) = public.get(*name) {
            verifier.bytes(*name, value);
        }
    }
    verifier.flag(CKA_TOKEN, false);
    verifier.flag(CKA_PRIVATE, false);
    verifier.flag(CKA_VERIFY, true);
    verifier
}

/// What a public key is told by: its modulus, its point without the OCTET STRING that most tokens
/// put around it, or its value.
pub(super) fn identity(object: &ForeignObject) -> Option<&[u8]> {
    let point = |value| match <&OctetStringRef>::from_der(value) {
        Ok(inner) => inner.as_bytes(),
        Err(_) => value,
    };
    object
        .get(CKA_MODULUS)
        .or_else(|| object.get(CKA_EC_POINT).map(point))
        .or_else(|| object.get(CKA_VALUE))
}
