//! Key derivation with pseudorandom functions (specification section "SP800-108 Key Derivation").

use crate::attribute::KeyType;
use crate::engine::sp800_108;
use crate::mechanism::params::sp800_108::{Mode, counter, double_pipeline, feedback};
use crate::mechanism::{MechanismSpec, MechanismType};

pub static ROWS: &[MechanismSpec] = &[
    MechanismSpec {
        id: MechanismType::SP800_108_COUNTER_KDF,
        params: counter,
        derive_keys: Some(|key, mechanism, lengths| {
            sp800_108::derive(Mode::Counter, key, mechanism, lengths)
        }),
        ..KDF
    },
    MechanismSpec {
        id: MechanismType::SP800_108_FEEDBACK_KDF,
        params: feedback,
        derive_keys: Some(|key, mechanism, lengths| {
            sp800_108::derive(Mode::Feedback, key, mechanism, lengths)
        }),
        ..KDF
    },
    MechanismSpec {
        id: MechanismType::SP800_108_DOUBLE_PIPELINE_KDF,
        params: double_pipeline,
        derive_keys: Some(|key, mechanism, lengths| {
            sp800_108::derive(Mode::DoublePipeline, key, mechanism, lengths)
        }),
        ..KDF
    },
];

/// "The minimum and maximum supported base key size in bits": what an int can say (Java reads the
/// sizes as one). CMAC takes AES keys only.
const KDF: MechanismSpec = MechanismSpec {
    keys: &[
        KeyType::GENERIC_SECRET,
        KeyType::AES,
        KeyType::HKDF,
        KeyType::SHA_1_HMAC,
        KeyType::SHA224_HMAC,
        KeyType::SHA256_HMAC,
        KeyType::SHA384_HMAC,
        KeyType::SHA512_HMAC,
        KeyType::SHA3_224_HMAC,
        KeyType::SHA3_256_HMAC,
        KeyType::SHA3_384_HMAC,
        KeyType::SHA3_512_HMAC,
    ],
    sizes: (8, i32::MAX as u64),
    ..MechanismSpec::DEFAULT
};
