//! Derivation: both sides agree, and the oracle with them.

use serial_test::serial;

use super::sign_ec::CURVES;
use super::{DERIVE, Pair, offered, oracle};
use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, Hash, KeyType, Mechanism, MechanismType as M,
    ObjectClass, Session, keys, on_user,
};

pub fn pairs() -> Vec<Pair> {
    [
        M::ECDH1_DERIVE,
        M::ECDH1_COFACTOR_DERIVE,
        M::DH_PKCS_DERIVE,
        M::AES_ECB_ENCRYPT_DATA,
        M::AES_CBC_ENCRYPT_DATA,
        M::HKDF_DERIVE,
    ]
    .map(|id| (id, DERIVE))
    .to_vec()
}

/// A readable generic secret of so many bytes; of as many as the mechanism gives without.
fn secret(len: Option<u64>) -> Vec<Attribute> {
    let mut template = vec![
        Attribute::class(ObjectClass::SECRET_KEY),
        Attribute::key_type(KeyType::GENERIC_SECRET),
        Attribute::flag(A::SENSITIVE, false),
        Attribute::flag(A::EXTRACTABLE, true),
    ];
    template.extend(len.map(|len| Attribute::number(A::VALUE_LEN, len)));
    template
}

/// Derives and reads.
fn derived(
    session: Session<'_>,
    mechanism: &Mechanism,
    base: u64,
    len: Option<u64>,
) -> Result<Vec<u8>, Code> {
    let key = session.derive(mechanism, base, &secret(len))?;
    session.attribute(key, A::VALUE)
}

/// "Elliptic curve Diffie-Hellman"; raw and DER-wrapped points.
#[test]
#[serial]
fn ecdh_gives_both_sides_the_same_secret() {
    on_user(|session| {
        assert!(offered(session, (M::ECDH1_DERIVE, DERIVE)));
        for (bits, curve) in CURVES {
            let ((public_a, private_a), (public_b, private_b)) =
                (session.ec(curve), session.ec(curve));
            let point = |key| session.attribute(key, A::EC_POINT).expect("CKA_EC_POINT");
            let (a, b) = (point(public_a), point(public_b));
            let len = Some(bits.div_ceil(8));
            let one = derived(session, &Mechanism::ecdh(&b), private_a, len);
            session.target.holds("a secret", one.as_ref().is_ok_and(|secret| !secret.is_empty()));
            let raw = Mechanism::ecdh(oracle::octets(&a));
            let two = derived(session, &raw, private_b, len);
            session.target.same(&format!("{bits} bits"), two, one.clone());
            // The cofactor of these curves is 1.
            if offered(session, (M::ECDH1_COFACTOR_DERIVE, DERIVE)) {
                let cofactor = Mechanism::ecdh_by(M::ECDH1_COFACTOR_DERIVE, &b);
                let got = derived(session, &cofactor, private_a, len);
                session.target.same(&format!("{bits} bits, with the cofactor"), got, one);
            }
        }
    });
}

/// The oracle as the other side, on P-256.
#[test]
#[serial]
fn ecdh_agrees_with_the_oracle() {
    on_user(|session| {
        let (public, private) = session.ec(keys::P256);
        let theirs = p256::SecretKey::from_slice(&[0x11; 32]).expect("a scalar");
        let point = session.attribute(public, A::EC_POINT).expect("CKA_EC_POINT");
        let ours = p256::PublicKey::from_sec1_bytes(oracle::octets(&point)).expect("a point");
        let expected = p256::ecdh::diffie_hellman(theirs.to_nonzero_scalar(), ours.as_affine());
        let point = theirs.public_key().to_sec1_bytes();
        let got = derived(session, &Mechanism::ecdh(&point), private, Some(32));
        session.target.same("32 bytes", got, Ok(expected.raw_secret_bytes().to_vec()));
        // "truncates bytes from the leading end" (section "Elliptic curve Diffie-Hellman").
        let got = derived(session, &Mechanism::ecdh(&point), private, Some(20));
        session.target.same("20 bytes", got, Ok(expected.raw_secret_bytes()[12..].to_vec()));
    });
}

/// Montgomery curves: X25519 (RFC 7748).
#[test]
#[serial]
fn x25519_gives_both_sides_the_same_secret() {
    on_user(|session| {
        if !offered(session, (M::EC_MONTGOMERY_KEY_PAIR_GEN, super::GENERATE_PAIR)) {
            return;
        }
        let generate = Mechanism::plain(M::EC_MONTGOMERY_KEY_PAIR_GEN);
        let params = [Attribute::bytes(A::EC_PARAMS, keys::X25519)];
        let may = [Attribute::flag(A::DERIVE, true)];
        let pair = || session.generate_pair(&generate, &params, &may).expect("a pair");
        let ((public_a, private_a), (public_b, private_b)) = (pair(), pair());
        let point = |key| session.attribute(key, A::EC_POINT).expect("CKA_EC_POINT");
        let (a, b) = (point(public_a), point(public_b));
        let one = derived(session, &Mechanism::ecdh(oracle::octets(&b)), private_a, Some(32));
        let two = derived(session, &Mechanism::ecdh(&a), private_b, Some(32));
        session.target.holds("a secret", one.as_ref().is_ok_and(|secret| secret.len() == 32));
        session.target.same("the other side", two, one);
    });
}

/// "Public data [...] does not appear to be valid": points off the curve, of other curves, none.
#[test]
#[serial]
fn a_point_that_is_none_is_refused() {
    on_user(|session| {
        let (_, private) = session.ec(keys::P256);
        let mut off = vec![4; 65];
        off[64] = 9;
        for point in [vec![], vec![0], vec![4; 64], off, vec![4; 97], vec![0; 65]] {
            let answer = derived(session, &Mechanism::ecdh(&point), private, Some(32));
            let what = format!("{} bytes", point.len());
            session.target.same(&what, answer, Err(Code::MechanismParamInvalid));
        }
    });
}

/// "PKCS #3 Diffie-Hellman".
#[test]
#[serial]
fn finite_field_diffie_hellman_gives_both_sides_the_same_secret() {
    on_user(|session| {
        assert!(offered(session, (M::DH_PKCS_DERIVE, DERIVE)));
        let generate = Mechanism::plain(M::DH_PKCS_KEY_PAIR_GEN);
        let prime = hex::decode(keys::FFDHE2048).expect("hex");
        let group = [Attribute::bytes(A::PRIME, &prime), Attribute::bytes(A::BASE, &[2])];
        let may = [Attribute::flag(A::DERIVE, true)];
        let pair = || session.generate_pair(&generate, &group, &may).expect("a pair");
        let ((public_a, private_a), (public_b, private_b)) = (pair(), pair());
        let value = |key| session.attribute(key, A::VALUE).expect("CKA_VALUE");
        let mechanism = |public: &[u8]| Mechanism::bytes(M::DH_PKCS_DERIVE, public);
        let (a, b) = (value(public_a), value(public_b));
        let one = derived(session, &mechanism(&b), private_a, Some(256));
        let two = derived(session, &mechanism(&a), private_b, Some(256));
        session.target.holds("a secret", one.as_ref().is_ok_and(|secret| secret.len() == 256));
        session.target.same("the other side", two, one);
        for wrong in [&[0][..], &[1], &prime] {
            let answer = derived(session, &mechanism(wrong), private_a, Some(256));
            session.target.same("no value of the group", answer, Err(Code::MechanismParamInvalid));
        }
    });
}

/// "Key derivation by data encryption": the derived key is the ciphertext.
#[test]
#[serial]
fn encrypted_data_becomes_a_key() {
    on_user(|session| {
        let data = [0x42; 32];
        for len in [16, 24, 32] {
            let value = [Attribute::bytes(A::VALUE, &vec![5; len])];
            let base = session.aes_with(&value).expect("a base key");
            let rows = [
                (
                    Mechanism::string_data(M::AES_ECB_ENCRYPT_DATA, &data),
                    Mechanism::plain(M::AES_ECB),
                ),
                (
                    Mechanism::cbc_encrypt_data([6; 16], &data),
                    Mechanism::bytes(M::AES_CBC, &[6; 16]),
                ),
            ];
            for (derive, encrypt) in rows {
                assert!(offered(session, (derive.id(), DERIVE)));
                let expected = session.run(Function::Encrypt, &encrypt, base, &data);
                let got = derived(session, &derive, base, Some(32));
                let what = format!("{:?}, {len} bytes of key", derive.id());
                session.target.same(&what, got, expected);
            }
        }
    });
}

/// "HKDF Mechanisms" (RFC 5869): extract, expand, both; with and without salt and info.
#[test]
#[serial]
fn hkdf_is_the_oracles_for_every_hash_and_step() {
    on_user(|session| {
        if !offered(session, (M::HKDF_DERIVE, DERIVE)) {
            return;
        }
        let value: Vec<u8> = (0..64).collect();
        let may = [Attribute::flag(A::DERIVE, true), Attribute::flag(A::SENSITIVE, false)];
        for key_type in [KeyType::GENERIC_SECRET, KeyType::HKDF] {
            let template = merged(&[&keys::secret(key_type, &value), &may]);
            let base = session.create(&template).expect("a base key");
            for (hash, _, _) in Hash::ALL {
                for salt in [None, Some(b"salt".as_slice())] {
                    let zeros = vec![0; hash.size()];
                    let extracted = oracle::hkdf_extract(hash, salt.unwrap_or(&zeros), &value);
                    let hkdf = |steps, info: &[u8]| {
                        Mechanism::hkdf(M::HKDF_DERIVE, steps, hash, salt, info)
                    };
                    let what = format!("{key_type:?} {hash:?} {salt:?}");
                    let got = derived(session, &hkdf((true, false), b""), base, None);
                    session.target.same(&format!("{what}, extract"), got, Ok(extracted.clone()));
                    for info in [b"".as_slice(), b"info"] {
                        for len in [1, 42, hash.size() as u64 * 2] {
                            let key = &extracted;
                            let expected = oracle::hkdf_expand(hash, key, info, len as usize);
                            let mechanism = hkdf((true, true), info);
                            let got = derived(session, &mechanism, base, Some(len));
                            session.target.same(&format!("{what}, {len}"), got, Ok(expected));
                            let expected = oracle::hkdf_expand(hash, &value, info, len as usize);
                            let mechanism = hkdf((false, true), info);
                            let got = derived(session, &mechanism, base, Some(len));
                            session.target.same(&format!("{what}, expand"), got, Ok(expected));
                        }
                    }
                }
            }
        }
    });
}

/// A derived key may be of any type that the secret fits: AES from ECDH.
#[test]
#[serial]
fn a_derived_key_encrypts() {
    on_user(|session| {
        let ((public, _), (_, private)) = (session.ec(keys::P256), session.ec(keys::P256));
        let point = session.attribute(public, A::EC_POINT).expect("CKA_EC_POINT");
        let template = [
            Attribute::class(ObjectClass::SECRET_KEY),
            Attribute::key_type(KeyType::AES),
            Attribute::number(A::VALUE_LEN, 16),
            Attribute::flag(A::ENCRYPT, true),
        ];
        let key = session.derive(&Mechanism::ecdh(&point), private, &template).expect("a key");
        let ecb = Mechanism::plain(M::AES_ECB);
        let out = session.run(Function::Encrypt, &ecb, key, &[0; 16]).map(|out| out.len());
        session.target.same("C_Encrypt", out, Ok(16));
        let local = session.flag(key, A::LOCAL);
        session.target.same("CKA_LOCAL", local, Ok(false));
    });
}
