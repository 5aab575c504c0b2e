//! PINs: initialising, setting, the lockout.

use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::backend::embedded::{EmbeddedBackend, EmbeddedConfig};
use keyway_pkcs11::backend::{Backend, Pin, PinState, Token, User, View};
use keyway_pkcs11::error::Code;
use keyway_pkcs11::store::sqlite::SqliteStore;
use keyway_pkcs11::store::{Cost, Role, Store};

use crate::harness::*;

fn states(token: &dyn Token) -> (PinState, PinState) {
    let info = token.info().unwrap();
    (info.so_pin, info.user_pin)
}

#[test]
fn a_token_keeps_label_and_serial_and_both_pins_over_a_restart() {
    let (directory, token) = fresh();
    let info = token.info().unwrap();
    assert_eq!(info.label, "test");
    assert!(info.initialized && info.user_pin_initialized && !info.write_protected);
    assert_eq!(info.serial.len(), 16);
    assert!(info.serial.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let again = open(directory.path());
    assert_eq!(again.info().unwrap().serial, info.serial);
    again.login(User::User, USER).unwrap();
    again.logout().unwrap();
    again.login(User::SecurityOfficer, SO).unwrap();
}

#[test]
fn an_uninitialised_slot_has_the_serial_that_its_token_will_have() {
    let directory = tempfile::tempdir().unwrap();
    let token = open(directory.path());
    let before = token.info().unwrap();
    assert!(!before.initialized && before.label.is_empty());
    assert_code(token.login(User::SecurityOfficer, SO), Code::UserPinNotInitialized);
    assert_code(token.find(&by_id(b"1"), View::Public), Code::TokenNotRecognized);
    token.initialize(SO, "now").unwrap();
    assert_eq!(token.info().unwrap().serial, before.serial);
}

#[test]
fn without_a_user_pin_the_user_cannot_log_in() {
    let directory = tempfile::tempdir().unwrap();
    let token = open(directory.path());
    token.initialize(SO, "test").unwrap();
    assert!(!token.info().unwrap().user_pin_initialized);
    assert_code(token.login(User::User, USER), Code::UserPinNotInitialized);
    assert_code(token.init_pin(USER), Code::UserNotLoggedIn);
}

#[test]
fn the_user_may_not_set_the_user_pin_as_the_officer_does() {
    let (_directory, token) = logged_in();
    assert_code(token.init_pin(USER), Code::UserNotLoggedIn);
}

#[test]
fn a_pin_has_four_to_255_bytes() {
    let (_directory, token) = fresh();
    let long = [b'x'; 256];
    for pin in [Pin(b""), Pin(b"123"), Pin(&long)] {
        assert_code(token.set_pin(User::User, USER, pin), Code::PinLenRange);
        token.login(User::SecurityOfficer, SO).unwrap();
        assert_code(token.init_pin(pin), Code::PinLenRange);
        token.logout().unwrap();
        assert_code(token.login(User::User, pin), Code::PinIncorrect);
    }
    token.set_pin(User::User, USER, Pin(&long[..255])).unwrap();
    token.login(User::User, Pin(&long[..255])).unwrap();
}

#[test]
fn a_new_pin_takes_the_place_of_the_old_one() {
    let (directory, token) = logged_in();
    token.create(aes_key(b"1", true)).unwrap();
    token.logout().unwrap();
    assert_code(token.set_pin(User::User, WRONG, Pin(b"newer")), Code::PinIncorrect);
    token.set_pin(User::User, USER, Pin(b"newer")).unwrap();
    token.set_pin(User::SecurityOfficer, SO, Pin(b"new officer")).unwrap();
    let again = open(directory.path());
    assert_code(again.login(User::User, USER), Code::PinIncorrect);
    assert_code(again.login(User::SecurityOfficer, SO), Code::PinIncorrect);
    again.login(User::User, Pin(b"newer")).unwrap();
    only(&*again, &by_id(b"1"));
    again.login(User::SecurityOfficer, Pin(b"new officer")).unwrap();
}

#[test]
fn wrong_pins_count_down_to_the_lock_and_the_officer_opens_it() {
    let (directory, token) = logged_in();
    token.create(aes_key(b"1", true)).unwrap();
    token.logout().unwrap();
    assert_eq!(states(&*token), (PinState::Fine, PinState::Fine));
    for n in 1..=10 {
        assert_code(token.login(User::User, WRONG), Code::PinIncorrect);
        let expected = match n {
            10 => PinState::Locked,
            9 => PinState::FinalTry,
            _ => PinState::CountLow,
        };
        assert_eq!(states(&*token), (PinState::Fine, expected), "after {n}");
        assert_eq!(states(&*open(directory.path())).1, expected, "for another process");
    }
    assert_code(token.login(User::User, USER), Code::PinLocked);
    assert_code(token.set_pin(User::User, USER, Pin(b"newer")), Code::PinLocked);
    token.login(User::SecurityOfficer, SO).unwrap();
    token.init_pin(Pin(b"again")).unwrap();
    token.logout().unwrap();
    assert_eq!(states(&*token).1, PinState::Fine);
    token.login(User::User, Pin(b"again")).unwrap();
    only(&*token, &by_id(b"1"));
}

#[test]
fn the_right_pin_puts_the_counter_back_even_at_the_last_try() {
    let (_directory, token) = fresh();
    for _ in 0..9 {
        assert_code(token.login(User::User, WRONG), Code::PinIncorrect);
    }
    assert_eq!(states(&*token).1, PinState::FinalTry);
    token.login(User::User, USER).unwrap();
    assert_eq!(states(&*token).1, PinState::Fine);
}

#[test]
fn an_empty_pin_is_wrong_but_not_counted() {
    let (_directory, token) = fresh();
    assert_code(token.login(User::User, Pin(b"")), Code::PinIncorrect);
    assert_eq!(states(&*token).1, PinState::Fine);
}

#[test]
fn a_context_specific_login_checks_and_counts_and_changes_nothing() {
    let (_directory, token) = logged_in();
    token.create(aes_key(b"1", true)).unwrap();
    assert_code(token.login(User::ContextSpecific, WRONG), Code::PinIncorrect);
    assert_eq!(states(&*token).1, PinState::CountLow);
    only(&*token, &by_id(b"1"));
    token.login(User::ContextSpecific, USER).unwrap();
    assert_eq!(states(&*token).1, PinState::Fine);
}

#[test]
fn initialising_again_needs_the_officer_and_leaves_nothing_but_the_serial() {
    let (directory, token) = logged_in();
    token.create(aes_key(b"1", true)).unwrap();
    token.create(data("public")).unwrap();
    token.logout().unwrap();
    let serial = token.info().unwrap().serial;
    assert_code(token.initialize(WRONG, "again"), Code::PinIncorrect);
    assert_eq!(states(&*token).0, PinState::CountLow);
    assert_eq!(found(&*token, &query([]), View::Public).len(), 1);
    token.initialize(SO, "again").unwrap();
    for token in [token, open(directory.path())] {
        let info = token.info().unwrap();
        assert_eq!((info.label.as_str(), &info.serial), ("again", &serial));
        assert!(!info.user_pin_initialized);
        assert_eq!(info.so_pin, PinState::Fine);
        assert!(found(&*token, &query([]), View::Public).is_empty());
        assert_code(token.login(User::User, USER), Code::UserPinNotInitialized);
    }
}

#[test]
fn a_token_that_another_process_initialised_again_is_gone_until_the_next_login() {
    let (directory, token) = logged_in();
    let key = token.create(aes_key(b"1", true)).unwrap();
    open(directory.path()).initialize(SO, "again").unwrap();
    assert!(!token.is_gone());
    assert_code(token.refresh(&key), Code::DeviceRemoved);
    assert!(key.is_destroyed() && token.is_gone());
    assert_code(token.create(aes_key(b"2", true)), Code::DeviceRemoved);
    assert_code(token.find(&by_id(b"1"), View::All), Code::DeviceRemoved);
    assert_code(token.object(key.id, View::Public), Code::DeviceRemoved);
    token.logout().unwrap();
    assert!(!token.is_gone());
    token.login(User::SecurityOfficer, SO).unwrap();
    token.init_pin(USER).unwrap();
    token.login(User::User, USER).unwrap();
    token.create(aes_key(b"2", true)).unwrap();
}

#[test]
fn the_officer_s_last_wrong_pin_locks_even_initialising() {
    let (_directory, token) = fresh();
    for _ in 0..10 {
        assert_code(token.login(User::SecurityOfficer, WRONG), Code::PinIncorrect);
    }
    assert_code(token.login(User::SecurityOfficer, SO), Code::PinLocked);
    assert_code(token.initialize(SO, "again"), Code::PinLocked);
    token.login(User::User, USER).unwrap();
}

#[test]
fn a_token_whose_officer_is_locked_is_made_anew_by_force_while_nobody_has_it_open() {
    let (directory, token) = logged_in();
    token.create(aes_key(b"1", true)).unwrap();
    let serial = token.info().unwrap().serial;
    token.logout().unwrap();
    for _ in 0..10 {
        assert_code(token.login(User::SecurityOfficer, WRONG), Code::PinIncorrect);
    }
    let admin = Admin::all(&config(directory.path())).unwrap().remove(0);
    let force = |user| admin.initialize_by_force(SO, user, "anew");
    assert_code(force(USER), Code::SessionExists);
    assert_eq!(token.info().unwrap().label, "test");
    drop(token);
    assert_code(force(Pin(b"123")), Code::PinLenRange);
    force(USER).unwrap();
    let again = open(directory.path());
    let info = again.info().unwrap();
    assert_eq!((info.label.as_str(), info.serial), ("anew", serial));
    again.login(User::User, USER).unwrap();
    assert!(found(&*again, &query([]), View::All).is_empty());
}

#[test]
fn an_officer_s_pin_that_is_too_short_makes_no_token() {
    let directory = tempfile::tempdir().unwrap();
    let token = open(directory.path());
    assert_code(token.initialize(Pin(b"123"), "test"), Code::PinIncorrect);
    assert!(!backend(directory.path()).file(1).exists());
    assert_eq!(backend(directory.path()).tokens().unwrap().len(), 1);
}

#[test]
fn a_login_makes_the_derivation_as_dear_as_the_configuration_asks() {
    let (directory, token) = logged_in();
    token.create(aes_key(b"1", true)).unwrap();
    let dearer = Cost { kibibytes: 16, passes: 2, lanes: 1 };
    let dear =
        EmbeddedBackend::new(EmbeddedConfig { pin_cost: dearer, ..config(directory.path()) });
    token_in(&dear, 1).login(User::User, USER).unwrap();
    let store = SqliteStore::new(&dear.file(1));
    assert_eq!(store.account(Role::User).unwrap().unwrap().cost, dearer);
    // Never the other way: a configuration with a cheaper derivation leaves it.
    let again = open(directory.path());
    again.login(User::User, USER).unwrap();
    only(&*again, &by_id(b"1"));
    assert_eq!(store.account(Role::User).unwrap().unwrap().cost, dearer);
}
