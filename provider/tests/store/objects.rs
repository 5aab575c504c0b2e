//! Objects on a token: made, found, changed, destroyed, seen by those who may.

use std::time::Instant;

use keyway_pkcs11::attribute::{AttributeType, ObjectClass, Value};
use keyway_pkcs11::backend::{User, View};
use keyway_pkcs11::error::Code;

use crate::harness::*;

#[test]
fn an_object_comes_back_with_every_attribute_after_a_restart() {
    let (directory, token) = logged_in();
    let made = token.create(aes_key(b"1", true)).unwrap();
    let again = open(directory.path());
    again.login(User::User, USER).unwrap();
    let read = only(&*again, &by_id(b"1"));
    assert_eq!(read.id, made.id);
    assert_eq!(read.snapshot().attributes, made.snapshot().attributes);
    let name = made.snapshot().attributes.bytes(AttributeType::UNIQUE_ID).unwrap().to_vec();
    assert_eq!(String::from_utf8(name).unwrap(), format!("{:?}", made.id));
}

#[test]
fn private_objects_are_there_for_the_user_alone() {
    let (_directory, token) = logged_in();
    let private = token.create(aes_key(b"1", true)).unwrap();
    let public = token.create(aes_key(b"1", false)).unwrap();
    let mut both = found(&*token, &by_id(b"1"), View::All);
    both.sort();
    let mut expected = [private.id, public.id];
    expected.sort();
    assert_eq!(both, expected);
    assert_eq!(found(&*token, &by_id(b"1"), View::Public), [public.id]);
    assert!(token.object(private.id, View::Public).unwrap().is_none());
    token.logout().unwrap();
    assert_eq!(found(&*token, &by_id(b"1"), View::Public), [public.id]);
    assert!(token.object(private.id, View::Public).unwrap().is_none());
    assert_code(token.find(&by_id(b"1"), View::All), Code::UserNotLoggedIn);
    token.login(User::SecurityOfficer, SO).unwrap();
    assert_code(token.find(&by_id(b"1"), View::All), Code::UserNotLoggedIn);
    assert_code(token.create(aes_key(b"2", true)), Code::UserNotLoggedIn);
}

#[test]
fn a_search_is_exact_in_every_attribute_that_it_names() {
    let (_directory, token) = logged_in();
    for n in 0..40_u8 {
        token.create(aes_key(&[n], n % 2 == 0)).unwrap();
    }
    let class = |class: ObjectClass| (AttributeType::CLASS, Value::Number(class.0));
    let id = |n: u8| (AttributeType::ID, Value::bytes([n]));
    let count = |rows: &[(AttributeType, Value)]| {
        found(&*token, &rows.iter().cloned().collect(), View::All).len()
    };
    assert_eq!(count(&[]), 40);
    assert_eq!(count(&[class(ObjectClass::SECRET_KEY)]), 40);
    assert_eq!(count(&[class(ObjectClass::PRIVATE_KEY)]), 0);
    assert_eq!(count(&[class(ObjectClass::SECRET_KEY), id(7)]), 1);
    assert_eq!(count(&[class(ObjectClass::CERTIFICATE), id(7)]), 0);
    assert_eq!(count(&[id(40)]), 0);
    assert_eq!(count(&[(AttributeType::PRIVATE, Value::Bool(true))]), 20);
    assert_eq!(count(&[(AttributeType::TOKEN, Value::Bool(false))]), 0);
    assert_eq!(count(&[(AttributeType::TOKEN, Value::Bool(true)), id(3)]), 1);
    assert_eq!(count(&[(AttributeType::ENCRYPT, Value::Bool(true))]), 40);
    assert_eq!(count(&[(AttributeType::ENCRYPT, Value::Bool(false))]), 0);
    assert_eq!(count(&[(AttributeType::ENCRYPT, Value::Bool(true)), id(3)]), 1);
    assert_eq!(count(&[(AttributeType::LABEL, Value::bytes(*b"a ke"))]), 0);
    assert_eq!(count(&[(AttributeType::ID, Value::Number(7))]), 0);
}

#[test]
fn a_sensitive_value_cannot_be_searched_for() {
    let (_directory, token) = logged_in();
    token.create(aes_key(b"1", true)).unwrap();
    let guess = query([(AttributeType::VALUE, Value::bytes([0x42; 32]))]);
    assert!(found(&*token, &guess, View::All).is_empty());
}

#[test]
fn a_change_moves_the_object_in_every_search_and_survives() {
    let (directory, token) = logged_in();
    let key = token.create(aes_key(b"old", true)).unwrap();
    let mut changed = key.snapshot().attributes.clone();
    changed.set(AttributeType::ID, Value::bytes(*b"new"));
    token.update(&key, &key.snapshot(), changed).unwrap();
    for token in [token, open(directory.path())] {
        token.login(User::User, USER).unwrap();
        assert!(found(&*token, &by_id(b"old"), View::All).is_empty());
        assert_eq!(only(&*token, &by_id(b"new")).id, key.id);
    }
}

#[test]
fn a_destroyed_object_is_gone_for_everybody_who_held_it() {
    let (directory, token) = logged_in();
    let key = token.create(aes_key(b"1", true)).unwrap();
    let other = open(directory.path());
    other.login(User::User, USER).unwrap();
    let held = only(&*other, &by_id(b"1"));
    token.destroy(&key).unwrap();
    assert!(key.is_destroyed());
    other.refresh(&held).unwrap();
    assert!(held.is_destroyed());
    assert!(found(&*other, &by_id(b"1"), View::All).is_empty());
    assert!(other.object(key.id, View::All).unwrap().is_none());
    assert_code(other.destroy(&held), Code::ObjectHandleInvalid);
    assert_code(
        other.update(&held, &held.snapshot(), aes_key(b"2", true)),
        Code::ObjectHandleInvalid,
    );
}

#[test]
fn a_change_by_what_an_object_was_does_not_undo_what_it_became() {
    let (_directory, token) = logged_in();
    let mut on_token = aes_key(b"1", true);
    for is_token in [true, false] {
        on_token.set(AttributeType::TOKEN, Value::Bool(is_token));
        let key = token.create(on_token.clone()).unwrap();
        let base = key.snapshot();
        let with = |id, value| {
            let mut changed = base.attributes.clone();
            changed.set(id, value);
            changed
        };
        let label = with(AttributeType::LABEL, Value::bytes(*b"first"));
        token.update(&key, &base, label).unwrap();
        let decrypt = with(AttributeType::DECRYPT, Value::Bool(false));
        assert_code(token.update(&key, &base, decrypt), Code::FunctionFailed);
        assert_eq!(key.snapshot().attributes.bytes(AttributeType::LABEL), Some(&b"first"[..]));
    }
}

#[test]
fn of_two_changes_at_once_one_is_told_to_try_again() {
    let (directory, token) = logged_in();
    let mine = token.create(aes_key(b"1", true)).unwrap();
    let other = open(directory.path());
    other.login(User::User, USER).unwrap();
    let theirs = only(&*other, &by_id(b"1"));
    let label = |text: &[u8]| {
        let mut changed = mine.snapshot().attributes.clone();
        changed.set(AttributeType::LABEL, Value::bytes(text));
        changed
    };
    other.update(&theirs, &theirs.snapshot(), label(b"theirs")).unwrap();
    assert_code(token.update(&mine, &mine.snapshot(), label(b"mine")), Code::FunctionFailed);
    assert_eq!(mine.snapshot().attributes.bytes(AttributeType::LABEL), Some(&b"theirs"[..]));
    token.update(&mine, &mine.snapshot(), label(b"mine")).unwrap();
    other.refresh(&theirs).unwrap();
    assert_eq!(theirs.snapshot().attributes.bytes(AttributeType::LABEL), Some(&b"mine"[..]));
}

#[test]
fn an_object_that_did_not_change_keeps_its_snapshot_whatever_else_was_committed() {
    let (directory, token) = logged_in();
    let key = token.create(aes_key(b"1", true)).unwrap();
    let (before, version) = (key.snapshot(), key.version());
    open(directory.path()).create(data("something else")).unwrap();
    token.refresh(&key).unwrap();
    assert!(std::sync::Arc::ptr_eq(&before, &key.snapshot()));
    assert_eq!(key.version(), version);
}

#[test]
fn a_session_object_leaves_no_trace_on_the_token() {
    let (directory, token) = logged_in();
    let mut attributes = aes_key(b"1", true);
    attributes.set(AttributeType::TOKEN, Value::Bool(false));
    let key = token.create(attributes).unwrap();
    assert!(!key.is_token_object());
    token.refresh(&key).unwrap();
    assert!(found(&*token, &by_id(b"1"), View::All).is_empty());
    let mut changed = key.snapshot().attributes.clone();
    changed.set(AttributeType::LABEL, Value::bytes(*b"renamed"));
    token.update(&key, &key.snapshot(), changed).unwrap();
    token.destroy(&key).unwrap();
    assert!(key.is_destroyed());
    let rows: u32 = behind(directory.path())
        .query_row("SELECT count(*) FROM object", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 0);
}

#[test]
fn public_objects_need_no_login_and_are_attested_at_the_next_one() {
    let (directory, token) = fresh();
    let made = token.create(data("early")).unwrap();
    let form = || -> u8 {
        let database = behind(directory.path());
        database.query_row("SELECT form FROM object", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(form(), 4);
    assert_eq!(found(&*token, &by_label("early"), View::Public), [made.id]);
    token.login(User::SecurityOfficer, SO).unwrap();
    token.logout().unwrap();
    assert_eq!(form(), 4);
    token.login(User::User, USER).unwrap();
    assert_eq!(form(), 3);
    token.refresh(&made).unwrap();
    assert!(!made.is_destroyed());
    assert_eq!(only(&*token, &by_label("early")).id, made.id);
}

#[test]
fn a_trusted_object_is_not_written_without_a_login() {
    let (_directory, token) = fresh();
    let mut trusted = data("anchor");
    trusted.set(AttributeType::TRUSTED, Value::Bool(true));
    assert_code(token.create(trusted.clone()), Code::UserNotLoggedIn);
    token.login(User::SecurityOfficer, SO).unwrap();
    token.create(trusted).unwrap();
}

#[test]
fn a_key_object_of_one_identity_is_one_object() {
    let (_directory, token) = logged_in();
    token.create(aes_key(b"1", true)).unwrap();
    let (a, b) = (only(&*token, &by_id(b"1")), only(&*token, &by_id(b"1")));
    assert!(std::sync::Arc::ptr_eq(&a, &b));
}

#[test]
fn threads_that_create_and_destroy_leave_what_they_kept() {
    let (directory, token) = logged_in();
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let token = &token;
            scope.spawn(move || {
                for n in 0..20_u8 {
                    let key = token.create(aes_key(&[thread, n], true)).unwrap();
                    if n % 2 == 0 {
                        token.destroy(&key).unwrap();
                    }
                }
            });
        }
    });
    let again = open(directory.path());
    again.login(User::User, USER).unwrap();
    assert_eq!(found(&*again, &query([]), View::All).len(), 80);
    for (thread, n) in (0..8).flat_map(|thread| (0..20).map(move |n| (thread, n))) {
        let there = found(&*again, &by_id(&[thread, n]), View::All).len();
        assert_eq!(there, usize::from(n % 2), "{thread}/{n}");
    }
}

/// A call that a logout overtakes was made with the login, or refused for want of it; and what a
/// logout forgets is not brought back by such a call.
#[test]
fn a_logout_meets_calls_in_the_middle() {
    const ROUNDS: u32 = 100;
    let (_directory, token) = logged_in();
    let began = Instant::now();
    let mut kept = vec![token.create(aes_key(b"first", true)).unwrap().id];
    let one_call = began.elapsed();
    for round in 0..ROUNDS {
        let old = token.create(aes_key(b"old", true)).unwrap();
        // From before the first of two calls to after the second.
        let after = 3 * one_call * round / ROUNDS;
        let (made, destroyed) = std::thread::scope(|scope| {
            scope.spawn(|| {
                let began = Instant::now();
                while began.elapsed() < after {}
                token.logout().unwrap();
            });
            (token.create(aes_key(b"new", true)), token.destroy(&old))
        });
        match destroyed {
            Ok(()) => {}
            Err(e) if e.code() == Code::UserNotLoggedIn => kept.push(old.id),
            Err(e) => panic!("destroyed {after:?} before a logout: {e}"),
        }
        match made {
            Ok(made) => {
                kept.push(made.id);
                let remembered = std::sync::Arc::downgrade(&made);
                drop(made);
                assert!(remembered.upgrade().is_none(), "made {after:?} before a logout");
            }
            Err(e) => assert_eq!(e.code(), Code::UserNotLoggedIn, "made {after:?} before: {e}"),
        }
        token.login(User::User, USER).unwrap();
    }
    let mut there = found(&*token, &query([]), View::All);
    there.sort();
    kept.sort();
    assert_eq!(there, kept);
}
