//! Secret keys from passwords: PBKDF2 with every hash, for every type of key.

use serial_test::serial;

use super::{GENERATE, Pair, offered, oracle};
use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, Hash, KeyType, Mechanism, MechanismType as M, Session,
    on_user,
};

pub fn pairs() -> Vec<Pair> {
    vec![(M::PKCS5_PBKD2, GENERATE)]
}

/// The hashes with their `CKP_PKCS5_PBKD2_HMAC_*`.
const PRFS: [(Hash, u64); 7] = [
    (Hash::Sha1, 1),
    (Hash::Sha224, 3),
    (Hash::Sha256, 4),
    (Hash::Sha384, 5),
    (Hash::Sha512, 6),
    (Hash::Sha512_224, 7),
    (Hash::Sha512_256, 8),
];

fn template(key_type: KeyType, len: usize) -> Vec<Attribute> {
    vec![
        Attribute::key_type(key_type),
        Attribute::number(A::VALUE_LEN, len as u64),
        Attribute::flag(A::SENSITIVE, false),
        Attribute::flag(A::EXTRACTABLE, true),
    ]
}

fn made(
    session: Session<'_>,
    mechanism: &Mechanism,
    template: &[Attribute],
) -> Result<Vec<u8>, Code> {
    let key = session.generate(mechanism, template)?;
    session.attribute(key, A::VALUE)
}

/// "PKCS #5 PBKDF2 key generation mechanism parameters" (RFC 8018 section 5.2).
#[test]
#[serial]
fn a_password_gives_the_key_of_the_oracle() {
    on_user(|session| {
        if !offered(session, (M::PKCS5_PBKD2, GENERATE)) {
            return;
        }
        for (hash, prf) in PRFS {
            for (password, salt, iterations) in
                [(&b"password"[..], &b"salt"[..], 1), (b"p", b"", 2), (b"", &[7; 100], 3)]
            {
                let mechanism = Mechanism::pbkdf2(prf, password, salt, iterations);
                for len in [1, hash.size(), 3 * hash.size() + 1, 512] {
                    let expected = oracle::pbkdf2(hash, password, salt, iterations, len);
                    let got = made(session, &mechanism, &template(KeyType::GENERIC_SECRET, len));
                    let what = format!("{hash:?}, {iterations} iterations, {len} bytes");
                    session.target.same(&what, got, Ok(expected));
                }
            }
        }
        // RFC 6070.
        let mechanism = Mechanism::pbkdf2(1, b"password", b"salt", 4096);
        let got = made(session, &mechanism, &template(KeyType::GENERIC_SECRET, 20));
        let expected = hex::decode("4b007901b765489abead49d926f721d065a429c1").expect("hex");
        session.target.same("RFC 6070", got, Ok(expected));
    });
}

/// "Since this mechanism can be used to generate any type of secret key".
#[test]
#[serial]
fn a_password_gives_keys_of_every_type() {
    on_user(|session| {
        if !offered(session, (M::PKCS5_PBKD2, GENERATE)) {
            return;
        }
        let mechanism = Mechanism::pbkdf2(4, b"password", b"salt", 10);
        for (key_type, lengths) in [
            (KeyType::GENERIC_SECRET, &[1, 16, 64][..]),
            (KeyType::AES, &[16, 24, 32]),
            (KeyType::CHACHA20, &[32]),
            (KeyType::HKDF, &[32]),
            (KeyType::SHA_1_HMAC, &[20]),
            (KeyType::SHA224_HMAC, &[28]),
            (KeyType::SHA256_HMAC, &[32]),
            (KeyType::SHA384_HMAC, &[48]),
            (KeyType::SHA512_HMAC, &[64]),
        ] {
            for len in lengths {
                let expected = oracle::pbkdf2(Hash::Sha256, b"password", b"salt", 10, *len);
                let got = made(session, &mechanism, &template(key_type, *len));
                session.target.same(&format!("{key_type:?}, {len} bytes"), got, Ok(expected));
            }
        }
        let answer = made(session, &mechanism, &template(KeyType::AES, 17));
        session.target.same("AES, 17 bytes", answer, Err(Code::AttributeValueInvalid));
        let answer = made(session, &mechanism, &template(KeyType::RSA, 32));
        session.target.same("RSA", answer, Err(Code::TemplateInconsistent));
    });
}

/// CKR_MECHANISM_PARAM_INVALID, CKR_TEMPLATE_INCOMPLETE.
#[test]
#[serial]
fn passwords_without_iterations_hash_or_length_are_refused() {
    on_user(|session| {
        if !offered(session, (M::PKCS5_PBKD2, GENERATE)) {
            return;
        }
        let target = session.target;
        let wanted = template(KeyType::GENERIC_SECRET, 32);
        for (prf, iterations) in [(4, 0), (4, 1 << 32), (0, 1), (2, 1), (9, 1), (u64::MAX, 1)] {
            let mechanism = Mechanism::pbkdf2(prf, b"password", b"salt", iterations);
            let answer = made(session, &mechanism, &wanted);
            let what = format!("PRF {prf}, {iterations} iterations");
            target.same(&what, answer, Err(Code::MechanismParamInvalid));
        }
        let mechanism = || Mechanism::pbkdf2(4, b"password", b"salt", 1);
        for len in [0, 71] {
            let answer = made(session, &mechanism().with_length(len, false), &wanted);
            target.same(&format!("{len} bytes"), answer, Err(Code::MechanismParamInvalid));
        }
        let bare = merged(&[&wanted[..1], &wanted[2..]]);
        let answer = made(session, &mechanism(), &bare);
        target.same("no length", answer, Err(Code::TemplateIncomplete));
    });
}
