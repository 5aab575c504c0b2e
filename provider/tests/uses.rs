//! Uses of keys in the token's log: the first of each key, function and mechanism in a login of a
//! process, committed before the use begins.

mod harness;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use harness::attribute::merged;
use harness::child::Child;
use harness::place::Place;
use harness::{
    Attribute, AttributeType as A, Flags, Function, KeyType, Kind, Mechanism, MechanismType as M,
    Room, Session, Target, Who, keys, on_ours,
};
use keyway_pkcs11::mechanism::Function as Use;
use keyway_pkcs11::store::sqlite::SqliteStore;
use keyway_pkcs11::store::{EventKind, EventRecord, Facts, Store, detail};
use rustix::process::{Signal, getpid, kill_process};
use serial_test::serial;

const ECB: M = M::AES_ECB;
const CMAC: M = M::AES_CMAC;
const KWP: M = M::AES_KEY_WRAP_KWP;

/// The database of the one token in a directory.
fn database(tokens: &Path) -> PathBuf {
    let files = std::fs::read_dir(tokens).expect("the token directory").flatten();
    let mut paths = files.map(|file| file.path());
    paths.find(|path| path.extension().is_some_and(|ending| ending == "db")).expect("a token")
}

fn tokens(target: &Target) -> PathBuf {
    target.place.environment().1.with_file_name("tokens")
}

/// The events of a kind, which all follow the one before.
fn events(tokens: &Path, kind: EventKind) -> Vec<EventRecord> {
    let all = SqliteStore::new(&database(tokens)).events(1, 10_000).expect("the events");
    assert!(all.windows(2).all(|pair| pair[1].follows(&pair[0].chain)), "the chain is whole");
    all.into_iter().filter(|event| event.kind == kind as u8).collect()
}

/// What keys were used for, in order.
fn uses(tokens: &Path) -> Vec<(Use, M)> {
    let used = |event: &EventRecord| {
        let (who, Facts { used, .. }) = detail::decode(event.detail.as_deref().expect("a detail"));
        assert_eq!(who.expect("somebody").process, std::process::id());
        let used = used.expect("a use");
        (Use::ALL[usize::from(used.function)], M(used.mechanism))
    };
    events(tokens, EventKind::Used).iter().map(used).collect()
}

fn user(target: &Target) -> Session<'_> {
    let session = target.open(Flags::ReadWrite).expect("a session opens");
    session.login(Who::User, target.user_pin()).expect("the user logs in");
    session
}

/// A key that encrypts and signs: no first use of it decides anything.
fn aes(session: &Session<'_>, on_token: bool) -> u64 {
    let (uses, on_token) =
        (keys::flags(&[A::ENCRYPT, A::SIGN], true), [Attribute::flag(A::TOKEN, on_token)]);
    let value = keys::secret(KeyType::AES, &[7; 32]);
    session.create(&merged(&[&value, &uses, &on_token])).expect("a key")
}

fn encrypt(session: &Session<'_>, key: u64) {
    session.run(Function::Encrypt, &Mechanism::plain(ECB), key, &[0; 16]).expect("encrypted");
}

fn sign(session: &Session<'_>, key: u64) {
    session.run(Function::Sign, &Mechanism::plain(CMAC), key, b"data").expect("signed");
}

#[test]
#[serial]
fn each_key_function_and_mechanism_is_told_once_a_login() {
    on_ours(|target| {
        let session = user(target);
        let (key, other) = (aes(&session, true), aes(&session, true));
        let tokens = tokens(target);
        for _ in 0..3 {
            encrypt(&session, key);
            sign(&session, key);
            encrypt(&session, other);
            encrypt(&target.open(Flags::ReadOnly).expect("another session"), key);
        }
        let once = [(Use::Encrypt, ECB), (Use::Sign, CMAC), (Use::Encrypt, ECB)];
        assert_eq!(uses(&tokens), once);
        session.logout().expect("C_Logout");
        session.login(Who::User, target.user_pin()).expect("C_Login");
        let key = session.find(&[Attribute::flag(A::TOKEN, true)]).expect("the keys")[0];
        sign(&session, key);
        assert_eq!(uses(&tokens)[3..], [(Use::Sign, CMAC)]);
    });
}

#[test]
#[serial]
fn session_keys_and_public_keys_are_not_told() {
    on_ours(|target| {
        let session = user(target);
        encrypt(&session, aes(&session, false));
        let public = [keys::rsa_public(2048), keys::flags(&[A::TOKEN, A::ENCRYPT], true)];
        let public = session.create(&merged(&[&public[0], &public[1]])).expect("a public key");
        let pkcs = Mechanism::plain(M::RSA_PKCS);
        session.run(Function::Encrypt, &pkcs, public, b"data").expect("encrypted");
        assert_eq!(uses(&tokens(target)), []);
    });
}

#[test]
#[serial]
fn a_key_that_leaves_the_token_is_told_with_the_key_that_wraps_it() {
    on_ours(|target| {
        let session = user(target);
        let key = || session.aes_with(&[Attribute::flag(A::TOKEN, true)]).expect("a key");
        let (wrapping, leaving) = (key(), key());
        let kwp = Mechanism::plain(KWP);
        let wrapped = session.wrap(&kwp, wrapping, leaving).expect("wrapped");
        let template = keys::secret(KeyType::AES, b"");
        session.unwrap(&kwp, wrapping, &wrapped, &template[..2]).expect("unwrapped");
        let tokens = tokens(target);
        assert_eq!(uses(&tokens), [(Use::Wrap, KWP), (Use::Unwrap, KWP)]);
        let left = events(&tokens, EventKind::Wrapped);
        let id = |key| session.attribute(key, A::UNIQUE_ID).expect("CKA_UNIQUE_ID");
        let name = |id: &[u8; 16]| keyway_pkcs11::backend::ObjectId(*id);
        assert_eq!(format!("{:?}", name(&left[0].subject)).into_bytes(), id(leaving));
        let (_, facts) = detail::decode(left[0].detail.as_deref().expect("a detail"));
        assert_eq!(format!("{:?}", facts.under.expect("a key")).into_bytes(), id(wrapping));
        assert_eq!(left.len(), 1);
    });
}

#[test]
#[serial]
fn the_configuration_turns_uses_off() {
    let place = Place::new(Kind::Keyway, true);
    place.configure("log_uses = false");
    let target = Target::over(Kind::Keyway, place);
    target.initialize().expect("C_Initialize");
    let session = user(&target);
    encrypt(&session, aes(&session, true));
    assert_eq!(uses(&tokens(&target)), []);
}

const HELD: &str = "KEYWAY_TEST_HELD";

/// Not a test: holds the write lock of a database until it is killed.
#[test]
#[ignore = "runs in a child process only"]
fn holds_the_database() {
    let path = std::env::var_os(HELD).expect("started by another test");
    let database = rusqlite::Connection::open(path).expect("the database");
    database.execute_batch("BEGIN IMMEDIATE").expect("the write lock");
    println!("\nheld");
    std::thread::sleep(std::time::Duration::from_secs(60));
}

/// A process that holds the token's database.
fn holder(tokens: &Path) -> std::process::Child {
    let mut child = Child::test("uses::holds_the_database");
    child.command.arg("--ignored").env(HELD, database(tokens)).stdout(Stdio::piped());
    let mut process = child.command.spawn().expect("the child starts");
    let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
    let held = lines.any(|line| line.is_ok_and(|line| line == "held"));
    assert!(held, "the child holds the database");
    process
}

/// While another program holds the database: the use goes on after a moment, with one warning, and
/// is told with the next.
#[test]
#[serial]
fn a_use_that_cannot_be_told_goes_on_and_is_told_later() {
    on_ours(|target| {
        let session = user(target);
        let key = aes(&session, true);
        let mut other = holder(&tokens(target));
        let began = std::time::Instant::now();
        encrypt(&session, key);
        sign(&session, key);
        assert!(began.elapsed().as_secs() < 5, "the uses waited {:?}", began.elapsed());
        other.kill().and_then(|()| other.wait()).expect("the lock is free");
        assert_eq!(uses(&tokens(target)), []);
        assert_eq!(target.place.log().matches("without an entry in the token's log").count(), 1);
        session.logout().expect("C_Logout");
        assert_eq!(uses(&tokens(target)), [(Use::Encrypt, ECB), (Use::Sign, CMAC)]);
    });
}

/// Not a test: makes a key in a token of its own, signs once, and is killed.
#[test]
#[ignore = "runs in a child process only"]
fn signs_and_is_killed() {
    on_ours(|target| {
        let session = user(target);
        let key = aes(&session, true);
        println!("\ntokens {}", tokens(target).display());
        session.init(Function::Sign, &Mechanism::plain(CMAC), key).expect("C_SignInit");
        session.whole(Function::Sign, b"data", Room::Bytes(16)).done().expect("C_Sign");
        kill_process(getpid(), Signal::KILL).expect("killed");
    });
}

#[test]
#[serial]
fn the_use_of_a_process_that_is_killed_right_after_it_is_told() {
    let mut child = Child::test("uses::signs_and_is_killed");
    child.command.arg("--ignored");
    let (status, output) = child.finish();
    assert!(status.is_some_and(|status| !status.success()), "{output}");
    let tokens = output.lines().find_map(|line| line.strip_prefix("tokens ")).expect("a path");
    let used = events(Path::new(tokens), EventKind::Used);
    let told = used.iter().map(|event| detail::decode(event.detail.as_deref().expect("a detail")));
    let told: Vec<_> = told.map(|(_, facts)| facts.used.expect("a use").mechanism).collect();
    std::fs::remove_dir_all(Path::new(tokens).parent().expect("its place")).expect("removed");
    assert_eq!(told, [CMAC.0]);
}
