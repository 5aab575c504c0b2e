//! EdDSA (specification section "Elliptic Curve"). Sizes are those of the field in bits.

use pkcs11_sys as ck;

use crate::attribute::KeyType;
use crate::engine::edwards;
use crate::mechanism::{MechanismSpec, MechanismType, Messages, params};

pub static ROWS: &[MechanismSpec] = &[
    MechanismSpec {
        id: MechanismType::EC_EDWARDS_KEY_PAIR_GEN,
        generate_pair: Some(edwards::generate),
        ..EDWARDS
    },
    MechanismSpec {
        id: MechanismType::EDDSA,
        params: params::ec::eddsa,
        sign: Some(edwards::sign),
        verify: Some(edwards::verify),
        ..EDWARDS
    },
];

const EDWARDS: MechanismSpec = MechanismSpec {
    keys: &[KeyType::EC_EDWARDS],
    sizes: edwards::SIZES,
    messages: Messages::Signed,
    extra_flags: ck::CKF_EC_F_P | ck::CKF_EC_OID | ck::CKF_EC_CURVENAME | ck::CKF_EC_COMPRESS,
    ..MechanismSpec::DEFAULT
};
