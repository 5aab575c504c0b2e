//! `C_SetAttributeValue`, `C_CopyObject`, `C_DestroyObject`: footnotes 8 and 10 to 12, and the
//! attributes that forbid the act itself.

use keyway_pkcs11::attribute::rule::{Act, Class, Kind, Rule};
use keyway_pkcs11::attribute::table::CLASSES;
use keyway_pkcs11::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Value};
use keyway_pkcs11::error::{Code, Result};
use keyway_pkcs11::object::{self, Caller, Role};
use keyway_pkcs11::policy::Policy;

use crate::templates::*;

type Change = fn(&Attributes, &Owned, Caller) -> Result<Attributes>;

const MODIFY: Change = |object, owned, caller| object::modified(object, &owned.template(), caller);
const COPY: Change = |object, owned, caller| object::copied(object, &owned.template(), caller);

#[test]
fn what_no_footnote_lets_change_does_not() {
    for (class, rule) in rules().filter(|(_, rule)| !rule.changeable()) {
        let object = made(class, Act::Create, Owned::new());
        let template = Owned::new().value(rule.id, &other(class, rule));
        let answer = |change: Change| code(change(&object, &template, USER));
        assert_eq!(answer(MODIFY), Code::AttributeReadOnly, "{} {:?}", class.name, rule.id);
        let special = [
            AttributeType::TOKEN,
            AttributeType::PRIVATE,
            AttributeType::MODIFIABLE,
            AttributeType::DESTROYABLE,
        ];
        if !special.contains(&rule.id) {
            assert_eq!(answer(COPY), Code::AttributeReadOnly, "{} {:?}", class.name, rule.id);
        }
    }
}

#[test]
fn what_footnote_8_names_changes_in_place_and_in_a_copy() {
    let one_way = |rule: &Rule| rule.notes.has(11) || rule.notes.has(12);
    for (class, rule) in rules().filter(|(_, rule)| rule.notes.has(8) && !one_way(rule)) {
        if rule.id == AttributeType::PUBLIC_KEY_INFO {
            continue;
        }
        let object = made(class, Act::Create, Owned::new());
        let value = sample(class, rule);
        let template = Owned::new().value(rule.id, &value);
        for change in [MODIFY, COPY] {
            let changed = change(&object, &template, USER).expect("a change");
            assert_eq!(changed.find(rule.id), Some(&value), "{} {:?}", class.name, rule.id);
            // What a use excludes from now on is recorded beside the change (docs/policy.md).
            let different = |(id, v): &(AttributeType, &Value)| {
                *id != AttributeType::KEYWAY_ROLES && object.find(*id) != Some(*v)
            };
            let different = changed.iter().filter(different).count();
            assert_eq!(different, usize::from(object.find(rule.id) != Some(&value)));
        }
    }
}

#[test]
fn one_way_switches_go_one_way() {
    let switches = rules().filter_map(|(class, rule)| match rule.notes {
        notes if notes.has(11) => Some((class, rule, true)),
        notes if notes.has(12) => Some((class, rule, false)),
        _ => None,
    });
    for (class, rule, thrown) in switches {
        let open = made(class, Act::Create, Owned::new().flag(rule.id, !thrown));
        let (throw, back) =
            (Owned::new().flag(rule.id, thrown), Owned::new().flag(rule.id, !thrown));
        for change in [MODIFY, COPY] {
            let closed = change(&open, &throw, USER).expect("the switch is open");
            assert_eq!(closed.find(rule.id), Some(&Value::Bool(thrown)));
            let copyable = closed.is_true(AttributeType::COPYABLE);
            let refused = if copyable { Code::AttributeReadOnly } else { Code::ActionProhibited };
            assert_eq!(code(COPY(&closed, &back, USER)), refused, "{} {:?}", class.name, rule.id);
            assert_eq!(code(MODIFY(&closed, &back, USER)), Code::AttributeReadOnly);
        }
    }
}

#[test]
fn an_object_that_is_not_modifiable_is_not_modified_in_place_nor_by_way_of_a_copy() {
    for class in CLASSES {
        let object = made(class, Act::Create, Owned::new().flag(AttributeType::MODIFIABLE, false));
        let label = Owned::new().bytes(AttributeType::LABEL, b"new");
        assert_eq!(code(MODIFY(&object, &label, USER)), Code::ActionProhibited);
        assert_eq!(code(COPY(&object, &label, USER)), Code::ActionProhibited);
        let freed = Owned::new().flag(AttributeType::MODIFIABLE, true);
        assert_eq!(code(COPY(&object, &freed, USER)), Code::AttributeReadOnly);
        let moved = Owned::new().flag(AttributeType::TOKEN, true);
        let copy = COPY(&object, &moved, USER).expect("a copy on the token");
        assert!(copy.is_true(AttributeType::TOKEN) && !copy.is_true(AttributeType::MODIFIABLE));
    }
}

#[test]
fn an_object_that_is_not_copyable_is_not_copied() {
    for class in CLASSES {
        let object = made(class, Act::Create, Owned::new().flag(AttributeType::COPYABLE, false));
        assert_eq!(code(COPY(&object, &Owned::new(), USER)), Code::ActionProhibited);
    }
}

#[test]
fn an_object_that_is_not_destroyable_stays() {
    for class in CLASSES {
        let object =
            |flag| made(class, Act::Create, Owned::new().flag(AttributeType::DESTROYABLE, flag));
        assert_eq!(code(object::destroyable(&object(false), USER)), Code::ActionProhibited);
        assert_eq!(code(object::destroyable(&object(true), USER)), Code::Ok);
    }
}

#[test]
fn a_trusted_object_is_the_security_officer_s_to_destroy() {
    let mut trusted = Attributes::from_iter([(AttributeType::TRUSTED, Value::Bool(true))]);
    trusted.set(AttributeType::DESTROYABLE, Value::Bool(true));
    for caller in [USER, NOBODY] {
        assert_eq!(code(object::destroyable(&trusted, caller)), Code::ActionProhibited);
    }
    assert_eq!(code(object::destroyable(&trusted, OFFICER)), Code::Ok);
}

#[test]
fn a_copy_is_the_same_but_for_its_identity() {
    for (class, act) in ways() {
        let mut object = made(class, act, Owned::new());
        let copy = COPY(&object, &Owned::new(), USER).expect("a copy");
        assert_eq!(copy, object, "{act:?} {}", class.name);
        object.set(AttributeType::UNIQUE_ID, Value::bytes(*b"1"));
        let copy = COPY(&object, &Owned::new(), USER).expect("a copy");
        assert!(!copy.has(AttributeType::UNIQUE_ID));
    }
}

/// Java keeps a key of a session this way: the whole of what it knows of the key in the template.
#[test]
fn a_copy_may_name_what_stays_the_same() {
    let aes = class(ObjectClass::SECRET_KEY, KeyType::AES);
    let object = made(aes, Act::Generate, Owned::new());
    let template = Owned::new()
        .number(AttributeType::CLASS, ObjectClass::SECRET_KEY.0)
        .number(AttributeType::KEY_TYPE, KeyType::AES.0)
        .flag(AttributeType::TOKEN, true)
        .flag(AttributeType::SENSITIVE, true);
    let copy = COPY(&object, &template, USER).expect("a copy");
    assert!(copy.is_true(AttributeType::TOKEN) && copy.is_true(AttributeType::LOCAL));
    let other = Owned::new().number(AttributeType::CLASS, ObjectClass::DATA.0);
    assert_eq!(code(COPY(&object, &other, USER)), Code::AttributeReadOnly);
    let history = Owned::new().flag(AttributeType::LOCAL, true);
    assert_eq!(code(COPY(&object, &history, USER)), Code::AttributeReadOnly);
}

/// A copy that succeeded only for the right value would tell a guess of a key from a wrong one.
#[test]
fn a_copy_does_not_confirm_key_material() {
    let aes = class(ObjectClass::SECRET_KEY, KeyType::AES);
    let object = made(aes, Act::Create, Owned::new().bytes(AttributeType::VALUE, &[9; 16]));
    for guess in [[9; 16], [8; 16]] {
        let template = Owned::new().bytes(AttributeType::VALUE, &guess);
        assert_eq!(code(COPY(&object, &template, USER)), Code::AttributeReadOnly);
    }
}

#[test]
fn the_value_of_a_data_object_changes_in_place_and_in_a_copy() {
    let data = &CLASSES[0];
    assert_eq!(data.class, ObjectClass::DATA);
    let object = made(data, Act::Create, Owned::new().bytes(AttributeType::VALUE, b"old"));
    for change in [MODIFY, COPY] {
        let changed = change(&object, &Owned::new().bytes(AttributeType::VALUE, b"new"), USER);
        assert_eq!(changed.expect("a change").bytes(AttributeType::VALUE), Some(&b"new"[..]));
    }
}

#[test]
fn what_is_private_stays_private_in_a_copy() {
    for class in CLASSES {
        let private = made(class, Act::Create, Owned::new().flag(AttributeType::PRIVATE, true));
        let public = Owned::new().flag(AttributeType::PRIVATE, false);
        assert_eq!(code(COPY(&private, &public, USER)), Code::TemplateInconsistent);
        let open = made(class, Act::Create, Owned::new().flag(AttributeType::PRIVATE, false));
        let hide = Owned::new().flag(AttributeType::PRIVATE, true);
        assert_eq!(code(COPY(&open, &hide, NOBODY)), Code::UserNotLoggedIn);
        assert_eq!(code(COPY(&open, &hide, USER)), Code::Ok);
    }
}

#[test]
fn a_read_only_session_changes_session_objects_only() {
    let reader = Caller { role: Role::User, read_write: false, policy: Policy::Standard };
    let aes = class(ObjectClass::SECRET_KEY, KeyType::AES);
    let label = Owned::new().bytes(AttributeType::LABEL, b"new");
    let session = made(aes, Act::Generate, Owned::new());
    let token = made(aes, Act::Generate, Owned::new().flag(AttributeType::TOKEN, true));
    assert_eq!(code(MODIFY(&session, &label, reader)), Code::Ok);
    assert_eq!(code(MODIFY(&token, &label, reader)), Code::SessionReadOnly);
    assert_eq!(code(COPY(&token, &label, reader)), Code::SessionReadOnly);
    let taken = Owned::new().flag(AttributeType::TOKEN, false);
    assert_eq!(code(COPY(&token, &taken, reader)), Code::Ok);
}

/// "It MUST be set by a token initialization application or by the token's SO. Trusted certificates
/// cannot be modified."
#[test]
fn trust_is_the_security_officers_to_give_and_to_keep() {
    for class in CLASSES.iter().filter(|class| class.rule(AttributeType::TRUSTED).is_some()) {
        let object = made(class, Act::Create, Owned::new().flag(AttributeType::PRIVATE, false));
        let trust = Owned::new().flag(AttributeType::TRUSTED, true);
        assert_eq!(code(MODIFY(&object, &trust, USER)), Code::AttributeReadOnly);
        assert_eq!(code(COPY(&object, &trust, USER)), Code::AttributeReadOnly);
        let trusted = MODIFY(&object, &trust, OFFICER).expect("trust");
        let label = Owned::new().bytes(AttributeType::LABEL, b"new");
        assert_eq!(code(MODIFY(&trusted, &label, USER)), Code::ActionProhibited);
        assert_eq!(code(MODIFY(&trusted, &label, OFFICER)), Code::Ok);
        let copied = |caller| COPY(&trusted, &Owned::new(), caller);
        match class.class == ObjectClass::SECRET_KEY {
            // What the trusted key does not do, its copy could.
            true => assert_eq!(code(copied(USER)), Code::ActionProhibited),
            false => assert!(!copied(USER).expect("a copy").is_true(AttributeType::TRUSTED)),
        }
        assert!(copied(OFFICER).expect("a copy").is_true(AttributeType::TRUSTED));
    }
}

/// "C_SetAttributeValue may be used to destroy the attribute, by supplying no-value."
#[test]
fn a_check_value_can_be_given_up_and_not_changed() {
    let aes = class(ObjectClass::SECRET_KEY, KeyType::AES);
    let object = made(aes, Act::Create, Owned::new().bytes(AttributeType::CHECK_VALUE, &[1, 2, 3]));
    let other = Owned::new().bytes(AttributeType::CHECK_VALUE, &[1, 2, 4]);
    assert_eq!(code(MODIFY(&object, &other, USER)), Code::AttributeReadOnly);
    let none = Owned::new().bytes(AttributeType::CHECK_VALUE, b"");
    let object = MODIFY(&object, &none, USER).expect("no check value");
    assert_eq!(object.bytes(AttributeType::CHECK_VALUE), Some(&b""[..]));
}

/// "If there is a mismatch, the command SHALL return CKR_ATTRIBUTE_VALUE_INVALID."
#[test]
fn public_key_information_of_a_private_key_stays_what_the_key_says() {
    for class in CLASSES.iter().filter(|class| class.class == ObjectClass::PRIVATE_KEY) {
        let mut object = made(class, Act::Create, Owned::new());
        let info = Owned::new().bytes(AttributeType::PUBLIC_KEY_INFO, b"spki");
        for change in [MODIFY, COPY] {
            assert_eq!(code(change(&object, &info, USER)), Code::AttributeValueInvalid);
        }
        object.set(AttributeType::PUBLIC_KEY_INFO, Value::bytes(*b"spki"));
        for change in [MODIFY, COPY] {
            assert_eq!(code(change(&object, &info, USER)), Code::Ok);
        }
    }
}

#[test]
fn a_copy_keeps_its_history() {
    let aes = class(ObjectClass::SECRET_KEY, KeyType::AES);
    let open = made(aes, Act::Generate, Owned::new().flag(AttributeType::EXTRACTABLE, true));
    let closed =
        Owned::new().flag(AttributeType::EXTRACTABLE, false).flag(AttributeType::SENSITIVE, true);
    let copy = COPY(&open, &closed, USER).expect("a copy");
    assert!(!copy.is_true(AttributeType::NEVER_EXTRACTABLE));
    assert!(!copy.is_true(AttributeType::ALWAYS_SENSITIVE));
    assert_eq!(
        copy.find(AttributeType::KEY_GEN_MECHANISM),
        open.find(AttributeType::KEY_GEN_MECHANISM)
    );
}

fn rules() -> impl Iterator<Item = (&'static Class, &'static Rule)> {
    CLASSES.iter().flat_map(|class| class.rules().map(move |rule| (class, rule)))
}

/// A value that neither a minimal template nor a default gives.
fn other(class: &Class, rule: &Rule) -> Value {
    let object = made(class, Act::Create, Owned::new());
    match (rule.kind, object.find(rule.id)) {
        (Kind::Number, _) => Value::Number(99),
        (Kind::Bytes | Kind::Secret, _) => Value::bytes([1; 3]),
        (Kind::Bool, Some(Value::Bool(value))) => Value::Bool(!value),
        _ => sample(class, rule),
    }
}
