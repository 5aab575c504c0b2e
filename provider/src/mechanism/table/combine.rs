//! Simple derivations (specification section "Miscellaneous simple key derivation mechanisms").

use crate::attribute::KeyType;
use crate::engine::combine;
use crate::mechanism::spec::Derive;
use crate::mechanism::{MechanismSpec, MechanismType, params};

pub static ROWS: &[MechanismSpec] = &[
    MechanismSpec {
        params: params::derive::key,
        ..row(MechanismType::CONCATENATE_BASE_AND_KEY, combine::base_and_key)
    },
    row(MechanismType::CONCATENATE_BASE_AND_DATA, combine::base_and_data),
    row(MechanismType::CONCATENATE_DATA_AND_BASE, combine::data_and_base),
    row(MechanismType::XOR_BASE_AND_DATA, combine::xor),
    MechanismSpec {
        params: params::derive::bit_position,
        ..row(MechanismType::EXTRACT_KEY_FROM_KEY, combine::extract)
    },
];

/// Sizes in bytes; what an int can say (Java reads the sizes as one).
const fn row(id: MechanismType, derive: Derive) -> MechanismSpec {
    MechanismSpec {
        id,
        keys: &[KeyType::GENERIC_SECRET, KeyType::AES, KeyType::HKDF, KeyType::CHACHA20],
        sizes: (1, i32::MAX as u64),
        params: params::derive::string_data,
        derive: Some(derive),
        ..MechanismSpec::DEFAULT
    }
}
