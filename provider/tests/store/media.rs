//! The same token over another store, and over SQLite when the epoch cannot be relied on.

use std::fs;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use keyway_pkcs11::backend::embedded::over;
use keyway_pkcs11::backend::{PinState, Token, User, View};
use keyway_pkcs11::error::Code;
use keyway_pkcs11::store::memory::MemoryStore;
use keyway_pkcs11::store::{Epoch, Freshness, Store};

use crate::children::{self, Child};
use crate::harness::*;

#[test]
fn a_token_in_memory_is_a_token() {
    let store = Arc::new(MemoryStore::new());
    let config = config(std::path::Path::new("nowhere"));
    let token = over(store.clone(), &config).unwrap();
    token.initialize(SO, "memory").unwrap();
    token.login(User::SecurityOfficer, SO).unwrap();
    token.init_pin(USER).unwrap();
    token.logout().unwrap();
    assert_code(token.login(User::User, WRONG), Code::PinIncorrect);
    assert_eq!(token.info().unwrap().user_pin, PinState::CountLow);
    token.create(data("early")).unwrap();
    token.login(User::User, USER).unwrap();
    let key = token.create(aes_key(b"1", true)).unwrap();
    let other = over(store.clone(), &config).unwrap();
    other.login(User::User, USER).unwrap();
    let held = only(&other, &by_id(b"1"));
    let mut changed = key.snapshot().attributes.clone();
    changed.set(
        keyway_pkcs11::attribute::AttributeType::ID,
        keyway_pkcs11::attribute::Value::bytes(*b"2"),
    );
    token.update(&key, &key.snapshot(), changed).unwrap();
    assert_code(other.update(&held, &held.snapshot(), aes_key(b"3", true)), Code::FunctionFailed);
    assert_eq!(only(&other, &by_id(b"2")).id, key.id);
    token.destroy(&key).unwrap();
    other.refresh(&held).unwrap();
    assert!(held.is_destroyed());
    let events = store.events(1, 100).unwrap();
    assert!(events.windows(2).all(|pair| pair[1].follows(&pair[0].chain)));
    token.initialize(SO, "again").unwrap();
    assert_code(other.find(&by_id(b"2"), View::All), Code::DeviceRemoved);
}

/// A writer that is killed between the commit and the end of its sequence lock leaves the epoch
/// odd. Until the next writer, whoever looks asks the database.
#[test]
fn an_odd_epoch_is_never_current_and_the_next_commit_mends_it() {
    let (directory, token) = logged_in();
    let key = token.create(aes_key(b"1", true)).unwrap();
    let mut file = fs::File::options()
        .read(true)
        .write(true)
        .open(directory.path().join("token-1.epoch"))
        .unwrap();
    let mut epoch = |add: u64| {
        let mut bytes = [0; 8];
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_exact(&mut bytes).unwrap();
        let value = u64::from_ne_bytes(bytes) + add;
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(&value.to_ne_bytes()).unwrap();
        value
    };
    let odd = epoch(1);
    assert_eq!(odd % 2, 1);
    token.refresh(&key).unwrap();
    assert_eq!(key.seen(), odd);
    // What the killed writer had committed is seen, although the epoch does not move.
    behind(directory.path()).execute("DELETE FROM object", []).unwrap();
    token.refresh(&key).unwrap();
    assert!(key.is_destroyed());
    token.create(aes_key(b"2", true)).unwrap();
    assert_eq!(epoch(0), odd + 3);
}

#[test]
fn the_memory_store_s_epoch_moves_with_every_commit() {
    let store = MemoryStore::new();
    let before = store.epoch().unwrap();
    assert_eq!(store.fresh(before).unwrap(), Freshness::Current);
    let store = Arc::new(store);
    over(store.clone(), &config(std::path::Path::new("nowhere")))
        .unwrap()
        .initialize(SO, "x")
        .unwrap();
    let now = store.epoch().unwrap();
    assert_eq!(store.fresh(before).unwrap(), Freshness::Changed(now));
    assert_eq!(store.fresh(Epoch(now.0)).unwrap(), Freshness::Current);
}

/// Without a mapped epoch SQLite is asked each time. Only root can play both parts.
#[test]
fn a_reader_who_cannot_map_the_epoch_still_sees_a_key_destroyed() {
    let (directory, token) = logged_in();
    let key = token.create(aes_key(b"1", true)).unwrap();
    let own = |path: &str, mode| {
        fs::set_permissions(directory.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    for (file, mode) in
        [("token-1.db", 0o444), ("token-1.db-wal", 0o444), ("token-1.db-shm", 0o444)]
    {
        own(file, mode);
    }
    own("token-1.epoch", 0o000);
    own("token-1.lock", 0o000);
    own("", 0o555);
    let Some((_copy, mut command)) = children::nobody(directory.path(), Child::WatchForEnd) else {
        own("", 0o755);
        return;
    };
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 && !line.contains("ready") {
        line.clear();
    }
    token.destroy(&key).unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    own("", 0o755);
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && rest.contains("gone"), "{rest}{errors}");
}
