//! The chain of events: complete, in order, and nothing in it can be changed unnoticed.

use keyway_pkcs11::backend::User;
use keyway_pkcs11::error::Code;
use keyway_pkcs11::store::sqlite::SqliteStore;
use keyway_pkcs11::store::{EventKind, EventRecord, Store};

use crate::harness::*;

fn all(directory: &std::path::Path) -> Vec<EventRecord> {
    SqliteStore::new(&directory.join("token-1.db")).events(1, 1000).unwrap()
}

/// The sequence numbers of events that do not follow the one before.
fn breaks(events: &[EventRecord]) -> Vec<u64> {
    let mut previous = [0; 32];
    let mut broken = Vec::new();
    for event in events {
        if !event.follows(&previous) {
            broken.push(event.sequence);
        }
        previous = event.chain;
    }
    broken
}

#[test]
fn every_change_leaves_its_event_and_every_event_follows_the_one_before() {
    let (directory, token) = fresh();
    assert_code(token.login(User::User, WRONG), Code::PinIncorrect);
    let early = token.create(data("early")).unwrap();
    token.login(User::User, USER).unwrap();
    token.refresh(&early).unwrap();
    let key = token.create(aes_key(b"1", true)).unwrap();
    token.update(&key, &key.snapshot(), key.snapshot().attributes.clone()).unwrap();
    token.destroy(&key).unwrap();
    let events = all(directory.path());
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    let expected = [
        EventKind::TokenInitialized,
        EventKind::PinChanged,
        EventKind::LoginFailed,
        EventKind::Created,
        EventKind::Attested,
        EventKind::Created,
        EventKind::Updated,
        EventKind::Destroyed,
    ];
    assert_eq!(kinds, expected.map(|kind| kind as u8));
    let attested: Vec<_> = events.iter().map(|event| event.mac.is_some()).collect();
    assert_eq!(attested, [true, true, false, false, true, true, true, true]);
    assert_eq!(events[7].subject, key.id.0);
    assert!(breaks(&events).is_empty());
}

#[test]
fn a_changed_or_missing_event_breaks_the_chain() {
    let (directory, token) = logged_in();
    for n in 0..4 {
        token.create(aes_key(&[n], true)).unwrap();
    }
    let genuine = all(directory.path());
    let mut changed = genuine.clone();
    changed[2].kind = EventKind::Destroyed as u8;
    assert_eq!(breaks(&changed), [3]);
    let mut missing = genuine;
    missing.remove(2);
    assert_eq!(breaks(&missing), [4]);
}

#[test]
fn what_is_not_committed_leaves_no_event() {
    let (directory, token) = logged_in();
    let key = token.create(aes_key(b"1", true)).unwrap();
    let other = open(directory.path());
    other.login(User::User, USER).unwrap();
    let theirs = only(&*other, &by_id(b"1"));
    other.update(&theirs, &theirs.snapshot(), aes_key(b"1", true)).unwrap();
    let before = all(directory.path()).len();
    assert_code(token.update(&key, &key.snapshot(), aes_key(b"2", true)), Code::FunctionFailed);
    assert_eq!(all(directory.path()).len(), before);
}
