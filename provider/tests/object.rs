//! Objects: making, reading, changing, copying and destroying them.

mod harness;

use harness::abi::Arg;
use harness::attribute::merged;
use harness::object::Read;
use harness::{
    Attribute, AttributeType as A, Code, Flags, Function, KeyType, Mechanism, MechanismType,
    ObjectClass, Session, keys, on_token, on_user,
};
use serial_test::serial;

const UNAVAILABLE: u64 = u64::MAX;

/// An AES key of 16 bytes with what else a template says.
fn aes_template(more: &[Attribute]) -> Vec<Attribute> {
    merged(&[&keys::secret(KeyType::AES, &[7; 16]), more])
}

fn label(text: &str) -> Attribute {
    Attribute::text(A::LABEL, text)
}

#[test]
#[serial]
fn a_template_without_a_class_is_incomplete() {
    on_user(|session| {
        let answer = session.create(&[label("x")]).map(|_| ());
        session.target.same("a label", answer, Err(Code::TemplateIncomplete));
        let answer = session.create(&[]).map(|_| ());
        session.target.same("nothing", answer, Err(Code::TemplateIncomplete));
        let answer = session.create(&[Attribute::class(ObjectClass::SECRET_KEY)]).map(|_| ());
        session.target.same("a class alone", answer, Err(Code::TemplateIncomplete));
    });
}

/// "C_CreateObject": NULL with entries.
#[test]
#[serial]
fn a_template_that_is_missing_is_a_bad_argument() {
    on_user(|session| {
        let mut handle = [0];
        for count in [1, 1 << 31, u64::MAX] {
            let arguments = vec![Arg::Null, Arg::Number(count), Arg::WordsMut(&mut handle)];
            let answer = session.call("C_CreateObject", arguments);
            session.target.same("C_CreateObject", answer, Err(Code::ArgumentsBad));
        }
        let template = harness::attribute::words(&keys::data("x", b"x"));
        let arguments = vec![Arg::Words(&template), Arg::Number(4), Arg::Null];
        let answer = session.call("C_CreateObject", arguments);
        session.target.same("no place for the handle", answer, Err(Code::ArgumentsBad));
    });
}

/// "C_CreateObject": "If a call to C_CreateObject cannot support the precise template [...]".
#[test]
#[serial]
fn nonsense_in_a_template_is_told_by_its_kind() {
    on_user(|session| {
        let target = session.target;
        let create = |more: &[Attribute]| session.create(&aes_template(more)).map(|_| ());
        let foreign = create(&[Attribute::bytes(A::MODULUS, &[1; 256])]);
        target.holds(
            "an attribute of another class is refused",
            matches!(foreign, Err(Code::AttributeTypeInvalid | Code::TemplateInconsistent)),
        );
        let unknown = create(&[Attribute::flag(A(0x4000_0001), true)]);
        target.same("an unknown attribute", unknown, Err(Code::AttributeTypeInvalid));
        let flag = |bytes: &[u8]| create(&[Attribute::bytes(A::TOKEN, bytes)]);
        target.same("a flag of 4 bytes", flag(&[0; 4]), Err(Code::AttributeValueInvalid));
        target.same("a flag of 0 bytes", flag(&[]), Err(Code::AttributeValueInvalid));
        let null = create(&[Attribute::null(A::TOKEN, 1)]);
        target.same("a flag at NULL", null, Err(Code::AttributeValueInvalid));
        let number = create(&[Attribute::bytes(A::KEY_TYPE, &[0x1f])]);
        target.same("a number of 1 byte", number, Err(Code::AttributeValueInvalid));
        for len in [1 << 31, u64::MAX] {
            let null = create(&[Attribute::null(A::LABEL, len)]);
            target.same("a label at NULL", null, Err(Code::AttributeValueInvalid));
        }
    });
}

/// "C_CreateObject": CKR_TEMPLATE_INCONSISTENT.
#[test]
#[serial]
fn duplicates_in_a_template_are_inconsistent() {
    on_user(|session| {
        let mut template = aes_template(&[label("one")]);
        template.push(label("two"));
        let answer = session.create(&template).map(|_| ());
        session.target.same("two labels", answer, Err(Code::TemplateInconsistent));
    });
}

/// "AES secret key objects": 16, 24 or 32 bytes.
#[test]
#[serial]
fn a_key_of_an_impossible_length_is_refused() {
    on_user(|session| {
        for len in [0, 1, 15, 17, 33, 4096] {
            let template = keys::secret(KeyType::AES, &vec![1; len]);
            let answer = session.create(&template).map(|_| ());
            let what = format!("{len} bytes");
            session.target.same(&what, answer, Err(Code::AttributeValueInvalid));
        }
    });
}

#[test]
#[serial]
fn a_secret_key_that_is_imported_bare_has_the_defaults_of_the_specification() {
    on_user(|session| {
        let target = session.target;
        let key = session.create(&aes_template(&[])).expect("a key");
        let flags = [
            (A::TOKEN, false),
            (A::PRIVATE, true),
            (A::MODIFIABLE, true),
            (A::COPYABLE, true),
            (A::DESTROYABLE, true),
            (A::LOCAL, false),
            (A::EXTRACTABLE, false),
            (A::SENSITIVE, true),
            (A::ALWAYS_SENSITIVE, false),
            (A::NEVER_EXTRACTABLE, false),
        ];
        for (kind, value) in flags {
            target.same(&format!("{kind:?}"), session.flag(key, kind), Ok(value));
        }
        for kind in [A::LABEL, A::ID, A::START_DATE, A::END_DATE] {
            let value = session.attribute(key, kind);
            target.same(&format!("{kind:?}"), value, Ok(vec![]));
        }
        let mechanism = session.number(key, A::KEY_GEN_MECHANISM);
        target.same("CKA_KEY_GEN_MECHANISM", mechanism, Ok(UNAVAILABLE));
        target.same("CKA_VALUE_LEN", session.number(key, A::VALUE_LEN), Ok(16));
        for kind in [A::WRAP_TEMPLATE, A::UNWRAP_TEMPLATE, A::ALLOWED_MECHANISMS] {
            let value = session.attribute(key, kind);
            target.same(&format!("{kind:?}"), value, Ok(vec![]));
        }
    });
}

#[test]
#[serial]
fn data_and_public_keys_have_the_defaults_of_the_specification() {
    on_user(|session| {
        let target = session.target;
        let data = session.create(&[Attribute::class(ObjectClass::DATA)]).expect("data");
        target.same("data is private", session.flag(data, A::PRIVATE), Ok(true));
        for kind in [A::LABEL, A::APPLICATION, A::OBJECT_ID, A::VALUE] {
            target.same(&format!("{kind:?}"), session.attribute(data, kind), Ok(vec![]));
        }
        let public = session.create(&keys::rsa_public(2048)).expect("a public key");
        target.same("a public key is private", session.flag(public, A::PRIVATE), Ok(false));
        target.same("its subject", session.attribute(public, A::SUBJECT), Ok(vec![]));
        target.same("its bits", session.number(public, A::MODULUS_BITS), Ok(2048));
    });
}

/// A private key imported bare may sign, decrypt and unwrap.
#[test]
#[serial]
fn a_private_key_that_is_imported_bare_may_be_used() {
    on_user(|session| {
        let key = session.create(&keys::rsa_private(2048)).expect("a private key");
        for kind in [A::SIGN, A::DECRYPT, A::UNWRAP] {
            session.target.same(&format!("{kind:?}"), session.flag(key, kind), Ok(true));
        }
        session.target.same("CKA_DERIVE", session.flag(key, A::DERIVE), Ok(false));
        session.target.same("CKA_SENSITIVE", session.flag(key, A::SENSITIVE), Ok(true));
        session.target.same("CKA_EXTRACTABLE", session.flag(key, A::EXTRACTABLE), Ok(false));
    });
}

/// Java sends no CKA_DERIVE.
#[test]
#[serial]
fn a_generated_ec_pair_derives_without_being_asked_to() {
    on_user(|session| {
        let generate = Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN);
        let public = [Attribute::bytes(A::EC_PARAMS, keys::P256)];
        let (_, private) = session.generate_pair(&generate, &public, &[]).expect("a pair");
        session.target.same("CKA_DERIVE", session.flag(private, A::DERIVE), Ok(true));
    });
}

#[test]
#[serial]
fn a_generated_key_has_its_history_computed() {
    on_user(|session| {
        let target = session.target;
        let generate = Mechanism::plain(MechanismType::AES_KEY_GEN);
        let make = |sensitive, extractable| {
            let template = [
                Attribute::number(A::VALUE_LEN, 32),
                Attribute::flag(A::SENSITIVE, sensitive),
                Attribute::flag(A::EXTRACTABLE, extractable),
            ];
            session.generate(&generate, &template).expect("a key")
        };
        for (sensitive, extractable) in [(true, false), (false, true), (true, true)] {
            let key = make(sensitive, extractable);
            target.same("CKA_LOCAL", session.flag(key, A::LOCAL), Ok(true));
            let always = session.flag(key, A::ALWAYS_SENSITIVE);
            target.same("CKA_ALWAYS_SENSITIVE", always, Ok(sensitive));
            let never = session.flag(key, A::NEVER_EXTRACTABLE);
            target.same("CKA_NEVER_EXTRACTABLE", never, Ok(!extractable));
            let mechanism = session.number(key, A::KEY_GEN_MECHANISM);
            target.same("CKA_KEY_GEN_MECHANISM", mechanism, Ok(MechanismType::AES_KEY_GEN.0));
        }
    });
}

/// "computed, never accepted".
#[test]
#[serial]
fn history_is_never_accepted_from_a_template() {
    on_user(|session| {
        for kind in [A::LOCAL, A::ALWAYS_SENSITIVE, A::NEVER_EXTRACTABLE] {
            let answer = session.create(&aes_template(&[Attribute::flag(kind, true)])).map(|_| ());
            let what = format!("{kind:?} on creation");
            session.target.same(&what, answer, Err(Code::AttributeReadOnly));
            let key = session.create(&aes_template(&[])).expect("a key");
            let answer = session.set(key, &[Attribute::flag(kind, true)]);
            let what = format!("{kind:?} later");
            session.target.same(&what, answer, Err(Code::AttributeReadOnly));
        }
    });
}

/// "Secret key objects", footnotes 11 and 12.
#[test]
#[serial]
fn a_one_way_switch_goes_one_way() {
    on_user(|session| {
        let target = session.target;
        let open = [Attribute::flag(A::SENSITIVE, false), Attribute::flag(A::EXTRACTABLE, true)];
        let key = session.create(&aes_template(&open)).expect("a key");
        let set = |kind, value| session.set(key, &[Attribute::flag(kind, value)]);
        target.same("more sensitive", set(A::SENSITIVE, true), Ok(()));
        target.same("less", set(A::SENSITIVE, false), Err(Code::AttributeReadOnly));
        target.same("less extractable", set(A::EXTRACTABLE, false), Ok(()));
        target.same("more", set(A::EXTRACTABLE, true), Err(Code::AttributeReadOnly));
        target.same("as it is", set(A::SENSITIVE, true), Ok(()));
    });
}

/// "C_SetAttributeValue", CKA_MODIFIABLE.
#[test]
#[serial]
fn an_unmodifiable_object_does_not_change() {
    on_user(|session| {
        let fixed = [Attribute::flag(A::MODIFIABLE, false), label("fixed")];
        let key = session.create(&aes_template(&fixed)).expect("a key");
        let answer = session.set(key, &[label("other")]);
        session.target.same("C_SetAttributeValue", answer, Err(Code::ActionProhibited));
        let value = session.attribute(key, A::LABEL);
        session.target.same("the label", value, Ok(b"fixed".to_vec()));
    });
}

/// "C_DestroyObject", CKA_DESTROYABLE.
#[test]
#[serial]
fn an_indestructible_object_stays() {
    on_user(|session| {
        let kept = [Attribute::flag(A::DESTROYABLE, false), label("kept")];
        let key = session.create(&aes_template(&kept)).expect("a key");
        let answer = session.destroy(key);
        session.target.same("C_DestroyObject", answer, Err(Code::ActionProhibited));
        let value = session.attribute(key, A::LABEL);
        session.target.same("the label", value, Ok(b"kept".to_vec()));
    });
}

#[test]
#[serial]
fn reading_fills_what_it_can_and_marks_the_rest() {
    on_user(|session| {
        let target = session.target;
        let key = session.create(&aes_template(&[label("mixed")])).expect("a key");
        let wanted = [
            (A::LABEL, Some(20)),
            (A::VALUE, Some(16)),
            (A::KEY_TYPE, Some(8)),
            (A::MODULUS, Some(8)),
            (A::LABEL, Some(2)),
            (A::ID, None),
        ];
        let (answer, read) = session.read(key, &wanted);
        let one_of = [Code::AttributeSensitive, Code::AttributeTypeInvalid, Code::BufferTooSmall];
        target.holds("one of the errors", answer.is_err_and(|code| one_of.contains(&code)));
        let lengths: Vec<u64> = read.iter().map(|entry| entry.len).collect();
        let told = [5, UNAVAILABLE, 8, UNAVAILABLE, UNAVAILABLE, 0];
        for (i, (told, expected)) in lengths.into_iter().zip(told).enumerate() {
            target.same(&format!("length of entry {i}"), told, expected);
        }
        target.holds("the label is there", read[0].buffer.starts_with(b"mixed"));
        let untouched = |entry: &Read| entry.buffer.iter().all(|byte| *byte == 0xa5);
        target.holds("the value is not", untouched(&read[1]));
        target.holds("the key type is there", read[2].buffer == KeyType::AES.0.to_ne_bytes());
        target.holds("half a label is not", untouched(&read[4]));
    });
}

#[test]
#[serial]
fn a_sensitive_value_is_not_even_measured() {
    on_user(|session| {
        let key = session.create(&aes_template(&[])).expect("a key");
        let (answer, read) = session.read(key, &[(A::VALUE, None)]);
        session.target.same("C_GetAttributeValue", answer, Err(Code::AttributeSensitive));
        session.target.same("length", read[0].len, UNAVAILABLE);
    });
}

/// "C_GetAttributeValue": each of the private parts.
#[test]
#[serial]
fn no_secret_part_of_a_private_key_is_read() {
    on_user(|session| {
        let rsa = session.create(&keys::rsa_private(2048)).expect("a key");
        let secret = [
            A::PRIVATE_EXPONENT,
            A::PRIME_1,
            A::PRIME_2,
            A::EXPONENT_1,
            A::EXPONENT_2,
            A::COEFFICIENT,
        ];
        for kind in secret {
            let answer = session.attribute(rsa, kind);
            session.target.same(&format!("{kind:?}"), answer, Err(Code::AttributeSensitive));
        }
        let modulus = session.attribute(rsa, A::MODULUS).map(|value| value.len());
        session.target.same("CKA_MODULUS", modulus, Ok(256));
        let (_, ec) = session.ec(keys::P256);
        let answer = session.attribute(ec, A::VALUE);
        session.target.same("CKA_VALUE", answer, Err(Code::AttributeSensitive));
    });
}

/// -1 fed back as a length.
#[test]
#[serial]
fn a_length_left_over_from_an_error_does_no_harm() {
    on_user(|session| {
        let key = session.create(&aes_template(&[label("x")])).expect("a key");
        let mut memory = [0_u8; 8];
        let pointer = memory.as_mut_ptr() as u64;
        let mut template = [A::VALUE.0, pointer, u64::MAX];
        let arguments = vec![Arg::Number(key), Arg::WordsMut(&mut template), Arg::Number(1)];
        let answer = session.call("C_GetAttributeValue", arguments);
        session.target.same("a secret", answer, Err(Code::AttributeSensitive));
        session.target.same("length", template[2], UNAVAILABLE);
        let mut template = [A::LABEL.0, 0, u64::MAX];
        let arguments = vec![Arg::Number(key), Arg::WordsMut(&mut template), Arg::Number(1)];
        let answer = session.call("C_GetAttributeValue", arguments);
        session.target.same("a label at NULL", (answer, template[2]), (Ok(()), 1));
    });
}

/// "C_GetAttributeValue" with templates that are not there.
#[test]
#[serial]
fn reading_and_changing_without_a_template_is_a_bad_argument() {
    on_user(|session| {
        let key = session.create(&aes_template(&[])).expect("a key");
        for function in ["C_GetAttributeValue", "C_SetAttributeValue"] {
            for count in [1, 1 << 31, u64::MAX] {
                let arguments = vec![Arg::Number(key), Arg::Null, Arg::Number(count)];
                let answer = session.call(function, arguments);
                session.target.same(function, answer, Err(Code::ArgumentsBad));
            }
        }
    });
}

/// As many applications pack structures tightly.
#[test]
#[serial]
fn misaligned_templates_are_read() {
    on_user(|session| {
        let template = keys::data("odd", b"value");
        let words = harness::attribute::words(&template);
        let mut bytes = vec![0];
        bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        let mut handle = [0_u8; 9];
        let arguments = vec![
            Arg::Bytes(&bytes[1..]),
            Arg::Number(words.len() as u64 / 3),
            Arg::BytesMut(&mut handle[1..]),
        ];
        let answer = session.call("C_CreateObject", arguments);
        session.target.same("C_CreateObject", answer, Ok(()));
        let object = u64::from_ne_bytes(handle[1..].try_into().expect("eight bytes"));
        let value = session.attribute(object, A::VALUE);
        session.target.same("its value", value, Ok(b"value".to_vec()));
        let mut value = [0_u8; 5];
        let entry = [A::VALUE.0, value.as_mut_ptr() as u64, 5];
        let mut bytes = vec![0];
        bytes.extend(entry.iter().flat_map(|word| word.to_ne_bytes()));
        let arguments = vec![Arg::Number(object), Arg::BytesMut(&mut bytes[1..]), Arg::Number(1)];
        let answer = session.call("C_GetAttributeValue", arguments);
        session.target.same("C_GetAttributeValue", answer, Ok(()));
        session.target.holds("the value is there", value == *b"value");
    });
}

/// Java copies session keys to token keys.
#[test]
#[serial]
fn a_session_key_is_copied_to_the_token() {
    on_user(|session| {
        let target = session.target;
        let uses = keys::flags(&[A::ENCRYPT], true);
        let key = session.create(&aes_template(&merged(&[&uses, &[label("a")]]))).expect("a key");
        let on_token = [Attribute::flag(A::TOKEN, true), label("b")];
        let copy = session.copy(key, &on_token).expect("a copy");
        target.same("CKA_TOKEN", session.flag(copy, A::TOKEN), Ok(true));
        target.same("CKA_LABEL", session.attribute(copy, A::LABEL), Ok(b"b".to_vec()));
        target.same("the original's", session.attribute(key, A::LABEL), Ok(b"a".to_vec()));
        let ecb = Mechanism::plain(MechanismType::AES_ECB);
        let encrypt = |key| session.run(Function::Encrypt, &ecb, key, &[3; 16]);
        target.holds("they are the same key", encrypt(key) == encrypt(copy));
    });
}

#[test]
#[serial]
fn a_copy_follows_the_rules() {
    on_user(|session| {
        let target = session.target;
        let key = session.create(&aes_template(&[])).expect("a key");
        let copy = |template: &[Attribute]| session.copy(key, template).map(|_| ());
        let class = copy(&[Attribute::class(ObjectClass::DATA)]);
        target.holds(
            "another class is refused",
            matches!(class, Err(Code::AttributeReadOnly | Code::TemplateInconsistent)),
        );
        let public = copy(&[Attribute::flag(A::PRIVATE, false)]);
        target.same("private to public", public, Err(Code::TemplateInconsistent));
        let open = copy(&[Attribute::flag(A::EXTRACTABLE, true)]);
        target.same("more extractable", open, Err(Code::AttributeReadOnly));
        let value = copy(&[Attribute::bytes(A::VALUE, &[9; 16])]);
        target.same("another value", value, Err(Code::AttributeReadOnly));
        let fixed = [Attribute::flag(A::COPYABLE, false)];
        let fixed = session.create(&aes_template(&fixed)).expect("a key");
        let answer = session.copy(fixed, &[]).map(|_| ());
        target.same("not copyable", answer, Err(Code::ActionProhibited));
        let answer = session.copy(key + 1000, &[]).map(|_| ());
        target.same("no object", answer, Err(Code::ObjectHandleInvalid));
    });
}

#[test]
#[serial]
fn the_value_of_a_data_object_may_change() {
    on_user(|session| {
        let target = session.target;
        let data = session.create(&keys::data("note", b"one")).expect("an object");
        let copy = session.copy(data, &[Attribute::bytes(A::VALUE, b"two")]);
        let value = copy.and_then(|copy| session.attribute(copy, A::VALUE));
        target.same("in a copy", value, Ok(b"two".to_vec()));
        let set = session.set(data, &[Attribute::bytes(A::VALUE, b"three")]);
        target.same("C_SetAttributeValue", set, Ok(()));
        target.same("its value", session.attribute(data, A::VALUE), Ok(b"three".to_vec()));
    });
}

/// "C_SetAttributeValue": all or nothing.
#[test]
#[serial]
fn a_change_that_is_refused_changes_nothing() {
    on_user(|session| {
        let key = session.create(&aes_template(&[label("before")])).expect("a key");
        let template = [label("after"), Attribute::number(A::KEY_TYPE, KeyType::RSA.0)];
        let answer = session.set(key, &template);
        session.target.same("C_SetAttributeValue", answer, Err(Code::AttributeReadOnly));
        let value = session.attribute(key, A::LABEL);
        session.target.same("the label", value, Ok(b"before".to_vec()));
    });
}

/// "C_GetObjectSize".
#[test]
#[serial]
fn the_size_of_an_object_is_told() {
    on_user(|session| {
        let data = session.create(&keys::data("note", &[1; 500])).expect("an object");
        let size = session.object_size(data).expect("C_GetObjectSize");
        session.target.holds("it is known or said to be unknown", size >= 500);
        let answer = session.call("C_GetObjectSize", vec![Arg::Number(data), Arg::Null]);
        session.target.same("NULL", answer, Err(Code::ArgumentsBad));
    });
}

/// "Object management functions": handles that are none.
#[test]
#[serial]
fn stale_and_random_handles_are_no_objects() {
    on_user(|session| {
        let target = session.target;
        let gone = session.create(&keys::data("gone", b"x")).expect("an object");
        session.destroy(gone).expect("C_DestroyObject");
        for handle in [0, gone, gone + 77, gone ^ 1 << 40, u64::MAX] {
            let invalid = Err(Code::ObjectHandleInvalid);
            target.same("destroy", session.destroy(handle), invalid);
            target.same("size", session.object_size(handle).map(|_| ()), invalid);
            target.same("read", session.attribute(handle, A::LABEL).map(|_| ()), invalid);
            target.same("set", session.set(handle, &[label("x")]), invalid);
            target.same("copy", session.copy(handle, &[]).map(|_| ()), invalid);
        }
    });
}

/// Handles are the application's, not the session's.
#[test]
#[serial]
fn object_handles_are_not_reused_at_once() {
    on_user(|session| {
        let mut seen = Vec::new();
        for _ in 0..100 {
            let object = session.create(&keys::data("x", b"x")).expect("an object");
            session.target.holds("the handle is not 0", object != 0);
            session.target.holds("the handle is new", !seen.contains(&object));
            seen.push(object);
            session.destroy(object).expect("C_DestroyObject");
        }
    });
}

/// "Read-only sessions".
#[test]
#[serial]
fn a_read_only_session_neither_changes_nor_destroys_token_objects() {
    on_user(|session| {
        let target = session.target;
        let on_token = [Attribute::flag(A::TOKEN, true), label("kept")];
        let key = session.create(&aes_template(&on_token)).expect("a key");
        let reader = session.another(Flags::ReadOnly).expect("a session");
        let set = reader.set(key, &[label("x")]);
        target.same("C_SetAttributeValue", set, Err(Code::SessionReadOnly));
        target.same("C_DestroyObject", reader.destroy(key), Err(Code::SessionReadOnly));
        let copy = reader.copy(key, &[]).map(|_| ());
        target.same("C_CopyObject to the token", copy, Err(Code::SessionReadOnly));
        let copy = reader.copy(key, &[Attribute::flag(A::TOKEN, false)]).map(|_| ());
        target.same("C_CopyObject to the session", copy, Ok(()));
    });
}

/// Acknowledged means kept.
#[test]
#[serial]
fn token_objects_are_there_after_initialising_again() {
    on_user(|session| {
        let target = session.target;
        let on_token = [Attribute::flag(A::TOKEN, true), label("kept")];
        let before = session.create(&aes_template(&on_token)).expect("a key");
        session.create(&aes_template(&[label("gone")])).expect("a key");
        let session = again(session);
        let count = |text| session.find(&[label(text)]).expect("C_FindObjects").len();
        target.same("token objects", count("kept"), 1);
        let stale = session.attribute(before, A::LABEL).map(|_| ());
        target.same("the handle from before", stale, Err(Code::ObjectHandleInvalid));
        target.same("session objects", count("gone"), 0);
    });
}

/// Finalises, initialises and logs the user in.
fn again(session: Session<'_>) -> Session<'_> {
    let target = session.target;
    target.finalize().expect("C_Finalize");
    target.initialize().expect("C_Initialize");
    let session = target.open(Flags::ReadWrite).expect("a session");
    session.login(harness::Who::User, target.user_pin()).expect("C_Login");
    session
}

/// "Certificate objects": contents are not parsed for validity.
#[test]
#[serial]
fn a_certificate_is_kept_as_it_came() {
    on_user(|session| {
        let template = [
            Attribute::class(ObjectClass::CERTIFICATE),
            Attribute::number(A::CERTIFICATE_TYPE, 0),
            Attribute::bytes(A::SUBJECT, b"no DER"),
            Attribute::bytes(A::VALUE, b"no certificate"),
        ];
        let certificate = session.create(&template).expect("a certificate");
        let target = session.target;
        target.same("CKA_PRIVATE", session.flag(certificate, A::PRIVATE), Ok(false));
        target.same("CKA_TRUSTED", session.flag(certificate, A::TRUSTED), Ok(false));
        let value = session.attribute(certificate, A::VALUE);
        target.same("CKA_VALUE", value, Ok(b"no certificate".to_vec()));
        let sha1 = Mechanism::plain(MechanismType::SHA_1);
        let digest = session.run(Function::Digest, &sha1, 0, b"no certificate").expect("SHA-1");
        let check = session.attribute(certificate, A::CHECK_VALUE);
        target.same("CKA_CHECK_VALUE", check, Ok(digest[..3].to_vec()));
    });
}

/// "Common attributes", CKA_TRUSTED: only the SO sets it.
#[test]
#[serial]
fn the_user_does_not_make_trusted_objects() {
    on_user(|session| {
        let trusted = [Attribute::flag(A::TRUSTED, true)];
        let template = merged(&[&keys::rsa_public(2048), &trusted]);
        let answer = session.create(&template).map(|_| ());
        session.target.same("C_CreateObject", answer, Err(Code::AttributeReadOnly));
    });
}

/// Handles of objects are good in every session of the slot.
#[test]
#[serial]
fn a_destroyed_object_is_gone_in_every_session() {
    on_user(|session| {
        let other = session.another(Flags::ReadWrite).expect("a session");
        let key = session.aes();
        let ecb = Mechanism::plain(MechanismType::AES_ECB);
        other.run(Function::Encrypt, &ecb, key, &[0; 16]).expect("C_Encrypt");
        session.destroy(key).expect("C_DestroyObject");
        let answer = other.init(Function::Encrypt, &ecb, key);
        session.target.same("C_EncryptInit", answer, Err(Code::KeyHandleInvalid));
    });
}

/// "C_CreateObject" in the public state: what is private stays hidden from it.
#[test]
#[serial]
fn a_hidden_object_is_no_object() {
    on_token(|target| {
        let session = target.open(Flags::ReadWrite).expect("a session");
        session.login(harness::Who::User, target.user_pin()).expect("C_Login");
        let on_token = [Attribute::flag(A::TOKEN, true), label("hidden")];
        let key = session.create(&aes_template(&on_token)).expect("a key");
        session.logout().expect("C_Logout");
        let answer = session.destroy(key);
        target.same("C_DestroyObject", answer, Err(Code::ObjectHandleInvalid));
        target.same("found", session.find(&[label("hidden")]), Ok(vec![]));
    });
}
