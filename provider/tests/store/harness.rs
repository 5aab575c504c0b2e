//! Tokens in fresh directories, with PINs that cost nothing to check.

use std::path::Path;
use std::sync::Arc;

use keyway_pkcs11::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Value};
use keyway_pkcs11::backend::embedded::{EmbeddedBackend, EmbeddedConfig};
use keyway_pkcs11::backend::{Backend, Object, ObjectId, Pin, SlotId, Token, User, View};
use keyway_pkcs11::error::{Code, Result};
use keyway_pkcs11::secret::Secret;
use keyway_pkcs11::store::Cost;
use tempfile::TempDir;

pub const SO: Pin<'static> = Pin(b"officer");
pub const USER: Pin<'static> = Pin(b"user-pin");
pub const WRONG: Pin<'static> = Pin(b"wrong-pin");

pub fn config(directory: &Path) -> EmbeddedConfig {
    EmbeddedConfig {
        pin_cost: Cost { kibibytes: 8, passes: 1, lanes: 1 },
        ..EmbeddedConfig::new(directory)
    }
}

pub fn backend(directory: &Path) -> EmbeddedBackend {
    EmbeddedBackend::new(config(directory))
}

/// The token of slot 1, as a process that starts now sees it.
pub fn open(directory: &Path) -> Arc<dyn Token> {
    token_in(&backend(directory), 1)
}

pub fn token_in(backend: &EmbeddedBackend, slot: SlotId) -> Arc<dyn Token> {
    let tokens = backend.tokens().unwrap();
    tokens.into_iter().find(|row| row.0 == slot).expect("the slot is there").1
}

/// A directory with one token that has both PINs, nobody logged in.
pub fn fresh() -> (TempDir, Arc<dyn Token>) {
    let directory = tempfile::tempdir().unwrap();
    let token = open(directory.path());
    token.initialize(SO, "test").unwrap();
    token.login(User::SecurityOfficer, SO).unwrap();
    token.init_pin(USER).unwrap();
    token.logout().unwrap();
    (directory, token)
}

/// As [`fresh`], with the user logged in.
pub fn logged_in() -> (TempDir, Arc<dyn Token>) {
    let (directory, token) = fresh();
    token.login(User::User, USER).unwrap();
    (directory, token)
}

/// A complete AES key.
pub fn aes_key(id: &[u8], private: bool) -> Attributes {
    Attributes::from_iter([
        (AttributeType::CLASS, Value::Number(ObjectClass::SECRET_KEY.0)),
        (AttributeType::KEY_TYPE, Value::Number(KeyType::AES.0)),
        (AttributeType::TOKEN, Value::Bool(true)),
        (AttributeType::PRIVATE, Value::Bool(private)),
        (AttributeType::ID, Value::bytes(id)),
        (AttributeType::LABEL, Value::bytes(*b"a key")),
        (AttributeType::ENCRYPT, Value::Bool(true)),
        (AttributeType::SENSITIVE, Value::Bool(true)),
        (AttributeType::VALUE, Value::secret(Secret::copy_of(&[0x42; 32]))),
    ])
}

/// A data object that nobody needs a PIN for.
pub fn data(label: &str) -> Attributes {
    Attributes::from_iter([
        (AttributeType::CLASS, Value::Number(ObjectClass::DATA.0)),
        (AttributeType::TOKEN, Value::Bool(true)),
        (AttributeType::PRIVATE, Value::Bool(false)),
        (AttributeType::LABEL, Value::bytes(label.as_bytes())),
        (AttributeType::APPLICATION, Value::bytes(*b"test")),
        (AttributeType::VALUE, Value::bytes(*b"contents")),
    ])
}

pub fn query<const N: usize>(rows: [(AttributeType, Value); N]) -> Attributes {
    Attributes::from_iter(rows)
}

pub fn by_id(id: &[u8]) -> Attributes {
    query([(AttributeType::ID, Value::bytes(id))])
}

pub fn by_label(label: &str) -> Attributes {
    query([(AttributeType::LABEL, Value::bytes(label.as_bytes()))])
}

pub fn found(token: &dyn Token, query: &Attributes, view: View) -> Vec<ObjectId> {
    token.find(query, view).unwrap().into_iter().map(|found| found.id).collect()
}

/// The one object that matches.
pub fn only(token: &dyn Token, query: &Attributes) -> Arc<Object> {
    let found = found(token, query, View::All);
    assert_eq!(found.len(), 1, "{found:?}");
    token.object(found[0], View::All).unwrap().expect("just found")
}

#[track_caller]
pub fn assert_code<T>(answer: Result<T>, code: Code) {
    match answer {
        Ok(_) => panic!("CKR_OK instead of {code:?}"),
        Err(e) => assert_eq!(e.code(), code, "{e:?}"),
    }
}

/// The database of slot 1, opened behind the token's back.
pub fn behind(directory: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(directory.join("token-1.db")).unwrap()
}

/// Writes the checksums of accounts that were changed behind the token's back.
pub fn sum_accounts(database: &rusqlite::Connection) {
    use sha2::{Digest, Sha256};
    for role in [1_u8, 2] {
        let sql = "SELECT version, kibibytes, passes, lanes, failures, salt, wrapped \
                   FROM account WHERE role = ?1";
        let sum = database.query_row(sql, [role], |row| {
            let mut sum = Sha256::new().chain_update(b"KWYA\x01").chain_update([role]);
            sum.update(row.get::<_, u64>(0)?.to_be_bytes());
            for column in 1..5 {
                sum.update(row.get::<_, u32>(column)?.to_be_bytes());
            }
            sum.update(row.get::<_, Vec<u8>>(5)?);
            sum.update(row.get::<_, Vec<u8>>(6)?);
            Ok(sum.finalize()[..16].to_vec())
        });
        let update = "UPDATE account SET checksum = ?2 WHERE role = ?1";
        database.execute(update, rusqlite::params![role, sum.unwrap()]).unwrap();
    }
}
