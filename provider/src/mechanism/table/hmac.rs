//! HMAC (specification section "Hash-Based Message Authentication Codes"): for each hash the code in
//! full length, truncated, and a key of its own type.

use crate::attribute::KeyType;
use crate::engine::hmac::{sign, verify};
use crate::engine::secret::{self, GENERATED_MAX};
use crate::mechanism::{Hash, MechanismSpec, MechanismType, Messages, params};

pub static ROWS: &[MechanismSpec] = &[
    MechanismSpec { id: MechanismType::MD5_HMAC, ..MD5 },
    MechanismSpec { id: MechanismType::MD5_HMAC_GENERAL, params: params::mac_length, ..MD5 },
    full::<{ Hash::Sha1 as usize }>(MechanismType::SHA_1_HMAC),
    general::<{ Hash::Sha1 as usize }>(MechanismType::SHA_1_HMAC_GENERAL),
    key_gen::<{ Hash::Sha1 as usize }>(MechanismType::SHA_1_KEY_GEN),
    full::<{ Hash::Sha224 as usize }>(MechanismType::SHA224_HMAC),
    general::<{ Hash::Sha224 as usize }>(MechanismType::SHA224_HMAC_GENERAL),
    key_gen::<{ Hash::Sha224 as usize }>(MechanismType::SHA224_KEY_GEN),
    full::<{ Hash::Sha256 as usize }>(MechanismType::SHA256_HMAC),
    general::<{ Hash::Sha256 as usize }>(MechanismType::SHA256_HMAC_GENERAL),
    key_gen::<{ Hash::Sha256 as usize }>(MechanismType::SHA256_KEY_GEN),
    full::<{ Hash::Sha384 as usize }>(MechanismType::SHA384_HMAC),
    general::<{ Hash::Sha384 as usize }>(MechanismType::SHA384_HMAC_GENERAL),
    key_gen::<{ Hash::Sha384 as usize }>(MechanismType::SHA384_KEY_GEN),
    full::<{ Hash::Sha512 as usize }>(MechanismType::SHA512_HMAC),
    general::<{ Hash::Sha512 as usize }>(MechanismType::SHA512_HMAC_GENERAL),
    key_gen::<{ Hash::Sha512 as usize }>(MechanismType::SHA512_KEY_GEN),
    full::<{ Hash::Sha512_224 as usize }>(MechanismType::SHA512_224_HMAC),
    general::<{ Hash::Sha512_224 as usize }>(MechanismType::SHA512_224_HMAC_GENERAL),
    key_gen::<{ Hash::Sha512_224 as usize }>(MechanismType::SHA512_224_KEY_GEN),
    full::<{ Hash::Sha512_256 as usize }>(MechanismType::SHA512_256_HMAC),
    general::<{ Hash::Sha512_256 as usize }>(MechanismType::SHA512_256_HMAC_GENERAL),
    key_gen::<{ Hash::Sha512_256 as usize }>(MechanismType::SHA512_256_KEY_GEN),
    full::<{ Hash::Sha3_224 as usize }>(MechanismType::SHA3_224_HMAC),
    general::<{ Hash::Sha3_224 as usize }>(MechanismType::SHA3_224_HMAC_GENERAL),
    key_gen::<{ Hash::Sha3_224 as usize }>(MechanismType::SHA3_224_KEY_GEN),
    full::<{ Hash::Sha3_256 as usize }>(MechanismType::SHA3_256_HMAC),
    general::<{ Hash::Sha3_256 as usize }>(MechanismType::SHA3_256_HMAC_GENERAL),
    key_gen::<{ Hash::Sha3_256 as usize }>(MechanismType::SHA3_256_KEY_GEN),
    full::<{ Hash::Sha3_384 as usize }>(MechanismType::SHA3_384_HMAC),
    general::<{ Hash::Sha3_384 as usize }>(MechanismType::SHA3_384_HMAC_GENERAL),
    key_gen::<{ Hash::Sha3_384 as usize }>(MechanismType::SHA3_384_KEY_GEN),
    full::<{ Hash::Sha3_512 as usize }>(MechanismType::SHA3_512_HMAC),
    general::<{ Hash::Sha3_512 as usize }>(MechanismType::SHA3_512_HMAC_GENERAL),
    key_gen::<{ Hash::Sha3_512 as usize }>(MechanismType::SHA3_512_KEY_GEN),
];

/// The key types of each hash, in the order of [`Hash::ALL`].
static KEYS: [[KeyType; 2]; Hash::ALL.len()] = [
    [KeyType::GENERIC_SECRET, KeyType::SHA_1_HMAC],
    [KeyType::GENERIC_SECRET, KeyType::SHA224_HMAC],
    [KeyType::GENERIC_SECRET, KeyType::SHA256_HMAC],
    [KeyType::GENERIC_SECRET, KeyType::SHA384_HMAC],
    [KeyType::GENERIC_SECRET, KeyType::SHA512_HMAC],
    [KeyType::GENERIC_SECRET, KeyType::SHA512_224_HMAC],
    [KeyType::GENERIC_SECRET, KeyType::SHA512_256_HMAC],
    [KeyType::GENERIC_SECRET, KeyType::SHA3_224_HMAC],
    [KeyType::GENERIC_SECRET, KeyType::SHA3_256_HMAC],
    [KeyType::GENERIC_SECRET, KeyType::SHA3_384_HMAC],
    [KeyType::GENERIC_SECRET, KeyType::SHA3_512_HMAC],
];

/// A key of any length; what an int can say (Java reads the sizes as one).
const ANY: (u64, u64) = (1, i32::MAX as u64);

/// Legacy, and without a mechanism that generates keys of its own type.
const MD5: MechanismSpec = MechanismSpec {
    keys: &[KeyType::GENERIC_SECRET, KeyType::MD5_HMAC],
    sizes: ANY,
    legacy: true,
    messages: Messages::Signed,
    sign: Some(|key, params| sign(Hash::Md5, key, params)),
    verify: Some(|key, params| verify(Hash::Md5, key, params)),
    ..MechanismSpec::DEFAULT
};

/// `HASH` is a place in [`Hash::ALL`]: rows hold plain functions.
const fn full<const HASH: usize>(id: MechanismType) -> MechanismSpec {
    MechanismSpec {
        id,
        keys: &KEYS[HASH],
        sizes: ANY,
        sign: Some(|key, params| sign(Hash::ALL[HASH].0, key, params)),
        verify: Some(|key, params| verify(Hash::ALL[HASH].0, key, params)),
        messages: Messages::Signed,
        ..MechanismSpec::DEFAULT
    }
}

const fn general<const HASH: usize>(id: MechanismType) -> MechanismSpec {
    MechanismSpec { params: params::mac_length, ..full::<HASH>(id) }
}

const fn key_gen<const HASH: usize>(id: MechanismType) -> MechanismSpec {
    MechanismSpec {
        id,
        keys: KEYS[HASH].split_at(1).1,
        sizes: (1, GENERATED_MAX),
        generate: Some(secret::generate),
        ..MechanismSpec::DEFAULT
    }
}
