//! The key derivation functions of NIST SP 800-108: vectors of NIST for each mode, every
//! pseudorandom function and encoding against the definition, several keys at once.

use serial_test::serial;

use super::{DERIVE, Pair, offered, oracle};
use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, Field, Function, Hash, KeyType, Mechanism,
    MechanismType as M, ObjectClass, Session, keys, on_user,
};

const COUNTER: M = M::SP800_108_COUNTER_KDF;
const FEEDBACK: M = M::SP800_108_FEEDBACK_KDF;
const PIPELINE: M = M::SP800_108_DOUBLE_PIPELINE_KDF;

pub fn pairs() -> Vec<Pair> {
    vec![(COUNTER, DERIVE), (FEEDBACK, DERIVE), (PIPELINE, DERIVE)]
}

/// The pseudorandom functions; `None` is CMAC.
const PRFS: [(M, Option<Hash>); 10] = [
    (M::SHA_1_HMAC, Some(Hash::Sha1)),
    (M::SHA224_HMAC, Some(Hash::Sha224)),
    (M::SHA256_HMAC, Some(Hash::Sha256)),
    (M::SHA384_HMAC, Some(Hash::Sha384)),
    (M::SHA512_HMAC, Some(Hash::Sha512)),
    (M::SHA3_224_HMAC, Some(Hash::Sha3_224)),
    (M::SHA3_256_HMAC, Some(Hash::Sha3_256)),
    (M::SHA3_384_HMAC, Some(Hash::Sha3_384)),
    (M::SHA3_512_HMAC, Some(Hash::Sha3_512)),
    (M::AES_CMAC, None),
];

const OPEN: [(A, bool); 2] = [(A::SENSITIVE, false), (A::EXTRACTABLE, true)];
const HIDDEN: [(A, bool); 2] = [(A::SENSITIVE, true), (A::EXTRACTABLE, false)];

fn flags(rows: &[(A, bool)]) -> Vec<Attribute> {
    rows.iter().map(|(kind, value)| Attribute::flag(*kind, *value)).collect()
}

fn base(session: Session<'_>, key_type: KeyType, value: &[u8], rows: &[(A, bool)]) -> u64 {
    let template = [keys::secret(key_type, value), flags(&[(A::DERIVE, true)]), flags(rows)];
    session.create(&template.concat()).expect("a base key")
}

fn base_for(session: Session<'_>, prf: M, value: &[u8]) -> u64 {
    let cmac = prf == M::AES_CMAC;
    base(session, if cmac { KeyType::AES } else { KeyType::GENERIC_SECRET }, value, &OPEN)
}

/// The template of a generic secret of so many bytes.
fn secret(len: usize) -> Vec<Attribute> {
    let what = [
        Attribute::class(ObjectClass::SECRET_KEY),
        Attribute::key_type(KeyType::GENERIC_SECRET),
        Attribute::number(A::VALUE_LEN, len as u64),
    ];
    [what.to_vec(), flags(&OPEN)].concat()
}

fn derived(
    session: Session<'_>,
    mechanism: &Mechanism,
    base: u64,
    len: usize,
) -> Result<Vec<u8>, Code> {
    let key = session.derive(mechanism, base, &secret(len))?;
    session.attribute(key, A::VALUE)
}

/// From NIST's CAVP (CAVS 12.0): mode, key, IV, fixed input, output under AES-CMAC. The counter has
/// 8 bits and stands in front, or is not there.
#[rustfmt::skip]
const VECTORS: [(M, bool, &str, &str, &str, &str); 6] = [
    (COUNTER, true, "dff1e50ac0b69dc40f1051d46c2b069c", "",
     "c16e6e02c5a3dcc8d78b9ac1306877761310455b4e41469951d9e6c2245a064b33fd8c3b01203a7824485bf0a64060c4648b707d2607935699316ea5",
     "8be8f0869b3c0ba97b71863d1b9f7813"),
    (FEEDBACK, true, "6874c099a14942d5bcd823183a4ceb9c", "4ab31c84730527fbf008e446501bb26a",
     "0909d62821ec989fe16d6d77358126d272fff3e2dc4795c5a9421bee65be679b9f651668fdbc2c13d2ef4932f8830b56e5e1e0",
     "265062a5de896edbfc0d071bdfb6dfd18901f3786cee3c401e53c198e80e78bab17c7049c723d4cd9d334952509c44d7e7bc16627a1e7177b80157a3c56ac21b"),
    (FEEDBACK, false, "5c996c922f65de97d4408373229814c6", "28dc945cb8337ab5336c3e9b5bad21c7",
     "62afe5fed91e797221a854336b0aadd8a05ad0e3c8345729897b2efcec5a1178a2fa4c063007b67a7015e0d6b7271ea8d86b44",
     "88a9aae193abdd3fe8143bab66014ae41dc2d12ea9d08f5871588fc5d827924eb9942989d7a36d4b3b107997566472cad5942bd13cb5cff32b9dae30f1bb6300"),
    (FEEDBACK, false, "aaa7a1f04e701fd35f445059bc062ad6", "",
     "932cfcf8e62d03794dc58cd90b9fb9498ec1309773e4a095edc06717c016eb858a7b1e7b828c3639d78bbb8bf1381ed0c352b2",
     "dea320c6cece7d8dca32475aa91ad39ec92ecac3b16c0eea86d69561434c9f41136333bde3f1d33cfe9bcd9accf14284dd82ebe8fe083533f44f490565583cb8"),
    (PIPELINE, true, "d92dc7b9d007fc49734bc931ef8554e9", "",
     "a19d29ed42b369494d6547d8b5f1203078f2e49a85bd4cc8ff71657c10dca7f78f4bb7429063976b1124b031edfeffe2cc5951",
     "de6dee3c072fdd13b14f593a6ecef83e83b8af85149be566e32ffcceafa09e6727f642b4ccd106de370cab0d24cc77ea8a309ed0ccde326110b7bc58b07a7f82f2016df6433e"),
    (PIPELINE, false, "ada2452f1f141a82c7a1b7d3e09ffed1", "",
     "335660eb265d2044efa06eacd848d3f9f57d219011343318f3a964df4a6fb1bf6cbdee711c7fcbe73b8f257f992e47e8b065af",
     "a73bd29176e38e761222ae07d639181f4b2c555a3b261815cde5d88a67c8b95c58b6b66ea4f10608c6d799b051519fc8e89de00cdc556350a7d966475086f9af"),
];

fn iv(mode: M, iv: &[u8]) -> Option<&[u8]> {
    (mode == FEEDBACK).then_some(iv)
}

#[test]
#[serial]
fn each_mode_gives_the_vectors_of_nist() {
    on_user(|session| {
        for (mode, counter, key, start, fixed, expected) in VECTORS {
            if !offered(session, (mode, DERIVE)) {
                continue;
            }
            let [key, start, fixed, expected] =
                [key, start, fixed, expected].map(|text| hex::decode(text).expect("hex"));
            let mut fields = match (mode, counter) {
                (COUNTER, _) => vec![Field::Iteration(false, 8)],
                (_, true) => vec![Field::Counter(false, 8), Field::Feedback],
                (_, false) => vec![Field::Feedback],
            };
            fields.push(Field::Bytes(&fixed));
            let base = base_for(session, M::AES_CMAC, &key);
            let mechanism = Mechanism::sp800_108(mode, M::AES_CMAC, &fields, iv(mode, &start), &[]);
            let got = derived(session, &mechanism, base, expected.len());
            session.target.same(&format!("{mode:?}, counter: {counter}"), got, Ok(expected));
        }
    });
}

/// A number as [`Field`] wants it.
fn number(value: u64, little: bool, bits: u64) -> Vec<u8> {
    let mut bytes = value.to_le_bytes()[..bits as usize / 8].to_vec();
    if !little {
        bytes.reverse();
    }
    bytes
}

/// NIST SP 800-108 revision 1, sections 4.1 to 4.3, without the cut to the length of the key; `bits`
/// are the lengths of all keys and of all segments.
fn by_definition(
    mode: M,
    prf: Option<Hash>,
    key: &[u8],
    fields: &[Field<'_>],
    start: &[u8],
    bits: (u64, u64),
) -> impl Iterator<Item = Vec<u8>> {
    let mac = move |key: &[u8], data: &[u8]| match prf {
        Some(hash) => oracle::hmac(hash, key, data),
        None => oracle::cmac(key, data),
    };
    let input = |counter: Option<u64>, variable: Option<&[u8]>| -> Vec<u8> {
        let part = |field: &Field<'_>| match *field {
            Field::Iteration(little, bits) | Field::Counter(little, bits) => {
                counter.map_or(Vec::new(), |counter| number(counter, little, bits))
            }
            Field::Feedback => variable.unwrap_or_default().to_vec(),
            Field::Length(1, little, width) => number(bits.0, little, width),
            Field::Length(_, little, width) => number(bits.1, little, width),
            Field::Bytes(bytes) => bytes.to_vec(),
            Field::Key(_) | Field::Other(_) => panic!("not for the oracle"),
        };
        fields.iter().flat_map(part).collect()
    };
    let mut variable = start.to_vec();
    let mut blocks = Vec::new();
    for i in 1..=20 {
        if mode == PIPELINE {
            let last = if i == 1 { input(None, None) } else { variable };
            variable = mac(key, &last);
        }
        let block = mac(key, &input(Some(i), Some(&variable)));
        if mode == FEEDBACK {
            variable = block.clone();
        }
        blocks.push(block);
    }
    blocks.into_iter()
}

/// Iteration variable, counter, length of keys and segments, byte arrays, in any order; both ends
/// first.
#[test]
#[serial]
fn every_function_and_encoding_is_as_defined() {
    on_user(|session| {
        let label = Field::Bytes(b"label");
        let context = Field::Bytes(b"\0context");
        let encodings = |mode| {
            let variable = |little, bits| match mode {
                COUNTER => [Field::Iteration(little, bits), label],
                _ => [Field::Feedback, Field::Counter(little, bits)],
            };
            [
                [&variable(false, 8)[..], &[context, Field::Length(1, false, 16)]].concat(),
                [&[label, context, Field::Length(2, true, 32)][..], &variable(true, 16)].concat(),
                [&[Field::Length(1, true, 64)][..], &variable(false, 24), &[context]].concat(),
                [&[context][..], &variable(true, 32)].concat(),
            ]
        };
        for (mode, _) in pairs().into_iter().filter(|pair| offered(session, *pair)) {
            for (prf, hash) in PRFS {
                for size in [16, 24, 32] {
                    let value: Vec<u8> = (1..=size).collect();
                    let base = base_for(session, prf, &value);
                    for (start, fields) in
                        [b"".as_slice(), b"starting"].into_iter().cycle().zip(encodings(mode))
                    {
                        for len in [1_usize, 16, 64, 129] {
                            let block = hash.map_or(16, Hash::size);
                            let segments = (len.div_ceil(block) * block) as u64;
                            let bits = (8 * len as u64, 8 * segments);
                            let start = iv(mode, start);
                            let expected = by_definition(
                                mode,
                                hash,
                                &value,
                                &fields,
                                start.unwrap_or_default(),
                                bits,
                            );
                            let expected: Vec<u8> = expected.flatten().take(len).collect();
                            let mechanism = Mechanism::sp800_108(mode, prf, &fields, start, &[]);
                            let got = derived(session, &mechanism, base, len);
                            let what =
                                format!("{mode:?} {prf:?} {fields:?}, {len} bytes by {size}");
                            session.target.same(&what, got, Ok(expected));
                        }
                    }
                }
            }
        }
    });
}

/// "Deriving Additional Keys": no two keys share a segment; the length counts all of them.
#[test]
#[serial]
fn additional_keys_come_out_of_segments_of_their_own() {
    on_user(|session| {
        let target = session.target;
        let value: Vec<u8> = (1..=32).collect();
        for (mode, _) in pairs().into_iter().filter(|pair| offered(session, *pair)) {
            let variable =
                if mode == COUNTER { Field::Iteration(false, 32) } else { Field::Feedback };
            for method in [1, 2] {
                let fields = [variable, Field::Bytes(b"x"), Field::Length(method, false, 32)];
                let base = base_for(session, M::SHA256_HMAC, &value);
                let aes = merged(&[
                    &secret(16),
                    &[Attribute::key_type(KeyType::AES), Attribute::flag(A::ENCRYPT, true)],
                ]);
                let mechanism = Mechanism::sp800_108(
                    mode,
                    M::SHA256_HMAC,
                    &fields,
                    iv(mode, b""),
                    &[aes, secret(40)],
                );
                let first = session.derive(&mechanism, base, &secret(48)).expect("C_DeriveKey");
                // The example of the specification, and a third key.
                let bits = ((48 + 16 + 40) * 8, (2 + 1 + 2) * 256);
                let hash = Some(Hash::Sha256);
                let mut blocks = by_definition(mode, hash, &value, &fields, b"", bits);
                let mut take = |blocks_of_key: usize, len: usize| {
                    let all: Vec<u8> = (&mut blocks).take(blocks_of_key).flatten().collect();
                    all[..len].to_vec()
                };
                let expected = [take(2, 48), take(1, 16), take(2, 40)];
                let handles = mechanism.returned();
                for (key, expected) in [first, handles[0], handles[1]].into_iter().zip(expected) {
                    let what = format!("{mode:?}, method {method}, {} bytes", expected.len());
                    target.same(&what, session.attribute(key, A::VALUE), Ok(expected));
                }
                let ecb = Mechanism::plain(M::AES_ECB);
                let out = session.run(Function::Encrypt, &ecb, handles[0], &[0; 16]);
                target.same("the AES key encrypts", out.map(|out| out.len()), Ok(16));
            }
        }
    });
}

/// "if any of the keys cannot be derived for any reason, none of the keys shall be derived."
#[test]
#[serial]
fn a_template_that_fails_is_named_and_no_key_is_made() {
    on_user(|session| {
        if !offered(session, (COUNTER, DERIVE)) {
            return;
        }
        let target = session.target;
        let base = base_for(session, M::SHA256_HMAC, &[7; 32]);
        let label = [Attribute::text(A::LABEL, "derived")];
        let named = |len| merged(&[&secret(len), &label]);
        let wrong = merged(&[&named(32), &[Attribute::flag(A::ALWAYS_SENSITIVE, true)]]);
        let further = [named(32), wrong, named(32)];
        let fields = [Field::Iteration(false, 32)];
        let mechanism = Mechanism::sp800_108(COUNTER, M::SHA256_HMAC, &fields, None, &further);
        let answer = session.derive(&mechanism, base, &named(16)).map(|_| ());
        target.same("C_DeriveKey", answer, Err(Code::AttributeReadOnly));
        target.same("the handle of the wrong template", mechanism.returned()[1], 0);
        target.same("keys made", session.find(&label).map(|found| found.len()), Ok(0));
    });
}

/// CK_SP800_108_KEY_HANDLE: the value of another key is data, and what that key hides stays hidden.
#[test]
#[serial]
fn another_key_is_data_and_is_not_shown() {
    on_user(|session| {
        if !offered(session, (COUNTER, DERIVE)) {
            return;
        }
        let target = session.target;
        let (value, other) = ([1; 32], [2; 20]);
        let from = base_for(session, M::SHA256_HMAC, &value);
        let mechanism = |key| {
            let fields = [Field::Iteration(false, 32), Field::Key(key), Field::Key(key)];
            Mechanism::sp800_108(COUNTER, M::SHA256_HMAC, &fields, None, &[])
        };
        let open = base_for(session, M::SHA256_HMAC, &other);
        let fields = [Field::Iteration(false, 32), Field::Bytes(&other), Field::Bytes(&other)];
        let hash = Some(Hash::Sha256);
        let expected = by_definition(COUNTER, hash, &value, &fields, b"", (0, 0)).next();
        let got = derived(session, &mechanism(open), from, 32);
        target.same("an open key", got, Ok(expected.expect("a block")));
        let hidden = base(session, KeyType::GENERIC_SECRET, &other, &HIDDEN);
        let answer = derived(session, &mechanism(hidden), from, 32);
        target.same("a sensitive key, shown", answer, Err(Code::TemplateInconsistent));
        let template = merged(&[&secret(32), &flags(&HIDDEN)]);
        let key = session.derive(&mechanism(hidden), from, &template).expect("C_DeriveKey");
        target.same("a sensitive key", session.flag(key, A::SENSITIVE), Ok(true));
        let idle = session.create(&keys::secret(KeyType::GENERIC_SECRET, &other)).expect("a key");
        let no = [Attribute::flag(A::DERIVE, false)];
        session.set(idle, &no).expect("CKA_DERIVE");
        let answer = derived(session, &mechanism(idle), from, 32);
        target.same("without CKA_DERIVE", answer, Err(Code::KeyFunctionNotPermitted));
        let answer = derived(session, &mechanism(from + 99), from, 32);
        target.same("no such key", answer, Err(Code::KeyHandleInvalid));
    });
}

/// "Key Derivation Attribute Rules".
#[test]
#[serial]
fn what_the_template_is_silent_of_comes_from_the_base_key() {
    on_user(|session| {
        let target = session.target;
        let bare = [
            Attribute::class(ObjectClass::SECRET_KEY),
            Attribute::key_type(KeyType::GENERIC_SECRET),
            Attribute::number(A::VALUE_LEN, 32),
        ];
        for (mode, _) in pairs().into_iter().filter(|pair| offered(session, *pair)) {
            let fields =
                [if mode == COUNTER { Field::Iteration(false, 8) } else { Field::Feedback }];
            let mechanism = Mechanism::sp800_108(mode, M::SHA256_HMAC, &fields, iv(mode, b""), &[]);
            for rows in [OPEN, HIDDEN] {
                let from = base(session, KeyType::GENERIC_SECRET, &[3; 32], &rows);
                let key = session.derive(&mechanism, from, &bare).expect("C_DeriveKey");
                for (kind, value) in rows {
                    target.same(&format!("{mode:?} {kind:?}"), session.flag(key, kind), Ok(value));
                }
                let other = if rows == OPEN { HIDDEN } else { OPEN };
                let template = [&bare[..], &flags(&other)].concat();
                let key = session.derive(&mechanism, from, &template).expect("C_DeriveKey");
                for (kind, value) in other {
                    target.same(&format!("{mode:?} {kind:?}"), session.flag(key, kind), Ok(value));
                }
            }
            // Generated here, never shown: the derived key is so as well if it hides itself.
            let generate = Mechanism::plain(M::GENERIC_SECRET_KEY_GEN);
            let template = [&bare[2..], &flags(&HIDDEN), &flags(&[(A::DERIVE, true)])].concat();
            let from = session.generate(&generate, &template).expect("C_GenerateKey");
            let key = session.derive(&mechanism, from, &bare).expect("C_DeriveKey");
            for kind in [A::ALWAYS_SENSITIVE, A::NEVER_EXTRACTABLE] {
                target.same(&format!("{mode:?} {kind:?}"), session.flag(key, kind), Ok(true));
            }
            let shown = [&bare[..], &flags(&OPEN)].concat();
            let key = session.derive(&mechanism, from, &shown).expect("C_DeriveKey");
            for kind in [A::ALWAYS_SENSITIVE, A::NEVER_EXTRACTABLE] {
                target.same(&format!("{mode:?} {kind:?}"), session.flag(key, kind), Ok(false));
            }
            // "Deriving a key under 112 bits from a sensitive base".
            let short = [&bare[..2], &[Attribute::number(A::VALUE_LEN, 13)]].concat();
            let answer = session.derive(&mechanism, from, &short).map(|_| ());
            target.same("13 bytes", answer, Err(Code::KeySizeRange));
        }
    });
}

/// Tables "Counter Mode data field requirements" and those of the other modes.
#[test]
#[serial]
fn fields_that_a_mode_does_not_have_are_refused() {
    on_user(|session| {
        let target = session.target;
        let invalid = Err(Code::MechanismParamInvalid);
        let generic = base_for(session, M::SHA256_HMAC, &[7; 32]);
        for (mode, _) in pairs().into_iter().filter(|pair| offered(session, *pair)) {
            let counter = mode == COUNTER;
            let good = if counter { Field::Iteration(false, 8) } else { Field::Feedback };
            let with = |prf, fields: &[Field<'_>], len| {
                let mechanism = Mechanism::sp800_108(mode, prf, fields, iv(mode, b""), &[]);
                derived(session, &mechanism, generic, len).map(|_| ())
            };
            let hmac = |fields: &[Field<'_>], len| with(M::SHA256_HMAC, fields, len);
            let length = Field::Length(1, false, 32);
            target.same("one variable", hmac(&[good], 32), Ok(()));
            for (what, fields) in [
                ("no variable", vec![]),
                ("two variables", vec![good, good]),
                ("two lengths", vec![good, length, length]),
                ("an unknown length", vec![good, Field::Length(3, false, 32)]),
                ("a length of 72 bits", vec![good, Field::Length(1, false, 72)]),
                ("a length of no bits", vec![good, Field::Length(1, false, 0)]),
                ("an empty array", vec![good, Field::Bytes(b"")]),
                ("an unknown field", vec![good, Field::Other(6)]),
                ("a variable of 12 bits", vec![Field::Iteration(false, 12)]),
                (
                    "the variable of another mode",
                    vec![match counter {
                        true => Field::Feedback,
                        false => Field::Iteration(false, 8),
                    }],
                ),
                ("two counters", vec![good, Field::Counter(false, 8), Field::Counter(false, 8)]),
            ] {
                target.same(&format!("{mode:?}, {what}"), hmac(&fields, 32), invalid);
            }
            let answer = hmac(&[good, Field::Counter(false, 8)], 32);
            target.same("a counter", answer, if counter { invalid } else { Ok(()) });
            for prf in [M::SHA256, M::DES3_CMAC, M(u64::MAX)] {
                target.same(&format!("PRF {prf:?}"), with(prf, &[good], 32), invalid);
            }
            // "for an AES-CMAC PRF the base key must be of type CKK_AES".
            let answer = with(M::AES_CMAC, &[good], 32);
            target.same("CMAC", answer, Err(Code::KeyTypeInconsistent));
            // 2^r - 1 blocks, and no more bits than the field of the length holds.
            let numbered = if counter { vec![good] } else { vec![good, Field::Counter(false, 8)] };
            let more = |fields: &[Field<'_>]| {
                let further = vec![secret(4096)];
                let mechanism =
                    Mechanism::sp800_108(mode, M::SHA256_HMAC, fields, iv(mode, b""), &further);
                derived(session, &mechanism, generic, 4064).map(|_| ())
            };
            target.same("255 blocks", more(&numbered), Ok(()));
            let answer = hmac(&[numbered, vec![Field::Length(1, false, 8)]].concat(), 32);
            target.same("256 bits in 8", answer, Err(Code::KeySizeRange));
            let answer = hmac(&[good], 4097);
            target.same("4,097 bytes", answer, Err(Code::KeySizeRange));
        }
    });
}
