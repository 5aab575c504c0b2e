//! `keyway key recover`: the way back from compromised, on Keyway's own tokens.

mod harness;

use harness::{Maker, SO_PIN, Token, USER_PIN};
use keyway_pkcs11::attribute::{AttributeType, Attributes, Value};
use keyway_pkcs11::backend::embedded::{EmbeddedBackend, EmbeddedConfig};
use keyway_pkcs11::backend::{Backend, Pin, User, View};
use keyway_pkcs11::lifecycle::state::State;

const LABEL: &str = "archive";
const IV: &str = "000102030405060708090a0b0c0d0e0f";

/// Somebody reports the key, in another program.
fn compromise(token: &Token) {
    let backend = EmbeddedBackend::new(EmbeddedConfig::new(token.path("tokens")));
    let tokens = backend.tokens().expect("tokens");
    let own = &tokens.first().expect("one token").1;
    own.login(User::User, Pin(USER_PIN.as_bytes())).expect("login");
    let query: Attributes =
        [(AttributeType::LABEL, Value::bytes(LABEL.as_bytes()))].into_iter().collect();
    let found = own.find(&query, View::All).expect("a search");
    assert_eq!(found.len(), 1);
    let key = own.object(found[0].id, View::All).expect("the key").expect("the key");
    let base = key.snapshot();
    let mut changed = base.attributes.clone();
    changed.set(AttributeType::KEYWAY_STATE, Value::Number(State::Compromised.number()));
    own.update(&key, &base, changed).expect("changed");
}

/// Any other program; whether it did it.
fn crypt(token: &Token, direction: &str, from: &str, to: &str) -> bool {
    let (from, to) = (token.path(from), token.path(to));
    let answer = token.pkcs11_tool(&[
        direction,
        "--label",
        LABEL,
        "--mechanism",
        "AES-CBC-PAD",
        "--iv",
        IV,
        "--input-file",
        &from,
        "--output-file",
        &to,
    ]);
    answer.code == 0
}

#[test]
fn a_recovered_key_decrypts_in_any_program_and_encrypts_in_none() {
    let token = Token::initialised(Maker::Keyway);
    let made = ["--keygen", "--key-type", "aes:32", "--label", LABEL, "--private"];
    let made = token.pkcs11_tool(&[&made[..], &["--usage-decrypt"]].concat());
    assert_eq!(made.code, 0, "{}", made.stderr);
    token.write("plain", b"attack at dawn");
    assert!(crypt(&token, "--encrypt", "plain", "sealed"));
    assert!(crypt(&token, "--decrypt", "sealed", "opened"));
    let recover = |so_pin: &str| {
        let so_pin = token.write("so", so_pin.as_bytes());
        token.keyway(&["key", "recover", LABEL, "--so-pin-file", &so_pin, "--yes"])
    };
    let early = recover(SO_PIN);
    assert_eq!(early.code, 3, "{}", early.stderr);
    assert!(early.stderr.contains("no compromised key labelled \"archive\""), "{}", early.stderr);

    compromise(&token);
    assert!(!crypt(&token, "--decrypt", "sealed", "opened"));
    let wrong = recover("87654321");
    assert_eq!(wrong.code, 6, "{}", wrong.stderr);
    assert!(!crypt(&token, "--decrypt", "sealed", "opened"));
    assert!(token.ok(&["log"]).contains("security officer: PIN was wrong"));
    let unasked = token.keyway(&["key", "recover", LABEL, "--so-pin-file", &token.path("so")]);
    assert!(unasked.stderr.contains("not confirmed"), "{}", unasked.stderr);

    let done = recover(SO_PIN);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.text().contains("1 object(s) process again"), "{}", done.text());
    assert!(crypt(&token, "--decrypt", "sealed", "opened"));
    assert_eq!(token.read("opened"), b"attack at dawn");
    assert!(!crypt(&token, "--encrypt", "plain", "again"));
    let log = token.ok(&["log", "--key", LABEL, "--verify"]);
    assert!(log.contains("recovered by the security officer"), "{log}");
}

#[test]
fn another_makers_token_has_no_way_back() {
    let token = Token::initialised(Maker::SoftHsm);
    let so_pin = token.path("so-pin");
    let error = token.fails(9, &["key", "recover", LABEL, "--so-pin-file", &so_pin, "--yes"]);
    assert!(error.contains("not Keyway's own"), "{error}");
}
