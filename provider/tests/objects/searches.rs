//! Search templates, wrap templates, and values on their way through the C interface.

use keyway_pkcs11::attribute::rule::Act;
use keyway_pkcs11::attribute::table::CLASSES;
use keyway_pkcs11::attribute::{AttributeType, KeyType, ObjectClass, Value, abi, matching};
use keyway_pkcs11::error::Code;
use keyway_pkcs11::object;

use crate::templates::*;

#[test]
fn an_object_matches_each_of_its_readable_attributes_and_all_together() {
    for (class, act) in ways() {
        let object = made(class, act, Owned::new().flag(AttributeType::TOKEN, true));
        let mut all = Owned::new();
        for (id, value) in object.iter().filter(|row| object::readable(&object, row.0).is_ok()) {
            let one = Owned::new().value(id, value);
            assert!(matches(&object, &one), "{act:?} {} {id:?}", class.name);
            all = all.value(id, value);
        }
        assert!(matches(&object, &all));
        assert!(matches(&object, &Owned::new()));
        assert!(!matches(
            &object,
            &all.without(AttributeType::LABEL).bytes(AttributeType::LABEL, b"x")
        ));
    }
}

#[test]
fn a_search_confirms_no_guess_of_a_hidden_key() {
    for class in CLASSES {
        for rule in class.rules().filter(|rule| rule.notes.has(7)) {
            let search = Owned::new().bytes(rule.id, &[9; 16]);
            let hidden = made(class, Act::Create, search.clone());
            assert!(!matches(&hidden, &search), "{} {:?}", class.name, rule.id);
            let open = search.clone().flag(AttributeType::EXTRACTABLE, true);
            assert!(matches(&made(class, Act::Create, open), &search));
        }
    }
}

#[test]
fn what_no_object_can_have_matches_nothing_and_is_no_error() {
    let object = made(class(ObjectClass::SECRET_KEY, KeyType::AES), Act::Create, Owned::new());
    let searches = [
        // The trust objects that browsers ask for.
        Owned::new().number(AttributeType::CLASS, 0xce53_4350),
        Owned::new().bytes(AttributeType(0xce53_6351), b"x"),
        Owned::new().bytes(AttributeType::TOKEN, &[0, 0]),
        Owned::new().bytes(AttributeType::TOKEN, b""),
        Owned::new().bytes(AttributeType::PRIVATE, &[2]),
        Owned::new().bytes(AttributeType::CLASS, &[4, 0, 0, 0]),
        Owned::new().bytes(AttributeType::START_DATE, b"never"),
        Owned::new().bytes(AttributeType::APPLICATION, b""),
        Owned::new().nested(AttributeType::LABEL, Owned::new()),
    ];
    for search in searches {
        assert!(!matches(&object, &search), "{search:?}");
    }
}

#[test]
fn a_search_may_name_an_attribute_twice_with_one_value_only() {
    let object = made(class(ObjectClass::SECRET_KEY, KeyType::AES), Act::Create, Owned::new());
    let once = Owned::new().flag(AttributeType::TOKEN, false);
    assert!(matches(&object, &once.clone().flag(AttributeType::TOKEN, false)));
    let both = once.flag(AttributeType::TOKEN, true);
    assert_eq!(code(matching::query(&both.template())), Code::AttributeValueInvalid);
}

#[test]
fn every_value_comes_back_from_the_c_interface_as_it_went() {
    for class in CLASSES {
        for rule in class.rules() {
            let value = sample(class, rule);
            let owned = Owned::new().value(rule.id, &value);
            let raw = owned.template();
            let raw = raw.find(rule.id).expect("the one entry");
            let read = abi::read(rule.id, rule.kind, raw).expect("a value");
            assert_eq!(read, value, "{:?}", rule.id);
        }
    }
}

#[test]
fn unavailable_information_has_every_bit_set() {
    let value = Value::Number(abi::UNAVAILABLE);
    let bytes = abi::written(&value).expect("a number");
    assert!(bytes.iter().all(|byte| *byte == 0xff));
    assert_eq!(abi::number(&bytes), Some(abi::UNAVAILABLE));
    assert_eq!(abi::written(&Value::Template(Default::default())), None);
}

#[test]
fn an_object_grows_with_its_values() {
    let data = &CLASSES[0];
    let size = |value: &[u8]| {
        object::size(&made(data, Act::Create, Owned::new().bytes(AttributeType::VALUE, value)))
    };
    assert_eq!(size(&[0; 100]) - size(b""), 100);
    assert!(size(b"") > 0);
}

fn matches(object: &keyway_pkcs11::attribute::Attributes, search: &Owned) -> bool {
    let query = matching::query(&search.template()).expect("a search");
    matching::matches(object, &query)
}
