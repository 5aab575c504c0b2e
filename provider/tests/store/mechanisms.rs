//! Keys that mechanisms make on a token: generated, wrapped, unwrapped, derived, used.

use std::sync::Arc;

use keyway_pkcs11::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Value};
use keyway_pkcs11::backend::{Object, Operation, Token, User, View};
use keyway_pkcs11::error::Code;
use keyway_pkcs11::mechanism::params::ec::EcKdf;
use keyway_pkcs11::mechanism::{Function, Mechanism, MechanismType, Params, set};
use keyway_pkcs11::object::Wanted;

use crate::harness::*;

fn mechanism(id: MechanismType, params: Params<'_>) -> Mechanism<'_> {
    Mechanism { spec: set::look_up(id).unwrap(), params, keys: Vec::new() }
}

/// `CKA_EC_PARAMS` of P-256.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

fn key(class: ObjectClass, key_type: KeyType, private: bool, id: &[u8]) -> Attributes {
    query([
        (AttributeType::CLASS, Value::Number(class.0)),
        (AttributeType::KEY_TYPE, Value::Number(key_type.0)),
        (AttributeType::TOKEN, Value::Bool(true)),
        (AttributeType::PRIVATE, Value::Bool(private)),
        (AttributeType::ID, Value::bytes(id)),
        (AttributeType::EXTRACTABLE, Value::Bool(true)),
    ])
}

fn pair(token: &dyn Token, id: &[u8]) -> (Arc<Object>, Arc<Object>) {
    let mut public = key(ObjectClass::PUBLIC_KEY, KeyType::EC, false, id);
    public.set(AttributeType::EC_PARAMS, Value::bytes(P256));
    let private = key(ObjectClass::PRIVATE_KEY, KeyType::EC, true, id);
    let generate = mechanism(MechanismType::EC_KEY_PAIR_GEN, Params::None);
    token.generate_pair(&generate, public, private).unwrap()
}

fn aes(token: &dyn Token, id: &[u8]) -> Arc<Object> {
    let mut wanted = key(ObjectClass::SECRET_KEY, KeyType::AES, true, id);
    wanted.set(AttributeType::VALUE_LEN, Value::Number(32));
    token.generate(&mechanism(MechanismType::AES_KEY_GEN, Params::None), wanted).unwrap()
}

fn sign(token: &dyn Token, key: &Object, message: &[u8]) -> Vec<u8> {
    let snapshot = key.snapshot();
    let started = snapshot
        .key(token)
        .unwrap()
        .lease()
        .start(Function::Sign, &mechanism(MechanismType::ECDSA_SHA256, Params::None));
    let Operation::Transform(mut operation) = started.unwrap() else { panic!("no transform") };
    let mut signature = vec![0; operation.output_size(message.len(), true).unwrap()];
    let length = operation.finish(message, &mut signature).unwrap();
    signature.truncate(length);
    signature
}

fn verifies(token: &dyn Token, key: &Object, message: &[u8], signature: &[u8]) -> bool {
    let snapshot = key.snapshot();
    let verify = mechanism(MechanismType::ECDSA_SHA256, Params::None);
    let started = snapshot.key(token).unwrap().start(Function::Verify, &verify);
    let Operation::Check(mut operation) = started.unwrap() else { panic!("no check") };
    operation.finish(message, signature).is_ok()
}

#[test]
fn both_halves_of_a_generated_pair_are_there_after_a_restart_and_belong_together() {
    let (directory, token) = logged_in();
    let (public, private) = pair(&*token, b"pair");
    let token = open(directory.path());
    assert_eq!(found(&*token, &by_id(b"pair"), View::Public), [public.id]);
    token.login(User::User, USER).unwrap();
    let private = token.object(private.id, View::All).unwrap().unwrap();
    let public = token.object(public.id, View::All).unwrap().unwrap();
    let signature = sign(&*token, &private, b"message");
    assert!(verifies(&*token, &public, b"message", &signature));
    assert!(!verifies(&*token, &public, b"massage", &signature));
}

#[test]
fn a_pair_whose_private_half_cannot_be_written_leaves_no_public_half() {
    let (_directory, token) = fresh();
    let mut public = key(ObjectClass::PUBLIC_KEY, KeyType::EC, false, b"pair");
    public.set(AttributeType::EC_PARAMS, Value::bytes(P256));
    let private = key(ObjectClass::PRIVATE_KEY, KeyType::EC, true, b"pair");
    let generate = mechanism(MechanismType::EC_KEY_PAIR_GEN, Params::None);
    assert_code(token.generate_pair(&generate, public, private), Code::UserNotLoggedIn);
    assert!(found(&*token, &by_id(b"pair"), View::Public).is_empty());
}

#[test]
fn a_wrapped_private_key_unwraps_to_the_same_key() {
    let (_directory, token) = logged_in();
    let (public, private) = pair(&*token, b"pair");
    let wrapping = aes(&*token, b"wrapping");
    let wrap = mechanism(MechanismType::AES_KEY_WRAP_KWP, Params::None);
    let wrapped = token.wrap(&wrap, &wrapping.snapshot(), &private.snapshot()).unwrap();
    let mut wanted = key(ObjectClass::PRIVATE_KEY, KeyType::EC, true, b"copy");
    let copy = token.unwrap(&wrap, &wrapping.snapshot(), &wrapped, wanted.clone()).unwrap();
    let signature = sign(&*token, &copy, b"message");
    assert!(verifies(&*token, &public, b"message", &signature));

    wanted.set(AttributeType::KEY_TYPE, Value::Number(KeyType::RSA.0));
    let as_rsa = token.unwrap(&wrap, &wrapping.snapshot(), &wrapped, wanted.clone());
    assert_code(as_rsa, Code::TemplateInconsistent);
    let with_ec = token.unwrap(&wrap, &private.snapshot(), &wrapped, wanted);
    assert_code(with_ec, Code::UnwrappingKeyTypeInconsistent);
    let with_ec = token.wrap(&wrap, &private.snapshot(), &wrapping.snapshot());
    assert_code(with_ec, Code::WrappingKeyTypeInconsistent);
}

#[test]
fn two_parties_derive_the_same_key() {
    let (_directory, token) = logged_in();
    let (a_public, a_private) = pair(&*token, b"a");
    let (b_public, b_private) = pair(&*token, b"b");
    let derive = |private: &Object, public: &Object, id: &[u8]| {
        let point = public.snapshot().attributes.bytes(AttributeType::EC_POINT).unwrap().to_vec();
        let derive = mechanism(
            MechanismType::ECDH1_DERIVE,
            Params::Ecdh { kdf: EcKdf::Null, public: &point },
        );
        let mut wanted = key(ObjectClass::SECRET_KEY, KeyType::AES, true, id);
        wanted.set(AttributeType::VALUE_LEN, Value::Number(32));
        let wanted = Wanted { attributes: wanted, length: Some(32) };
        token.derive(&derive, &private.snapshot(), vec![wanted]).unwrap().remove(0)
    };
    let one = derive(&a_private, &b_public, b"one").snapshot();
    let two = derive(&b_private, &a_public, b"two").snapshot();
    let value = |key: &Attributes| key.bytes(AttributeType::VALUE).map(<[u8]>::to_vec);
    assert_eq!(value(&one.attributes).unwrap().len(), 32);
    assert_eq!(value(&one.attributes), value(&two.attributes));
}

#[test]
fn a_mechanism_does_only_what_its_row_says_with_the_key_types_that_it_names() {
    let (_directory, token) = logged_in();
    let (_public, private) = pair(&*token, b"pair");
    let secret = aes(&*token, b"aes");
    let start = |object: &Object, function, id| {
        let snapshot = object.snapshot();
        let started = snapshot.key(&*token).unwrap().start(function, &mechanism(id, Params::None));
        started.map(drop)
    };
    let ecdsa = MechanismType::ECDSA_SHA256;
    assert_code(start(&private, Function::Encrypt, ecdsa), Code::MechanismInvalid);
    assert_code(start(&secret, Function::Sign, ecdsa), Code::KeyTypeInconsistent);
    let data = token.create(data("no key")).unwrap();
    assert_code(data.snapshot().key(&*token).map(drop), Code::KeyTypeInconsistent);
    let pair_gen = mechanism(MechanismType::EC_KEY_PAIR_GEN, Params::None);
    assert_code(token.generate(&pair_gen, aes_key(b"1", true)), Code::MechanismInvalid);
    assert_code(token.digest(&pair_gen).map(drop), Code::MechanismInvalid);
}
