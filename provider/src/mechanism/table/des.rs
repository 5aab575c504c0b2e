//! DES and triple DES (specification section "Double and Triple-length DES"; PKCS #11 2.20 section
//! 12.15 for DES itself). Legacy. Sizes in bytes.
//!
//! As those of AES, ECB and CBC wrap without authentication.

use crate::attribute::KeyType;
use crate::engine::des;
use crate::mechanism::{MechanismSpec, MechanismType, Messages, params};

pub static ROWS: &[MechanismSpec] = &[
    key_gen(MechanismType::DES_KEY_GEN, &[KeyType::DES], 8),
    key_gen(MechanismType::DES2_KEY_GEN, &[KeyType::DES2], 16),
    key_gen(MechanismType::DES3_KEY_GEN, &[KeyType::DES3], 24),
    ecb(MechanismType::DES_ECB, DES),
    cbc(MechanismType::DES_CBC, DES),
    cbc_pad(MechanismType::DES_CBC_PAD, DES),
    ecb(MechanismType::DES3_ECB, DES3),
    cbc(MechanismType::DES3_CBC, DES3),
    cbc_pad(MechanismType::DES3_CBC_PAD, DES3),
    MechanismSpec {
        id: MechanismType::DES3_CMAC,
        sign: Some(des::sign_cmac),
        verify: Some(des::verify_cmac),
        messages: Messages::Signed,
        ..DES3
    },
    MechanismSpec {
        id: MechanismType::DES3_CMAC_GENERAL,
        params: params::mac_length,
        sign: Some(des::sign_cmac),
        verify: Some(des::verify_cmac),
        messages: Messages::Signed,
        ..DES3
    },
];

const DES: MechanismSpec =
    MechanismSpec { keys: &[KeyType::DES], sizes: (8, 8), legacy: true, ..MechanismSpec::DEFAULT };

const DES3: MechanismSpec =
    MechanismSpec { keys: &[KeyType::DES2, KeyType::DES3], sizes: (16, 24), ..DES };

const fn key_gen(id: MechanismType, keys: &'static [KeyType], len: u64) -> MechanismSpec {
    MechanismSpec { id, keys, sizes: (len, len), generate: Some(des::generate), ..DES }
}

const fn ecb(id: MechanismType, family: MechanismSpec) -> MechanismSpec {
    MechanismSpec {
        id,
        encrypt: Some(des::encrypt),
        decrypt: Some(des::decrypt),
        wrap: Some(des::wrap),
        unwrap: Some(des::unwrap),
        malleable: true,
        zero_padded: 8,
        ..family
    }
}

const fn cbc(id: MechanismType, family: MechanismSpec) -> MechanismSpec {
    MechanismSpec { params: params::cipher::short_iv, ..ecb(id, family) }
}

const fn cbc_pad(id: MechanismType, family: MechanismSpec) -> MechanismSpec {
    MechanismSpec {
        encrypt: Some(des::encrypt_padded),
        decrypt: Some(des::decrypt_padded),
        wrap: Some(des::wrap_padded),
        unwrap: Some(des::unwrap_padded),
        wraps_private: true,
        zero_padded: 0,
        ..cbc(id, family)
    }
}
