//! What an object is when its template does not say (`docs/defaults.md`).

use keyway_pkcs11::attribute::abi::UNAVAILABLE;
use keyway_pkcs11::attribute::rule::{Act, Default, Kind};
use keyway_pkcs11::attribute::table::CLASSES;
use keyway_pkcs11::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Value};
use keyway_pkcs11::error::Code;
use keyway_pkcs11::object::{self, Caller, Role};
use keyway_pkcs11::policy::Policy;

use crate::templates::*;

#[test]
fn a_complete_object_has_every_attribute_with_a_default() {
    for (class, act) in ways() {
        let object = made(class, act, Owned::new());
        for rule in class.rules() {
            let value = object.find(rule.id);
            let fits = match rule.default {
                Default::Absent | Default::Token => continue,
                Default::False => rule.computed() || value == Some(&Value::Bool(false)),
                Default::True => value == Some(&Value::Bool(true)),
                Default::Number(n) => rule.computed() || value == Some(&Value::Number(n)),
                Default::Policy => matches!(value, Some(Value::Bool(_))),
                Default::Empty => value.is_some_and(|value| match (rule.kind, value) {
                    (Kind::Mechanisms, Value::Mechanisms(list)) => list.is_empty(),
                    (Kind::Template, Value::Template(nested)) => nested.is_empty(),
                    (_, value) => value.as_bytes() == Some(b""),
                }),
            };
            let fits = fits || rule.id == AttributeType::LOCAL;
            assert!(fits && value.is_some(), "{act:?} {} {:?}: {value:?}", class.name, rule.id);
        }
    }
}

#[test]
fn whatever_a_template_adds_every_default_is_there() {
    for (class, act) in ways() {
        for rule in class.rules().filter(|rule| rule.admits(act).is_ok()) {
            let object = made(class, act, Owned::new().value(rule.id, &sample(class, rule)));
            let missing = class.rules().find(|other| {
                !matches!(other.default, Default::Absent | Default::Token) && !object.has(other.id)
            });
            assert!(missing.is_none(), "{act:?} {} {:?}: {missing:?}", class.name, rule.id);
        }
    }
}

#[test]
fn an_object_that_lacks_an_empty_attribute_reads_as_if_it_had_it() {
    for class in CLASSES {
        let object = made(class, Act::Create, Owned::new());
        for rule in class.rules().filter(|rule| rule.default == Default::Empty) {
            let mut older = object.clone();
            older.remove(rule.id);
            let value = object::readable(&older, rule.id).expect("readable");
            assert_eq!(Some(value), object.find(rule.id), "{:?} of the {}", rule.id, class.name);
        }
    }
}

#[test]
fn private_is_true_for_data_and_keys_with_secrets_only() {
    for (class, act) in ways() {
        let private = matches!(
            class.class,
            ObjectClass::DATA | ObjectClass::PRIVATE_KEY | ObjectClass::SECRET_KEY
        );
        let object = made(class, act, Owned::new());
        assert_eq!(object.is_true(AttributeType::PRIVATE), private, "{}", class.name);
    }
}

#[test]
fn a_key_is_sensitive_unless_its_template_makes_it_extractable() {
    for (class, act) in ways().filter(|way| way.0.rule(AttributeType::SENSITIVE).is_some()) {
        let bare = made(class, act, Owned::new());
        assert!(bare.is_true(AttributeType::SENSITIVE));
        // Section C_UnwrapKey: "The CKA_EXTRACTABLE attribute is by default set to CK_TRUE."
        assert_eq!(bare.is_true(AttributeType::EXTRACTABLE), act == Act::Unwrap);
        let open = made(class, act, Owned::new().flag(AttributeType::EXTRACTABLE, true));
        assert!(!open.is_true(AttributeType::SENSITIVE));
        let both = Owned::new()
            .flag(AttributeType::EXTRACTABLE, true)
            .flag(AttributeType::SENSITIVE, true);
        assert!(made(class, act, both).is_true(AttributeType::SENSITIVE));
    }
}

#[test]
fn bare_keys_may_do_what_their_type_is_for() {
    use AttributeType as A;
    let cipher = [A::ENCRYPT, A::DECRYPT, A::WRAP, A::UNWRAP, A::SIGN, A::VERIFY];
    let rows: &[(ObjectClass, KeyType, &[A])] = &[
        (ObjectClass::PUBLIC_KEY, KeyType::RSA, &[A::ENCRYPT, A::WRAP, A::VERIFY]),
        (ObjectClass::PRIVATE_KEY, KeyType::RSA, &[A::DECRYPT, A::UNWRAP, A::SIGN]),
        (ObjectClass::PUBLIC_KEY, KeyType::EC, &[A::VERIFY]),
        (ObjectClass::PRIVATE_KEY, KeyType::EC, &[A::SIGN]),
        (ObjectClass::PRIVATE_KEY, KeyType::EC_EDWARDS, &[A::SIGN]),
        (ObjectClass::PRIVATE_KEY, KeyType::EC_MONTGOMERY, &[]),
        (ObjectClass::PRIVATE_KEY, KeyType::DH, &[]),
        (ObjectClass::SECRET_KEY, KeyType::AES, &cipher),
        (ObjectClass::SECRET_KEY, KeyType::GENERIC_SECRET, &[A::SIGN, A::VERIFY]),
        (ObjectClass::SECRET_KEY, KeyType::SHA256_HMAC, &[A::SIGN, A::VERIFY]),
    ];
    for (object_class, key_type, expected) in rows {
        let object = made(class(*object_class, *key_type), Act::Create, Owned::new());
        assert_eq!(usages(&object), *expected, "{object_class:?} {key_type:?}");
    }
}

#[test]
fn generated_keys_for_agreement_derive_and_imported_ones_do_not() {
    let agreement = [KeyType::EC, KeyType::EC_MONTGOMERY, KeyType::DH, KeyType::HKDF];
    for (class, act) in ways().filter(|way| way.0.rule(AttributeType::DERIVE).is_some()) {
        let expected =
            act == Act::Generate && agreement.iter().any(|key| Some(key.0) == class.subtype);
        let object = made(class, act, Owned::new());
        assert_eq!(object.is_true(AttributeType::DERIVE), expected, "{act:?} {}", class.name);
        let never = made(class, act, Owned::new().flag(AttributeType::DERIVE, false));
        assert!(!never.is_true(AttributeType::DERIVE));
    }
}

#[test]
fn a_template_that_names_a_use_names_all_of_them() {
    let rsa = class(ObjectClass::PRIVATE_KEY, KeyType::RSA);
    let signs = made(rsa, Act::Generate, Owned::new().flag(AttributeType::SIGN, true));
    assert_eq!(usages(&signs), [AttributeType::SIGN]);
    let spares = made(rsa, Act::Generate, Owned::new().flag(AttributeType::UNWRAP, false));
    assert_eq!(usages(&spares), [AttributeType::DECRYPT, AttributeType::SIGN]);
}

#[test]
fn an_imported_key_has_no_history() {
    for (class, act) in ways() {
        let object = made(class, act, Owned::new());
        let generated = act == Act::Generate;
        if class.rule(AttributeType::LOCAL).is_some() {
            assert_eq!(object.is_true(AttributeType::LOCAL), generated, "{act:?} {}", class.name);
        }
        if class.rule(AttributeType::KEY_GEN_MECHANISM).is_some() {
            let expected = if generated { generator(class).id.0 } else { UNAVAILABLE };
            assert_eq!(object.number(AttributeType::KEY_GEN_MECHANISM), Some(expected));
        }
        if class.rule(AttributeType::ALWAYS_SENSITIVE).is_some() {
            assert_eq!(object.is_true(AttributeType::ALWAYS_SENSITIVE), generated);
            assert_eq!(object.is_true(AttributeType::NEVER_EXTRACTABLE), generated);
        }
    }
}

#[test]
fn a_read_only_session_is_refused_before_a_missing_login() {
    for (class, act) in ways() {
        let private = made(class, act, Owned::new()).is_true(AttributeType::PRIVATE);
        let token = minimal(class, act).flag(AttributeType::TOKEN, true);
        let session = minimal(class, act);
        let caller = |role, read_write| Caller { role, read_write, policy: Policy::Standard };
        let answer = |template: &Owned, caller| code(make(class, act, template, caller));
        assert_eq!(answer(&token, caller(Role::Public, false)), Code::SessionReadOnly);
        assert_eq!(answer(&token, caller(Role::User, false)), Code::SessionReadOnly);
        assert_eq!(answer(&session, caller(Role::User, false)), Code::Ok);
        let pair = act == Act::Generate && class.class == ObjectClass::PUBLIC_KEY;
        if private || pair {
            assert_eq!(answer(&token, NOBODY), Code::UserNotLoggedIn, "{}", class.name);
            assert_eq!(answer(&session, NOBODY), Code::UserNotLoggedIn);
            assert_eq!(answer(&session, OFFICER), Code::UserNotLoggedIn);
        } else {
            assert_eq!(answer(&token, NOBODY), Code::Ok);
        }
    }
}

#[test]
fn asking_for_a_pin_at_each_use_is_for_private_keys() {
    let ec = class(ObjectClass::PRIVATE_KEY, KeyType::EC);
    let template = minimal(ec, Act::Create).flag(AttributeType::ALWAYS_AUTHENTICATE, true);
    assert_eq!(code(make(ec, Act::Create, &template, USER)), Code::Ok);
    let public = template.flag(AttributeType::PRIVATE, false);
    assert_eq!(code(make(ec, Act::Create, &public, USER)), Code::TemplateInconsistent);
}

#[test]
fn domain_parameters_know_the_length_of_their_prime() {
    let dh = class(ObjectClass::DOMAIN_PARAMETERS, KeyType::DH);
    let bits = |prime: &[u8]| {
        let object = made(dh, Act::Create, Owned::new().bytes(AttributeType::PRIME, prime));
        object.number(AttributeType::PRIME_BITS)
    };
    assert_eq!(bits(&[0, 0x1f, 0xff]), Some(13));
    assert_eq!(bits(&[0x80, 0]), Some(16));
    assert_eq!(bits(&[]), Some(0));
}

/// The uses that an object has, in ascending order of their attribute types.
fn usages(object: &Attributes) -> Vec<AttributeType> {
    const USES: [AttributeType; 11] = [
        AttributeType::ENCRYPT,
        AttributeType::DECRYPT,
        AttributeType::WRAP,
        AttributeType::UNWRAP,
        AttributeType::SIGN,
        AttributeType::SIGN_RECOVER,
        AttributeType::VERIFY,
        AttributeType::VERIFY_RECOVER,
        AttributeType::DERIVE,
        AttributeType::ENCAPSULATE,
        AttributeType::DECAPSULATE,
    ];
    USES.into_iter().filter(|id| object.is_true(*id)).collect()
}
