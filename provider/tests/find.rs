//! Finding objects: what matches, who sees it, in which portions.

mod harness;

use harness::abi::Arg;
use harness::attribute::merged;
use harness::{
    Attribute, AttributeType as A, Code, Flags, KeyType, Mechanism, MechanismType, ObjectClass,
    Who, keys, on_token, on_user,
};
use serial_test::serial;

fn label(text: &str) -> Attribute {
    Attribute::text(A::LABEL, text)
}

#[test]
#[serial]
fn what_is_found_matches_byte_for_byte() {
    on_user(|session| {
        let target = session.target;
        let object = session.create(&keys::data("Label", b"x")).expect("an object");
        let find = |text: &str| session.find(&[label(text)]);
        target.same("as it is", find("Label"), Ok(vec![object]));
        for other in ["label", "Labe", "Label ", "Label\0", ""] {
            target.same(&format!("{other:?}"), find(other), Ok(vec![]));
        }
        let both = [label("Label"), Attribute::class(ObjectClass::DATA)];
        target.same("with its class", session.find(&both), Ok(vec![object]));
        let both = [label("Label"), Attribute::class(ObjectClass::SECRET_KEY)];
        target.same("with another class", session.find(&both), Ok(vec![]));
    });
}

/// "C_FindObjectsInit": "To find all objects, set ulCount to 0."
#[test]
#[serial]
fn an_empty_template_finds_everything() {
    on_user(|session| {
        let mut made: Vec<u64> = (0..3)
            .map(|i| session.create(&keys::data(&format!("{i}"), b"x")).expect("an object"))
            .collect();
        made.push(session.aes());
        let mut found = session.find(&[]).expect("C_FindObjects");
        made.sort_unstable();
        found.sort_unstable();
        session.target.same("found", found, made);
    });
}

#[test]
#[serial]
fn private_objects_are_invisible_without_a_login() {
    on_token(|target| {
        let session = target.open(Flags::ReadWrite).expect("a session");
        session.login(Who::User, target.user_pin()).expect("C_Login");
        let on_token = Attribute::flag(A::TOKEN, true);
        let public = merged(&[&keys::data("public", b"x"), std::slice::from_ref(&on_token)]);
        session.create(&public).expect("an object");
        session.aes_with(&[on_token, label("private")]).expect("a key");
        target.same("both", session.find(&[]).map(|found| found.len()), Ok(2));
        session.logout().expect("C_Logout");
        target.same("public ones", session.find(&[]).map(|found| found.len()), Ok(1));
        let private = session.find(&[label("private")]);
        target.same("by its label", private, Ok(vec![]));
        let asked = session.find(&[Attribute::flag(A::PRIVATE, true)]);
        target.same("by CKA_PRIVATE", asked, Ok(vec![]));
    });
}

#[test]
#[serial]
fn the_same_objects_come_one_at_a_time_or_all_at_once() {
    on_user(|session| {
        for i in 0..50 {
            session.create(&keys::data("many", &[i])).expect("an object");
        }
        let template = [label("many")];
        let sorted = |most| {
            let mut found = session.find_by(&template, most).expect("C_FindObjects");
            found.sort_unstable();
            found
        };
        let all = sorted(1024);
        session.target.same("found", all.len(), 50);
        session.target.holds("one at a time", sorted(1) == all);
        session.target.holds("seven at a time", sorted(7) == all);
    });
}

#[test]
#[serial]
fn a_search_at_its_end_goes_on_finding_nothing() {
    on_user(|session| {
        let target = session.target;
        session.create(&keys::data("only", b"x")).expect("an object");
        session.find_init(&[label("only")]).expect("C_FindObjectsInit");
        target.same("first", session.find_next(10).map(|found| found.len()), Ok(1));
        target.same("then", session.find_next(10), Ok(vec![]));
        target.same("and again", session.find_next(10), Ok(vec![]));
        target.same("C_FindObjectsFinal", session.find_final(), Ok(()));
        let again = session.find_final();
        target.same("again", again, Err(Code::OperationNotInitialized));
        let more = session.find_next(1);
        target.same("C_FindObjects", more, Err(Code::OperationNotInitialized));
    });
}

#[test]
#[serial]
fn one_search_at_a_time() {
    on_user(|session| {
        let target = session.target;
        session.create(&keys::data("one", b"x")).expect("an object");
        session.find_init(&[label("one")]).expect("C_FindObjectsInit");
        let second = session.find_init(&[]);
        target.same("a second", second, Err(Code::OperationActive));
        target.same("the first", session.find_next(10).map(|found| found.len()), Ok(1));
        let other = session.another(Flags::ReadOnly).expect("a session");
        target.same("another session's", other.find_init(&[]), Ok(()));
    });
}

/// "C_FindObjects" and "C_FindObjectsInit": pointers that must be there.
#[test]
#[serial]
fn searching_without_a_place_for_the_result_is_a_bad_argument() {
    on_user(|session| {
        let target = session.target;
        for count in [1, 1 << 31, u64::MAX] {
            let answer = session.call("C_FindObjectsInit", vec![Arg::Null, Arg::Number(count)]);
            target.same("C_FindObjectsInit", answer, Err(Code::ArgumentsBad));
        }
        session.find_init(&[]).expect("C_FindObjectsInit");
        let mut found = [0];
        let answer = session
            .call("C_FindObjects", vec![Arg::WordsMut(&mut found), Arg::Number(1), Arg::Null]);
        target.same("no place for the count", answer, Err(Code::ArgumentsBad));
        let mut count = [0];
        let answer = session
            .call("C_FindObjects", vec![Arg::Null, Arg::Number(1), Arg::WordsMut(&mut count)]);
        target.same("no place for the handles", answer, Err(Code::ArgumentsBad));
    });
}

/// NSS asks for its own classes, OpenSC for profiles.
#[test]
#[serial]
fn a_class_that_no_object_has_finds_nothing() {
    on_user(|session| {
        session.create(&keys::data("x", b"x")).expect("an object");
        // CKO_NSS_TRUST, CKO_NSS_BUILTIN_ROOT_LIST, CKO_PROFILE, CKO_TRUST, a nonsense.
        for class in [0xce53_4353, 0xce53_4354, 9, 0xb, u64::MAX] {
            let found = session.find(&[Attribute::number(A::CLASS, class)]);
            session.target.same(&format!("{class:#x}"), found, Ok(vec![]));
        }
        let foreign = [Attribute::flag(A(0x4000_0001), true)];
        session.target.same("a foreign attribute", session.find(&foreign), Ok(vec![]));
    });
}

/// As NSS looks for certificates and tells its own.
#[test]
#[serial]
fn certificates_are_found_by_issuer_serial_number_and_subject() {
    on_user(|session| {
        let target = session.target;
        let certificate = |serial: &[u8], subject: &[u8]| {
            let template = [
                Attribute::class(ObjectClass::CERTIFICATE),
                Attribute::number(A::CERTIFICATE_TYPE, 0),
                Attribute::flag(A::TOKEN, true),
                Attribute::bytes(A::ISSUER, b"issuer"),
                Attribute::bytes(A::SERIAL_NUMBER, serial),
                Attribute::bytes(A::SUBJECT, subject),
                Attribute::bytes(A::ID, serial),
                Attribute::bytes(A::VALUE, b"value"),
            ];
            session.create(&template).expect("a certificate")
        };
        let (one, two) = (certificate(&[2, 1, 1], b"one"), certificate(&[2, 1, 2], b"two"));
        let issuer = Attribute::bytes(A::ISSUER, b"issuer");
        let by = [issuer.clone(), Attribute::bytes(A::SERIAL_NUMBER, &[2, 1, 1])];
        target.same("by issuer and number", session.find(&by), Ok(vec![one]));
        let by = [Attribute::bytes(A::SUBJECT, b"two")];
        target.same("by subject", session.find(&by), Ok(vec![two]));
        target.same("by issuer", session.find(&[issuer]).map(|found| found.len()), Ok(2));
        let by = [Attribute::bytes(A::ID, &[2, 1, 2]), Attribute::class(ObjectClass::CERTIFICATE)];
        target.same("by id", session.find(&by), Ok(vec![two]));
    });
}

/// Search by each attribute that clients search by, on token and session objects alike.
#[test]
#[serial]
fn keys_are_found_by_what_clients_know_of_them() {
    on_user(|session| {
        let target = session.target;
        for token in [false, true] {
            let more = [
                Attribute::flag(A::TOKEN, token),
                Attribute::bytes(A::ID, &[7, token.into()]),
                label("known"),
            ];
            let (public, private) = session.ec_with(keys::P256, &more, &more).expect("an EC pair");
            let id = more[1].clone();
            let private_class = Attribute::class(ObjectClass::PRIVATE_KEY);
            let found = session.find(&[id.clone(), private_class]);
            target.same("the private key by id", found, Ok(vec![private]));
            let point = session.attribute(public, A::EC_POINT).expect("CKA_EC_POINT");
            let found = session.find(&[Attribute::bytes(A::EC_POINT, &point)]);
            target.same("the public key by its point", found, Ok(vec![public]));
            let both = session.find(&[id, Attribute::key_type(KeyType::EC)]);
            target.same("both by key type", both.map(|found| found.len()), Ok(2));
            let token = [Attribute::flag(A::TOKEN, token), label("known")];
            let found = session.find(&token).map(|found| found.len());
            target.same("both by CKA_TOKEN", found, Ok(2));
        }
    });
}

/// A secret value must not be tried out by searching for it.
#[test]
#[serial]
fn a_sensitive_value_is_not_found_by_guessing() {
    on_user(|session| {
        session.create(&keys::secret(KeyType::AES, &[7; 16])).expect("a sensitive key");
        let found = session.find(&[Attribute::bytes(A::VALUE, &[7; 16])]);
        session.target.same("found", found, Ok(vec![]));
    });
}

/// "C_FindObjectsInit": the objects of the moment it is called.
#[test]
#[serial]
fn a_search_survives_that_objects_come_and_go() {
    on_user(|session| {
        let target = session.target;
        let objects: Vec<u64> = (0..4)
            .map(|_| session.create(&keys::data("moving", b"x")).expect("an object"))
            .collect();
        session.find_init(&[label("moving")]).expect("C_FindObjectsInit");
        let first = session.find_next(1).expect("C_FindObjects");
        for object in objects.iter().filter(|object| !first.contains(object)) {
            session.destroy(*object).expect("C_DestroyObject");
        }
        session.create(&keys::data("moving", b"y")).expect("an object");
        let rest = session.find_next(100);
        target.same("C_FindObjects", rest.map(|_| ()), Ok(()));
        target.same("C_FindObjectsFinal", session.find_final(), Ok(()));
        let found = session.find(&[label("moving")]).map(|found| found.len());
        target.same("found afresh", found, Ok(2));
    });
}

/// A changed label is found under its new name only.
#[test]
#[serial]
fn a_changed_object_is_found_as_it_is_now() {
    on_user(|session| {
        let target = session.target;
        for token in [false, true] {
            let more = [Attribute::flag(A::TOKEN, token), label("before")];
            let key = session.aes_with(&more).expect("a key");
            session.set(key, &[label("after")]).expect("C_SetAttributeValue");
            target.same("before", session.find(&[label("before")]), Ok(vec![]));
            target.same("after", session.find(&[label("after")]), Ok(vec![key]));
            session.destroy(key).expect("C_DestroyObject");
            target.same("destroyed", session.find(&[label("after")]), Ok(vec![]));
        }
    });
}

/// Generated keys are found by the mechanism's type of key.
#[test]
#[serial]
fn a_generated_key_is_found_at_once() {
    on_user(|session| {
        let generate = Mechanism::plain(MechanismType::AES_KEY_GEN);
        let template = [
            Attribute::number(A::VALUE_LEN, 32),
            Attribute::flag(A::TOKEN, true),
            Attribute::bytes(A::ID, b"\x00\x01"),
        ];
        let key = session.generate(&generate, &template).expect("a key");
        let by = [Attribute::bytes(A::ID, b"\x00\x01"), Attribute::key_type(KeyType::AES)];
        session.target.same("found", session.find(&by), Ok(vec![key]));
    });
}
