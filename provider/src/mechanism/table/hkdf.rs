//! HKDF (specification section "HKDF Mechanisms").

use crate::attribute::KeyType;
use crate::engine::secret::GENERATED_MAX;
use crate::engine::{kdf, secret};
use crate::mechanism::{MechanismSpec, MechanismType, params};

pub static ROWS: &[MechanismSpec] = &[
    MechanismSpec {
        id: MechanismType::HKDF_DERIVE,
        keys: &[KeyType::GENERIC_SECRET, KeyType::HKDF],
        sizes: (1, i32::MAX as u64),
        params: params::kdf::hkdf,
        derive: Some(kdf::hkdf),
        ..MechanismSpec::DEFAULT
    },
    // "identical to HKDF Derive except the output is a CKO_DATA object".
    MechanismSpec {
        id: MechanismType::HKDF_DATA,
        keys: &[KeyType::GENERIC_SECRET, KeyType::HKDF],
        sizes: (1, i32::MAX as u64),
        params: params::kdf::hkdf,
        derive: Some(kdf::hkdf),
        ..MechanismSpec::DEFAULT
    },
    MechanismSpec {
        id: MechanismType::HKDF_KEY_GEN,
        keys: &[KeyType::HKDF],
        sizes: (1, GENERATED_MAX),
        generate: Some(secret::generate),
        ..MechanismSpec::DEFAULT
    },
];
