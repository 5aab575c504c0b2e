//! `keyway key recover`: the way back from compromised, on Keyway's own tokens.

mod harness;

use harness::{Maker, SO_PIN, Token, USER_PIN, on_every_token};
use keyway_pkcs11::admin::Admin;
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

/// A key of keyway's own that was revoked, and a message for it.
fn revoked(token: &Token, how: &[&str]) {
    token.ok(&["key", "create", LABEL, "--algorithm", "aes-256"]);
    token.ok(&["encrypt", "--key", LABEL, "--in", "pin", "--out", "message"]);
    let revoke = ["key", "revoke", LABEL, "--reason", "compromise", "--yes"];
    assert_eq!(token.keyway(&[&revoke[..], how].concat()).code, 0);
    token.fails(5, &["decrypt", "--in", "message"]);
}

/// It decrypts, in keyway, and protects nothing; the record says who, when and why.
fn is_recovered(token: &Token, by: &str) {
    assert_eq!(token.ok(&["decrypt", "--in", "message"]), USER_PIN);
    token.fails(5, &["encrypt", "--key", LABEL, "--in", "pin", "--out", "other"]);
    let shown = token.keyway(&["key", "show", LABEL]);
    assert!(shown.text().contains("deactivated (compromise)"), "{}", shown.text());
    assert!(shown.text().contains(&format!("on the word of {by}")), "{}", shown.text());
    assert_eq!(shown.stderr, "");
    assert!(token.ok(&["maintain"]).contains("nothing was due"));
}

#[test]
fn the_record_follows_a_recovery_by_the_security_officer() {
    let token = Token::initialised(Maker::Keyway);
    revoked(&token, &[]);
    let recover = ["key", "recover", LABEL, "--yes", "--why", "a false alarm", "--so-pin-file"];
    let wrong = token.write("wrong", b"87654321");
    token.fails(6, &[&recover[..], &[&wrong]].concat());
    token.fails(5, &["decrypt", "--in", "message"]);
    let told = token.ok(&[&recover[..], &[&token.path("so-pin")]].concat());
    assert!(told.contains("key archive version 1: deactivated, recovered"), "{told}");
    is_recovered(&token, "the security officer (a false alarm)");
    assert!(token.ok(&["log", "--key", LABEL]).contains("recovered by the security officer"));
    // It can turn out to be compromised once more.
    token.ok(&["key", "revoke", LABEL, "--reason", "compromise", "--yes"]);
    token.fails(5, &["decrypt", "--in", "message"]);
}

/// The security officer lets the old version back. What the user revoked since, with a way back for
/// himself, comes back on nobody's word but his.
#[test]
fn a_maintenance_follows_the_security_officer_and_no_further() {
    let token = Token::initialised(Maker::Keyway);
    revoked(&token, &[]);
    token.ok(&["key", "rotate", LABEL]);
    token.ok(&["encrypt", "--key", LABEL, "--in", "pin", "--out", "newer"]);
    let revoke = ["key", "revoke", LABEL, "--reason", "compromise", "--yes", "--recoverable"];
    token.ok(&revoke);
    let config = EmbeddedConfig::new(token.path("tokens"));
    let admin = Admin::among(&config, None).expect("the token");
    admin.recover(LABEL, Pin(SO_PIN.as_bytes()), Pin(USER_PIN.as_bytes())).expect("recovered");
    let told = token.ok(&["maintain"]);
    assert!(told.contains("the record follows the security officer's recovery"), "{told}");
    assert_eq!(token.ok(&["decrypt", "--in", "message"]), USER_PIN);
    token.fails(5, &["decrypt", "--in", "newer"]);
    assert!(token.ok(&["maintain"]).contains("nothing was due"));
    token.ok(&["key", "recover", LABEL, "--yes"]);
    assert_eq!(token.ok(&["decrypt", "--in", "newer"]), USER_PIN);
    let shown = token.ok(&["key", "show", LABEL]);
    assert_eq!(shown.matches("on the word of the security officer").count(), 1, "{shown}");
    assert_eq!(shown.matches("on the word of the user").count(), 1, "{shown}");
}

/// The token was told, and whoever did it was stopped before the record was.
#[test]
fn an_interrupted_recovery_is_finished_by_the_maintenance_or_by_the_next() {
    for finish in
        [&["maintain"][..], &["key", "recover", LABEL, "--yes", "--so-pin-file", "so-pin"]]
    {
        let token = Token::initialised(Maker::Keyway);
        revoked(&token, &[]);
        let config = EmbeddedConfig::new(token.path("tokens"));
        let admin = Admin::among(&config, None).expect("the token");
        let pins = (Pin(SO_PIN.as_bytes()), Pin(USER_PIN.as_bytes()));
        admin.recover(LABEL, pins.0, pins.1).expect("recovered");
        token.fails(5, &["decrypt", "--in", "message"]);
        token.ok(finish);
        is_recovered(&token, "the security officer");
    }
}

#[test]
fn what_was_revoked_with_a_way_back_comes_back_with_the_users_pin() {
    on_every_token(|token| {
        revoked(token, &["--recoverable"]);
        let recover = ["key", "recover", LABEL, "--why", "found it again"];
        let unasked = token.fails(5, &recover);
        assert!(unasked.contains("--yes"), "{unasked}");
        let told = token.ok(&[&recover[..], &["--yes"]].concat());
        assert!(told.contains("version 1: deactivated, recovered"), "{told}");
        is_recovered(token, "the user (found it again)");
        if token.maker == Maker::SoftHsm {
            let log = token.ok(&["log", "--key", LABEL]);
            assert!(log.contains("recovered on the word of the user: found it again"), "{log}");
        }
    });
}

#[test]
fn a_final_revocation_on_another_makers_token_has_no_way_back() {
    let token = Token::initialised(Maker::SoftHsm);
    revoked(&token, &[]);
    let error = token.fails(9, &["key", "recover", LABEL, "--so-pin-file", "so-pin", "--yes"]);
    assert!(error.contains("not Keyway's own"), "{error}");
}
