//! DES and triple DES: every mode in one part and in many, and CMAC, against the oracle. Legacy.

use ::des::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use ::des::{Des, TdesEde2, TdesEde3};
use serial_test::serial;

use super::{DECRYPT, ENCRYPT, GENERATE, Pair, SIGN, VERIFY, offered};
use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, KeyType, Mechanism, MechanismType as M,
    ObjectClass, Session, keys, on_legacy_user,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Ecb,
    Cbc,
    CbcPad,
}

const MODES: [(M, Mode, &[KeyType]); 6] = [
    (M::DES_ECB, Mode::Ecb, &[KeyType::DES]),
    (M::DES_CBC, Mode::Cbc, &[KeyType::DES]),
    (M::DES_CBC_PAD, Mode::CbcPad, &[KeyType::DES]),
    (M::DES3_ECB, Mode::Ecb, &[KeyType::DES2, KeyType::DES3]),
    (M::DES3_CBC, Mode::Cbc, &[KeyType::DES2, KeyType::DES3]),
    (M::DES3_CBC_PAD, Mode::CbcPad, &[KeyType::DES2, KeyType::DES3]),
];

const KEY_GEN: [(M, KeyType, usize); 3] = [
    (M::DES_KEY_GEN, KeyType::DES, 8),
    (M::DES2_KEY_GEN, KeyType::DES2, 16),
    (M::DES3_KEY_GEN, KeyType::DES3, 24),
];

/// Bytes with an odd number of ones: keys of each length are its front.
const KEY: [u8; 24] = [
    0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
    0x08, 0x19, 0x2a, 0x3b, 0x4c, 0x5d, 0x6e, 0x7f,
];

const IV: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

pub fn pairs() -> Vec<Pair> {
    let modes = MODES.iter().map(|row| (row.0, ENCRYPT | DECRYPT));
    let codes = [M::DES3_CMAC, M::DES3_CMAC_GENERAL].map(|id| (id, SIGN | VERIFY));
    modes.chain(codes).chain(KEY_GEN.iter().map(|row| (row.0, GENERATE))).collect()
}

pub fn value(key_type: KeyType) -> &'static [u8] {
    let row = KEY_GEN.iter().find(|row| row.1 == key_type).expect("a type of DES");
    &KEY[..row.2]
}

pub fn key(session: Session<'_>, key_type: KeyType) -> u64 {
    let uses = [A::ENCRYPT, A::DECRYPT, A::SIGN, A::VERIFY];
    let template = [keys::secret(key_type, value(key_type)), keys::flags(&uses, true)].concat();
    session.create(&template).expect("a key of DES")
}

fn mechanism(id: M, mode: Mode) -> Mechanism {
    match mode {
        Mode::Ecb => Mechanism::plain(id),
        Mode::Cbc | Mode::CbcPad => Mechanism::bytes(id, &IV),
    }
}

/// One block by the oracle.
fn block(key: &[u8], input: [u8; 8], decrypt: bool) -> [u8; 8] {
    fn run<C>(key: &[u8], input: [u8; 8], decrypt: bool) -> [u8; 8]
    where
        C: KeyInit + BlockCipherEncrypt + BlockCipherDecrypt,
    {
        let cipher = C::new_from_slice(key).expect("a key");
        let mut block = Block::<C>::default();
        block.copy_from_slice(&input);
        if decrypt {
            cipher.decrypt_block(&mut block)
        } else {
            cipher.encrypt_block(&mut block)
        };
        block.as_slice().try_into().expect("eight bytes")
    }
    match key.len() {
        8 => run::<Des>(key, input, decrypt),
        16 => run::<TdesEde2>(key, input, decrypt),
        _ => run::<TdesEde3>(key, input, decrypt),
    }
}

/// Whole blocks encrypted by the oracle, chained from `iv` if there is one.
pub fn encrypted(key: &[u8], iv: Option<[u8; 8]>, data: &[u8]) -> Vec<u8> {
    let (mut last, mut out) = (iv.unwrap_or_default(), Vec::new());
    for chunk in data.as_chunks::<8>().0 {
        let input = if iv.is_some() { std::array::from_fn(|i| chunk[i] ^ last[i]) } else { *chunk };
        last = block(key, input, false);
        assert_eq!(block(key, last, true), input);
        out.extend(last);
    }
    out
}

fn padded(data: &[u8]) -> Vec<u8> {
    let pad = 8 - data.len() % 8;
    [data, &vec![pad as u8; pad]].concat()
}

/// "Double and Triple-length DES": ECB, CBC and CBC with padding.
#[test]
#[serial]
fn every_mode_is_the_oracles_in_one_part_and_in_many() {
    on_legacy_user(|session| {
        for (id, mode, types) in MODES {
            assert!(offered(session, (id, ENCRYPT | DECRYPT)));
            for key_type in types {
                let (key, value) = (key(session, *key_type), value(*key_type));
                let lengths: &[usize] = match mode {
                    Mode::CbcPad => &[1, 7, 8, 9, 100],
                    Mode::Ecb | Mode::Cbc => &[8, 16, 200],
                };
                for len in lengths {
                    let data: Vec<u8> = (0..*len).map(|i| i as u8).collect();
                    let expected = match mode {
                        Mode::Ecb => encrypted(value, None, &data),
                        Mode::Cbc => encrypted(value, Some(IV), &data),
                        Mode::CbcPad => encrypted(value, Some(IV), &padded(&data)),
                    };
                    let mechanism = mechanism(id, mode);
                    let what = format!("{id:?}, {key_type:?}, {len} bytes");
                    let what = match *key_type {
                        KeyType::DES => session.target.what("single DES", what),
                        _ => what,
                    };
                    let (encrypt, decrypt) = (Function::Encrypt, Function::Decrypt);
                    let there = session.run(encrypt, &mechanism, key, &data);
                    session.target.same(&what, there, Ok(expected.clone()));
                    let back = session.run(decrypt, &mechanism, key, &expected);
                    session.target.same(&format!("{what}, back"), back, Ok(data.clone()));
                    let parts: Vec<&[u8]> = data.chunks(3).collect();
                    let there = session.run_parts(encrypt, &mechanism, key, &parts);
                    session.target.same(&format!("{what}, parts"), there, Ok(expected.clone()));
                    let parts: Vec<&[u8]> = expected.chunks(5).collect();
                    let back = session.run_parts(decrypt, &mechanism, key, &parts);
                    session.target.same(&format!("{what}, parts back"), back, Ok(data));
                }
            }
        }
    });
}

/// Lengths and parameters that these modes do not take.
#[test]
#[serial]
fn what_is_no_whole_block_or_no_iv_is_refused() {
    on_legacy_user(|session| {
        let target = session.target;
        let key = key(session, KeyType::DES3);
        let ecb = Mechanism::plain(M::DES3_ECB);
        let answer = session.run(Function::Encrypt, &ecb, key, &[0; 9]);
        target.same("ECB, 9 bytes", answer, Err(Code::DataLenRange));
        let answer = session.run(Function::Decrypt, &ecb, key, &[0; 9]);
        target.same("ECB, 9 bytes back", answer, Err(Code::EncryptedDataLenRange));
        for len in [0, 7, 16] {
            let cbc = Mechanism::bytes(M::DES3_CBC, &vec![0; len]);
            let answer = session.try_init(Function::Encrypt, &cbc, key);
            target.same(&format!("an IV of {len} bytes"), answer, Err(Code::MechanismParamInvalid));
        }
        let pad = Mechanism::bytes(M::DES3_CBC_PAD, &IV);
        let wrong = encrypted(value(KeyType::DES3), Some(IV), &[0; 16]);
        let answer = session.run(Function::Decrypt, &pad, key, &wrong);
        target.same("no padding", answer, Err(Code::EncryptedDataInvalid));
    });
}

/// NIST SP 800-38B over triple DES.
fn cmac(key: &[u8], data: &[u8]) -> [u8; 8] {
    let double = |word: u64| word << 1 ^ if word >> 63 == 1 { 0x1b } else { 0 };
    let once = double(u64::from_be_bytes(block(key, [0; 8], false)));
    let whole = !data.is_empty() && data.len().is_multiple_of(8);
    let mut message = data.to_vec();
    if !whole {
        message.push(0x80);
        message.resize(message.len().next_multiple_of(8), 0);
    }
    let last = message.len() - 8;
    let subkey = if whole { once } else { double(once) }.to_be_bytes();
    message[last..].iter_mut().zip(subkey).for_each(|(byte, key)| *byte ^= key);
    let chained = encrypted(key, Some([0; 8]), &message);
    chained[last..].try_into().expect("eight bytes")
}

/// "DES3-CMAC", "General-length DES3-MAC".
#[test]
#[serial]
fn a_cmac_is_the_oracles_and_its_front() {
    on_legacy_user(|session| {
        if !offered(session, (M::DES3_CMAC, SIGN | VERIFY)) {
            return;
        }
        let target = session.target;
        for key_type in [KeyType::DES2, KeyType::DES3] {
            let key = key(session, key_type);
            for len in [0, 1, 7, 8, 9, 16, 100] {
                let data: Vec<u8> = (0..len).collect();
                let expected = cmac(value(key_type), &data);
                let what = format!("{key_type:?}, {len} bytes");
                let full = Mechanism::plain(M::DES3_CMAC);
                let parts: Vec<&[u8]> = data.chunks(5).collect();
                let code = session.run_parts(Function::Sign, &full, key, &parts);
                target.same(&what, code, Ok(expected.to_vec()));
                target.same(&what, session.check(&full, key, &data, &expected), Ok(()));
                let mut damaged = expected;
                damaged[7] ^= 1;
                let check = session.check(&full, key, &data, &damaged);
                target.same(&what, check, Err(Code::SignatureInvalid));
                if !offered(session, (M::DES3_CMAC_GENERAL, SIGN | VERIFY)) {
                    continue;
                }
                let short = Mechanism::number(M::DES3_CMAC_GENERAL, 4);
                let code = session.run(Function::Sign, &short, key, &data);
                target.same(&what, code, Ok(expected[..4].to_vec()));
                target.same(&what, session.check(&short, key, &data, &expected[..4]), Ok(()));
            }
        }
    });
}

/// "Double-length DES key generation": "have their parity bits set properly".
#[test]
#[serial]
fn generated_keys_have_their_parity_and_their_check_value() {
    on_legacy_user(|session| {
        let target = session.target;
        for (id, key_type, len) in KEY_GEN {
            assert!(offered(session, (id, GENERATE)));
            let open =
                [Attribute::flag(A::SENSITIVE, false), Attribute::flag(A::EXTRACTABLE, true)];
            let make = || session.generate(&Mechanism::plain(id), &open).expect("C_GenerateKey");
            let (one, two) = (make(), make());
            let of = |key| session.attribute(key, A::VALUE).expect("CKA_VALUE");
            let bytes = of(one);
            target.same(&format!("{id:?}"), bytes.len(), len);
            target.holds("two differ", bytes != of(two));
            target.holds("odd parity", bytes.iter().all(|byte| byte.count_ones() % 2 == 1));
            target.same("type", session.number(one, A::KEY_TYPE), Ok(key_type.0));
            let check = session.attribute(one, A::CHECK_VALUE);
            let expected = block(&bytes, [0; 8], false)[..3].to_vec();
            target.same(&format!("{key_type:?}: check value"), check, Ok(expected));
        }
    });
}

/// "Attempting to create or unwrap a DES2 key with incorrect parity will return an error."
#[test]
#[serial]
fn keys_of_a_wrong_length_or_parity_are_refused() {
    on_legacy_user(|session| {
        let target = session.target;
        let wrapping = session.aes();
        for (_, key_type, len) in KEY_GEN {
            let mut wrong = KEY[..len].to_vec();
            wrong[len - 1] ^= 1;
            let answer = session.create(&keys::secret(key_type, &wrong)).map(|_| ());
            target.same("a wrong parity", answer, Err(Code::AttributeValueInvalid));
            let answer = session.create(&keys::secret(key_type, &KEY[..len - 1])).map(|_| ());
            target.same("a byte too few", answer, Err(Code::AttributeValueInvalid));
            let open = keys::flags(&[A::EXTRACTABLE], true);
            let kw = Mechanism::plain(M::AES_KEY_WRAP);
            let class = [Attribute::class(ObjectClass::SECRET_KEY), Attribute::key_type(key_type)];
            for (value, expected) in
                [(&KEY[..len], Ok(())), (&wrong[..], Err(Code::WrappedKeyInvalid))]
            {
                if len < 16 {
                    continue; // RFC 3394 wraps two blocks at least.
                }
                let generic = merged(&[&keys::secret(KeyType::GENERIC_SECRET, value), &open]);
                let generic = session.create(&generic).expect("a secret");
                let wrapped = session.wrap(&kw, wrapping, generic).expect("C_WrapKey");
                let answer = session.unwrap(&kw, wrapping, &wrapped, &class).map(|_| ());
                target.same("unwrapped", answer, expected);
            }
        }
    });
}
