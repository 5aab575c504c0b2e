//! Bits flipped anywhere in the files of a token: no crash, no hang, and every flip that changes
//! what is stored is detected by `keyway token check`, which does what a login does and more.
//!
//! `cargo test -p keyway-pkcs11 --release --test store flips -- --ignored --nocapture` flips every
//! bit of a database, of a log and of the epoch, on all processors.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::attribute::{AttributeType, Value};
use keyway_pkcs11::backend::User;
use keyway_pkcs11::error::Result;
use keyway_pkcs11::store::sqlite::SqliteStore;
use keyway_pkcs11::store::{Account, EventRecord, Record, Role, Store, Survey, TokenRecord};
use tempfile::TempDir;

use crate::harness::*;

const FILE: &str = "token-1.db";
/// A flip that takes longer hangs: the slowest path waits for nobody.
const DEADLINE: Duration = Duration::from_secs(60);
/// In the default run, one bit of every so many bytes; a prime, so that all columns come up.
const STRIDE: usize = 29;

/// Everything that is stored, as it lies there.
#[derive(Debug, PartialEq)]
struct Stored {
    token: Option<TokenRecord>,
    accounts: Vec<Option<Account>>,
    records: Vec<Record>,
    events: Vec<EventRecord>,
    /// Seal, notes and index, by what they print as.
    set: String,
}

fn stored(directory: &Path) -> Result<Stored> {
    let store = SqliteStore::new(&directory.join(FILE));
    let mut records = Vec::new();
    store.scan(&mut |record| {
        records.push(record);
        ControlFlow::Continue(())
    })?;
    let accounts = [Role::SecurityOfficer, Role::User].map(|role| store.account(role));
    Ok(Stored {
        token: store.token()?,
        accounts: accounts.into_iter().collect::<Result<_>>()?,
        records,
        events: store.events(0, 10_000)?,
        set: store.survey(u64::MAX)?.map(|survey| print(&survey)).unwrap_or_default(),
    })
}

fn print(survey: &Survey) -> String {
    let mut index = survey.index.clone();
    index.sort_unstable();
    format!("{:?} {:?} {index:?}", survey.seal, survey.loose)
}

/// Whether `keyway token check` with the user's PIN says that something is wrong.
fn is_detected(directory: &Path) -> bool {
    let admin = Admin::all(&config(directory)).map(|mut all| all.pop());
    match admin {
        Ok(Some(admin)) => !admin.check(Some(USER)).is_ok_and(|report| report.findings.is_empty()),
        Ok(None) | Err(_) => true,
    }
}

/// A small token with an object of each kind and one that nobody vouched for.
fn make(directory: &Path) {
    let token = open(directory);
    token.initialize(SO, "flipped").unwrap();
    token.login(User::SecurityOfficer, SO).unwrap();
    token.init_pin(USER).unwrap();
    let mut anchor = data("anchor");
    anchor.set(AttributeType::TRUSTED, Value::Bool(true));
    token.create(anchor).unwrap();
    token.logout().unwrap();
    token.login(User::User, USER).unwrap();
    for attributes in [aes_key(b"private", true), aes_key(b"open", false), data("public")] {
        token.create(attributes).unwrap();
    }
    token.logout().unwrap();
    token.create(data("early")).unwrap();
}

/// Where files cost nothing.
fn directory() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

/// The files of a token that nobody has open, by their endings.
fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    names.map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

/// Ends the process if a flip hangs: a test that waits for ever tells nobody which.
struct Watchdog {
    began: Instant,
    /// The bit that is flipped.
    now: AtomicUsize,
}

impl Watchdog {
    fn start() -> &'static Self {
        let dog: &'static Self =
            Box::leak(Box::new(Self { began: Instant::now(), now: AtomicUsize::new(0) }));
        std::thread::spawn(move || {
            loop {
                let before = dog.now.load(Ordering::Relaxed);
                std::thread::sleep(DEADLINE);
                match dog.now.load(Ordering::Relaxed) {
                    usize::MAX => return,
                    after if after == before => {
                        eprintln!("flipped bit {after} hangs ({:?})", dog.began.elapsed());
                        std::process::abort();
                    }
                    _ => {}
                }
            }
        });
        dog
    }
}

#[derive(Debug, Default)]
struct Counts {
    flips: usize,
    /// Nothing that is stored changed: unused bytes, hints, caches.
    harmless: usize,
    detected: usize,
    /// The log ends at the flip: the token is what it was after an earlier commit.
    earlier: usize,
}

impl Counts {
    fn and(self, other: Self) -> Self {
        Self {
            flips: self.flips + other.flips,
            harmless: self.harmless + other.harmless,
            detected: self.detected + other.detected,
            earlier: self.earlier + other.earlier,
        }
    }
}

/// Which bits of a file to flip.
#[derive(Clone, Copy)]
enum Which {
    Some(usize),
    All,
}

impl Which {
    fn bits(self, length: usize) -> Vec<usize> {
        match self {
            // A different bit of each byte that is hit, and other bytes on each run.
            Self::Some(stride) => {
                let seed = std::process::id() as usize;
                let bytes = (seed % stride..length).step_by(stride);
                bytes.map(|byte| 8 * byte + (byte * 2_654_435_761 + seed) / 7 % 8).collect()
            }
            Self::All => (0..8 * length).collect(),
        }
    }
}

/// Flips bits of one file, each in a copy of all files; `before` are the states of which one may
/// come back, the last one being the present.
fn flip(all: &[(PathBuf, Vec<u8>)], ending: &str, which: Which, before: &[Stored]) -> Counts {
    let (_, original) = all.iter().find(|file| named(&file.0, ending)).expect("the file is there");
    flip_bits(all, ending, &which.bits(original.len()), before)
}

fn flip_bits(
    all: &[(PathBuf, Vec<u8>)],
    ending: &str,
    bits: &[usize],
    before: &[Stored],
) -> Counts {
    // Few bits are not worth a second thread.
    let threads = available_parallelism().map_or(1, usize::from).min(bits.len().div_ceil(10_000));
    let counts = thread::scope(|scope| {
        let shares = bits.chunks(bits.len().div_ceil(threads));
        let running: Vec<_> =
            shares.map(|share| scope.spawn(|| flip_share(all, ending, share, before))).collect();
        let done = running.into_iter().map(|share| share.join().unwrap());
        done.fold(Counts::default(), Counts::and)
    });
    println!("{ending}: {counts:?}");
    counts
}

/// What one thread does.
fn flip_share(
    all: &[(PathBuf, Vec<u8>)],
    ending: &str,
    bits: &[usize],
    before: &[Stored],
) -> Counts {
    let (mut counts, mut undetected) = (Counts::default(), Vec::new());
    let dog = Watchdog::start();
    for &bit in bits {
        dog.now.store(bit, Ordering::Relaxed);
        let directory = directory();
        for (path, bytes) in all {
            let to = directory.path().join(path.file_name().unwrap());
            let mut bytes = bytes.clone();
            if named(path, ending) {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            fs::write(to, bytes).unwrap();
        }
        let now = stored(directory.path());
        counts.flips += 1;
        match now {
            Ok(now) if Some(&now) == before.last() => counts.harmless += 1,
            Ok(now) if before.contains(&now) => counts.earlier += 1,
            changed => match is_detected(directory.path()) {
                true => counts.detected += 1,
                false => undetected.push((bit, differences(&changed, before.last()))),
            },
        }
    }
    dog.now.store(usize::MAX, Ordering::Relaxed);
    assert!(undetected.is_empty(), "changed unnoticed: {undetected:#?}");
    counts
}

/// What a flip changed, for whoever has to find out why nobody noticed.
fn differences(changed: &Result<Stored>, original: Option<&Stored>) -> Vec<String> {
    let (changed, original) = match (changed, original) {
        (Ok(changed), Some(original)) => (changed, original),
        (changed, _) => return vec![format!("{changed:?}")],
    };
    let mut told = Vec::new();
    let mut tell = |what: &str, now: String, before: String| {
        if now != before {
            told.push(format!("{what}: {now} instead of {before}"));
        }
    };
    let print = |part: &dyn std::fmt::Debug| format!("{part:?}");
    tell("token", print(&changed.token), print(&original.token));
    tell("accounts", print(&changed.accounts), print(&original.accounts));
    tell("records", print(&changed.records), print(&original.records));
    tell("events", print(&changed.events), print(&original.events));
    tell("set", changed.set.clone(), original.set.clone());
    told
}

fn named(path: &Path, ending: &str) -> bool {
    path.to_string_lossy().ends_with(ending)
}

fn database(which: Which) -> Counts {
    let (all, now) = database_file();
    flip(&all, ".db", which, &[now])
}

/// A token whose log is empty, and what it stores.
fn database_file() -> (Vec<(PathBuf, Vec<u8>)>, Stored) {
    let token = directory();
    make(token.path());
    empty_log(token.path());
    let mut all = files(token.path());
    all.retain(|file| named(&file.0, ".db"));
    let now = stored(token.path()).unwrap();
    assert_eq!(now.records.len(), 5);
    (all, now)
}

fn empty_log(directory: &Path) {
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    behind(directory).query_row(checkpoint, [], |row| row.get::<_, i32>(0)).unwrap();
}

/// What the token was after each commit that the log holds: SQLite ends a log where a frame does
/// not fit its checksum.
fn history(all: &[(PathBuf, Vec<u8>)]) -> Vec<Stored> {
    const HEADER: usize = 32;
    const FRAME: usize = 24 + 4096;
    let (_, log) = all.iter().find(|file| named(&file.0, "-wal")).expect("a log");
    let mut states = Vec::new();
    for length in (HEADER..=log.len()).step_by(FRAME) {
        let directory = directory();
        for (path, bytes) in all {
            let bytes = if named(path, "-wal") { &bytes[..length] } else { bytes };
            fs::write(directory.path().join(path.file_name().unwrap()), bytes).unwrap();
        }
        states.extend(stored(directory.path()));
    }
    states.dedup();
    states
}

/// What lies in the log only; and the epoch, on which nothing depends but caches.
fn log_and_epoch(which: Which) -> [Counts; 2] {
    let token = directory();
    make(token.path());
    flip_log_and_epoch(token.path(), which)
}

/// The same, for a log that holds no more than a login and a new object.
fn short_log_and_epoch(which: Which) -> [Counts; 2] {
    let files = directory();
    make(files.path());
    empty_log(files.path());
    let token = open(files.path());
    token.login(User::User, USER).unwrap();
    token.create(aes_key(b"late", true)).unwrap();
    drop(token);
    flip_log_and_epoch(files.path(), which)
}

fn flip_log_and_epoch(directory: &Path, which: Which) -> [Counts; 2] {
    let mut all = files(directory);
    all.retain(|file| !named(&file.0, "-shm"));
    let mut before = history(&all);
    assert!(before.len() > 1 && before.last() == stored(directory).ok().as_ref());
    let log = flip(&all, "-wal", which, &before);
    before.drain(..before.len() - 1);
    [log, flip(&all, ".epoch", which, &before)]
}

#[test]
fn flipped_bits_of_the_database_are_detected() {
    let counts = database(Which::Some(STRIDE));
    assert!(counts.detected > counts.flips / 20, "{counts:?}");
    assert_eq!(counts.earlier, 0);
}

/// The index over the objects once led back to an object before the one that was asked for, and a
/// scan of all objects went round for ever.
#[test]
fn flipped_bits_of_an_identity_wherever_it_stands_are_detected_and_end_every_scan() {
    let (all, now) = database_file();
    let bytes = &all[0].1;
    let begins = |at: &usize| now.records.iter().any(|r| bytes[*at..].starts_with(&r.id.0));
    let places: Vec<usize> = (0..bytes.len()).filter(begins).collect();
    assert!(places.len() > 5 * now.records.len(), "table, index, tags, notes, events");
    let bits: Vec<usize> = places.iter().flat_map(|at| 8 * at..8 * at + 8).collect();
    let counts = flip_bits(&all, ".db", &bits, &[now]);
    // What is harmless are copies in the unused part of a page.
    assert!(counts.earlier == 0 && counts.detected > 4 * counts.harmless, "{counts:?}");
}

#[test]
fn flipped_bits_of_the_log_and_the_epoch_are_detected_or_undo_the_newest_commits() {
    let [log, epoch] = log_and_epoch(Which::Some(1021));
    assert!(log.earlier + log.detected > log.flips / 2, "{log:?}");
    assert_eq!((epoch.detected, epoch.earlier), (0, 0));
}

#[test]
#[ignore = "every bit of the database takes minutes"]
fn every_flipped_bit_of_the_database_is_detected() {
    database(Which::All);
}

#[test]
#[ignore = "every bit of a log takes minutes"]
fn every_flipped_bit_of_the_log_and_the_epoch_is_detected_or_undoes_the_newest_commits() {
    log_and_epoch(Which::Some(61));
    short_log_and_epoch(Which::All);
}
