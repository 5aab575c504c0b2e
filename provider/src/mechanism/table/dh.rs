//! PKCS #3 Diffie-Hellman (specification section "Diffie-Hellman"). Sizes are those of the prime in
//! bits.

use crate::attribute::KeyType;
use crate::engine::dh;
use crate::mechanism::{MechanismSpec, MechanismType, params};

pub static ROWS: &[MechanismSpec] = &[
    MechanismSpec {
        id: MechanismType::DH_PKCS_KEY_PAIR_GEN,
        generate_pair: Some(dh::generate),
        ..DH
    },
    MechanismSpec {
        id: MechanismType::DH_PKCS_DERIVE,
        params: params::derive::public,
        derive: Some(dh::derive),
        ..DH
    },
];

const DH: MechanismSpec =
    MechanismSpec { keys: &[KeyType::DH], sizes: dh::SIZES, ..MechanismSpec::DEFAULT };
