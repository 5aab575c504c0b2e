//! Keys that are the digest of other keys (specification section "Hash-based Key Derivation").

use crate::attribute::KeyType;
use crate::engine::kdf;
use crate::mechanism::{Hash, MechanismSpec, MechanismType};

pub static ROWS: &[MechanismSpec] = &[
    row::<{ Hash::Sha1 as usize }>(MechanismType::SHA1_KEY_DERIVATION),
    row::<{ Hash::Sha224 as usize }>(MechanismType::SHA224_KEY_DERIVATION),
    row::<{ Hash::Sha256 as usize }>(MechanismType::SHA256_KEY_DERIVATION),
    row::<{ Hash::Sha384 as usize }>(MechanismType::SHA384_KEY_DERIVATION),
    row::<{ Hash::Sha512 as usize }>(MechanismType::SHA512_KEY_DERIVATION),
    row::<{ Hash::Sha512_224 as usize }>(MechanismType::SHA512_224_KEY_DERIVATION),
    row::<{ Hash::Sha512_256 as usize }>(MechanismType::SHA512_256_KEY_DERIVATION),
    row::<{ Hash::Sha3_224 as usize }>(MechanismType::SHA3_224_KEY_DERIVATION),
    row::<{ Hash::Sha3_256 as usize }>(MechanismType::SHA3_256_KEY_DERIVATION),
    row::<{ Hash::Sha3_384 as usize }>(MechanismType::SHA3_384_KEY_DERIVATION),
    row::<{ Hash::Sha3_512 as usize }>(MechanismType::SHA3_512_KEY_DERIVATION),
];

/// `HASH` is a place in [`Hash::ALL`]: rows hold plain functions. Sizes in bytes; what an int can say
/// (Java reads the sizes as one).
const fn row<const HASH: usize>(id: MechanismType) -> MechanismSpec {
    MechanismSpec {
        id,
        keys: &[KeyType::GENERIC_SECRET, KeyType::AES, KeyType::HKDF, KeyType::CHACHA20],
        sizes: (1, i32::MAX as u64),
        derive: Some(|key, _, length| kdf::digest(Hash::ALL[HASH].0, key, length)),
        ..MechanismSpec::DEFAULT
    }
}
