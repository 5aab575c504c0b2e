//! ECDSA and ECDH (specification section "Elliptic Curve"). Sizes are those of the field in bits.

use pkcs11_sys as ck;

use crate::attribute::KeyType;
use crate::engine::{Lease, Material, ec, hybrid_wrap, montgomery};
use crate::error::Result;
use crate::mechanism::{Hash, Mechanism, MechanismSpec, MechanismType, Messages, params};
use crate::secret::Secret;

pub static ROWS: &[MechanismSpec] = &[
    MechanismSpec { id: MechanismType::EC_KEY_PAIR_GEN, generate_pair: Some(ec::generate), ..EC },
    MechanismSpec {
        id: MechanismType::ECDSA,
        single_part: true,
        sign: Some(|key, _| ec::sign(key, None)),
        verify: Some(|key, _| ec::verify(key, None)),
        ..EC
    },
    ecdsa::<{ Hash::Sha1 as usize }>(MechanismType::ECDSA_SHA1),
    ecdsa::<{ Hash::Sha224 as usize }>(MechanismType::ECDSA_SHA224),
    ecdsa::<{ Hash::Sha256 as usize }>(MechanismType::ECDSA_SHA256),
    ecdsa::<{ Hash::Sha384 as usize }>(MechanismType::ECDSA_SHA384),
    ecdsa::<{ Hash::Sha512 as usize }>(MechanismType::ECDSA_SHA512),
    ecdsa::<{ Hash::Sha3_224 as usize }>(MechanismType::ECDSA_SHA3_224),
    ecdsa::<{ Hash::Sha3_256 as usize }>(MechanismType::ECDSA_SHA3_256),
    ecdsa::<{ Hash::Sha3_384 as usize }>(MechanismType::ECDSA_SHA3_384),
    ecdsa::<{ Hash::Sha3_512 as usize }>(MechanismType::ECDSA_SHA3_512),
    MechanismSpec {
        id: MechanismType::ECDH1_DERIVE,
        params: params::ec::ecdh,
        keys: &[KeyType::EC, KeyType::EC_MONTGOMERY],
        sizes: (montgomery::SIZES.0, ec::SIZES.1),
        derive: Some(derive),
        ..EC
    },
    MechanismSpec {
        id: MechanismType::ECDH1_COFACTOR_DERIVE,
        params: params::ec::ecdh,
        derive: Some(ec::derive),
        ..EC
    },
    // Deprecated: the next two tell its two forms apart.
    MechanismSpec {
        id: MechanismType::ECDH_AES_KEY_WRAP,
        keys: &[KeyType::EC, KeyType::EC_MONTGOMERY],
        sizes: (ec::SIZES.0, ec::SIZES.1),
        ..AES_KEY_WRAP
    },
    MechanismSpec { id: MechanismType::ECDH_COF_AES_KEY_WRAP, ..AES_KEY_WRAP },
    MechanismSpec {
        id: MechanismType::ECDH_X_AES_KEY_WRAP,
        keys: &[KeyType::EC_MONTGOMERY],
        sizes: montgomery::SIZES,
        extra_flags: 0,
        ..AES_KEY_WRAP
    },
];

const EC: MechanismSpec = MechanismSpec {
    keys: &[KeyType::EC],
    sizes: ec::SIZES,
    messages: Messages::Signed,
    extra_flags: ck::CKF_EC_F_P
        | ck::CKF_EC_OID
        | ck::CKF_EC_CURVENAME
        | ck::CKF_EC_UNCOMPRESS
        | ck::CKF_EC_COMPRESS,
    ..MechanismSpec::DEFAULT
};

const AES_KEY_WRAP: MechanismSpec = MechanismSpec {
    params: params::hybrid::ecdh_aes,
    wrap: Some(hybrid_wrap::ecdh_wrap),
    unwrap: Some(hybrid_wrap::ecdh_unwrap),
    wraps_private: true,
    ..EC
};

/// `HASH` is a place in [`Hash::ALL`]: rows hold plain functions.
const fn ecdsa<const HASH: usize>(id: MechanismType) -> MechanismSpec {
    MechanismSpec {
        id,
        sign: Some(|key, _| ec::sign(key, Some(Hash::ALL[HASH].0))),
        verify: Some(|key, _| ec::verify(key, Some(Hash::ALL[HASH].0))),
        ..EC
    }
}

/// One mechanism for the curves of two key types.
fn derive(key: &Lease, mechanism: &Mechanism<'_>, length: Option<usize>) -> Result<Secret> {
    match **key {
        Material::Montgomery(_) => montgomery::derive(key, mechanism, length),
        _ => ec::derive(key, mechanism, length),
    }
}
