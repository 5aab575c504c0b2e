//! X25519 (specification section "Elliptic Curve"): key pairs; its agreement is CKM_ECDH1_DERIVE,
//! beside the other curves. Sizes are those of the field in bits.

use pkcs11_sys as ck;

use crate::attribute::KeyType;
use crate::engine::montgomery;
use crate::mechanism::{MechanismSpec, MechanismType};

pub static ROWS: &[MechanismSpec] = &[MechanismSpec {
    id: MechanismType::EC_MONTGOMERY_KEY_PAIR_GEN,
    keys: &[KeyType::EC_MONTGOMERY],
    sizes: montgomery::SIZES,
    generate_pair: Some(montgomery::generate),
    extra_flags: ck::CKF_EC_F_P | ck::CKF_EC_OID | ck::CKF_EC_CURVENAME | ck::CKF_EC_COMPRESS,
    ..MechanismSpec::DEFAULT
}];
