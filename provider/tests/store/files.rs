//! The files of a token: names, modes, and what is wrong with those that cannot be used.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use keyway_pkcs11::backend::embedded::{EmbeddedBackend, EmbeddedConfig, FreeSlot};
use keyway_pkcs11::backend::{Backend, User, View};
use keyway_pkcs11::error::{Code, Error};

use crate::children::{self, Child};
use crate::harness::*;

fn slots(backend: &EmbeddedBackend) -> Vec<u32> {
    backend.tokens().unwrap().into_iter().map(|row| row.0).collect()
}

fn with_free_slot(directory: &Path, free_slot: FreeSlot) -> EmbeddedBackend {
    EmbeddedBackend::new(EmbeddedConfig { free_slot, ..config(directory) })
}

#[test]
fn a_free_slot_is_there_when_the_configuration_wants_it() {
    let directory = tempfile::tempdir().unwrap();
    let never = with_free_slot(directory.path(), FreeSlot::Never);
    let when_empty = with_free_slot(directory.path(), FreeSlot::WhenEmpty);
    let always = with_free_slot(directory.path(), FreeSlot::Always);
    assert_eq!([&never, &when_empty, &always].map(slots), [vec![], vec![1], vec![1]]);
    token_in(&always, 1).initialize(SO, "one").unwrap();
    assert_eq!([&never, &when_empty, &always].map(slots), [vec![1], vec![1], vec![1, 2]]);
    token_in(&always, 2).initialize(SO, "two").unwrap();
    assert_eq!([&never, &when_empty, &always].map(slots), [vec![1, 2], vec![1, 2], vec![1, 2, 3]]);
}

#[test]
fn a_slot_keeps_its_number_and_its_token_whatever_happens_to_others() {
    let directory = tempfile::tempdir().unwrap();
    let backend = with_free_slot(directory.path(), FreeSlot::Always);
    for slot in 1..=3 {
        token_in(&backend, slot).initialize(SO, &format!("token {slot}")).unwrap();
    }
    let third = token_in(&backend, 3);
    fs::remove_file(backend.file(2)).unwrap();
    assert_eq!(slots(&backend), [1, 3, 4]);
    assert!(std::sync::Arc::ptr_eq(&third, &token_in(&backend, 3)));
    assert_eq!(token_in(&backend, 3).info().unwrap().label, "token 3");
}

#[test]
fn a_slot_named_in_the_configuration_is_there_without_a_token() {
    let directory = tempfile::tempdir().unwrap();
    let named =
        EmbeddedConfig { slots: vec![7], free_slot: FreeSlot::Never, ..config(directory.path()) };
    let backend = EmbeddedBackend::new(named);
    assert_eq!(slots(&backend), [7]);
    token_in(&backend, 7).initialize(SO, "seven").unwrap();
    assert!(directory.path().join("token-7.db").exists());
}

#[test]
fn looking_at_slots_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("not/yet/there");
    let token = open(&inner);
    token.info().unwrap();
    assert!(!directory.path().join("not").exists());
    token.initialize(SO, "test").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&inner), 0o700);
    for file in fs::read_dir(&inner).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert!(inner.join("token-1.epoch").exists());
}

/// What a token says whose database is `bytes`.
fn story_of(bytes: &[u8]) -> Error {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("token-1.db"), bytes).unwrap();
    let token = open(directory.path());
    let story = token.info().unwrap_err();
    assert!(story.to_string().contains("token-1.db"), "{story}");
    assert_eq!(token.initialize(SO, "test").unwrap_err().code(), story.code());
    story
}

#[test]
fn a_damaged_header_says_so() {
    let story = story_of(&[0x5a; 8192]);
    assert_eq!(story.code(), Code::DeviceError);
    assert!(story.to_string().contains("restore a backup"), "{story}");
}

#[test]
fn a_truncated_database_says_so() {
    let (directory, token) = logged_in();
    (0..50).for_each(|n| drop(token.create(aes_key(&[n], true)).unwrap()));
    token.logout().unwrap();
    token.initialize(SO, "again").unwrap();
    let whole = fs::read(directory.path().join("token-1.db")).unwrap();
    assert_eq!(story_of(&whole[..whole.len() / 2]).code(), Code::DeviceError);
}

#[test]
fn a_database_of_a_newer_version_says_so_and_is_left_alone() {
    let (directory, token) = fresh();
    token.login(User::User, USER).unwrap();
    token.create(aes_key(b"1", true)).unwrap();
    let database = behind(directory.path());
    let version: i32 = database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    // Whoever has it open already does not write what he no longer understands.
    assert_code(token.create(aes_key(b"2", true)), Code::DeviceError);
    let token = open(directory.path());
    let story = token.info().unwrap_err();
    assert_eq!(story.code(), Code::DeviceError);
    assert!(story.to_string().contains("newer"), "{story}");
    assert_code(token.initialize(SO, "again"), Code::DeviceError);
    database.pragma_update(None, "user_version", version).unwrap();
    let token = open(directory.path());
    token.login(User::User, USER).unwrap();
    only(&*token, &by_id(b"1"));
}

#[test]
fn a_database_of_another_program_says_so() {
    let directory = tempfile::tempdir().unwrap();
    behind(directory.path()).execute_batch("CREATE TABLE theirs (n)").unwrap();
    let story = open(directory.path()).info().unwrap_err();
    assert_eq!(story.code(), Code::DeviceError);
    assert!(story.to_string().contains("other program"), "{story}");
}

#[test]
fn a_token_whose_making_was_interrupted_is_a_free_slot() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("token-1.db"), b"").unwrap();
    let token = open(directory.path());
    assert!(!token.info().unwrap().initialized);
    token.initialize(SO, "test").unwrap();
    assert!(token.info().unwrap().initialized);
}

#[test]
fn a_locked_database_says_so_after_a_while_and_reading_goes_on() {
    let (directory, _token) = fresh();
    let impatient =
        EmbeddedConfig { patience: Duration::from_millis(100), ..config(directory.path()) };
    let token = token_in(&EmbeddedBackend::new(impatient), 1);
    token.create(data("before")).unwrap();
    let locker = behind(directory.path());
    locker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let story = token.create(data("meanwhile")).map(drop).unwrap_err();
    assert_eq!(story.code(), Code::DeviceError);
    assert!(story.to_string().contains("locked"), "{story}");
    assert_eq!(found(&*token, &by_label("before"), View::Public).len(), 1);
    locker.execute_batch("ROLLBACK").unwrap();
    token.create(data("after")).unwrap();
    assert!(found(&*token, &by_label("meanwhile"), View::Public).is_empty());
}

#[test]
fn an_epoch_file_of_the_wrong_size_is_filled_up() {
    let (directory, token) = fresh();
    drop(token);
    fs::write(directory.path().join("token-1.epoch"), b"short").unwrap();
    open(directory.path()).create(data("one")).unwrap();
    assert_eq!(fs::metadata(directory.path().join("token-1.epoch")).unwrap().len(), 4096);
}

#[test]
fn on_a_full_disk_a_write_fails_and_nothing_that_was_acknowledged_is_lost() {
    let (directory, token) = logged_in();
    token.create(aes_key(b"before", true)).unwrap();
    let output = children::shell(
        directory.path(),
        // Kilobytes that any file may grow to; beyond it writing fails as on a full disk.
        "trap '' XFSZ; ulimit -f 256; exec \"$@\"",
        Child::CreateUntilFull,
    );
    let acknowledged: Vec<&str> =
        output.lines().filter_map(|line| line.strip_prefix("made ")).collect();
    assert!(output.contains("code DeviceMemory"), "{output}");
    assert!(output.contains("found again"), "{output}");
    assert!(!acknowledged.is_empty());
    let token = open(directory.path());
    token.login(User::User, USER).unwrap();
    only(&*token, &by_id(b"before"));
    for id in acknowledged {
        only(&*token, &by_id(id.as_bytes()));
    }
    token.create(aes_key(b"after", true)).unwrap();
}

#[test]
fn who_may_only_read_logs_in_uncounted_and_writes_nothing() {
    let (directory, token) = logged_in();
    token.create(aes_key(b"1", true)).unwrap();
    token.create(data("public")).unwrap();
    let reader = fs::Permissions::from_mode(0o444);
    for file in fs::read_dir(directory.path()).unwrap() {
        fs::set_permissions(file.unwrap().path(), reader.clone()).unwrap();
    }
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let output = children::as_nobody(directory.path(), Child::ReadOnly);
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(output.contains("read-only done"), "{output}");
}

#[test]
fn the_log_is_brought_home_while_the_token_is_in_use() {
    let (directory, token) = logged_in();
    for n in 0..700_u32 {
        token.create(aes_key(&n.to_be_bytes(), true)).unwrap();
    }
    let size = |name: &str| fs::metadata(directory.path().join(name)).unwrap().len();
    assert!(size("token-1.db-wal") < 16 << 20, "{} bytes of log", size("token-1.db-wal"));
    assert!(size("token-1.db") > 100 << 10, "{} bytes of database", size("token-1.db"));
}
