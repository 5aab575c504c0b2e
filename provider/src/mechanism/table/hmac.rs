//! HMAC (specification section "Hash-Based Message Authentication Codes"): for each hash the code in
//! full length, truncated, and a key of its own type.

use crate::attribute::KeyType;
use crate::engine::hmac::{sign, verify};
use crate::engine::secret::{self, GENERATED_MAX};
use crate::mechanism::spec::Start;
use crate::mechanism::{Hash, MechanismSpec, MechanismType, params};

pub static ROWS: &[MechanismSpec] = &[
    full(MechanismType::SHA_1_HMAC, SHA_1),
    general(MechanismType::SHA_1_HMAC_GENERAL, SHA_1),
    key_gen(MechanismType::SHA_1_KEY_GEN, &[KeyType::SHA_1_HMAC]),
    full(MechanismType::SHA224_HMAC, SHA224),
    general(MechanismType::SHA224_HMAC_GENERAL, SHA224),
    key_gen(MechanismType::SHA224_KEY_GEN, &[KeyType::SHA224_HMAC]),
    full(MechanismType::SHA256_HMAC, SHA256),
    general(MechanismType::SHA256_HMAC_GENERAL, SHA256),
    key_gen(MechanismType::SHA256_KEY_GEN, &[KeyType::SHA256_HMAC]),
    full(MechanismType::SHA384_HMAC, SHA384),
    general(MechanismType::SHA384_HMAC_GENERAL, SHA384),
    key_gen(MechanismType::SHA384_KEY_GEN, &[KeyType::SHA384_HMAC]),
    full(MechanismType::SHA512_HMAC, SHA512),
    general(MechanismType::SHA512_HMAC_GENERAL, SHA512),
    key_gen(MechanismType::SHA512_KEY_GEN, &[KeyType::SHA512_HMAC]),
];

/// Key types, sign and verify of one hash.
type Family = (&'static [KeyType], Start, Start);

const SHA_1: Family = (
    &[KeyType::GENERIC_SECRET, KeyType::SHA_1_HMAC],
    |key, params| sign(Hash::Sha1, key, params),
    |key, params| verify(Hash::Sha1, key, params),
);
const SHA224: Family = (
    &[KeyType::GENERIC_SECRET, KeyType::SHA224_HMAC],
    |key, params| sign(Hash::Sha224, key, params),
    |key, params| verify(Hash::Sha224, key, params),
);
const SHA256: Family = (
    &[KeyType::GENERIC_SECRET, KeyType::SHA256_HMAC],
    |key, params| sign(Hash::Sha256, key, params),
    |key, params| verify(Hash::Sha256, key, params),
);
const SHA384: Family = (
    &[KeyType::GENERIC_SECRET, KeyType::SHA384_HMAC],
    |key, params| sign(Hash::Sha384, key, params),
    |key, params| verify(Hash::Sha384, key, params),
);
const SHA512: Family = (
    &[KeyType::GENERIC_SECRET, KeyType::SHA512_HMAC],
    |key, params| sign(Hash::Sha512, key, params),
    |key, params| verify(Hash::Sha512, key, params),
);

/// A key of any length; what an int can say (Java reads the sizes as one).
const ANY: (u64, u64) = (1, i32::MAX as u64);

const fn full(id: MechanismType, (keys, sign, verify): Family) -> MechanismSpec {
    let (sign, verify) = (Some(sign), Some(verify));
    MechanismSpec { id, keys, sizes: ANY, sign, verify, ..MechanismSpec::DEFAULT }
}

const fn general(id: MechanismType, family: Family) -> MechanismSpec {
    MechanismSpec { params: params::mac_length, ..full(id, family) }
}

const fn key_gen(id: MechanismType, keys: &'static [KeyType]) -> MechanismSpec {
    let generate = Some(secret::generate as crate::mechanism::spec::Generate);
    MechanismSpec { id, keys, sizes: (1, GENERATED_MAX), generate, ..MechanismSpec::DEFAULT }
}
