//! RSA signatures: PKCS#1 v1.5 and PSS, raw and with each hash, at each size.

use rsa::RsaPublicKey;
use serial_test::serial;

use super::{Pair, SIGN, SIGN_RECOVER, VERIFY, VERIFY_RECOVER, masks, offered, oracle};
use crate::harness::abi::Arg;
use crate::harness::attribute::merged;
use crate::harness::{Attribute, AttributeType as A, Code, Function, Hash, Mechanism};
use crate::harness::{MechanismType as M, Room, keys, on_legacy_user, on_user};

/// PKCS#1 v1.5: the hash that the mechanism applies, if any.
pub const PKCS1: [(M, Option<Hash>); 11] = [
    (M::RSA_PKCS, None),
    (M::MD5_RSA_PKCS, Some(Hash::Md5)),
    (M::SHA1_RSA_PKCS, Some(Hash::Sha1)),
    (M::SHA224_RSA_PKCS, Some(Hash::Sha224)),
    (M::SHA256_RSA_PKCS, Some(Hash::Sha256)),
    (M::SHA384_RSA_PKCS, Some(Hash::Sha384)),
    (M::SHA512_RSA_PKCS, Some(Hash::Sha512)),
    (M::SHA3_224_RSA_PKCS, Some(Hash::Sha3_224)),
    (M::SHA3_256_RSA_PKCS, Some(Hash::Sha3_256)),
    (M::SHA3_384_RSA_PKCS, Some(Hash::Sha3_384)),
    (M::SHA3_512_RSA_PKCS, Some(Hash::Sha3_512)),
];

/// PSS: the hash that the mechanism applies; without, it signs a digest.
pub const PSS: [(M, Option<Hash>); 10] = [
    (M::RSA_PKCS_PSS, None),
    (M::SHA1_RSA_PKCS_PSS, Some(Hash::Sha1)),
    (M::SHA224_RSA_PKCS_PSS, Some(Hash::Sha224)),
    (M::SHA256_RSA_PKCS_PSS, Some(Hash::Sha256)),
    (M::SHA384_RSA_PKCS_PSS, Some(Hash::Sha384)),
    (M::SHA512_RSA_PKCS_PSS, Some(Hash::Sha512)),
    (M::SHA3_224_RSA_PKCS_PSS, Some(Hash::Sha3_224)),
    (M::SHA3_256_RSA_PKCS_PSS, Some(Hash::Sha3_256)),
    (M::SHA3_384_RSA_PKCS_PSS, Some(Hash::Sha3_384)),
    (M::SHA3_512_RSA_PKCS_PSS, Some(Hash::Sha3_512)),
];

/// The ends of the range, and sizes that are no multiple of 64 or 128 bits.
pub const SIZES: [u64; 7] = [1024, 2048, 2056, 3000, 3072, 4096, 8192];

const RECOVER: [M; 2] = [M::RSA_PKCS, M::RSA_X_509];

pub fn pairs() -> Vec<Pair> {
    let recover = RECOVER.map(|id| (id, SIGN_RECOVER | VERIFY_RECOVER));
    PKCS1.iter().chain(&PSS).map(|row| (row.0, SIGN | VERIFY)).chain(recover).collect()
}

/// "PKCS #1 v1.5 RSA" and its variants with a hash.
#[test]
#[serial]
fn pkcs1_signatures_are_verified_by_the_oracle() {
    on_legacy_user(|session| {
        for bits in SIZES {
            let (public, private) = session.rsa(bits);
            let oracle_key = RsaPublicKey::from(keys::rsa(bits));
            for (id, hash) in PKCS1 {
                if !offered(session, (id, SIGN | VERIFY)) {
                    continue;
                }
                let mechanism = Mechanism::plain(id);
                let data = b"thirty-two bytes to be signed ..";
                let what = format!("{id:?}, {bits} bits");
                let signature = session.run(Function::Sign, &mechanism, private, data);
                let signature = signature.expect("C_Sign");
                session.target.same(&what, signature.len() as u64, bits / 8);
                let digest = hash.map_or(data.to_vec(), |hash| oracle::digest(hash, data));
                let good = oracle::rsa_pkcs1(&oracle_key, hash, &digest, &signature);
                session.target.holds(&format!("{what}: the oracle verifies"), good);
                let check = session.check(&mechanism, public, data, &signature);
                session.target.same(&what, check, Ok(()));
                if hash.is_none() {
                    continue;
                }
                let (a, b) = data.split_at(9);
                let parts = session.run_parts(Function::Sign, &mechanism, private, &[a, b]);
                session.target.same(&format!("{what}, parts"), parts, Ok(signature.clone()));
                let check = session.check_parts(&mechanism, public, &[a, b], &signature);
                session.target.same(&format!("{what}, parts"), check, Ok(()));
            }
        }
    });
}

/// "PKCS #1 v1.5 RSA" and "X.509 (raw) RSA" with C_SignRecover and C_VerifyRecover: the signature is
/// that of C_Sign, and the data comes out of it, from raw RSA with zeros in front.
#[test]
#[serial]
fn the_data_of_a_signature_is_recovered() {
    on_legacy_user(|session| {
        for (bits, id) in SIZES.into_iter().flat_map(|bits| RECOVER.map(|id| (bits, id))) {
            if !offered(session, (id, SIGN_RECOVER | VERIFY_RECOVER)) {
                continue;
            }
            let mechanism = Mechanism::plain(id);
            let may = |kind| [Attribute::flag(kind, true)];
            let private = merged(&[&keys::rsa_private(bits), &may(A::SIGN_RECOVER), &may(A::SIGN)]);
            let private = session.create(&private).expect("a private key");
            let public = merged(&[&keys::rsa_public(bits), &may(A::VERIFY_RECOVER)]);
            let public = session.create(&public).expect("a public key");
            let run = |function: [&'static str; 2], key, data: &[u8]| {
                let arguments = vec![Arg::Words(mechanism.words()), Arg::Number(key)];
                session.call(function[0], arguments)?;
                let arguments = vec![Arg::Bytes(data), Arg::Number(data.len() as u64)];
                session.output(function[1], arguments, Room::Bytes(1024)).done()
            };
            let what = format!("{id:?}, {bits} bits");
            let signature = run(["C_SignRecoverInit", "C_SignRecover"], private, b"data");
            let plain = session.run(Function::Sign, &mechanism, private, b"data");
            session.target.same(&what, signature.clone(), plain);
            let signature = signature.expect("C_SignRecover");
            let mut expected = match id {
                M::RSA_X_509 => vec![0; bits as usize / 8 - 4],
                _ => Vec::new(),
            };
            expected.extend(b"data");
            let data = run(["C_VerifyRecoverInit", "C_VerifyRecover"], public, &signature);
            session.target.same(&what, data, Ok(expected));
        }
    });
}

/// "PKCS #1 RSA PSS" and its variants with a hash.
#[test]
#[serial]
fn pss_signatures_are_verified_by_the_oracle() {
    on_legacy_user(|session| {
        for bits in SIZES {
            let (public, private) = session.rsa(bits);
            let oracle_key = RsaPublicKey::from(keys::rsa(bits));
            for (id, applied) in PSS {
                if !offered(session, (id, SIGN | VERIFY)) {
                    continue;
                }
                let hash = applied.unwrap_or(Hash::Sha256);
                let message = b"a message";
                let digest = oracle::digest(hash, message);
                let data = if applied.is_some() { message.to_vec() } else { digest.clone() };
                // RFC 8017 section 9.1.1, step 3.
                let fits = |salt: &usize| salt + hash.size() + 2 <= bits as usize / 8;
                for salt in [0, hash.size(), 20].into_iter().filter(fits) {
                    let mechanism = Mechanism::pss(id, hash, hash, salt as u64);
                    let what = format!("{id:?}, {bits} bits, salt {salt}");
                    let signature = session.run(Function::Sign, &mechanism, private, &data);
                    let signature = signature.expect("C_Sign");
                    let good = oracle::rsa_pss(&oracle_key, hash, salt, &digest, &signature);
                    session.target.holds(&format!("{what}: the oracle verifies"), good);
                    let check = session.check(&mechanism, public, &data, &signature);
                    session.target.same(&what, check, Ok(()));
                    if applied.is_some() {
                        let (a, b) = data.split_at(3);
                        let check = session.check_parts(&mechanism, public, &[a, b], &signature);
                        session.target.same(&format!("{what}, parts"), check, Ok(()));
                    }
                }
            }
        }
    });
}

/// Any hash, MGF and salt length.
#[test]
#[serial]
fn pss_takes_any_mask_hash_beside_any_hash() {
    on_user(|session| {
        let (public, private) = session.rsa(2048);
        for hash in masks() {
            for mask in masks() {
                let mechanism = Mechanism::pss(M::RSA_PKCS_PSS, hash, mask, 10);
                let detail = format!("{hash:?} with {mask:?}");
                let what = session.target.what("a mask of another hash", detail);
                let data = oracle::digest(hash, b"x");
                let signature = session.run(Function::Sign, &mechanism, private, &data);
                let check = signature
                    .and_then(|signature| session.check(&mechanism, public, &data, &signature));
                session.target.same(&what, check, Ok(()));
            }
        }
    });
}

/// "PKCS #1 RSA PSS": the data is a digest, so its length is the hash's; "PKCS #1 v1.5 RSA": at
/// most the modulus less 11 bytes.
#[test]
#[serial]
fn raw_signatures_take_data_of_the_right_length_only() {
    on_user(|session| {
        let target = session.target;
        let (_, private) = session.rsa(2048);
        let pss = Mechanism::pss(M::RSA_PKCS_PSS, Hash::Sha256, Hash::Sha256, 32);
        for len in [0, 31, 33] {
            let answer = session.run(Function::Sign, &pss, private, &vec![1; len]);
            target.same(&format!("PSS, {len} bytes"), answer, Err(Code::DataLenRange));
        }
        let pkcs1 = Mechanism::plain(M::RSA_PKCS);
        let longest = session.run(Function::Sign, &pkcs1, private, &[1; 245]);
        target.same("PKCS#1, 245 bytes", longest.map(|signature| signature.len()), Ok(256));
        let answer = session.run(Function::Sign, &pkcs1, private, &[1; 246]);
        target.same("PKCS#1, 246 bytes", answer, Err(Code::DataLenRange));
    });
}
