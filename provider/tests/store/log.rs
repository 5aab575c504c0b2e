//! The write-ahead log of a token: brought home before it grows.

use std::fs;
use std::sync::Arc;

use keyway_pkcs11::backend::ObjectId;
use keyway_pkcs11::store::event::Nobody;
use keyway_pkcs11::store::sqlite::SqliteStore;
use keyway_pkcs11::store::{Batch, Change, Durability, Form, Record, Store};

use crate::harness::*;

const COMMITS: u8 = 20;
const CHANGES: u8 = 100;

/// Sessions that share a transaction make few commits of many changes, and whoever opens the token
/// next reads the log that they leave.
#[test]
fn commits_of_many_changes_do_not_let_the_log_grow() {
    let (directory, token) = fresh();
    drop(token);
    let store = SqliteStore::new(&directory.path().join("token-1.db"));
    let instance = store.instance().unwrap();
    let put = |commit, n| {
        let mut id = ObjectId([0; 16]);
        id.0[..2].copy_from_slice(&[commit, n]);
        let (tags, body) = (Vec::new(), vec![n; 1000]);
        let record = Record { id, version: 1, form: Form::Unattested, tags, body };
        Change::Put { record, expected: 0 }
    };
    let logged = |commit| {
        let changes = (0..CHANGES).map(|n| put(commit, n)).collect();
        let (events, witness) = (Vec::new(), Arc::new(Nobody));
        let durability = Durability::Full;
        store.commit(Batch { instance, changes, events, witness, durability }).unwrap();
        fs::metadata(directory.path().join("token-1.db-wal")).unwrap().len()
    };
    let sizes: Vec<_> = (0..COMMITS).map(logged).collect();
    assert!(sizes[0] > u64::from(CHANGES) * 1000, "a commit is in the log: {sizes:?}");
    assert!(sizes.iter().all(|size| *size < 5 * sizes[0]), "{sizes:?}");
}
