//! RSA (specification section "RSA"). Sizes are those of the modulus in bits.

use crate::attribute::KeyType;
use crate::engine::rsa::{self, SIZES, SOUND};
use crate::engine::{hybrid_wrap, rsa_crypt, rsa_raw, rsa_recover, rsa_sign};
use crate::mechanism::{Hash, MechanismSpec, MechanismType, Messages, params};

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
        sign_recover: Some(|key, _| rsa_sign::sign_pkcs1(key, None)),
        verify_recover: Some(|key, _| rsa_recover::verify_pkcs1(key)),
        encrypt: Some(rsa_crypt::encrypt),
        decrypt: Some(rsa_crypt::decrypt),
        wrap: Some(rsa_crypt::wrap),
        unwrap: Some(rsa_crypt::unwrap),
        ..RSA
    },
    // No wrapping: without padding, whoever changes a wrapped key changes what comes out of it, and
    // a length in the template of the unwrapped key would show any key byte by byte.
    MechanismSpec {
        id: MechanismType::RSA_X_509,
        single_part: true,
        sign: Some(rsa_raw::sign),
        verify: Some(rsa_raw::verify),
        sign_recover: Some(rsa_raw::sign),
        verify_recover: Some(rsa_raw::recover),
        encrypt: Some(rsa_raw::encrypt),
        decrypt: Some(rsa_raw::decrypt),
        ..RSA
    },
    MechanismSpec {
        id: MechanismType::RSA_PKCS_OAEP,
        params: params::rsa::oaep,
        single_part: true,
        encrypt: Some(rsa_crypt::encrypt),
        decrypt: Some(rsa_crypt::decrypt),
        wrap: Some(rsa_crypt::wrap),
        unwrap: Some(rsa_crypt::unwrap),
        ..RSA
    },
    MechanismSpec {
        id: MechanismType::RSA_AES_KEY_WRAP,
        params: params::hybrid::rsa_aes,
        wrap: Some(hybrid_wrap::rsa_wrap),
        unwrap: Some(hybrid_wrap::rsa_unwrap),
        wraps_private: true,
        ..RSA
    },
    MechanismSpec {
        id: MechanismType::RSA_PKCS_PSS,
        params: params::rsa::pss,
        single_part: true,
        sign: Some(|key, params| rsa_sign::sign_pss(key, params, None)),
        verify: Some(|key, params| rsa_sign::verify_pss(key, params, None)),
        ..RSA
    },
    MechanismSpec {
        id: MechanismType::MD5_RSA_PKCS,
        legacy: true,
        sign: Some(|key, _| rsa_sign::sign_pkcs1(key, Some(Hash::Md5))),
        verify: Some(|key, _| rsa_sign::verify_pkcs1(key, Some(Hash::Md5))),
        ..RSA
    },
    pkcs1::<{ Hash::Sha1 as usize }>(MechanismType::SHA1_RSA_PKCS),
    pkcs1::<{ Hash::Sha224 as usize }>(MechanismType::SHA224_RSA_PKCS),
    pkcs1::<{ Hash::Sha256 as usize }>(MechanismType::SHA256_RSA_PKCS),
    pkcs1::<{ Hash::Sha384 as usize }>(MechanismType::SHA384_RSA_PKCS),
    pkcs1::<{ Hash::Sha512 as usize }>(MechanismType::SHA512_RSA_PKCS),
    pkcs1::<{ Hash::Sha3_224 as usize }>(MechanismType::SHA3_224_RSA_PKCS),
    pkcs1::<{ Hash::Sha3_256 as usize }>(MechanismType::SHA3_256_RSA_PKCS),
    pkcs1::<{ Hash::Sha3_384 as usize }>(MechanismType::SHA3_384_RSA_PKCS),
    pkcs1::<{ Hash::Sha3_512 as usize }>(MechanismType::SHA3_512_RSA_PKCS),
    pss::<{ Hash::Sha1 as usize }>(MechanismType::SHA1_RSA_PKCS_PSS),
    pss::<{ Hash::Sha224 as usize }>(MechanismType::SHA224_RSA_PKCS_PSS),
    pss::<{ Hash::Sha256 as usize }>(MechanismType::SHA256_RSA_PKCS_PSS),
    pss::<{ Hash::Sha384 as usize }>(MechanismType::SHA384_RSA_PKCS_PSS),
    pss::<{ Hash::Sha512 as usize }>(MechanismType::SHA512_RSA_PKCS_PSS),
    pss::<{ Hash::Sha3_224 as usize }>(MechanismType::SHA3_224_RSA_PKCS_PSS),
    pss::<{ Hash::Sha3_256 as usize }>(MechanismType::SHA3_256_RSA_PKCS_PSS),
    pss::<{ Hash::Sha3_384 as usize }>(MechanismType::SHA3_384_RSA_PKCS_PSS),
    pss::<{ Hash::Sha3_512 as usize }>(MechanismType::SHA3_512_RSA_PKCS_PSS),
];

const RSA: MechanismSpec = MechanismSpec {
    keys: &[KeyType::RSA],
    sizes: SIZES,
    legacy_below: SOUND,
    messages: Messages::Signed,
    ..MechanismSpec::DEFAULT
};

/// `HASH` is a place in [`Hash::ALL`]: rows hold plain functions.
const fn pkcs1<const HASH: usize>(id: MechanismType) -> MechanismSpec {
    MechanismSpec {
        id,
        sign: Some(|key, _| rsa_sign::sign_pkcs1(key, Some(Hash::ALL[HASH].0))),
        verify: Some(|key, _| rsa_sign::verify_pkcs1(key, Some(Hash::ALL[HASH].0))),
        ..RSA
    }
}

const fn pss<const HASH: usize>(id: MechanismType) -> MechanismSpec {
    MechanismSpec {
        id,
        params: params::rsa::pss,
        sign: Some(|key, params| rsa_sign::sign_pss(key, params, Some(Hash::ALL[HASH].0))),
        verify: Some(|key, params| rsa_sign::verify_pss(key, params, Some(Hash::ALL[HASH].0))),
        ..RSA
    }
}
