//! Pairs, unwrapped and derived keys: what comes from the mechanism, the other half, the key that
//! unwraps, the key derived from.

use keyway_pkcs11::attribute::rule::Act;
use keyway_pkcs11::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Value};
use keyway_pkcs11::error::Code;
use keyway_pkcs11::mechanism::MechanismType;
use keyway_pkcs11::object;

use crate::templates::*;

#[test]
fn a_pair_needs_neither_class_nor_key_type_and_contradicts_neither() {
    let spec = mechanism(MechanismType::EC_KEY_PAIR_GEN, KeyType::EC);
    let public = Owned::new().bytes(AttributeType::EC_PARAMS, b"oid");
    let pair = |public: &Owned, private: &Owned| {
        object::for_pair(&spec, &public.template(), &private.template(), USER)
    };
    let (left, right) = pair(&public, &Owned::new()).expect("a pair");
    assert_eq!((left.class(), left.key_type()), (Some(ObjectClass::PUBLIC_KEY), Some(KeyType::EC)));
    assert_eq!(right.class(), Some(ObjectClass::PRIVATE_KEY));
    assert_eq!(right.key_type(), Some(KeyType::EC));
    assert!(!left.is_true(AttributeType::PRIVATE) && right.is_true(AttributeType::PRIVATE));

    let named = |class: ObjectClass, key_type: KeyType| {
        Owned::new()
            .number(AttributeType::CLASS, class.0)
            .number(AttributeType::KEY_TYPE, key_type.0)
    };
    let right = named(ObjectClass::PRIVATE_KEY, KeyType::EC);
    assert_eq!(code(pair(&public, &right)), Code::Ok);
    for wrong in [
        named(ObjectClass::PRIVATE_KEY, KeyType::RSA),
        named(ObjectClass::PUBLIC_KEY, KeyType::EC),
        named(ObjectClass::SECRET_KEY, KeyType::EC),
    ] {
        assert_eq!(code(pair(&public, &wrong)), Code::TemplateInconsistent);
    }
}

#[test]
fn what_the_mechanism_copies_to_the_private_key_may_be_in_both_templates() {
    let spec = mechanism(MechanismType::EC_KEY_PAIR_GEN, KeyType::EC);
    let half = |oid: &[u8]| Owned::new().bytes(AttributeType::EC_PARAMS, oid);
    let answer = |private: Owned| {
        let public = half(b"oid");
        object::for_pair(&spec, &public.template(), &private.template(), USER)
    };
    let (_, private) = answer(half(b"oid")).expect("a pair");
    assert!(!private.has(AttributeType::EC_PARAMS), "the mechanism contributes it");
    assert_eq!(code(answer(half(b"other"))), Code::TemplateInconsistent);
    let value = Owned::new().bytes(AttributeType::VALUE, b"mine");
    assert_eq!(code(answer(value)), Code::AttributeReadOnly);
}

#[test]
fn a_mechanism_of_several_key_types_makes_one_of_them() {
    let mut spec = mechanism(MechanismType::EC_EDWARDS_KEY_PAIR_GEN, KeyType::EC_EDWARDS);
    spec.keys = &[KeyType::EC_EDWARDS, KeyType::EC_MONTGOMERY];
    let public = Owned::new().bytes(AttributeType::EC_PARAMS, b"oid");
    let montgomery = Owned::new().number(AttributeType::KEY_TYPE, KeyType::EC_MONTGOMERY.0);
    let answer = object::for_pair(&spec, &public.template(), &montgomery.template(), USER);
    assert_eq!(code(answer), Code::TemplateInconsistent);
    let public = public.number(AttributeType::KEY_TYPE, KeyType::EC_MONTGOMERY.0);
    let pair = object::for_pair(&spec, &public.template(), &montgomery.template(), USER);
    assert_eq!(pair.expect("a pair").1.key_type(), Some(KeyType::EC_MONTGOMERY));
}

#[test]
fn generation_contradicts_neither_class_nor_key_type() {
    let spec = mechanism(MechanismType::AES_KEY_GEN, KeyType::AES);
    let answer = |template: Owned| {
        let template = template.number(AttributeType::VALUE_LEN, 32);
        code(object::for_generation(&spec, &template.template(), USER))
    };
    assert_eq!(answer(Owned::new()), Code::Ok);
    let class = |class: ObjectClass| Owned::new().number(AttributeType::CLASS, class.0);
    assert_eq!(answer(class(ObjectClass::SECRET_KEY)), Code::Ok);
    assert_eq!(answer(class(ObjectClass::DATA)), Code::TemplateInconsistent);
    let key_type = |key: KeyType| Owned::new().number(AttributeType::KEY_TYPE, key.0);
    assert_eq!(answer(key_type(KeyType::AES)), Code::Ok);
    assert_eq!(answer(key_type(KeyType::GENERIC_SECRET)), Code::TemplateInconsistent);
}

#[test]
fn a_generated_key_begins_its_history_as_it_is() {
    let aes = class(ObjectClass::SECRET_KEY, KeyType::AES);
    for (sensitive, extractable) in [(true, true), (true, false), (false, false), (false, true)] {
        let template = Owned::new()
            .flag(AttributeType::SENSITIVE, sensitive)
            .flag(AttributeType::EXTRACTABLE, extractable);
        let key = made(aes, Act::Generate, template);
        assert_eq!(key.is_true(AttributeType::ALWAYS_SENSITIVE), sensitive);
        assert_eq!(key.is_true(AttributeType::NEVER_EXTRACTABLE), !extractable);
    }
}

/// "If the base key has its CKA_ALWAYS_SENSITIVE attribute set to CK_FALSE, then the derived key will
/// as well. If ... CK_TRUE, then the derived key has [it] set to the same value as its CKA_SENSITIVE
/// attribute", and likewise for CKA_NEVER_EXTRACTABLE (sections of ECDH, DH and HKDF).
#[test]
fn a_derived_key_goes_on_with_the_history_of_its_base() {
    let spec = mechanism(MechanismType::HKDF_DERIVE, KeyType::HKDF);
    for bits in 0..16u8 {
        let flag = |bit: u8| bits & 1 << bit != 0;
        let mut base = Attributes::new();
        base.set(AttributeType::ALWAYS_SENSITIVE, Value::Bool(flag(0)));
        base.set(AttributeType::NEVER_EXTRACTABLE, Value::Bool(flag(1)));
        let template = Owned::new()
            .flag(AttributeType::SENSITIVE, flag(2))
            .flag(AttributeType::EXTRACTABLE, flag(3));
        let key = object::for_derive(&spec, &template.template(), &base, USER).expect("a key");
        assert_eq!(key.attributes.is_true(AttributeType::ALWAYS_SENSITIVE), flag(0) && flag(2));
        assert_eq!(key.attributes.is_true(AttributeType::NEVER_EXTRACTABLE), flag(1) && !flag(3));
        assert!(!key.attributes.is_true(AttributeType::LOCAL));
    }
}

#[test]
fn a_derived_key_is_a_generic_secret_unless_its_template_says_otherwise() {
    let spec = mechanism(MechanismType::ECDH1_DERIVE, KeyType::EC);
    let derive =
        |template: Owned| object::for_derive(&spec, &template.template(), &Attributes::new(), USER);
    let key = derive(Owned::new()).expect("a key");
    assert_eq!(key.attributes.class(), Some(ObjectClass::SECRET_KEY));
    assert_eq!(key.attributes.key_type(), Some(KeyType::GENERIC_SECRET));
    assert_eq!(key.length, None);
    let aes = Owned::new()
        .number(AttributeType::KEY_TYPE, KeyType::AES.0)
        .number(AttributeType::VALUE_LEN, 16);
    let key = derive(aes).expect("a key");
    assert_eq!(key.length, Some(16));
    for class in [ObjectClass::DATA, ObjectClass::PRIVATE_KEY] {
        let template = Owned::new().number(AttributeType::CLASS, class.0);
        assert_eq!(code(derive(template)), Code::TemplateInconsistent);
    }
}

/// Otherwise CKM_EXTRACT_KEY_FROM_KEY shows a sensitive key byte by byte.
#[test]
fn mechanisms_that_show_the_base_key_hide_what_it_hides() {
    let spec = mechanism(MechanismType::EXTRACT_KEY_FROM_KEY, KeyType::GENERIC_SECRET);
    let secret = class(ObjectClass::SECRET_KEY, KeyType::GENERIC_SECRET);
    let base = made(secret, Act::Generate, Owned::new());
    let derive = |template: Owned| object::for_derive(&spec, &template.template(), &base, USER);
    let key = derive(Owned::new()).expect("a key");
    assert!(
        key.attributes.is_true(AttributeType::SENSITIVE)
            && !key.attributes.is_true(AttributeType::EXTRACTABLE)
    );
    let open = Owned::new().flag(AttributeType::SENSITIVE, false);
    assert_eq!(code(derive(open)), Code::TemplateInconsistent);
    let open = Owned::new().flag(AttributeType::EXTRACTABLE, true);
    assert_eq!(code(derive(open)), Code::TemplateInconsistent);
}

#[test]
fn the_template_of_the_unwrapping_key_is_added_and_not_contradicted() {
    let aes = class(ObjectClass::SECRET_KEY, KeyType::AES);
    let demanded = Owned::new()
        .number(AttributeType::CLASS, ObjectClass::SECRET_KEY.0)
        .number(AttributeType::KEY_TYPE, KeyType::AES.0)
        .flag(AttributeType::EXTRACTABLE, false)
        .flag(AttributeType::ENCRYPT, true);
    let with =
        made(aes, Act::Create, Owned::new().nested(AttributeType::UNWRAP_TEMPLATE, demanded));
    let unwrap = |template: Owned| object::for_unwrap(&template.template(), &with, USER);
    let key = unwrap(Owned::new()).expect("a key");
    assert_eq!(key.key_type(), Some(KeyType::AES));
    assert!(!key.is_true(AttributeType::EXTRACTABLE) && key.is_true(AttributeType::ENCRYPT));
    assert!(!key.is_true(AttributeType::DECRYPT), "the demanded use names all of them");
    let same = Owned::new().flag(AttributeType::EXTRACTABLE, false);
    assert_eq!(code(unwrap(same)), Code::Ok);
    let open = Owned::new().flag(AttributeType::EXTRACTABLE, true);
    assert_eq!(code(unwrap(open)), Code::TemplateInconsistent);
    let other = Owned::new().number(AttributeType::KEY_TYPE, KeyType::GENERIC_SECRET.0);
    assert_eq!(code(unwrap(other)), Code::TemplateInconsistent);
}

#[test]
fn the_template_of_the_base_key_is_added_and_not_contradicted() {
    let hkdf = class(ObjectClass::SECRET_KEY, KeyType::HKDF);
    let demanded = Owned::new()
        .number(AttributeType::KEY_TYPE, KeyType::AES.0)
        .number(AttributeType::VALUE_LEN, 32)
        .flag(AttributeType::SENSITIVE, true);
    let base =
        made(hkdf, Act::Create, Owned::new().nested(AttributeType::DERIVE_TEMPLATE, demanded));
    let spec = mechanism(MechanismType::HKDF_DERIVE, KeyType::HKDF);
    let derive = |template: Owned| object::for_derive(&spec, &template.template(), &base, USER);
    let key = derive(Owned::new()).expect("a key");
    assert_eq!(key.attributes.key_type(), Some(KeyType::AES));
    assert_eq!(key.length, Some(32));
    let open = Owned::new().flag(AttributeType::SENSITIVE, false);
    assert_eq!(code(derive(open)), Code::TemplateInconsistent);
    let short = Owned::new().number(AttributeType::VALUE_LEN, 16);
    assert_eq!(code(derive(short)), Code::TemplateInconsistent);
}

#[test]
fn only_keys_with_secrets_are_unwrapped() {
    let template = Owned::new()
        .number(AttributeType::CLASS, ObjectClass::PUBLIC_KEY.0)
        .number(AttributeType::KEY_TYPE, KeyType::RSA.0);
    let answer = object::for_unwrap(&template.template(), &Attributes::new(), USER);
    assert_eq!(code(answer), Code::TemplateInconsistent);
}
