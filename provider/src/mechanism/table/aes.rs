//! AES (specification sections "AES" to "AES Key Wrap" and "Key derivation by data encryption").
//!
//! ECB, CBC and CBC_PAD wrap without authentication: whoever changes a wrapped key changes the key
//! that comes out of it.

use crate::attribute::KeyType;
use crate::engine::aes_stealing::Mode;
use crate::engine::wrap::Form;
use crate::engine::{aead, aes, aes_ctr, aes_mac, aes_stealing, gcm, kdf, secret, wrap};
use crate::mechanism::{MechanismSpec, MechanismType, Messages, message, params};

pub static ROWS: &[MechanismSpec] = &[
    MechanismSpec { id: MechanismType::AES_KEY_GEN, generate: Some(secret::generate), ..AES },
    MechanismSpec {
        id: MechanismType::AES_ECB,
        encrypt: Some(aes::encrypt),
        decrypt: Some(aes::decrypt),
        wrap: Some(aes::wrap),
        unwrap: Some(aes::unwrap),
        malleable: true,
        zero_padded: 16,
        ..AES
    },
    MechanismSpec {
        id: MechanismType::AES_CBC,
        params: params::cipher::iv,
        encrypt: Some(aes::encrypt),
        decrypt: Some(aes::decrypt),
        wrap: Some(aes::wrap),
        unwrap: Some(aes::unwrap),
        malleable: true,
        zero_padded: 16,
        ..AES
    },
    MechanismSpec {
        id: MechanismType::AES_CBC_PAD,
        params: params::cipher::iv,
        encrypt: Some(aes::encrypt_padded),
        decrypt: Some(aes::decrypt_padded),
        wrap: Some(aes::wrap_padded),
        unwrap: Some(aes::unwrap_padded),
        wraps_private: true,
        malleable: true,
        ..AES
    },
    MechanismSpec {
        id: MechanismType::AES_CTR,
        params: params::cipher::ctr,
        encrypt: Some(aes_ctr::encrypt),
        decrypt: Some(aes_ctr::decrypt),
        ..AES
    },
    MechanismSpec {
        id: MechanismType::AES_GCM,
        params: params::aead::gcm,
        encrypt: Some(gcm::encrypt),
        decrypt: Some(gcm::decrypt),
        messages: Messages::Sealed(message::gcm),
        wrap: Some(gcm::wrap),
        unwrap: Some(gcm::unwrap),
        wraps_private: true,
        ..AES
    },
    MechanismSpec {
        id: MechanismType::AES_CCM,
        params: params::aead::ccm,
        encrypt: Some(aead::encrypt),
        decrypt: Some(aead::decrypt),
        messages: Messages::Sealed(message::ccm),
        wrap: Some(aead::wrap),
        unwrap: Some(aead::unwrap),
        wraps_private: true,
        ..AES
    },
    MechanismSpec {
        id: MechanismType::AES_CTS,
        params: params::cipher::iv,
        encrypt: Some(|key, params| aes_stealing::encrypt(Mode::Cts, key, params)),
        decrypt: Some(|key, params| aes_stealing::decrypt(Mode::Cts, key, params)),
        ..AES
    },
    MechanismSpec { id: MechanismType::AES_XTS_KEY_GEN, generate: Some(secret::generate), ..XTS },
    MechanismSpec {
        id: MechanismType::AES_XTS,
        params: params::cipher::iv,
        encrypt: Some(|key, params| aes_stealing::encrypt(Mode::Xts, key, params)),
        decrypt: Some(|key, params| aes_stealing::decrypt(Mode::Xts, key, params)),
        ..XTS
    },
    MechanismSpec {
        id: MechanismType::AES_GMAC,
        params: params::aead::gcm,
        sign: Some(aes_mac::sign_gmac),
        verify: Some(aes_mac::verify_gmac),
        ..AES
    },
    MechanismSpec {
        id: MechanismType::AES_CMAC,
        sign: Some(aes_mac::sign_cmac),
        verify: Some(aes_mac::verify_cmac),
        messages: Messages::Signed,
        ..AES
    },
    MechanismSpec {
        id: MechanismType::AES_CMAC_GENERAL,
        params: params::mac_length,
        sign: Some(aes_mac::sign_cmac),
        verify: Some(aes_mac::verify_cmac),
        messages: Messages::Signed,
        ..AES
    },
    MechanismSpec {
        id: MechanismType::AES_KEY_WRAP,
        params: params::cipher::wrap_iv,
        single_part: true,
        encrypt: Some(|key, params| wrap::encrypt(Form::Kw, key, params)),
        decrypt: Some(|key, params| wrap::decrypt(Form::Kw, key, params)),
        wrap: Some(|key, params, encoding| wrap::wrap(Form::Kw, key, params, encoding)),
        unwrap: Some(|key, params, wrapped| wrap::unwrap(Form::Kw, key, params, wrapped)),
        ..AES
    },
    // Deprecated, and never defined in a published version; users and SoftHSM2 mean RFC 5649.
    MechanismSpec { id: MechanismType::AES_KEY_WRAP_PAD, ..KWP },
    MechanismSpec { id: MechanismType::AES_KEY_WRAP_KWP, ..KWP },
    MechanismSpec {
        id: MechanismType::AES_ECB_ENCRYPT_DATA,
        params: params::derive::encrypt_data,
        derive: Some(kdf::encrypt_data),
        ..AES
    },
    MechanismSpec {
        id: MechanismType::AES_CBC_ENCRYPT_DATA,
        params: params::derive::cbc_encrypt_data,
        derive: Some(kdf::encrypt_data),
        ..AES
    },
];

/// Sizes in bytes.
const AES: MechanismSpec =
    MechanismSpec { keys: &[KeyType::AES], sizes: (16, 32), ..MechanismSpec::DEFAULT };

/// The engine has XTS with two keys of 256 bits only.
const XTS: MechanismSpec =
    MechanismSpec { keys: &[KeyType::AES_XTS], sizes: (64, 64), ..MechanismSpec::DEFAULT };

const KWP: MechanismSpec = MechanismSpec {
    params: params::cipher::wrap_iv,
    single_part: true,
    encrypt: Some(|key, params| wrap::encrypt(Form::Kwp, key, params)),
    decrypt: Some(|key, params| wrap::decrypt(Form::Kwp, key, params)),
    wrap: Some(|key, params, encoding| wrap::wrap(Form::Kwp, key, params, encoding)),
    unwrap: Some(|key, params, wrapped| wrap::unwrap(Form::Kwp, key, params, wrapped)),
    wraps_private: true,
    ..AES
};
