//! Readers of the module: rows of a token, the configuration, DER.

use std::sync::Arc;

use keyway_pkcs11::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Value};
use keyway_pkcs11::backend::Token;
use keyway_pkcs11::backend::bridge::{Profile, Uri};
use keyway_pkcs11::backend::embedded::{self, EmbeddedConfig, fuzzing};
use keyway_pkcs11::config::Config;
use keyway_pkcs11::engine::{self, Material, certificate, encoding};
use keyway_pkcs11::secret::Secret;
use keyway_pkcs11::store::event::Nobody;
use keyway_pkcs11::store::memory::MemoryStore;
use keyway_pkcs11::store::{Batch, Change, Durability, Instance, Store, TokenRecord, detail};

use super::{chosen, text};
use crate::calls::scratch;

/// Rows of a token: the attributes of an object, the details of an event, the token's own record.
pub fn records(bytes: &[u8]) {
    let Some((reader, rest)) = chosen(bytes, 3) else { return };
    match reader {
        0 => {
            if let Ok(attributes) = fuzzing::decode(rest) {
                let again = fuzzing::decode(fuzzing::encode(&attributes).expose());
                assert!(again.is_ok_and(|again| again == attributes), "attributes come back");
            }
        }
        1 => {
            let (who, facts) = detail::decode(rest);
            if let Some(who) = who {
                let again = detail::decode(&detail::encode(&who, &facts));
                assert_eq!(again.1, facts, "details come back");
            }
        }
        _ => token(rest),
    }
}

/// A token whose record says anything.
fn token(clear: &[u8]) {
    let store = MemoryStore::new();
    let record = TokenRecord {
        version: 1,
        instance: Instance([7; 16]),
        clear: clear.to_vec(),
        sealed: vec![0; 64],
    };
    let batch = Batch {
        instance: None,
        changes: vec![Change::PutToken { token: record, expected: 0 }],
        events: Vec::new(),
        witness: Arc::new(Nobody),
        durability: Durability::Lazy,
    };
    if store.commit(batch).is_err() {
        return;
    }
    let token = embedded::over(Arc::new(store), &EmbeddedConfig::new("none")).expect("entropy");
    let _ = token.info();
    let _ = token.find(&Attributes::new(), keyway_pkcs11::backend::View::Public);
}

/// The configuration with its slots and URIs, and profiles of other modules.
pub fn configuration(bytes: &[u8]) {
    let Some((reader, rest)) = chosen(bytes, 4) else { return };
    let path = scratch().join("input.toml");
    match reader {
        0 | 1 => {
            std::fs::write(&path, rest).expect("a file in memory");
            let _ = Config::read(&path);
        }
        2 => {
            std::fs::write(&path, rest).expect("a file in memory");
            let _ = Profile::load(&path.display().to_string());
        }
        _ => {
            if let Some(text) = text(rest) {
                let _ = Uri::parse(text);
            }
        }
    }
}

/// Keys, parameters and certificates as DER, to the point where the engine has them.
pub fn der(bytes: &[u8]) {
    let Some((reader, rest)) = chosen(bytes, 6) else { return };
    match reader {
        0 => {
            if let Ok((key_type, mut attributes)) = encoding::private_key(rest) {
                attributes.set(AttributeType::CLASS, Value::Number(ObjectClass::PRIVATE_KEY.0));
                attributes.set(AttributeType::KEY_TYPE, Value::Number(key_type.0));
                if engine::complete(&mut attributes).is_ok() {
                    let written = encoding::of(&attributes);
                    let again = written.and_then(|der| encoding::private_key(der.expose()));
                    assert!(again.is_ok(), "a key that was taken is written and read again");
                }
            }
        }
        1 => {
            let mut attributes = of(ObjectClass::CERTIFICATE, None);
            attributes.set(AttributeType::CERTIFICATE_TYPE, Value::Number(0));
            attributes.set(AttributeType::VALUE, Value::bytes(rest));
            let _ = certificate::complete(&mut attributes);
        }
        2 => {
            let (params, point) = rest.split_at(rest.len() / 3);
            curve(KeyType::EC, params, point);
        }
        3 => curve(KeyType::EC_EDWARDS, &[6, 3, 0x2b, 0x65, 0x70], rest),
        4 => curve(KeyType::EC, crate::calls::P256, rest),
        _ => {
            let (params, value) = rest.split_at(rest.len() / 2);
            let mut attributes = of(ObjectClass::PRIVATE_KEY, Some(KeyType::EC));
            attributes.set(AttributeType::EC_PARAMS, Value::bytes(params));
            attributes.set(AttributeType::VALUE, Value::secret(Secret::copy_of(value)));
            let _ = engine::complete(&mut attributes);
        }
    }
}

fn of(class: ObjectClass, key_type: Option<KeyType>) -> Attributes {
    let mut attributes = Attributes::new();
    attributes.set(AttributeType::CLASS, Value::Number(class.0));
    if let Some(key_type) = key_type {
        attributes.set(AttributeType::KEY_TYPE, Value::Number(key_type.0));
    }
    attributes
}

fn curve(key_type: KeyType, params: &[u8], point: &[u8]) {
    let mut attributes = of(ObjectClass::PUBLIC_KEY, Some(key_type));
    attributes.set(AttributeType::EC_PARAMS, Value::bytes(params));
    attributes.set(AttributeType::EC_POINT, Value::bytes(point));
    if engine::complete(&mut attributes).is_ok() {
        let _ = Material::import(&attributes);
    }
}
