//! RSA (specification section "RSA"). Sizes are those of the modulus in bits.

use crate::attribute::KeyType;
use crate::engine::rsa::{self, SIZES};
use crate::engine::{rsa_crypt, rsa_sign};
use crate::mechanism::spec::Start;
use crate::mechanism::{Hash, MechanismSpec, MechanismType, params};

pub static ROWS: &[MechanismSpec] = &[
    MechanismSpec {
        id: MechanismType::RSA_PKCS_KEY_PAIR_GEN,
        generate_pair: Some(rsa::generate),
        ..RSA
    },
    MechanismSpec {
        id: MechanismType::RSA_PKCS,
        single_part: true,
        sign: Some(|key, _| rsa_sign::sign_pkcs1(key, None)),
        verify: Some(|key, _| rsa_sign::verify_pkcs1(key, None)),
        encrypt: Some(rsa_crypt::encrypt),
        decrypt: Some(rsa_crypt::decrypt),
        wrap: Some(rsa_crypt::wrap),
        unwrap: Some(rsa_crypt::unwrap),
        ..RSA
    },
    MechanismSpec {
        id: MechanismType::RSA_PKCS_OAEP,
        params: params::oaep,
        single_part: true,
        encrypt: Some(rsa_crypt::encrypt),
        decrypt: Some(rsa_crypt::decrypt),
        wrap: Some(rsa_crypt::wrap),
        unwrap: Some(rsa_crypt::unwrap),
        ..RSA
    },
    MechanismSpec {
        id: MechanismType::RSA_PKCS_PSS,
        params: params::pss,
        single_part: true,
        sign: Some(|key, params| rsa_sign::sign_pss(key, params, None)),
        verify: Some(|key, params| rsa_sign::verify_pss(key, params, None)),
        ..RSA
    },
    pkcs1(
        MechanismType::SHA1_RSA_PKCS,
        |key, _| rsa_sign::sign_pkcs1(key, Some(Hash::Sha1)),
        |key, _| rsa_sign::verify_pkcs1(key, Some(Hash::Sha1)),
    ),
    pkcs1(
        MechanismType::SHA224_RSA_PKCS,
        |key, _| rsa_sign::sign_pkcs1(key, Some(Hash::Sha224)),
        |key, _| rsa_sign::verify_pkcs1(key, Some(Hash::Sha224)),
    ),
    pkcs1(
        MechanismType::SHA256_RSA_PKCS,
        |key, _| rsa_sign::sign_pkcs1(key, Some(Hash::Sha256)),
        |key, _| rsa_sign::verify_pkcs1(key, Some(Hash::Sha256)),
    ),
    pkcs1(
        MechanismType::SHA384_RSA_PKCS,
        |key, _| rsa_sign::sign_pkcs1(key, Some(Hash::Sha384)),
        |key, _| rsa_sign::verify_pkcs1(key, Some(Hash::Sha384)),
    ),
    pkcs1(
        MechanismType::SHA512_RSA_PKCS,
        |key, _| rsa_sign::sign_pkcs1(key, Some(Hash::Sha512)),
        |key, _| rsa_sign::verify_pkcs1(key, Some(Hash::Sha512)),
    ),
    pss(
        MechanismType::SHA1_RSA_PKCS_PSS,
        |key, params| rsa_sign::sign_pss(key, params, Some(Hash::Sha1)),
        |key, params| rsa_sign::verify_pss(key, params, Some(Hash::Sha1)),
    ),
    pss(
        MechanismType::SHA224_RSA_PKCS_PSS,
        |key, params| rsa_sign::sign_pss(key, params, Some(Hash::Sha224)),
        |key, params| rsa_sign::verify_pss(key, params, Some(Hash::Sha224)),
    ),
    pss(
        MechanismType::SHA256_RSA_PKCS_PSS,
        |key, params| rsa_sign::sign_pss(key, params, Some(Hash::Sha256)),
        |key, params| rsa_sign::verify_pss(key, params, Some(Hash::Sha256)),
    ),
    pss(
        MechanismType::SHA384_RSA_PKCS_PSS,
        |key, params| rsa_sign::sign_pss(key, params, Some(Hash::Sha384)),
        |key, params| rsa_sign::verify_pss(key, params, Some(Hash::Sha384)),
    ),
    pss(
        MechanismType::SHA512_RSA_PKCS_PSS,
        |key, params| rsa_sign::sign_pss(key, params, Some(Hash::Sha512)),
        |key, params| rsa_sign::verify_pss(key, params, Some(Hash::Sha512)),
    ),
];

const RSA: MechanismSpec =
    MechanismSpec { keys: &[KeyType::RSA], sizes: SIZES, ..MechanismSpec::DEFAULT };

const fn pkcs1(id: MechanismType, sign: Start, verify: Start) -> MechanismSpec {
    MechanismSpec { id, sign: Some(sign), verify: Some(verify), ..RSA }
}

const fn pss(id: MechanismType, sign: Start, verify: Start) -> MechanismSpec {
    MechanismSpec { id, params: params::pss, sign: Some(sign), verify: Some(verify), ..RSA }
}
