//! The chain of events: complete, in order, and nothing in it can be changed unnoticed.

use keyway_pkcs11::attribute::{AttributeType, Value};
use keyway_pkcs11::backend::User;
use keyway_pkcs11::error::Code;
use keyway_pkcs11::lifecycle::state::State;
use keyway_pkcs11::store::sqlite::SqliteStore;
use keyway_pkcs11::store::{EventKind, EventRecord, Facts, Store, Who, detail};

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
    let mut blamed = genuine.clone();
    let other = Who { program: "other".to_owned(), ..Who::now() };
    blamed[2].detail = Some(detail::encode(&other, &Facts::default()));
    assert_eq!(breaks(&blamed), [3]);
    blamed[2].detail = None;
    assert_eq!(breaks(&blamed), [3]);
    let mut missing = genuine;
    missing.remove(2);
    assert_eq!(breaks(&missing), [4]);
}

#[test]
fn every_event_says_who_wrote_it() {
    let (directory, token) = logged_in();
    token.create(aes_key(b"1", true)).unwrap();
    for event in all(directory.path()) {
        let (who, _) = detail::decode(event.detail.as_deref().unwrap());
        assert_eq!(who, Some(Who::now()));
    }
}

#[test]
fn a_forked_child_writes_its_own_number() {
    let (directory, _token) = fresh();
    let child = crate::children::fork_process();
    if child == 0 {
        let token = open(directory.path());
        let made = token.login(User::User, USER).and_then(|()| token.create(aes_key(b"1", true)));
        keyway_pkcs11::ffi::fork::exit_for_tests(i32::from(made.is_err()));
    }
    assert_eq!(keyway_pkcs11::ffi::fork::wait_for_tests(child), Some(0));
    let events = all(directory.path());
    let (who, _) = detail::decode(events.last().unwrap().detail.as_deref().unwrap());
    assert_eq!(who.unwrap().process, child as u32);
}

#[test]
fn a_change_says_which_attributes_changed_and_how_the_state_moved() {
    let (directory, token) = logged_in();
    let key = token.create(aes_key(b"1", true)).unwrap();
    let change = |rows: &[(AttributeType, Value)]| {
        let base = key.snapshot();
        let mut changed = base.attributes.clone();
        rows.iter().for_each(|(id, value)| changed.set(*id, value.clone()));
        token.update(&key, &base, changed).unwrap();
        let event = all(directory.path()).pop().unwrap();
        assert_eq!(event.kind, EventKind::Updated as u8);
        detail::decode(event.detail.as_deref().unwrap()).1
    };
    let (state, label) = (AttributeType::KEYWAY_STATE, AttributeType::LABEL);
    let facts = change(&[(label, Value::bytes(*b"another")), (state, Value::Number(4))]);
    assert_eq!(facts.changed, [label.0, state.0]);
    let numbers = [State::Active, State::Deactivated].map(|state| state.number() as u8);
    assert_eq!(facts.states, Some(numbers.into()));
    let facts = change(&[(AttributeType::END_DATE, Value::bytes(*b"20300101"))]);
    let expected = Facts { changed: vec![AttributeType::END_DATE.0], ..Facts::default() };
    assert_eq!(facts, expected);
}

/// What was done with a key is asked for by its name, also when the key is gone.
#[test]
fn a_destroyed_object_keeps_its_name_in_the_log_and_a_private_one_keeps_it_sealed() {
    let (directory, token) = logged_in();
    for (attributes, name, is_clear) in
        [(aes_key(b"1", true), "a key", false), (data("a document"), "a document", true)]
    {
        let object = token.create(attributes).unwrap();
        token.destroy(&object).unwrap();
        let event = all(directory.path()).pop().unwrap();
        let detail = event.detail.unwrap();
        let is_readable = detail.windows(name.len()).any(|bytes| bytes == name.as_bytes());
        assert_eq!(is_readable, is_clear);
        let history = crate::check::admin(directory.path()).history(USER).unwrap();
        let [.., created, destroyed] = &history.occurrences[..] else { panic!("{history:?}") };
        assert_eq!(created.label.as_deref(), Some(name));
        assert_eq!(destroyed.label.as_deref(), Some(name));
    }
}

/// `token-v2.db` was made before events said who wrote them: by the harness's PINs, with a wrong
/// PIN, an object from before the login, a changed, an open and a destroyed key.
#[test]
fn the_events_of_the_second_format_stay_whole_and_new_ones_say_who() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token-1.db");
    std::fs::write(file, include_bytes!("token-v2.db")).unwrap();
    let token = open(directory.path());
    token.login(User::User, USER).unwrap();
    assert_eq!(only(&*token, &by_id(b"private")).snapshot().stored_version, 2);
    token.create(aes_key(b"new", true)).unwrap();
    let events = all(directory.path());
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [1, 2, 3, 4, 7, 4, 5, 4, 4, 6, 4]);
    assert!(breaks(&events).is_empty());
    let told: Vec<_> = events.iter().map(|event| event.detail.is_some()).collect();
    assert_eq!(told, [[false; 10].as_slice(), &[true]].concat());
    let format: i32 =
        behind(directory.path()).query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(format, 4);
    assert!(token.logout().is_ok());
    assert_eq!(crate::check::check(directory.path()).findings, []);
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
