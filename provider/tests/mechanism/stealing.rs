//! AES modes that steal ciphertext, CBC-CS1 and XTS: every length from a block on, in one part and in
//! many.

use serial_test::serial;

use super::{DECRYPT, ENCRYPT, Pair, offered, oracle};
use crate::harness::attribute::merged;
use crate::harness::{
    AttributeType as A, Code, Function, KeyType, Mechanism, MechanismType as M, Session, keys,
    on_user,
};

/// Mechanism, type and lengths in bytes of its keys, what the oracle makes of key, IV and data.
type Row = (M, KeyType, &'static [usize], fn(&[u8], &[u8; 16], &[u8]) -> Vec<u8>);

const ROWS: [Row; 2] = [
    (M::AES_CTS, KeyType::AES, &[16, 24, 32], oracle::cbc_cs1),
    (M::AES_XTS, KeyType::AES_XTS, &[64], oracle::xts),
];

pub fn pairs() -> Vec<Pair> {
    ROWS.iter().map(|row| (row.0, ENCRYPT | DECRYPT)).collect()
}

const IV: [u8; 16] = [0xf0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

fn key(session: Session<'_>, key_type: KeyType, value: &[u8]) -> u64 {
    let uses = keys::flags(&[A::ENCRYPT, A::DECRYPT], true);
    session.create(&merged(&[&keys::secret(key_type, value), &uses])).expect("a key")
}

/// "AES CBC with CipherText Stealing CTS", "AES XTS".
#[test]
#[serial]
fn as_many_bytes_come_out_as_go_in_and_are_the_oracles() {
    on_user(|session| {
        for (id, key_type, sizes, expected) in ROWS {
            if !offered(session, (id, ENCRYPT | DECRYPT)) {
                continue;
            }
            let mechanism = Mechanism::bytes(id, &IV);
            for size in sizes {
                let value = bytes(*size);
                let key = key(session, key_type, &value);
                for len in (16..=49).chain([160, 1000, 4096]) {
                    let (plain, what) = (bytes(len), format!("{id:?}, {len} bytes by {size}"));
                    let cipher = expected(&value, &IV, &plain);
                    let got = session.run(Function::Encrypt, &mechanism, key, &plain);
                    session.target.same(&what, got, Ok(cipher.clone()));
                    let got = session.run(Function::Decrypt, &mechanism, key, &cipher);
                    session.target.same(&what, got, Ok(plain.clone()));
                    for cut in [1, 16, 33] {
                        let parts: Vec<&[u8]> = plain.chunks(cut).collect();
                        let got = session.run_parts(Function::Encrypt, &mechanism, key, &parts);
                        session.target.same(&what, got, Ok(cipher.clone()));
                        let parts: Vec<&[u8]> = cipher.chunks(cut).collect();
                        let got = session.run_parts(Function::Decrypt, &mechanism, key, &parts);
                        session.target.same(&what, got, Ok(plain.clone()));
                    }
                }
            }
        }
    });
}

/// RFC 3962 appendix B, with the last two blocks in the order of CS1.
#[test]
#[serial]
fn cts_gives_the_vector_of_rfc_3962() {
    on_user(|session| {
        if !offered(session, (M::AES_CTS, ENCRYPT | DECRYPT)) {
            return;
        }
        let key = key(session, KeyType::AES, b"chicken teriyaki");
        let mechanism = Mechanism::bytes(M::AES_CTS, &[0; 16]);
        let got = session.run(Function::Encrypt, &mechanism, key, b"I would like the ");
        let expected = hex::decode("97c6353568f2bf8cb4d8a580362da7ff7f").expect("hex");
        session.target.same("17 bytes", got, Ok(expected));
    });
}

/// IEEE 1619 appendix B, vector 10: the first two blocks of its data unit.
#[test]
#[serial]
fn xts_gives_the_vector_of_ieee_1619() {
    on_user(|session| {
        if !offered(session, (M::AES_XTS, ENCRYPT | DECRYPT)) {
            return;
        }
        let value = "27182818284590452353602874713526624977572470936999595749669676273141592653589793238462643383279502884197169399375105820974944592";
        let key = key(session, KeyType::AES_XTS, &hex::decode(value).expect("hex"));
        let mut unit = [0; 16];
        unit[0] = 0xff;
        let plain: Vec<u8> = (0..=255).chain(0..=255).collect();
        let mechanism = Mechanism::bytes(M::AES_XTS, &unit);
        let got = session.run(Function::Encrypt, &mechanism, key, &plain);
        let front = "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b";
        let got = got.map(|cipher| cipher[..32].to_vec());
        session.target.same("32 bytes", got, Ok(hex::decode(front).expect("hex")));
    });
}

/// "Any, ≥ block size (16 bytes)"; the parameter is one block.
#[test]
#[serial]
fn less_than_a_block_and_other_parameters_are_refused() {
    on_user(|session| {
        let target = session.target;
        for (id, key_type, sizes, _) in ROWS {
            if !offered(session, (id, ENCRYPT | DECRYPT)) {
                continue;
            }
            let key = key(session, key_type, &bytes(sizes[0]));
            let mechanism = Mechanism::bytes(id, &IV);
            for len in [0, 1, 15] {
                let what = format!("{id:?}, {len} bytes");
                let answer = session.run(Function::Encrypt, &mechanism, key, &bytes(len));
                target.same(&what, answer, Err(Code::DataLenRange));
                let answer = session.run(Function::Decrypt, &mechanism, key, &bytes(len));
                target.same(&what, answer, Err(Code::EncryptedDataLenRange));
            }
            for len in [0, 8, 17] {
                let mechanism = Mechanism::bytes(id, &vec![1; len]);
                let answer = session.try_init(Function::Encrypt, &mechanism, key);
                let what = format!("{id:?}, an IV of {len} bytes");
                target.same(&what, answer, Err(Code::MechanismParamInvalid));
            }
        }
        if offered(session, (M::AES_XTS, ENCRYPT | DECRYPT)) {
            for len in [16, 32, 48, 63, 65] {
                let answer = session.create(&keys::secret(KeyType::AES_XTS, &bytes(len)));
                let what = format!("an XTS key of {len} bytes");
                target.same(&what, answer.map(|_| ()), Err(Code::AttributeValueInvalid));
            }
        }
    });
}
