//! Signatures on curves: ECDSA raw and with each hash on each curve, Ed25519.

use std::collections::BTreeSet;

use serial_test::serial;

use super::{Pair, SIGN, VERIFY, offered, oracle};
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, Hash, Mechanism, MechanismType as M, keys,
    on_user,
};

pub const ECDSA: [(M, Option<Hash>); 10] = [
    (M::ECDSA, None),
    (M::ECDSA_SHA1, Some(Hash::Sha1)),
    (M::ECDSA_SHA224, Some(Hash::Sha224)),
    (M::ECDSA_SHA256, Some(Hash::Sha256)),
    (M::ECDSA_SHA384, Some(Hash::Sha384)),
    (M::ECDSA_SHA512, Some(Hash::Sha512)),
    (M::ECDSA_SHA3_224, Some(Hash::Sha3_224)),
    (M::ECDSA_SHA3_256, Some(Hash::Sha3_256)),
    (M::ECDSA_SHA3_384, Some(Hash::Sha3_384)),
    (M::ECDSA_SHA3_512, Some(Hash::Sha3_512)),
];

pub const CURVES: [(u64, &[u8]); 3] = [(256, keys::P256), (384, keys::P384), (521, keys::P521)];

pub fn pairs() -> Vec<Pair> {
    ECDSA.iter().map(|row| row.0).chain([M::EDDSA]).map(|id| (id, SIGN | VERIFY)).collect()
}

/// "ECDSA without hashing", "ECDSA with hashing".
#[test]
#[serial]
fn ecdsa_signatures_are_verified_by_the_oracle() {
    on_user(|session| {
        for (bits, curve) in CURVES {
            let (public, private) = session.ec(curve);
            let point = session.attribute(public, A::EC_POINT).expect("CKA_EC_POINT");
            let point = oracle::octets(&point);
            for (id, hash) in ECDSA {
                if !offered(session, (id, SIGN | VERIFY)) {
                    continue;
                }
                let mechanism = Mechanism::plain(id);
                let data = b"thirty-two bytes to be signed ..";
                let digest = hash.map_or(data.to_vec(), |hash| oracle::digest(hash, data));
                let what = format!("{id:?}, {bits} bits");
                let sign = || session.run(Function::Sign, &mechanism, private, data);
                let signature = sign().expect("C_Sign");
                let size = bits.div_ceil(8) * 2;
                session.target.same(&what, signature.len() as u64, size);
                let good = oracle::ecdsa(bits, point, &digest, &signature);
                session.target.holds(&format!("{what}: the oracle verifies"), good);
                let check = session.check(&mechanism, public, data, &signature);
                session.target.same(&what, check, Ok(()));
                if hash.is_none() {
                    continue;
                }
                let (a, b) = data.split_at(9);
                let parts = session.run_parts(Function::Sign, &mechanism, private, &[a, b]);
                let good = oracle::ecdsa(bits, point, &digest, &parts.expect("in parts"));
                session.target.holds(&format!("{what}: the oracle verifies parts"), good);
                let check = session.check_parts(&mechanism, public, &[a, b], &signature);
                session.target.same(&format!("{what}, parts"), check, Ok(()));
            }
        }
    });
}

/// Two signatures with one nonce give the key to whoever has both. The engine draws each nonce from
/// its generator, with the key and the digest mixed in.
#[test]
#[serial]
fn no_nonce_comes_twice_for_one_digest_and_one_key() {
    on_user(|session| {
        for (bits, curve) in CURVES {
            let (_, private) = session.ec(curve);
            let ecdsa = Mechanism::plain(M::ECDSA);
            let mut seen = BTreeSet::new();
            for _ in 0..NONCES {
                let signature = session.run(Function::Sign, &ecdsa, private, &[7; 32]);
                let signature = signature.expect("C_Sign");
                // r is the nonce's: the same for the nonce and for its negative.
                let r = signature[..signature.len() / 2].to_vec();
                session.target.holds(&format!("{bits} bits: a new nonce"), seen.insert(r));
            }
        }
    });
}

const NONCES: usize = 1_000;

/// "ECDSA without hashing": longer input is cut to the length of the order.
#[test]
#[serial]
fn raw_ecdsa_takes_digests_of_any_length() {
    on_user(|session| {
        for (bits, curve) in CURVES {
            let (public, private) = session.ec(curve);
            let point = session.attribute(public, A::EC_POINT).expect("CKA_EC_POINT");
            let mechanism = Mechanism::plain(M::ECDSA);
            for (hash, _, _) in Hash::ALL {
                let digest = oracle::digest(hash, b"x");
                let signature =
                    session.run(Function::Sign, &mechanism, private, &digest).expect("C_Sign");
                let good = oracle::ecdsa(bits, oracle::octets(&point), &digest, &signature);
                session.target.holds(&format!("{hash:?} on {bits} bits"), good);
                let check = session.check(&mechanism, public, &digest, &signature);
                session.target.same(&format!("{hash:?} on {bits} bits"), check, Ok(()));
            }
        }
    });
}

/// "EdDSA" with Ed25519 and no parameter (RFC 8032, pure).
#[test]
#[serial]
fn ed25519_signatures_are_verified_by_the_oracle() {
    on_user(|session| {
        assert!(offered(session, (M::EDDSA, SIGN | VERIFY)));
        let generate = Mechanism::plain(M::EC_EDWARDS_KEY_PAIR_GEN);
        let uses = [Attribute::flag(A::SIGN, true)];
        let printable = [&[0x13, 12][..], b"edwards25519"].concat();
        for params in [keys::ED25519, &printable] {
            let template =
                [Attribute::bytes(A::EC_PARAMS, params), Attribute::flag(A::VERIFY, true)];
            let (public, private) =
                session.generate_pair(&generate, &template, &uses).expect("a pair");
            let point = session.attribute(public, A::EC_POINT).expect("CKA_EC_POINT");
            let point = oracle::octets(&point).try_into().expect("32 bytes");
            let key = ed25519_dalek::VerifyingKey::from_bytes(point).expect("a point");
            let eddsa = Mechanism::plain(M::EDDSA);
            for data in [b"".as_slice(), b"x", &[7; 1000]] {
                let signature = session.run(Function::Sign, &eddsa, private, data);
                let signature = signature.expect("C_Sign");
                let good = ed25519_dalek::Signature::from_slice(&signature)
                    .is_ok_and(|signature| key.verify_strict(data, &signature).is_ok());
                session.target.holds("the oracle verifies", good);
                let check = session.check(&eddsa, public, data, &signature);
                session.target.same("C_Verify", check, Ok(()));
                let mut damaged = signature.clone();
                damaged[40] ^= 1;
                let check = session.check(&eddsa, public, data, &damaged);
                session.target.same("damaged", check, Err(Code::SignatureInvalid));
            }
        }
    });
}
