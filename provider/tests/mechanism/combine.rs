//! Keys put together with keys or data, XORed with data, cut out of another key.

use serial_test::serial;

use super::{DERIVE, Pair, offered};
use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, KeyType, Mechanism, MechanismType as M, ObjectClass,
    Session, keys, on_user,
};

const ALL: [M; 5] = [
    M::CONCATENATE_BASE_AND_KEY,
    M::CONCATENATE_BASE_AND_DATA,
    M::CONCATENATE_DATA_AND_BASE,
    M::XOR_BASE_AND_DATA,
    M::EXTRACT_KEY_FROM_KEY,
];

pub fn pairs() -> Vec<Pair> {
    ALL.map(|id| (id, DERIVE)).to_vec()
}

/// The types of base keys.
const TYPES: [KeyType; 4] =
    [KeyType::GENERIC_SECRET, KeyType::AES, KeyType::HKDF, KeyType::CHACHA20];

const BASE: [u8; 32] = [0x5a; 32];
const OTHER: [u8; 32] = [0xc3; 32];
const BIT: usize = 21;

fn base(session: Session<'_>, key_type: KeyType, value: &[u8], more: &[Attribute]) -> u64 {
    let open = [Attribute::flag(A::SENSITIVE, false), Attribute::flag(A::EXTRACTABLE, true)];
    let may = [Attribute::flag(A::DERIVE, true)];
    let template = merged(&[&keys::secret(key_type, value), &open, &may, more]);
    session.create(&template).expect("a base key")
}

/// The mechanism, and all that it makes of [`BASE`] in `BASE`'s first `len` bytes.
fn row(id: M, other: u64, value: &[u8]) -> (Mechanism, Vec<u8>) {
    let data = &OTHER[..value.len()];
    match id {
        M::CONCATENATE_BASE_AND_KEY => (Mechanism::number(id, other), [value, &OTHER].concat()),
        M::CONCATENATE_BASE_AND_DATA => (Mechanism::string_data(id, data), [value, data].concat()),
        M::CONCATENATE_DATA_AND_BASE => (Mechanism::string_data(id, data), [data, value].concat()),
        M::XOR_BASE_AND_DATA => {
            let mixed = value.iter().zip(data).map(|(a, b)| a ^ b);
            (Mechanism::string_data(id, data), mixed.collect())
        }
        _ => {
            let bit = |i: usize| value[i / 8 % value.len()] >> (7 - i % 8) & 1;
            let byte = |i: usize| (0..8).fold(0, |byte, j| byte << 1 | bit(BIT + 8 * i + j));
            (Mechanism::number(id, BIT as u64), (0..value.len()).map(byte).collect())
        }
    }
}

fn secret(len: Option<usize>, more: &[Attribute]) -> Vec<Attribute> {
    let mut template = vec![
        Attribute::class(ObjectClass::SECRET_KEY),
        Attribute::key_type(KeyType::GENERIC_SECRET),
        Attribute::flag(A::SENSITIVE, false),
        Attribute::flag(A::EXTRACTABLE, true),
    ];
    template.extend(len.map(|len| Attribute::number(A::VALUE_LEN, len as u64)));
    merged(&[&template, more])
}

/// "Miscellaneous simple key derivation mechanisms": the whole and its front, from each type of key.
#[test]
#[serial]
fn keys_are_made_of_keys_and_data() {
    on_user(|session| {
        let other = base(session, KeyType::GENERIC_SECRET, &OTHER, &[]);
        for id in ALL.into_iter().filter(|id| offered(session, (*id, DERIVE))) {
            for key_type in TYPES {
                let sizes: &[usize] = match key_type {
                    KeyType::AES => &[16, 24, 32],
                    KeyType::CHACHA20 => &[32],
                    _ => &[3, 16, 31],
                };
                for size in sizes {
                    let value: Vec<u8> =
                        BASE[..*size].iter().zip(0..).map(|(a, i)| a ^ i).collect();
                    let from = base(session, key_type, &value, &[]);
                    let (mechanism, all) = row(id, other, &value);
                    let no_length = (id != M::EXTRACT_KEY_FROM_KEY).then_some(None);
                    let lengths = [1, all.len() - 1, all.len()].map(Some).into_iter();
                    for len in lengths.chain(no_length) {
                        let key = session.derive(&mechanism, from, &secret(len, &[]));
                        let got = key.and_then(|key| session.attribute(key, A::VALUE));
                        let what = format!("{id:?}, {size} bytes of {key_type:?}, {len:?}");
                        let expected = all[..len.unwrap_or(all.len())].to_vec();
                        session.target.same(&what, got, Ok(expected));
                    }
                    let more = session.derive(&mechanism, from, &secret(Some(all.len() + 1), &[]));
                    let what = format!("{id:?}, more than there is");
                    session.target.same(&what, more.map(|_| ()), Err(Code::KeySizeRange));
                }
            }
        }
    });
}

/// "If the base key has its CKA_SENSITIVE attribute set to CK_TRUE, so does the derived key", and
/// the same for CKA_EXTRACTABLE; the history of both keys goes on.
#[test]
#[serial]
fn what_a_base_key_hides_its_derived_keys_hide() {
    on_user(|session| {
        let target = session.target;
        let hidden = [Attribute::flag(A::SENSITIVE, true), Attribute::flag(A::EXTRACTABLE, false)];
        let other = base(session, KeyType::GENERIC_SECRET, &OTHER, &[]);
        let secret_other = base(session, KeyType::GENERIC_SECRET, &OTHER, &hidden);
        let from = base(session, KeyType::GENERIC_SECRET, &BASE, &hidden);
        for id in ALL.into_iter().filter(|id| offered(session, (*id, DERIVE))) {
            let (mechanism, all) = row(id, other, &BASE);
            let derive = |more: &[Attribute]| {
                session.derive(&mechanism, from, &secret(Some(all.len()), more))
            };
            let readable = derive(&[]).map(|_| ());
            target.same(&format!("{id:?}, readable"), readable, Err(Code::TemplateInconsistent));
            let key = derive(&hidden).expect("C_DeriveKey");
            for (kind, value) in [
                (A::SENSITIVE, true),
                (A::EXTRACTABLE, false),
                // The base key was imported.
                (A::ALWAYS_SENSITIVE, false),
                (A::NEVER_EXTRACTABLE, false),
                (A::LOCAL, false),
            ] {
                target.same(&format!("{id:?}, {kind:?}"), session.flag(key, kind), Ok(value));
            }
            // A part of it among known bytes could be guessed.
            let answer = session.derive(&mechanism, from, &secret(Some(all.len() - 1), &hidden));
            let what = format!("{id:?}, a part of a sensitive key");
            target.same(&what, answer.map(|_| ()), Err(Code::KeySizeRange));
        }
        if offered(session, (M::CONCATENATE_BASE_AND_KEY, DERIVE)) {
            let open = base(session, KeyType::GENERIC_SECRET, &BASE, &[]);
            let join = Mechanism::number(M::CONCATENATE_BASE_AND_KEY, secret_other);
            let answer = session.derive(&join, open, &secret(None, &[])).map(|_| ());
            target.same("a sensitive other key", answer, Err(Code::TemplateInconsistent));
        }
    });
}

/// CKR_MECHANISM_PARAM_INVALID, CKR_TEMPLATE_INCOMPLETE, CKR_KEY_HANDLE_INVALID.
#[test]
#[serial]
fn parameters_that_name_nothing_are_refused() {
    on_user(|session| {
        let target = session.target;
        let from = base(session, KeyType::GENERIC_SECRET, &BASE, &[]);
        let derive = |mechanism: &Mechanism, len| {
            session.derive(mechanism, from, &secret(len, &[])).map(|_| ())
        };
        let invalid = Err(Code::MechanismParamInvalid);
        for id in ALL.into_iter().filter(|id| offered(session, (*id, DERIVE))) {
            let name = format!("{id:?}");
            target.same(&name, derive(&Mechanism::plain(id), Some(16)), invalid);
            target.same(&name, derive(&Mechanism::bytes(id, &[1; 7]), Some(16)), invalid);
            match id {
                M::CONCATENATE_BASE_AND_KEY => {
                    let answer = derive(&Mechanism::number(id, from + 99), Some(16));
                    target.same("no such key", answer, Err(Code::KeyHandleInvalid));
                }
                M::EXTRACT_KEY_FROM_KEY => {
                    for bit in [256, u64::MAX] {
                        let answer = derive(&Mechanism::number(id, bit), Some(16));
                        target.same(&format!("bit {bit}"), answer, invalid);
                    }
                    let answer = derive(&Mechanism::number(id, 0), None);
                    target.same("no length", answer, Err(Code::TemplateIncomplete));
                }
                _ => {
                    let answer = derive(&Mechanism::string_data(id, &[]), Some(16));
                    target.same(&format!("{name}, no data"), answer, invalid);
                }
            }
        }
    });
}
