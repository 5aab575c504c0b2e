//! Derivations that are one digest of the base key, and data that HKDF derives.

use serial_test::serial;

use super::{DERIVE, Pair, offered, oracle};
use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, Hash, KeyType, Mechanism, MechanismType as M, ObjectClass,
    Session, keys, on_user,
};

const ROWS: [(M, Hash); 11] = [
    (M::SHA1_KEY_DERIVATION, Hash::Sha1),
    (M::SHA224_KEY_DERIVATION, Hash::Sha224),
    (M::SHA256_KEY_DERIVATION, Hash::Sha256),
    (M::SHA384_KEY_DERIVATION, Hash::Sha384),
    (M::SHA512_KEY_DERIVATION, Hash::Sha512),
    (M::SHA512_224_KEY_DERIVATION, Hash::Sha512_224),
    (M::SHA512_256_KEY_DERIVATION, Hash::Sha512_256),
    (M::SHA3_224_KEY_DERIVATION, Hash::Sha3_224),
    (M::SHA3_256_KEY_DERIVATION, Hash::Sha3_256),
    (M::SHA3_384_KEY_DERIVATION, Hash::Sha3_384),
    (M::SHA3_512_KEY_DERIVATION, Hash::Sha3_512),
];

pub fn pairs() -> Vec<Pair> {
    ROWS.iter().map(|row| (row.0, DERIVE)).chain([(M::HKDF_DATA, DERIVE)]).collect()
}

fn open() -> [Attribute; 2] {
    [Attribute::flag(A::SENSITIVE, false), Attribute::flag(A::EXTRACTABLE, true)]
}

fn base(session: Session<'_>, key_type: KeyType, value: &[u8], more: &[Attribute]) -> u64 {
    let may = [Attribute::flag(A::DERIVE, true)];
    let template = merged(&[&keys::secret(key_type, value), &open(), &may, more]);
    session.create(&template).expect("a base key")
}

fn derived(
    session: Session<'_>,
    id: M,
    base: u64,
    key_type: Option<KeyType>,
    len: Option<usize>,
) -> Result<Vec<u8>, Code> {
    let mut template = open().to_vec();
    template.extend(key_type.map(Attribute::key_type));
    template.extend(len.map(|len| Attribute::number(A::VALUE_LEN, len as u64)));
    let key = session.derive(&Mechanism::plain(id), base, &template)?;
    session.attribute(key, A::VALUE)
}

/// "The value of the base key is digested once, and the result is used to make the value of the
/// derived secret key."
#[test]
#[serial]
fn a_key_is_the_digest_of_another() {
    on_user(|session| {
        let target = session.target;
        for (id, hash) in ROWS.into_iter().filter(|row| offered(session, (row.0, DERIVE))) {
            for (from, size) in [
                (KeyType::GENERIC_SECRET, 1),
                (KeyType::GENERIC_SECRET, 200),
                (KeyType::AES, 16),
                (KeyType::AES, 32),
                (KeyType::HKDF, 48),
                (KeyType::CHACHA20, 32),
            ] {
                let value: Vec<u8> = (1..=size).collect();
                let digest = oracle::digest(hash, &value);
                let key = base(session, from, &value, &[]);
                let what = format!("{id:?}, {size} bytes of {from:?}");
                for (key_type, len) in [
                    (None, None),
                    (None, Some(1)),
                    (None, Some(hash.size())),
                    (Some(KeyType::AES), Some(16)),
                    (Some(KeyType::GENERIC_SECRET), Some(20)),
                ] {
                    let got = derived(session, id, key, key_type, len);
                    let expected = digest[..len.unwrap_or(hash.size())].to_vec();
                    target.same(&format!("{what}, {key_type:?} {len:?}"), got, Ok(expected));
                }
                // "that key type must have a well-defined length."
                let got = derived(session, id, key, Some(KeyType::CHACHA20), None);
                let expected = match digest.get(..32) {
                    Some(front) => Ok(front.to_vec()),
                    None => Err(Code::KeySizeRange),
                };
                target.same(&format!("{what}, ChaCha20"), got, expected);
                let got = derived(session, id, key, Some(KeyType::AES), None);
                target.same("AES of no length", got, Err(Code::TemplateIncomplete));
                let got = derived(session, id, key, None, Some(hash.size() + 1));
                target.same("more than the digest", got, Err(Code::KeySizeRange));
            }
            let answer = session.derive(&Mechanism::bytes(id, b"x"), 1, &[]).map(|_| ());
            target.same("a parameter", answer, Err(Code::MechanismParamInvalid));
            let hide = [Attribute::flag(A::SENSITIVE, true)];
            let key = base(session, KeyType::GENERIC_SECRET, &[7; 32], &hide);
            let got = derived(session, id, key, None, Some(13));
            target.same("13 bytes of a sensitive key", got, Err(Code::KeySizeRange));
        }
    });
}

/// "identical to HKDF Derive except the output is a CKO_DATA object".
#[test]
#[serial]
fn hkdf_derives_data() {
    on_user(|session| {
        let target = session.target;
        if !offered(session, (M::HKDF_DATA, DERIVE)) {
            return;
        }
        let value: Vec<u8> = (0..64).collect();
        let hide = [Attribute::flag(A::SENSITIVE, true), Attribute::flag(A::EXTRACTABLE, false)];
        for key_type in [KeyType::GENERIC_SECRET, KeyType::HKDF] {
            let from = base(session, key_type, &value, &hide);
            for hash in Hash::ALL.map(|row| row.0) {
                let extracted = oracle::hkdf_extract(hash, b"salt", &value);
                for (steps, len, expected) in [
                    ((true, false), None, extracted.clone()),
                    ((true, true), Some(5), oracle::hkdf_expand(hash, &extracted, b"info", 5)),
                    ((false, true), Some(99), oracle::hkdf_expand(hash, &value, b"info", 99)),
                ] {
                    let mechanism =
                        Mechanism::hkdf(M::HKDF_DATA, steps, hash, Some(b"salt"), b"info");
                    let mut template = vec![Attribute::text(A::LABEL, "data")];
                    template.extend(len.map(|len| Attribute::number(A::VALUE_LEN, len)));
                    let object = session.derive(&mechanism, from, &template);
                    let got = object.and_then(|object| session.attribute(object, A::VALUE));
                    let what = format!("{key_type:?}, {hash:?}, {steps:?}");
                    target.same(&what, got, Ok(expected));
                    let class = object.and_then(|object| session.number(object, A::CLASS));
                    target.same("CKA_CLASS", class, Ok(ObjectClass::DATA.0));
                }
            }
            let mechanism =
                Mechanism::hkdf(M::HKDF_DATA, (true, true), Hash::Sha256, None, b"info");
            let length = Attribute::number(A::VALUE_LEN, 16);
            for (what, template, code) in [
                ("no length", vec![], Code::TemplateIncomplete),
                (
                    "a key",
                    vec![length.clone(), Attribute::class(ObjectClass::SECRET_KEY)],
                    Code::TemplateInconsistent,
                ),
                (
                    "a value",
                    vec![length.clone(), Attribute::bytes(A::VALUE, b"x")],
                    Code::TemplateInconsistent,
                ),
                (
                    "a key's attribute",
                    vec![length, Attribute::flag(A::SENSITIVE, true)],
                    Code::AttributeTypeInvalid,
                ),
            ] {
                let answer = session.derive(&mechanism, from, &template).map(|_| ());
                target.same(what, answer, Err(code));
            }
        }
    });
}
