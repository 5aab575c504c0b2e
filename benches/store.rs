//! What the embedded token costs: logging in, making a key that survives a power cut, telling the
//! first use of one, finding one of many, and noticing that nothing changed.
//!
//! `KEYWAY_BENCH_KEYS=100000 cargo bench -p keyway-pkcs11 --bench store`

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use keyway_pkcs11::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Value};
use keyway_pkcs11::backend::embedded::{EmbeddedBackend, EmbeddedConfig};
use keyway_pkcs11::backend::{Backend, Pin, Token, Use, User, View};
use keyway_pkcs11::mechanism::{Function, MechanismType};
use keyway_pkcs11::secret::Secret;
use tempfile::TempDir;

const SO: Pin<'static> = Pin(b"officer");
const USER: Pin<'static> = Pin(b"user-pin");

fn open(directory: &Path) -> Arc<dyn Token> {
    let backend = EmbeddedBackend::new(EmbeddedConfig::new(directory));
    backend.tokens().expect("list the tokens").remove(0).1
}

fn logged_in(directory: &TempDir) -> Arc<dyn Token> {
    let token = open(directory.path());
    token.initialize(SO, "bench").expect("initialise");
    token.login(User::SecurityOfficer, SO).expect("log in");
    token.init_pin(USER).expect("set a PIN");
    token.login(User::User, USER).expect("log in");
    token
}

fn key(id: u32) -> Attributes {
    Attributes::from_iter([
        (AttributeType::CLASS, Value::Number(ObjectClass::SECRET_KEY.0)),
        (AttributeType::KEY_TYPE, Value::Number(KeyType::AES.0)),
        (AttributeType::TOKEN, Value::Bool(true)),
        (AttributeType::PRIVATE, Value::Bool(true)),
        (AttributeType::ID, Value::bytes(id.to_be_bytes())),
        (AttributeType::LABEL, Value::bytes(*b"all have the same")),
        (AttributeType::VALUE, Value::secret(Secret::copy_of(&[7; 32]))),
    ])
}

/// On the disk where the tests run: what costs is the flush.
fn durable(c: &mut Criterion) {
    let directory = TempDir::new_in(".").expect("a directory");
    let token = logged_in(&directory);
    c.bench_function("log in (Argon2id, 19 MiB, 2 passes)", |b| {
        b.iter(|| token.login(User::User, USER).expect("log in"));
    });
    let mut id = 0;
    c.bench_function("make a key", |b| {
        b.iter(|| {
            id += 1;
            token.create(key(id)).expect("make a key")
        });
    });
    let used = token.create(key(0)).expect("make a key");
    let mut mechanism = 0;
    c.bench_function("tell the first use of a key", |b| {
        b.iter(|| {
            // Another one each time, so that each is the first.
            mechanism += 1;
            token.note_use(&used, Use::For(Function::Sign), MechanismType(mechanism));
        });
    });
}

/// In memory, where filling the token does not take minutes.
fn many(c: &mut Criterion) {
    let keys = std::env::var("KEYWAY_BENCH_KEYS").ok().and_then(|n| n.parse().ok());
    let keys: u32 = keys.unwrap_or(10_000);
    let directory = TempDir::new_in("/dev/shm").expect("a directory");
    let token = logged_in(&directory);
    (0..keys).for_each(|id| drop(token.create(key(id)).expect("make a key")));
    let fresh = open(directory.path());
    fresh.login(User::User, USER).expect("log in");
    let mut next = 0;
    let mut query = || {
        next = (next + 7919) % keys;
        Attributes::from_iter([
            (AttributeType::CLASS, Value::Number(ObjectClass::SECRET_KEY.0)),
            (AttributeType::ID, Value::bytes(u32::to_be_bytes(next))),
        ])
    };
    c.bench_function(&format!("find one of {keys} by class and id, and open it"), |b| {
        b.iter(|| {
            let found = fresh.find(&query(), View::All).expect("find");
            assert_eq!(found.len(), 1);
            fresh.object(found[0].id, View::All).expect("open").expect("there")
        });
    });
    let all = Attributes::new();
    c.bench_function(&format!("list {keys}"), |b| {
        b.iter(|| black_box(fresh.find(&all, View::All).expect("find")).len());
    });
    let one = fresh.find(&query(), View::All).expect("find")[0].id;
    let one = fresh.object(one, View::All).expect("open").expect("there");
    c.bench_function("notice that nothing changed", |b| {
        b.iter(|| fresh.refresh(black_box(&one)).expect("refresh"));
    });
    c.bench_function(&format!("open the token of {keys} and log in"), |b| {
        b.iter(|| open(directory.path()).login(User::User, USER).expect("log in"));
    });
}

criterion_group!(benches, durable, many);
criterion_main!(benches);
