//! The end of a key's time: for every program on Keyway's own token, for keyway on any other, and with
//! a clock that goes backwards.

mod harness;

use std::thread::sleep;
use std::time::Duration;

use harness::kms::{Days, with_kms};
use harness::{Maker, Token, USER_PIN, inside_every_token};
use keyway::Kind;
use keyway::domain::key::{Algorithm, KeyName};
use keyway::domain::record::{Due, Terms};
use keyway::service::{Kms, NewKey};
use keyway_pkcs11::attribute::{AttributeType, Attributes, Value};
use keyway_pkcs11::backend::embedded::{EmbeddedBackend, EmbeddedConfig};
use keyway_pkcs11::backend::{Backend, Pin, User, View};

const IV: &str = "00000000000000000000000000000000";

/// Whether pkcs11-tool does it with the key of this identifier.
fn foreign(token: &Token, direction: &str, id: &str, from: &str, to: &str) -> bool {
    let key = [direction, "--id", id, "-m", "AES-CBC-PAD", "--iv", IV, "-i", from, "-o", to];
    token.pkcs11_tool(&key).code == 0
}

/// Moves the last day of key `k` on Keyway's own token, and answers what it was.
fn end_on(token: &Token, day: &str) -> String {
    let backend = EmbeddedBackend::new(EmbeddedConfig::new(token.path("tokens")));
    let tokens = backend.tokens().expect("tokens");
    let own = &tokens.first().expect("one token").1;
    own.login(User::User, Pin(USER_PIN.as_bytes())).expect("login");
    let query: Attributes = [(AttributeType::LABEL, Value::bytes(*b"k"))].into_iter().collect();
    let found = own.find(&query, View::All).expect("a search");
    let key = own.object(found[0].id, View::All).expect("the key").expect("the key");
    let base = key.snapshot();
    let before = base.attributes.bytes(AttributeType::END_DATE).expect("an end");
    let before = String::from_utf8_lossy(before).into_owned();
    let mut changed = base.attributes.clone();
    changed.set(AttributeType::END_DATE, Value::bytes(day.as_bytes()));
    own.update(&key, &base, changed).expect("changed");
    before
}

/// The token's own days cannot be waited for: so the day that keyway laid down is moved into the past.
#[test]
fn an_expired_key_of_our_own_token_protects_in_no_program() {
    let token = Token::initialised(Maker::Keyway);
    token.ok(&["key", "create", "k", "--algorithm", "aes-256", "--expire-at", "2199-01-31"]);
    let id = token.key_id("k", 1);
    token.write("plain", b"attack at dawn");
    assert!(foreign(&token, "--encrypt", &id, "plain", "sealed"));
    assert_eq!(end_on(&token, "20260101"), "21990130", "the last day before the end");
    assert!(!foreign(&token, "--encrypt", &id, "plain", "other"));
    assert!(foreign(&token, "--decrypt", &id, "sealed", "opened"));
    assert_eq!(token.read("opened"), b"attack at dawn");
}

/// Another maker's token knows no days: keyway refuses at once, other programs from the maintenance on.
#[test]
fn an_expired_key_of_another_token_protects_until_the_maintenance_in_other_programs_alone() {
    let token = Token::initialised(Maker::SoftHsm);
    token.ok(&["key", "create", "k", "--algorithm", "aes-256", "--expire-after", "1s"]);
    let id = token.key_id("k", 1);
    token.write("plain", b"attack at dawn");
    sleep(Duration::from_secs(1));
    let refused = token.fails(5, &["encrypt", "--key", "k", "--in", "plain", "--out", "other"]);
    assert!(refused.contains("expired"), "{refused}");
    assert!(foreign(&token, "--encrypt", &id, "plain", "sealed"));
    token.ok(&["maintain"]);
    assert!(!foreign(&token, "--encrypt", &id, "plain", "other"));
    assert!(foreign(&token, "--decrypt", &id, "sealed", "opened"));
}

#[test]
fn a_clock_that_is_set_back_gives_no_time_back_that_was_written_down() {
    inside_every_token(
        "a_clock_that_is_set_back_gives_no_time_back_that_was_written_down",
        |token| {
            let (clock, name) = (Days::default(), "k".parse::<KeyName>().expect("a name"));
            let encrypts = || with_kms(token, &clock, |kms| kms.encrypt(&name, None, b"x"));
            let terms =
                Terms { expire_after: Some("5d".parse().expect("a period")), ..Terms::default() };
            let (algorithm, usage) = (Algorithm::Aes256, None);
            let request = NewKey { name: name.clone(), algorithm, usage };
            let create = |kms: Kms<'_>| kms.create_key_under(&request, &terms, None);
            with_kms(token, &clock, create).expect("created");
            clock.pass(10);
            assert_eq!(encrypts().expect_err("expired").kind(), Kind::Refused);
            // Nobody has written it down: the clock is all there is.
            clock.0.set(0);
            encrypts().expect("believed");

            clock.pass(10);
            let done = with_kms(token, &clock, |kms| kms.maintain()).expect("maintained");
            assert_eq!(done.actions[0].due, Due::Expire(1));
            clock.0.set(0);
            assert_eq!(encrypts().expect_err("expired for good").kind(), Kind::Refused);
            let rotated = with_kms(token, &clock, |kms| kms.rotate_key(&name)).expect("rotated");
            let [old, new] = rotated.versions() else { panic!("{rotated:?}") };
            assert!(new.created >= old.changed && new.expires > old.expires, "{rotated:?}");
            encrypts().expect("a new period");
        },
    );
}
