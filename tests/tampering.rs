//! What another program changes of a key or its records, with the user's PIN: the key is suspended,
//! and revoked by the next maintenance.

mod harness;

use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use harness::kms::{self, other_program};
use harness::{Token, inside_every_token, on_every_token};
use keyway::clock::SystemClock;
use keyway::domain::key::{Algorithm, KeyName};
use keyway::domain::lifecycle::State;
use keyway::domain::record::Due;
use keyway::service::{Kms, Maintenance, NewKey, Upheld};
use keyway::token::OpenToken;

const IV: &str = "00000000000000000000000000000000";

fn name(text: &str) -> KeyName {
    text.parse().expect("a name")
}

fn with_kms<T>(token: &OpenToken, test: impl FnOnce(Kms<'_>) -> T) -> T {
    kms::with_kms(token, &SystemClock, test)
}

fn create(token: &OpenToken, key: &str, algorithm: Algorithm) {
    let request = NewKey { name: name(key), algorithm, usage: None };
    with_kms(token, |kms| kms.create_key(&request)).expect("created");
}

fn maintain(token: &OpenToken) -> Maintenance {
    with_kms(token, |kms| kms.maintain()).expect("maintained")
}

fn object(session: &Session, class: ObjectClass, key: &str) -> ObjectHandle {
    let template = [Attribute::Class(class), Attribute::Label(key.as_bytes().to_vec())];
    session.find_objects(&template).expect("found")[0]
}

/// A change, what it is called, and what the evidence then says.
type Change = (&'static str, ObjectClass, Attribute, &'static str);

fn changes() -> Vec<(Algorithm, Change)> {
    let label = || Attribute::Label(b"another".to_vec());
    let (secret, private) = (ObjectClass::SECRET_KEY, ObjectClass::PRIVATE_KEY);
    let public = ObjectClass::PUBLIC_KEY;
    let (aes, ec) = (Algorithm::Aes256, Algorithm::EcP256);
    vec![
        (aes, ("label", secret, label(), "is labelled \"another\"")),
        (aes, ("id", secret, Attribute::Id(vec![1; 16]), "there is no secret key")),
        (aes, ("wraps", secret, Attribute::Wrap(true), "WRAP")),
        (aes, ("derives", secret, Attribute::Derive(true), "DERIVE")),
        (aes, ("deaf", secret, Attribute::Decrypt(false), "DECRYPT")),
        (ec, ("private-label", private, label(), "private key is labelled")),
        (ec, ("public-id", public, Attribute::Id(vec![2; 16]), "there is no public key")),
        (ec, ("agrees", private, Attribute::Derive(true), "DERIVE")),
    ]
}

#[test]
fn a_changed_object_is_suspended_and_then_revoked() {
    inside_every_token("a_changed_object_is_suspended_and_then_revoked", |token| {
        let session = other_program();
        for (algorithm, (key, class, change, evidence)) in changes() {
            create(token, key, algorithm);
            assert!(maintain(token).is_empty(), "{key}: a new key is as it should be");
            let object = object(&session, class, key);
            session.update_attributes(object, &[change]).expect("the token lets the user do it");

            let done = maintain(token);
            let [(suspended, told)] = &done.suspended[..] else { panic!("{key}: {done:?}") };
            assert_eq!(suspended.as_str(), key);
            assert!(told.to_uppercase().contains(&evidence.to_uppercase()), "{key}: {told}");
            let shown = with_kms(token, |kms| kms.show_key(&name(key))).expect("shown");
            assert_eq!(shown.records[0].state(), State::Suspended, "{key}");
            assert!(shown.problems[0].contains("next keyway maintain revokes it"), "{shown:?}");

            let done = maintain(token);
            let [action] = &done.actions[..] else { panic!("{key}: {done:?}") };
            assert_eq!((action.name.as_str(), action.due), (key, Due::Revoke));
            assert!(action.failure.is_none(), "{key}: {done:?}");
            assert!(maintain(token).is_empty(), "{key}: done twice it does nothing more");
        }
    });
}

#[test]
fn flags_follow_the_record() {
    inside_every_token("flags_follow_the_record", |token| {
        create(token, "k", Algorithm::Aes256);
        let session = other_program();
        let encrypts = |on| {
            let key = object(&session, ObjectClass::SECRET_KEY, "k");
            session.update_attributes(key, &[Attribute::Encrypt(on)]).expect("changed");
        };
        encrypts(false);
        assert_eq!(maintain(token).upheld, [(name("k"), Upheld::Allowed(1))]);
        with_kms(token, |kms| kms.encrypt(&name("k"), None, b"x")).expect("usable");

        with_kms(token, |kms| kms.suspend_key(&name("k"))).expect("suspended");
        encrypts(true);
        let upheld = maintain(token).upheld;
        let ours = std::env::var("KEYWAY_TEST_INSIDE").expect("inside").contains("libkeyway");
        // There the state refuses, whatever the flags say.
        let expected = if ours { vec![] } else { vec![(name("k"), Upheld::Refused(1))] };
        assert_eq!(upheld, expected);
        assert!(maintain(token).is_empty());
    });
}

fn tool(token: &Token, arguments: &[&str]) {
    let answer = token.pkcs11_tool(arguments);
    assert_eq!(answer.code, 0, "{:?} {arguments:?}: {}", token.maker, answer.stderr);
}

/// Whether pkcs11-tool does it with the key of this identifier.
fn crypts(token: &Token, direction: &str, id: &str, from: &str, to: &str) -> bool {
    let key = [direction, "--id", id, "-m", "AES-CBC-PAD", "--iv", IV, "-i", from, "-o", to];
    token.pkcs11_tool(&key).code == 0
}

/// Somebody changes a byte of the only record: pkcs11-tool deletes it and writes the changed one.
#[test]
fn a_key_with_a_changed_record_is_suspended_and_then_revoked() {
    on_every_token(|token| {
        token.ok(&["key", "create", "k", "--algorithm", "aes-256"]);
        token.ok(&["encrypt", "--key", "k", "--in", "pin", "--out", "message"]);
        let id = token.key_id("k", 1);
        token.write("plain", b"attack at dawn");
        assert!(crypts(token, "--encrypt", &id, "plain", "sealed"));

        let record = ["--type", "data", "--label", "keyway-record:k"];
        tool(token, &[&record[..], &["--read-object", "-o", "record"]].concat());
        let mut bytes = token.read("record");
        *bytes.last_mut().expect("a record") ^= 1;
        token.write("record", &bytes);
        tool(token, &[&record[..], &["--delete-object"]].concat());
        let write = ["--write-object", "record", "--application-label", "keyway", "--private"];
        tool(token, &[&record[..], &write].concat());

        let error = token.fails(7, &["decrypt", "--in", "message"]);
        assert!(error.contains("authentication tag is wrong"), "{error}");
        let told = token.ok(&["maintain"]);
        assert!(told.contains("key k: no record of it is authentic"), "{told}");
        assert!(told.contains("its objects are suspended"), "{told}");
        assert!(!crypts(token, "--encrypt", &id, "plain", "other"), "it still protects");
        assert!(crypts(token, "--decrypt", &id, "sealed", "opened"), "it processes meanwhile");

        assert!(token.ok(&["maintain"]).contains("its objects are revoked"));
        assert!(!crypts(token, "--decrypt", &id, "sealed", "opened"));
        assert!(token.ok(&["maintain"]).contains("nothing was due"));
        token.fails(7, &["decrypt", "--in", "message"]);
        let log = token.ok(&["log"]);
        assert!(log.contains("Outlaws") || log.contains("to compromised"), "{log}");
    });
}
