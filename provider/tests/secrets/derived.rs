//! The keys that a token's PINs unlock, derived as docs/store-format.md says, for whoever searches
//! for them.

use std::path::Path;

use aes_kw::{KeyInit, KwAes256};
use argon2::{Algorithm, Argon2, Params, Version};
use keyway_pkcs11::store::sqlite::SqliteStore;
use keyway_pkcs11::store::{Account, Form, Role, Store};
use sha2::{Digest, Sha256};

use crate::search::Planted;

/// Everything that follows from the user's PIN, or from the security officer's if the user's is
/// not set, in the database of one token.
pub fn keys(database: &Path, pins: [(Role, &[u8]); 2]) -> Vec<Planted> {
    let store = SqliteStore::new(database);
    let instance = store.token().expect("a token record").expect("an initialised token").instance.0;
    let mut keys = Vec::new();
    let mut master = Vec::new();
    for (role, pin) in pins {
        let account = store.account(role).expect("an account").expect("a PIN");
        master = unwrap(&mut keys, &account, pin, &instance);
    }
    for purpose in ["token record", "public mac", "events", "set", "private seal", "private tags"] {
        let info = format!("keyway {purpose}");
        hkdf(&mut keys, purpose, &instance, &master, info.as_bytes());
    }
    let seal = keys.iter().find(|key| key.name == "private seal").expect("derived").value.clone();
    let mut records = Vec::new();
    store
        .scan(&mut |record| {
            records.push(record);
            std::ops::ControlFlow::Continue(())
        })
        .expect("records");
    for record in records.iter().filter(|record| record.form == Form::Private) {
        hkdf(&mut keys, "key of an object", b"keyway object", &seal, &record.id.0);
    }
    keys.push(Planted::new("master key", master));
    keys
}

/// The master key, and on the way what the PIN becomes.
fn unwrap(keys: &mut Vec<Planted>, account: &Account, pin: &[u8], instance: &[u8]) -> Vec<u8> {
    let cost = account.cost;
    let params = Params::new(cost.kibibytes, cost.passes, cost.lanes, Some(32)).expect("a cost");
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut stretched = vec![0; 32];
    argon.hash_password_into(pin, &account.salt, &mut stretched).expect("a stretched PIN");
    let info = [b"keyway pin ".as_slice(), &[account.role as u8]].concat();
    let kek = hkdf(keys, "key-encryption key", instance, &stretched, &info);
    keys.push(Planted::new("stretched PIN", stretched));
    let mut master = vec![0; 32];
    let cipher = KwAes256::new_from_slice(&kek).expect("a key of 32 bytes");
    cipher.unwrap_key(&account.wrapped, &mut master).expect("the right PIN");
    master
}

/// HKDF-SHA256 (RFC 5869) for 32 bytes.
fn hkdf(keys: &mut Vec<Planted>, name: &str, salt: &[u8], secret: &[u8], info: &[u8]) -> Vec<u8> {
    let extracted = hmac(salt, secret);
    let made = hmac(&extracted, &[info, &[1]].concat());
    keys.push(Planted::new(&format!("{name} (extracted)"), extracted));
    keys.push(Planted::new(name, made.clone()));
    made
}

/// HMAC-SHA256 (RFC 2104) with a key of at most a block.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let padded = |pad: u8| {
        let mut block = [pad; 64];
        block.iter_mut().zip(key).for_each(|(padded, key)| *padded ^= key);
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}
