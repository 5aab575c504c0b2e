//! The way back from compromised.

use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::attribute::{AttributeType as A, Value};
use keyway_pkcs11::backend::{Pin, PinState, Token, User, View};
use keyway_pkcs11::error::{Code, Result};
use keyway_pkcs11::lifecycle::state::State;
use keyway_pkcs11::store::EventKind;
use tempfile::TempDir;

use crate::harness::*;

/// A token with two compromised keys of one label, one of them without a PIN, and others.
fn sample() -> TempDir {
    let (directory, token) = logged_in();
    let key = |id: &[u8], private: bool, state: State| {
        let mut key = aes_key(id, private);
        key.set(A::KEYWAY_STATE, Value::Number(state.number()));
        key
    };
    token.create(key(b"private", true, State::Compromised)).unwrap();
    token.create(key(b"open", false, State::Compromised)).unwrap();
    token.create(key(b"suspended", true, State::Suspended)).unwrap();
    let mut other = key(b"other", true, State::Compromised);
    other.set(A::LABEL, Value::bytes(*b"another"));
    token.create(other).unwrap();
    directory
}

fn recover(directory: &TempDir, label: &str, so: Pin<'_>, pin: Pin<'_>) -> Result<usize> {
    let admin = Admin::among(&config(directory.path()), None)?;
    admin.recover(label, so, pin).map(|recovered| recovered.len())
}

fn state(token: &dyn Token, id: &[u8]) -> State {
    State::of(&only(token, &by_id(id)).snapshot().attributes)
}

#[test]
fn both_pins_make_the_keys_of_a_label_deactivated_and_no_others() {
    let directory = sample();
    let seen_before = open(directory.path());
    seen_before.login(User::User, USER).unwrap();
    assert_eq!(state(&*seen_before, b"private"), State::Compromised);
    assert_eq!(recover(&directory, "a key", SO, USER).unwrap(), 2);
    for token in [seen_before, open(directory.path())] {
        token.login(User::User, USER).unwrap();
        assert_eq!(state(&*token, b"private"), State::Deactivated);
        assert_eq!(state(&*token, b"open"), State::Deactivated);
        assert_eq!(state(&*token, b"suspended"), State::Suspended);
        assert_eq!(state(&*token, b"other"), State::Compromised);
    }
    assert_eq!(recover(&directory, "a key", SO, USER).unwrap(), 0);
    assert_eq!(recover(&directory, "no such key", SO, USER).unwrap(), 0);
    let admin = Admin::among(&config(directory.path()), None).unwrap();
    let report = admin.check(Some(USER)).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let history = admin.history(USER).unwrap();
    let events = history.occurrences.iter().filter(|one| one.kind == Some(EventKind::Recovered));
    let events: Vec<_> = events.collect();
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|one| one.label.as_deref() == Some("a key") && one.fault.is_none()));
}

#[test]
fn a_wrong_pin_of_either_role_changes_nothing_and_counts() {
    let directory = sample();
    let admin = Admin::among(&config(directory.path()), None).unwrap();
    assert_code(recover(&directory, "a key", WRONG, USER), Code::PinIncorrect);
    let info = admin.info().unwrap();
    assert_eq!((info.so_pin, info.user_pin), (PinState::CountLow, PinState::Fine));
    assert_code(recover(&directory, "a key", SO, WRONG), Code::PinIncorrect);
    let info = admin.info().unwrap();
    assert_eq!((info.so_pin, info.user_pin), (PinState::Fine, PinState::CountLow));
    let token = open(directory.path());
    token.login(User::User, USER).unwrap();
    assert_eq!(state(&*token, b"private"), State::Compromised);
    for _ in 0..10 {
        let _ = recover(&directory, "a key", WRONG, USER);
    }
    assert_code(recover(&directory, "a key", SO, USER), Code::PinLocked);
}

#[test]
fn an_unmodifiable_key_keeps_its_state() {
    let (directory, token) = logged_in();
    let mut key = aes_key(b"fixed", true);
    key.set(A::KEYWAY_STATE, Value::Number(State::Compromised.number()));
    key.set(A::MODIFIABLE, Value::Bool(false));
    token.create(key).unwrap();
    assert_code(recover(&directory, "a key", SO, USER), Code::ActionProhibited);
    assert_eq!(state(&*token, b"fixed"), State::Compromised);
    assert_eq!(found(&*token, &by_id(b"fixed"), View::All).len(), 1);
}

/// A start date to come would hold it back like the state did.
#[test]
fn a_start_that_has_not_come_goes_with_the_state() {
    let (directory, token) = logged_in();
    let mut key = aes_key(b"later", true);
    key.set(A::KEYWAY_STATE, Value::Number(State::Compromised.number()));
    key.set(A::START_DATE, Value::bytes(*b"29990101"));
    key.set(A::END_DATE, Value::bytes(*b"29991231"));
    token.create(key).unwrap();
    assert_eq!(recover(&directory, "a key", SO, USER).unwrap(), 1);
    let snapshot = only(&*token, &by_id(b"later")).snapshot();
    assert_eq!(snapshot.attributes.bytes(A::START_DATE), Some(&b""[..]));
    assert_eq!(snapshot.attributes.bytes(A::END_DATE), Some(&b"29991231"[..]));
}
