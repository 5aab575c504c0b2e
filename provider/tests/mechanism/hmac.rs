//! HMAC with MD5, SHA-1, SHA-2 and SHA-3: full and truncated, with generic keys and keys of the hash's own type.

use serial_test::serial;

use super::{Pair, SIGN, VERIFY, offered, oracle};
use crate::harness::{
    AttributeType, Code, Function, Hash, KeyType, Mechanism, MechanismType as M, keys,
    on_legacy_user,
};

/// Hash, full, truncated, key type.
#[rustfmt::skip]
pub const ROWS: [(Hash, M, M, KeyType); 12] = [
    (Hash::Md5, M::MD5_HMAC, M::MD5_HMAC_GENERAL, KeyType::MD5_HMAC),
    (Hash::Sha1, M::SHA_1_HMAC, M::SHA_1_HMAC_GENERAL, KeyType::SHA_1_HMAC),
    (Hash::Sha224, M::SHA224_HMAC, M::SHA224_HMAC_GENERAL, KeyType::SHA224_HMAC),
    (Hash::Sha256, M::SHA256_HMAC, M::SHA256_HMAC_GENERAL, KeyType::SHA256_HMAC),
    (Hash::Sha384, M::SHA384_HMAC, M::SHA384_HMAC_GENERAL, KeyType::SHA384_HMAC),
    (Hash::Sha512, M::SHA512_HMAC, M::SHA512_HMAC_GENERAL, KeyType::SHA512_HMAC),
    (Hash::Sha512_224, M::SHA512_224_HMAC, M::SHA512_224_HMAC_GENERAL, KeyType::SHA512_224_HMAC),
    (Hash::Sha512_256, M::SHA512_256_HMAC, M::SHA512_256_HMAC_GENERAL, KeyType::SHA512_256_HMAC),
    (Hash::Sha3_224, M::SHA3_224_HMAC, M::SHA3_224_HMAC_GENERAL, KeyType::SHA3_224_HMAC),
    (Hash::Sha3_256, M::SHA3_256_HMAC, M::SHA3_256_HMAC_GENERAL, KeyType::SHA3_256_HMAC),
    (Hash::Sha3_384, M::SHA3_384_HMAC, M::SHA3_384_HMAC_GENERAL, KeyType::SHA3_384_HMAC),
    (Hash::Sha3_512, M::SHA3_512_HMAC, M::SHA3_512_HMAC_GENERAL, KeyType::SHA3_512_HMAC),
];

pub fn pairs() -> Vec<Pair> {
    ROWS.iter().flat_map(|row| [(row.1, SIGN | VERIFY), (row.2, SIGN | VERIFY)]).collect()
}

/// "Hash-Based Message Authentication Codes"; key types and lengths.
#[test]
#[serial]
fn a_code_is_the_oracles_for_every_kind_and_length_of_key() {
    on_legacy_user(|session| {
        for (hash, full, _, own) in ROWS {
            if !offered(session, (full, SIGN | VERIFY)) {
                continue;
            }
            let mechanism = Mechanism::plain(full);
            for key_type in [KeyType::GENERIC_SECRET, own] {
                for len in [64, 65, 128, 200] {
                    let value: Vec<u8> = (0..len).map(|i| i as u8).collect();
                    let uses = keys::flags(&[AttributeType::SIGN, AttributeType::VERIFY], true);
                    let template = [keys::secret(key_type, &value), uses].concat();
                    let key = session.create(&template).expect("a key");
                    let expected = oracle::hmac(hash, &value, b"some data");
                    let what = format!("{full:?}, {key_type:?} of {len} bytes");
                    let whole = session.run(Function::Sign, &mechanism, key, b"some data");
                    session.target.same(&what, whole, Ok(expected.clone()));
                    let parts =
                        session.run_parts(Function::Sign, &mechanism, key, &[b"some ", b"data"]);
                    session.target.same(&what, parts, Ok(expected.clone()));
                    let check = session.check(&mechanism, key, b"some data", &expected);
                    session.target.same(&what, check, Ok(()));
                    let parts: [&[u8]; 2] = [b"some", b" data"];
                    let check = session.check_parts(&mechanism, key, &parts, &expected);
                    session.target.same(&what, check, Ok(()));
                }
            }
        }
    });
}

/// "General-length" codes: the parameter is the length, from nothing to the whole.
#[test]
#[serial]
fn a_truncated_code_is_the_beginning_of_the_whole() {
    on_legacy_user(|session| {
        for (hash, _, general, _) in ROWS {
            if !offered(session, (general, SIGN | VERIFY)) {
                continue;
            }
            let key = session.hmac();
            let value: Vec<u8> = (0..40).collect();
            let expected = oracle::hmac(hash, &value, b"data");
            for len in [4, 10, hash.size()] {
                let mechanism = Mechanism::number(general, len as u64);
                let code = session.run(Function::Sign, &mechanism, key, b"data");
                let what = format!("{general:?}, {len} bytes");
                session.target.same(&what, code, Ok(expected[..len].to_vec()));
                let check = session.check(&mechanism, key, b"data", &expected[..len]);
                session.target.same(&what, check, Ok(()));
            }
            let too_long = Mechanism::number(general, hash.size() as u64 + 1);
            let answer = session.try_init(Function::Sign, &too_long, key);
            session.target.same("too long", answer, Err(Code::MechanismParamInvalid));
        }
    });
}
