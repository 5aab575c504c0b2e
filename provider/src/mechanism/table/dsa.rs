//! DSA (specification section "DSA"). Legacy. Sizes are those of the prime in bits.

use crate::attribute::KeyType;
use crate::engine::dsa;
use crate::mechanism::{Hash, MechanismSpec, MechanismType, Messages};

pub static ROWS: &[MechanismSpec] = &[
    MechanismSpec {
        id: MechanismType::DSA_KEY_PAIR_GEN,
        generate_pair: Some(dsa::generate),
        ..DSA
    },
    MechanismSpec {
        id: MechanismType::DSA_PARAMETER_GEN,
        generate: Some(dsa::generate_parameters),
        ..DSA
    },
    MechanismSpec {
        id: MechanismType::DSA,
        single_part: true,
        messages: Messages::Signed,
        sign: Some(|key, _| dsa::sign(key, None)),
        verify: Some(|key, _| dsa::verify(key, None)),
        ..DSA
    },
    hashing::<{ Hash::Sha1 as usize }>(MechanismType::DSA_SHA1),
    hashing::<{ Hash::Sha224 as usize }>(MechanismType::DSA_SHA224),
    hashing::<{ Hash::Sha256 as usize }>(MechanismType::DSA_SHA256),
    hashing::<{ Hash::Sha384 as usize }>(MechanismType::DSA_SHA384),
    hashing::<{ Hash::Sha512 as usize }>(MechanismType::DSA_SHA512),
    hashing::<{ Hash::Sha3_224 as usize }>(MechanismType::DSA_SHA3_224),
    hashing::<{ Hash::Sha3_256 as usize }>(MechanismType::DSA_SHA3_256),
    hashing::<{ Hash::Sha3_384 as usize }>(MechanismType::DSA_SHA3_384),
    hashing::<{ Hash::Sha3_512 as usize }>(MechanismType::DSA_SHA3_512),
];

const DSA: MechanismSpec = MechanismSpec {
    keys: &[KeyType::DSA],
    sizes: dsa::SIZES,
    legacy: true,
    ..MechanismSpec::DEFAULT
};

/// `HASH` is a place in [`Hash::ALL`]: rows hold plain functions.
const fn hashing<const HASH: usize>(id: MechanismType) -> MechanismSpec {
    MechanismSpec {
        id,
        messages: Messages::Signed,
        sign: Some(|key, _| dsa::sign(key, Some(Hash::ALL[HASH].0))),
        verify: Some(|key, _| dsa::verify(key, Some(Hash::ALL[HASH].0))),
        ..DSA
    }
}
