//! Wrapping under RSA and EC keys with a temporary AES key: what the oracle wraps unwraps here, and
//! the other way round.

use aes_kw::cipher::KeyInit;
use aes_kw::{KwpAes128, KwpAes192, KwpAes256};
use p256::elliptic_curve::sec1::ToSec1Point;
use serial_test::serial;

use super::{UNWRAP, WRAP, offered, oracle};
use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, Hash, KeyType, Mechanism, MechanismType as M, ObjectClass,
    Session, keys, on_user,
};

const WRAPPED: [u8; 32] = [0x77; 32];

/// A readable AES key to wrap.
fn inner(session: Session<'_>) -> u64 {
    session.aes_with(&[Attribute::bytes(A::VALUE, &WRAPPED)]).expect("a key")
}

fn unwrapped(
    session: Session<'_>,
    mechanism: &Mechanism,
    key: u64,
    wrapped: &[u8],
) -> Result<Vec<u8>, Code> {
    let template = [
        Attribute::class(ObjectClass::SECRET_KEY),
        Attribute::key_type(KeyType::AES),
        Attribute::flag(A::SENSITIVE, false),
        Attribute::flag(A::EXTRACTABLE, true),
    ];
    let key = session.unwrap(mechanism, key, wrapped, &template)?;
    session.attribute(key, A::VALUE)
}

/// RFC 5649 by RustCrypto.
fn kwp(key: &[u8], wrap: bool, data: &[u8]) -> Vec<u8> {
    let mut room = vec![0; data.len() + 16];
    macro_rules! by {
        ($cipher:ty) => {{
            let cipher = <$cipher>::new_from_slice(key).expect("a key");
            match wrap {
                true => cipher.wrap_key(data, &mut room).expect("it wraps").to_vec(),
                false => cipher.unwrap_key(data, &mut room).expect("it unwraps").to_vec(),
            }
        }};
    }
    match key.len() {
        16 => by!(KwpAes128),
        24 => by!(KwpAes192),
        _ => by!(KwpAes256),
    }
}

/// "RSA AES KEY WRAP": OAEP of the AES key, then RFC 5649.
#[test]
#[serial]
fn rsa_with_aes_is_oaep_and_rfc_5649() {
    on_user(|session| {
        let target = session.target;
        if !offered(session, (M::RSA_AES_KEY_WRAP, WRAP | UNWRAP)) {
            return;
        }
        let inner = inner(session);
        for size in [2048, 3072] {
            let ((public, private), oracle_key) = (session.rsa(size), keys::rsa(size));
            let modulus = size as usize / 8;
            for (hash, bits) in [(Hash::Sha1, 128), (Hash::Sha256, 192), (Hash::Sha512, 256)] {
                let what = format!("RSA of {size} bits, {hash:?}, AES of {bits} bits");
                let mechanism = Mechanism::rsa_aes(bits, hash, b"label");
                let wrapped = session.wrap(&mechanism, public, inner).expect("C_WrapKey");
                let (front, rest) = wrapped.split_at(modulus);
                let aes = oracle::rsa_oaep_decrypt(&oracle_key, hash, b"label", front);
                let aes = aes.expect("OAEP");
                target.same(&what, aes.len() as u64, bits / 8);
                target.same(&what, kwp(&aes, false, rest), WRAPPED.to_vec());
                let aes = vec![0x3c; bits as usize / 8];
                let public_key = rsa::RsaPublicKey::from(&oracle_key);
                let front = oracle::rsa_oaep_encrypt(&public_key, hash, b"label", &aes);
                let theirs = [front, kwp(&aes, true, &WRAPPED)].concat();
                let got = unwrapped(session, &mechanism, private, &theirs);
                target.same(&what, got, Ok(WRAPPED.to_vec()));
                // "Can be only 128, 192 or 256", and the one that the parameter says.
                let other = Mechanism::rsa_aes(if bits == 256 { 128 } else { 256 }, hash, b"label");
                let got = unwrapped(session, &other, private, &theirs);
                target.same("another length", got, Err(Code::WrappedKeyInvalid));
                for damaged in [0, modulus - 1, modulus, theirs.len() - 1] {
                    let mut changed = theirs.clone();
                    changed[damaged] ^= 1;
                    let got = unwrapped(session, &mechanism, private, &changed);
                    target.same("damage", got, Err(Code::WrappedKeyInvalid));
                }
            }
        }
        let (public, _) = session.rsa(2048);
        for bits in [0, 64, 512, u64::MAX] {
            let mechanism = Mechanism::rsa_aes(bits, Hash::Sha256, b"");
            let answer = session.wrap(&mechanism, public, inner);
            target.same(&format!("{bits} bits"), answer, Err(Code::MechanismParamInvalid));
        }
        let answer = session.wrap(&Mechanism::plain(M::RSA_AES_KEY_WRAP), public, inner);
        target.same("no parameter", answer, Err(Code::MechanismParamInvalid));
    });
}

/// ANSI X9.63 section 5.6.3, as `CKD_SHA256_KDF`.
fn x963(secret: &[u8], shared: &[u8], len: usize) -> Vec<u8> {
    let block = |i: u32| oracle::digest(Hash::Sha256, &[secret, &i.to_be_bytes(), shared].concat());
    (1..).flat_map(block).take(len).collect()
}

/// "ECDH COFACTOR AES KEY WRAP" and its predecessor, on P-256, with and without a KDF.
#[test]
#[serial]
fn ecdh_with_aes_is_a_point_and_rfc_5649() {
    const SHA256_KDF: u64 = 6;
    on_user(|session| {
        let target = session.target;
        let inner = inner(session);
        let may = ([Attribute::flag(A::WRAP, true)], [Attribute::flag(A::UNWRAP, true)]);
        for id in [M::ECDH_AES_KEY_WRAP, M::ECDH_COF_AES_KEY_WRAP] {
            if !offered(session, (id, WRAP | UNWRAP)) {
                continue;
            }
            // A pair of which the oracle knows the private half.
            let ours = p256::SecretKey::from_slice(&[0x11; 32]).expect("a scalar");
            let point = ours.public_key().to_sec1_point(false).as_bytes().to_vec();
            let curve =
                [Attribute::bytes(A::EC_PARAMS, keys::P256), Attribute::key_type(KeyType::EC)];
            let point = Attribute::bytes(A::EC_POINT, &[&[4, 65], &point[..]].concat());
            let class = |class| [Attribute::class(class)];
            let public = merged(&[&curve, &class(ObjectClass::PUBLIC_KEY), &[point], &may.0]);
            let value = [Attribute::bytes(A::VALUE, &[0x11; 32])];
            let private = merged(&[&curve, &class(ObjectClass::PRIVATE_KEY), &value, &may.1]);
            let public = session.create(&public).expect("a public key");
            let private = session.create(&private).expect("a private key");
            let theirs = p256::SecretKey::from_slice(&[0x22; 32]).expect("a scalar");
            let aes_of = |secret: &[u8], kdf, bits: u64| match kdf {
                1 => secret[..bits as usize / 8].to_vec(),
                _ => x963(secret, b"shared", bits as usize / 8),
            };
            let agreed = |private: &p256::SecretKey, public: &p256::PublicKey| {
                let shared =
                    p256::ecdh::diffie_hellman(private.to_nonzero_scalar(), public.as_affine());
                shared.raw_secret_bytes().to_vec()
            };
            for (kdf, shared, bits) in [
                (1, &b""[..], 128),
                (1, b"", 192),
                (1, b"", 256),
                (SHA256_KDF, b"shared", 128),
                (SHA256_KDF, b"shared", 256),
            ] {
                let what = format!("{id:?}, KDF {kdf}, {bits} bits");
                let mechanism = Mechanism::ecdh_aes(id, bits, kdf, shared);
                let wrapped = session.wrap(&mechanism, public, inner).expect("C_WrapKey");
                let (front, rest) = wrapped.split_at(67);
                let point = p256::PublicKey::from_sec1_bytes(oracle::octets(front));
                let secret = agreed(&ours, &point.expect("a point"));
                let aes = aes_of(&secret, kdf, bits);
                target.same(&what, kwp(&aes, false, rest), WRAPPED.to_vec());
                let secret = agreed(&theirs, &ours.public_key());
                let body = kwp(&aes_of(&secret, kdf, bits), true, &WRAPPED);
                let point = theirs.public_key().to_sec1_point(false).as_bytes().to_vec();
                let der = [&[4, 65], &point[..]].concat();
                for front in [der, point] {
                    let theirs = [front, body.clone()].concat();
                    let got = unwrapped(session, &mechanism, private, &theirs);
                    target.same(&what, got, Ok(WRAPPED.to_vec()));
                    for damaged in [3, 20, theirs.len() - 1] {
                        let mut changed = theirs.clone();
                        changed[damaged] ^= 1;
                        let got = unwrapped(session, &mechanism, private, &changed);
                        target.same("damage", got, Err(Code::WrappedKeyInvalid));
                    }
                }
            }
            for (kdf, shared, bits) in [(1, &b""[..], 64), (1, b"shared", 128), (99, b"", 128)] {
                let mechanism = Mechanism::ecdh_aes(id, bits, kdf, shared);
                let answer = session.wrap(&mechanism, public, inner);
                let what = format!("{id:?}, KDF {kdf}, {bits} bits");
                target.same(&what, answer, Err(Code::MechanismParamInvalid));
            }
        }
    });
}
