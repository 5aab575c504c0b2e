//! Backups: complete whatever happens meanwhile, and worth nothing when changed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::admin::backup::{Backup, Manifest, Restored, restore};
use keyway_pkcs11::backend::{User, View};
use keyway_pkcs11::error::{Code, Result};
use keyway_pkcs11::store::{Cost, EventKind, Store};
use tempfile::TempDir;

use crate::harness::*;

const PASSPHRASE: &[u8] = b"correct horse battery staple";
/// Header: magic, version, cost, salt, MAC.
const HEADER: usize = 4 + 1 + 12 + 16 + 32;

fn back_up(directory: &Path, out: &Path) -> Result<Manifest> {
    Admin::among(&config(directory), None)?.back_up(&Backup {
        out,
        passphrase: PASSPHRASE,
        pin: Some(USER),
        cost: Cost { kibibytes: 8, passes: 1, lanes: 1 },
    })
}

fn put_back(file: &Path, to: &Path, replace: bool) -> Result<Restored> {
    restore(&config(to), file, PASSPHRASE, replace)
}

/// A token with an object of each form, and its backup.
fn sample() -> (TempDir, PathBuf) {
    let (directory, token) = fresh();
    token.create(data("unattested")).unwrap();
    token.login(User::User, USER).unwrap();
    token.create(data("public")).unwrap();
    token.create(aes_key(b"private", true)).unwrap();
    token.create(aes_key(b"open", false)).unwrap();
    let out = directory.path().join("token.backup");
    back_up(directory.path(), &out).unwrap();
    (directory, out)
}

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_restored_token_has_every_object_and_the_same_pins() {
    let (here, out) = sample();
    let there = tempfile::tempdir().unwrap();
    let restored = put_back(&out, there.path(), false).unwrap();
    assert_eq!((restored.slot, restored.manifest.objects, restored.replaced), (1, 4, None));
    let (old, new) = (open(here.path()), open(there.path()));
    assert_eq!(old.info().unwrap().serial, new.info().unwrap().serial);
    assert_code(new.login(User::User, WRONG), Code::PinIncorrect);
    for token in [&old, &new] {
        token.login(User::User, USER).unwrap();
    }
    for found in old.find(&query([]), View::All).unwrap() {
        let of = |token: &dyn keyway_pkcs11::backend::Token| {
            token.object(found.id, View::All).unwrap().expect("it is there").snapshot()
        };
        assert!(of(&*old).attributes == of(&*new).attributes, "{found:?}");
    }
    // It is a token like any other: it takes changes, and the officer's PIN holds.
    new.create(aes_key(b"newer", true)).unwrap();
    new.login(User::SecurityOfficer, SO).unwrap();
}

#[test]
fn who_shares_the_directory_shares_the_restored_token() {
    let (_here, out) = sample();
    let there = tempfile::tempdir().unwrap();
    for (directory, file) in [(0o700, 0o600), (0o2770, 0o660), (0o2750, 0o640)] {
        let tokens = there.path().join(format!("{directory:o}"));
        fs::create_dir(&tokens).unwrap();
        fs::set_permissions(&tokens, fs::Permissions::from_mode(directory)).unwrap();
        let restored = put_back(&out, &tokens, false).unwrap();
        let mode = fs::metadata(restored.file).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, file, "{directory:o}");
        let again = put_back(&out, &tokens, true).unwrap();
        assert_eq!(fs::metadata(again.file).unwrap().permissions().mode() & 0o7777, file);
    }
}

#[test]
fn the_file_shows_nothing_and_nothing_is_left_beside_it() {
    let (here, out) = sample();
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(&out).unwrap();
    let info = open(here.path()).info().unwrap();
    for text in ["unattested", "contents", "SQLite", &info.serial, "test"] {
        let shows = bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!shows, "{text}");
    }
    let beside: Vec<_> = names(here.path()).into_iter().filter(|n| n.starts_with('.')).collect();
    assert!(beside.is_empty(), "{beside:?}");
}

#[test]
fn the_token_remembers_its_backups_and_the_restored_one_where_it_comes_from() {
    let (here, out) = sample();
    let there = tempfile::tempdir().unwrap();
    put_back(&out, there.path(), false).unwrap();
    let last = |directory: &Path| {
        let path = directory.join("token-1.db");
        let events = keyway_pkcs11::store::sqlite::SqliteStore::new(&path).events(1, 100).unwrap();
        let kinds: Vec<_> = events.iter().rev().take(2).map(|event| event.kind).collect();
        kinds
    };
    assert_eq!(last(here.path())[0], EventKind::BackedUp as u8);
    assert_eq!(last(there.path()), [EventKind::Restored as u8, EventKind::BackedUp as u8]);
}

#[test]
fn a_backup_damaged_anywhere_is_refused_and_leaves_nothing() {
    let (_here, out) = sample();
    let whole = fs::read(&out).unwrap();
    let last = whole.len() - 1;
    let middle = HEADER + (whole.len() - HEADER) / 2;
    let flipped: Vec<(usize, &[Code])> = vec![
        (0, &[Code::DataInvalid]),                               // magic
        (4, &[Code::DataInvalid]),                               // version
        (8, &[Code::PinIncorrect, Code::EncryptedDataInvalid]),  // memory of the derivation
        (12, &[Code::PinIncorrect, Code::EncryptedDataInvalid]), // its passes
        (16, &[Code::PinIncorrect, Code::EncryptedDataInvalid]), // its lanes
        (20, &[Code::PinIncorrect]),                             // salt
        (40, &[Code::PinIncorrect]),                             // MAC of the header
        (HEADER, &[Code::EncryptedDataInvalid]),                 // what it says of itself
        (HEADER + 1000, &[Code::EncryptedDataInvalid]),          // first page of the database
        (middle, &[Code::EncryptedDataInvalid]),                 // any page
        (last - 16, &[Code::EncryptedDataInvalid]),              // the filling
        (last, &[Code::EncryptedDataInvalid]),                   // the last tag
    ];
    let there = tempfile::tempdir().unwrap();
    let bad = there.path().join("bad");
    let refused = |bytes: &[u8], expected: &[Code], what: &str| {
        fs::write(&bad, bytes).unwrap();
        let tokens = there.path().join("tokens");
        let Err(error) = put_back(&bad, &tokens, false) else { panic!("{what}: restored") };
        assert!(expected.contains(&error.code()), "{what}: {error}");
        assert!(names(&tokens).is_empty(), "{what}: {:?}", names(&tokens));
    };
    for (at, codes) in flipped {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        refused(&bytes, codes, &format!("byte {at}"));
    }
    let cut = [Code::EncryptedDataLenRange, Code::DataInvalid, Code::EncryptedDataInvalid];
    for end in [0, 3, HEADER - 1, HEADER, HEADER + 1, middle, last] {
        refused(&whole[..end], &cut, &format!("cut at {end}"));
    }
    refused(&[&whole[..], &[0]].concat(), &cut, "one byte more");
    refused(&[&whole[..], &whole[HEADER..]].concat(), &cut, "everything twice");
    fs::write(&bad, &whole).unwrap();
    let wrong = restore(&config(there.path()), &bad, b"another passphrase", false);
    assert_code(wrong, Code::PinIncorrect);
    // What was refused each time is whole: only the damage was.
    put_back(&bad, &there.path().join("tokens"), false).unwrap();
}

#[test]
fn a_token_that_is_there_is_replaced_only_when_asked_and_stays_beside() {
    let (here, out) = sample();
    let refused = put_back(&out, here.path(), false);
    assert_code(refused, Code::FunctionRejected);
    {
        let token = open(here.path());
        token.login(User::User, USER).unwrap();
        token.create(aes_key(b"after", true)).unwrap();
        // This very process has it open.
        assert_code(put_back(&out, here.path(), true), Code::SessionExists);
    }
    let restored = put_back(&out, here.path(), true).unwrap();
    let token = open(here.path());
    token.login(User::User, USER).unwrap();
    assert!(found(&*token, &by_id(b"after"), View::All).is_empty());
    only(&*token, &by_id(b"private"));
    // The one before is whole: put in a directory of its own, it has what came after the backup.
    let elsewhere = tempfile::tempdir().unwrap();
    fs::copy(restored.replaced.unwrap(), elsewhere.path().join("token-1.db")).unwrap();
    let before = open(elsewhere.path());
    before.login(User::User, USER).unwrap();
    only(&*before, &by_id(b"after"));
}

#[test]
fn a_token_that_cannot_be_read_any_more_is_replaced() {
    let (here, out) = sample();
    let database = here.path().join("token-1.db");
    let mut bytes = fs::read(&database).unwrap();
    bytes[..4096].fill(0x55);
    fs::write(&database, bytes).unwrap();
    assert_code(put_back(&out, here.path(), false), Code::FunctionRejected);
    put_back(&out, here.path(), true).unwrap();
    let token = open(here.path());
    token.login(User::User, USER).unwrap();
    only(&*token, &by_id(b"private"));
}

#[test]
fn a_second_token_gets_a_slot_of_its_own() {
    let (_here, out) = sample();
    let (there, _other) = fresh();
    // Another token with this label: which one is meant cannot be guessed.
    assert_code(put_back(&out, there.path(), false), Code::FunctionRejected);
    let (there, other) = (tempfile::tempdir().unwrap(), open(there.path()));
    drop(other);
    let token = open(there.path());
    token.initialize(SO, "another").unwrap();
    drop(token);
    assert_eq!(put_back(&out, there.path(), false).unwrap().slot, 2);
}

#[test]
fn a_damaged_token_is_not_backed_up_with_its_pin() {
    let (here, token) = logged_in();
    let key = token.create(aes_key(b"1", true)).unwrap();
    drop(token);
    let sql = "UPDATE object SET body = zeroblob(length(body)) WHERE id = ?1";
    behind(here.path()).execute(sql, [key.id.0]).unwrap();
    let out = here.path().join("token.backup");
    let Err(error) = back_up(here.path(), &out) else { panic!("a damaged token backed up") };
    assert!(error.to_string().contains(&format!("{:?}", key.id)), "{error}");
    assert!(!out.exists());
}

#[test]
fn a_file_is_never_written_over_and_a_short_passphrase_is_refused() {
    let (here, out) = sample();
    let before = fs::read(&out).unwrap();
    assert_code(back_up(here.path(), &out), Code::FunctionRejected);
    assert!(fs::read(&out).unwrap() == before);
    let admin = Admin::among(&config(here.path()), None).unwrap();
    let cost = Cost { kibibytes: 8, passes: 1, lanes: 1 };
    let out = &here.path().join("other");
    let short = Backup { out, passphrase: b"short", pin: None, cost };
    assert_code(admin.back_up(&short), Code::PinLenRange);
    let wrong = Backup { passphrase: PASSPHRASE, pin: Some(WRONG), ..short };
    assert_code(admin.back_up(&wrong), Code::PinIncorrect);
    assert!(!out.exists());
}

const WRITER: &str = "KEYWAY_TEST_WRITER";

/// Not a test: a process that creates keys until it is killed, and says which were acknowledged.
#[test]
#[ignore = "runs in child processes only"]
fn writer() {
    println!();
    let directory = PathBuf::from(std::env::var_os(WRITER).expect("started by another test"));
    let token = open(&directory);
    token.login(User::User, USER).unwrap();
    for n in 0_u32.. {
        let name = format!("{}-{n}", std::process::id());
        token.create(aes_key(name.as_bytes(), n.is_multiple_of(2))).unwrap();
        println!("{name}");
    }
}

/// Killed when the value goes, however the test ends.
struct Writer(std::process::Child);

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Two processes write all the time: what they were told is safe before a backup began is in it.
#[test]
fn everything_acknowledged_before_a_backup_under_load_is_in_it() {
    let (here, token) = fresh();
    drop(token);
    let acknowledged: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut writers = Vec::new();
    for _ in 0..2 {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "backup::writer", "--nocapture"]);
        command.env(WRITER, here.path()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let start = format!("{}-", child.id());
        let acknowledged = acknowledged.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(|line| line.ok()) {
                if line.starts_with(&start) {
                    acknowledged.lock().unwrap().push(line);
                }
            }
        });
        writers.push(Writer(child));
    }
    let mut checked = 0;
    for n in 0..5 {
        while acknowledged.lock().unwrap().len() < checked + 40 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let before = acknowledged.lock().unwrap().clone();
        let out = here.path().join(format!("backup-{n}"));
        let manifest = back_up(here.path(), &out).unwrap();
        assert!(manifest.objects >= before.len() as u64);
        let there = tempfile::tempdir().unwrap();
        put_back(&out, there.path(), false).unwrap();
        let token = open(there.path());
        token.login(User::User, USER).unwrap();
        for name in &before {
            only(&*token, &by_id(name.as_bytes()));
        }
        checked = before.len();
    }
    drop(writers);
    assert!(checked >= 200, "{checked}");
}
