//! ECDSA and ECDH (specification section "Elliptic Curve"). Sizes are those of the field in bits.

use pkcs11_sys as ck;

use crate::attribute::KeyType;
use crate::engine::{Lease, Material, ec, montgomery};
use crate::error::Result;
use crate::mechanism::spec::Start;
use crate::mechanism::{Hash, Mechanism, MechanismSpec, MechanismType, params};
use crate::secret::Secret;

pub static ROWS: &[MechanismSpec] = &[
    MechanismSpec { id: MechanismType::EC_KEY_PAIR_GEN, generate_pair: Some(ec::generate), ..EC },
    MechanismSpec {
        single_part: true,
        ..ecdsa(MechanismType::ECDSA, |key, _| ec::sign(key, None), |key, _| ec::verify(key, None))
    },
    ecdsa(
        MechanismType::ECDSA_SHA1,
        |key, _| ec::sign(key, Some(Hash::Sha1)),
        |key, _| ec::verify(key, Some(Hash::Sha1)),
    ),
    ecdsa(
        MechanismType::ECDSA_SHA224,
        |key, _| ec::sign(key, Some(Hash::Sha224)),
        |key, _| ec::verify(key, Some(Hash::Sha224)),
    ),
    ecdsa(
        MechanismType::ECDSA_SHA256,
        |key, _| ec::sign(key, Some(Hash::Sha256)),
        |key, _| ec::verify(key, Some(Hash::Sha256)),
    ),
    ecdsa(
        MechanismType::ECDSA_SHA384,
        |key, _| ec::sign(key, Some(Hash::Sha384)),
        |key, _| ec::verify(key, Some(Hash::Sha384)),
    ),
    ecdsa(
        MechanismType::ECDSA_SHA512,
        |key, _| ec::sign(key, Some(Hash::Sha512)),
        |key, _| ec::verify(key, Some(Hash::Sha512)),
    ),
    MechanismSpec {
        id: MechanismType::ECDH1_DERIVE,
        params: params::ecdh,
        keys: &[KeyType::EC, KeyType::EC_MONTGOMERY],
        sizes: (montgomery::SIZES.0, ec::SIZES.1),
        derive: Some(derive),
        ..EC
    },
];

const EC: MechanismSpec = MechanismSpec {
    keys: &[KeyType::EC],
    sizes: ec::SIZES,
    extra_flags: ck::CKF_EC_F_P
        | ck::CKF_EC_OID
        | ck::CKF_EC_CURVENAME
        | ck::CKF_EC_UNCOMPRESS
        | ck::CKF_EC_COMPRESS,
    ..MechanismSpec::DEFAULT
};

const fn ecdsa(id: MechanismType, sign: Start, verify: Start) -> MechanismSpec {
    MechanismSpec { id, sign: Some(sign), verify: Some(verify), ..EC }
}

/// One mechanism for the curves of two key types.
fn derive(key: &Lease, mechanism: &Mechanism<'_>, length: Option<usize>) -> Result<Secret> {
    match **key {
        Material::Montgomery(_) => montgomery::derive(key, mechanism, length),
        _ => ec::derive(key, mechanism, length),
    }
}
