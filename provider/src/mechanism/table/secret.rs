//! Generic secret keys (specification section "Generic secret key") and secret keys from passwords
//! (section "PKCS #5").

use crate::attribute::KeyType;
use crate::engine::secret::{self, GENERATED_MAX};
use crate::mechanism::{MechanismSpec, MechanismType, params};

pub static ROWS: &[MechanismSpec] = &[
    MechanismSpec {
        id: MechanismType::GENERIC_SECRET_KEY_GEN,
        keys: &[KeyType::GENERIC_SECRET],
        // "The supported range of key sizes, in bits."
        sizes: (8, GENERATED_MAX * 8),
        generate: Some(secret::generate),
        ..MechanismSpec::DEFAULT
    },
    // "Since this mechanism can be used to generate any type of secret key": sizes in bytes.
    MechanismSpec {
        id: MechanismType::PKCS5_PBKD2,
        keys: &[
            KeyType::GENERIC_SECRET,
            KeyType::AES,
            KeyType::CHACHA20,
            KeyType::HKDF,
            KeyType::SHA_1_HMAC,
            KeyType::SHA224_HMAC,
            KeyType::SHA256_HMAC,
            KeyType::SHA384_HMAC,
            KeyType::SHA512_HMAC,
        ],
        sizes: (1, GENERATED_MAX),
        params: params::kdf::pbkdf2,
        generate: Some(secret::from_password),
        ..MechanismSpec::DEFAULT
    },
];
