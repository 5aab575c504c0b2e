//! Footnotes 1 to 7, 10, and what a value may be, for every rule of every class.

use keyway_pkcs11::attribute::rule::{Act, Class, Default, Kind, Rule};
use keyway_pkcs11::attribute::table::{CLASSES, kind_of};
use keyway_pkcs11::attribute::{AttributeType, KeyType, ObjectClass, Value};
use keyway_pkcs11::error::Code;
use keyway_pkcs11::object;

use crate::templates::*;

#[test]
fn layers_are_sorted_and_no_class_has_an_attribute_twice() {
    for class in CLASSES {
        for layer in class.layers.each {
            assert!(layer.is_sorted_by(|a, b| a.id < b.id), "a layer of the {}", class.name);
        }
        let types: Vec<_> = class.rules().map(|rule| rule.id).collect();
        let rules: usize = class.layers.each.iter().map(|layer| layer.len()).sum();
        assert_eq!(types.len(), rules, "{}", class.name);
        assert!(types.is_sorted_by(|a, b| a < b), "{}", class.name);
    }
}

#[test]
fn every_rule_has_a_named_attribute_and_a_default_of_its_kind() {
    for (class, rule) in rules() {
        assert!(rule.id.name().is_some(), "{:?} of the {}", rule.id, class.name);
        let fits = match rule.default {
            Default::Absent | Default::Token => true,
            Default::False | Default::True | Default::Policy => rule.kind == Kind::Bool,
            Default::Number(_) => rule.kind == Kind::Number,
            Default::Empty => !matches!(rule.kind, Kind::Bool | Kind::Number | Kind::Secret),
        };
        assert!(fits, "{:?} of the {}", rule.id, class.name);
    }
}

#[test]
fn an_attribute_has_one_kind_in_every_class_but_for_secrecy() {
    for (class, rule) in rules() {
        let kind = kind_of(rule.id).expect("an attribute of some class");
        let same = kind == rule.kind || kind == Kind::Secret && rule.kind == Kind::Bytes;
        assert!(same, "{:?} of the {}", rule.id, class.name);
    }
}

#[test]
fn what_footnotes_1_3_and_5_name_is_required() {
    for (class, act) in ways() {
        for rule in class.rules().filter(|rule| rule.required(act)) {
            let template = minimal(class, act).without(rule.id);
            assert_eq!(
                code(make(class, act, &template, USER)),
                Code::TemplateIncomplete,
                "{act:?} of a {} without {:?}",
                class.name,
                rule.id
            );
        }
    }
}

#[test]
fn what_footnotes_2_4_and_6_name_is_refused() {
    for (class, act) in ways() {
        for rule in class.rules().filter(|rule| rule.admits(act).is_err()) {
            if act == Act::Generate && is_shared(class, rule) {
                continue;
            }
            let template = minimal(class, act).value(rule.id, &sample(class, rule));
            let answer = code(make(class, act, &template, USER));
            assert_eq!(answer, Code::AttributeReadOnly, "{act:?} {} {:?}", class.name, rule.id);
        }
    }
}

/// Whether the private half of a pair takes the attribute over from the template of the public half.
fn is_shared(private: &Class, rule: &Rule) -> bool {
    private.class == ObjectClass::PRIVATE_KEY
        && CLASSES.iter().any(|public| {
            public.class == ObjectClass::PUBLIC_KEY
                && public.subtype == private.subtype
                && public.rule(rule.id).is_some_and(|rule| rule.required(Act::Generate))
        })
}

#[test]
fn what_no_footnote_forbids_is_taken_as_it_is() {
    for (class, act) in ways() {
        for rule in class.rules().filter(|rule| rule.admits(act).is_ok()) {
            let value = sample(class, rule);
            let object = made(class, act, Owned::new().value(rule.id, &value));
            assert_eq!(object.find(rule.id), Some(&value), "{act:?} {} {:?}", class.name, rule.id);
        }
    }
}

#[test]
fn an_attribute_of_another_class_is_invalid() {
    for (class, act) in ways() {
        for (id, _) in AttributeType::NAMES.iter().filter(|row| class.rule(row.0).is_none()) {
            let template = minimal(class, act).flag(*id, true);
            let answer = code(make(class, act, &template, USER));
            assert_eq!(answer, Code::AttributeTypeInvalid, "{act:?} {} {id:?}", class.name);
        }
    }
}

#[test]
fn a_value_that_its_kind_does_not_take_is_invalid() {
    for (class, rule) in rules().filter(|(_, rule)| rule.admits(Act::Create).is_ok()) {
        let wrong: &[&[u8]] = match rule.kind {
            Kind::Bool => &[b"", b"\x02", b"\xff", b"\x01\x00", &[1, 0, 0, 0, 0, 0, 0, 0]],
            Kind::Number => &[b"", b"\x01", &[1, 0, 0, 0], &[0; 9]],
            Kind::Date => {
                &[b"2026", b"20261301", b"20270229", b"2026010a", b"20260100", b"0\0\0\0"]
            }
            Kind::Mechanisms => &[&[0; 7], &[0; 9]],
            Kind::Template => &[b"\x01"],
            Kind::Bytes | Kind::Secret => &[],
        };
        for bytes in wrong {
            let template = minimal(class, Act::Create).without(rule.id).bytes(rule.id, bytes);
            let answer = code(make(class, Act::Create, &template, USER));
            assert_eq!(answer, Code::AttributeValueInvalid, "{:?} {bytes:?}", rule.id);
        }
    }
}

#[test]
fn an_attribute_twice_is_inconsistent_even_with_one_value() {
    for (class, act) in ways() {
        let twice = minimal(class, act).bytes(AttributeType::LABEL, b"a");
        let twice = twice.bytes(AttributeType::LABEL, b"a");
        assert_eq!(code(make(class, act, &twice, USER)), Code::TemplateInconsistent);
    }
}

#[test]
fn key_material_is_secret_in_every_key() {
    for (class, rule) in rules().filter(|(_, rule)| rule.kind == Kind::Secret) {
        assert!(rule.notes.has(7), "{:?} of the {}", rule.id, class.name);
        let object = made(class, Act::Create, Owned::new().bytes(rule.id, &[9; 16]));
        assert!(matches!(object.find(rule.id), Some(Value::Secret(_))), "{:?}", rule.id);
    }
}

/// Footnote 7: "Cannot be revealed if object has its CKA_SENSITIVE attribute set to CK_TRUE or its
/// CKA_EXTRACTABLE attribute set to CK_FALSE."
#[test]
fn key_material_is_revealed_only_by_an_extractable_key_that_is_not_sensitive() {
    for (class, rule) in rules().filter(|(_, rule)| rule.notes.has(7)) {
        for (sensitive, extractable) in [(true, true), (true, false), (false, false), (false, true)]
        {
            let template = Owned::new()
                .flag(AttributeType::SENSITIVE, sensitive)
                .flag(AttributeType::EXTRACTABLE, extractable)
                .bytes(rule.id, &[9; 16]);
            let object = made(class, Act::Create, template);
            let expected = match (sensitive, extractable) {
                (false, true) => Code::Ok,
                _ => Code::AttributeSensitive,
            };
            assert_eq!(code(object::readable(&object, rule.id)), expected, "{:?}", rule.id);
        }
    }
}

/// Case 1 of `C_GetAttributeValue` comes before case 2.
#[test]
fn missing_key_material_of_a_sensitive_key_is_sensitive_and_not_missing() {
    let rsa = class(ObjectClass::PRIVATE_KEY, KeyType::RSA);
    let sensitive = made(rsa, Act::Create, Owned::new());
    assert_eq!(
        code(object::readable(&sensitive, AttributeType::PRIME_1)),
        Code::AttributeSensitive
    );
    let open = made(rsa, Act::Create, Owned::new().flag(AttributeType::EXTRACTABLE, true));
    assert_eq!(code(object::readable(&open, AttributeType::PRIME_1)), Code::AttributeTypeInvalid);
}

#[test]
fn only_the_security_officer_gives_trust() {
    for (class, act) in ways().filter(|way| way.0.rule(AttributeType::TRUSTED).is_some()) {
        let template = minimal(class, act)
            .flag(AttributeType::TRUSTED, true)
            .flag(AttributeType::PRIVATE, false);
        assert_eq!(code(make(class, act, &template, USER)), Code::AttributeReadOnly);
        assert_eq!(code(make(class, act, &template, NOBODY)), Code::AttributeReadOnly);
        if class.class != ObjectClass::PUBLIC_KEY || act == Act::Create {
            assert_eq!(code(make(class, act, &template, OFFICER)), Code::Ok, "{}", class.name);
        }
    }
}

#[test]
fn classes_and_key_types_that_are_not_kept_here() {
    let key = |class: ObjectClass, key_type: u64| {
        Owned::new().number(AttributeType::CLASS, class.0).number(AttributeType::KEY_TYPE, key_type)
    };
    let answer = |template: Owned| code(object::from_template(&template.template(), USER));
    assert_eq!(answer(Owned::new()), Code::TemplateIncomplete);
    assert_eq!(
        answer(Owned::new().number(AttributeType::CLASS, ObjectClass::SECRET_KEY.0)),
        Code::TemplateIncomplete
    );
    assert_eq!(answer(key(ObjectClass::HW_FEATURE, 0)), Code::TemplateInconsistent);
    assert_eq!(
        answer(key(ObjectClass::SECRET_KEY, KeyType::SKIPJACK.0)),
        Code::TemplateInconsistent
    );
    assert_eq!(answer(key(ObjectClass::SECRET_KEY, 0x8000_0001)), Code::AttributeValueInvalid);
    assert_eq!(answer(key(ObjectClass(0xce53_4350), 0)), Code::AttributeValueInvalid);
    assert_eq!(
        answer(Owned::new().bytes(AttributeType::CLASS, &[4, 0, 0, 0])),
        Code::AttributeValueInvalid
    );
}

#[test]
fn templates_nest_once() {
    let aes = class(ObjectClass::SECRET_KEY, KeyType::AES);
    let answer = |nested: Owned| {
        let template = minimal(aes, Act::Create).nested(AttributeType::UNWRAP_TEMPLATE, nested);
        code(make(aes, Act::Create, &template, USER))
    };
    assert_eq!(answer(Owned::new().flag(AttributeType::SENSITIVE, true)), Code::Ok);
    assert_eq!(answer(Owned::new()), Code::Ok);
    assert_eq!(
        answer(Owned::new().nested(AttributeType::WRAP_TEMPLATE, Owned::new())),
        Code::TemplateInconsistent
    );
    assert_eq!(
        answer(Owned::new().bytes(AttributeType(0x8000_1234), b"")),
        Code::AttributeTypeInvalid
    );
    assert_eq!(
        answer(Owned::new().bytes(AttributeType::SENSITIVE, b"")),
        Code::AttributeValueInvalid
    );
    assert_eq!(
        answer(Owned::new().bytes(AttributeType::ID, b"").bytes(AttributeType::ID, b"")),
        Code::TemplateInconsistent
    );
}

#[test]
fn a_certificate_has_a_value_or_a_place_to_find_it() {
    let answer = |more: &dyn Fn(Owned) -> Owned| {
        let template = more(
            Owned::new()
                .number(AttributeType::CLASS, ObjectClass::CERTIFICATE.0)
                .number(AttributeType::CERTIFICATE_TYPE, 0)
                .bytes(AttributeType::SUBJECT, &[0x30, 0]),
        );
        code(object::from_template(&template.template(), NOBODY))
    };
    assert_eq!(answer(&|t| t.bytes(AttributeType::VALUE, b"\x30\x00")), Code::Ok);
    assert_eq!(answer(&|t| t.bytes(AttributeType::VALUE, b"")), Code::TemplateInconsistent);
    let url = |t: Owned| t.bytes(AttributeType::VALUE, b"").bytes(AttributeType::URL, b"http://a");
    assert_eq!(answer(&url), Code::TemplateIncomplete);
    assert_eq!(
        answer(&|t| url(t)
            .bytes(AttributeType::HASH_OF_SUBJECT_PUBLIC_KEY, &[1; 20])
            .bytes(AttributeType::HASH_OF_ISSUER_PUBLIC_KEY, &[1; 20])),
        Code::Ok
    );
}

#[test]
fn a_length_that_the_key_type_does_not_have_is_invalid() {
    for act in [Act::Generate, Act::Unwrap, Act::Derive] {
        let answer = |key_type, length| {
            let class = class(ObjectClass::SECRET_KEY, key_type);
            let template = minimal(class, act).without(AttributeType::VALUE_LEN);
            code(make(class, act, &template.number(AttributeType::VALUE_LEN, length), USER))
        };
        assert_eq!(answer(KeyType::AES, 17), Code::AttributeValueInvalid);
        assert_eq!(answer(KeyType::AES, 32), Code::Ok);
        assert_eq!(answer(KeyType::GENERIC_SECRET, 0), Code::AttributeValueInvalid);
        assert_eq!(answer(KeyType::GENERIC_SECRET, 1), Code::Ok);
    }
}

fn rules() -> impl Iterator<Item = (&'static Class, &'static Rule)> {
    CLASSES.iter().flat_map(|class| class.rules().map(move |rule| (class, rule)))
}
