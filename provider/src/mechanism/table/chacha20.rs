//! ChaCha20-Poly1305 (specification sections "ChaCha20" and "Chacha20/Poly1305 ... Authenticated
//! Encryption"). Sizes in bytes.

use crate::attribute::KeyType;
use crate::engine::{aead, secret};
use crate::mechanism::{MechanismSpec, MechanismType, Messages, message, params};

pub static ROWS: &[MechanismSpec] = &[
    MechanismSpec {
        id: MechanismType::CHACHA20_KEY_GEN,
        generate: Some(secret::generate),
        ..CHACHA20
    },
    MechanismSpec {
        id: MechanismType::CHACHA20_POLY1305,
        params: params::aead::chacha20_poly1305,
        encrypt: Some(aead::encrypt),
        decrypt: Some(aead::decrypt),
        messages: Messages::Sealed(message::chacha20_poly1305),
        ..CHACHA20
    },
];

const CHACHA20: MechanismSpec =
    MechanismSpec { keys: &[KeyType::CHACHA20], sizes: (32, 32), ..MechanismSpec::DEFAULT };
