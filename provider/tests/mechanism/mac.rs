//! AES as a code: CMAC, its truncated form, GMAC, at each key size against known answers.

use serial_test::serial;

use super::{Pair, SIGN, VERIFY, offered};
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, Mechanism, MechanismType as M, Session, keys,
    on_user,
};

struct Row {
    id: M,
    mechanism: fn() -> Mechanism,
    /// Of the bytes 00 01 ... 2e under keys 00 01 02 ... of 16, 24 and 32 bytes. From OpenSSL.
    answers: [&'static str; 3],
}

const CMAC: [&str; 3] = [
    "f485e468a2ad9dd31b89d0d35c9f47c9",
    "4e02a666df5da5bbfbe115bbfc3329d2",
    "f45ae3cbd5ada635ad27a0a56e6a5fa4",
];

const ROWS: [Row; 3] = [
    Row { id: M::AES_CMAC, mechanism: || Mechanism::plain(M::AES_CMAC), answers: CMAC },
    Row {
        id: M::AES_CMAC_GENERAL,
        mechanism: || Mechanism::number(M::AES_CMAC_GENERAL, 16),
        answers: CMAC,
    },
    Row {
        id: M::AES_GMAC,
        mechanism: || Mechanism::gcm_like(M::AES_GMAC, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        answers: [
            "fdf94f2015a3c2322e1c263c4196c935",
            "0edc0b67a47821b5b4b629aa0debe3ba",
            "85b6ccbf7c10e42e66c9e78639e93cee",
        ],
    },
];

pub fn pairs() -> Vec<Pair> {
    ROWS.iter().map(|row| (row.id, SIGN | VERIFY)).collect()
}

/// An AES key 00 01 02 ... that signs and verifies.
fn key(session: Session<'_>, len: u8) -> u64 {
    let value: Vec<u8> = (0..len).collect();
    let uses = keys::flags(&[A::SIGN, A::VERIFY], true);
    let template = [vec![Attribute::bytes(A::VALUE, &value)], uses].concat();
    session.aes_with(&template).expect("an AES key")
}

/// "AES-CMAC", "General-length AES-CMAC", "AES-GMAC".
#[test]
#[serial]
fn every_code_is_the_known_answer_at_each_key_size() {
    on_user(|session| {
        let data: Vec<u8> = (0..47).collect();
        for (i, len) in [16, 24, 32].into_iter().enumerate() {
            let key = key(session, len);
            for row in ROWS.iter().filter(|row| offered(session, (row.id, SIGN | VERIFY))) {
                let what = format!("{:?}, {len} bytes of key", row.id);
                let expected = hex::decode(row.answers[i]).expect("hex");
                let mechanism = (row.mechanism)();
                let whole = session.run(Function::Sign, &mechanism, key, &data);
                session.target.same(&what, whole, Ok(expected.clone()));
                let (a, b) = data.split_at(16);
                let parts = session.run_parts(Function::Sign, &mechanism, key, &[a, b]);
                session.target.same(&format!("{what}, parts"), parts, Ok(expected.clone()));
                let check = session.check(&mechanism, key, &data, &expected);
                session.target.same(&what, check, Ok(()));
                let check = session.check_parts(&mechanism, key, &[a, b], &expected);
                session.target.same(&format!("{what}, parts"), check, Ok(()));
                let mut damaged = expected;
                damaged[15] ^= 1;
                let check = session.check(&mechanism, key, &data, &damaged);
                session.target.same(&what, check, Err(Code::SignatureInvalid));
            }
        }
    });
}

/// "General-length AES-CMAC": the beginning of the whole.
#[test]
#[serial]
fn a_truncated_code_is_the_beginning_of_the_whole() {
    on_user(|session| {
        if !offered(session, (M::AES_CMAC_GENERAL, SIGN | VERIFY)) {
            return;
        }
        let (key, data) = (key(session, 16), (0..47).collect::<Vec<u8>>());
        let expected = hex::decode(CMAC[0]).expect("hex");
        for len in [4, 8, 15] {
            let mechanism = Mechanism::number(M::AES_CMAC_GENERAL, len as u64);
            let code = session.run(Function::Sign, &mechanism, key, &data);
            session.target.same(&format!("{len} bytes"), code, Ok(expected[..len].to_vec()));
        }
        let too_long = Mechanism::number(M::AES_CMAC_GENERAL, 17);
        let answer = session.try_init(Function::Sign, &too_long, key);
        session.target.same("17 bytes", answer, Err(Code::MechanismParamInvalid));
    });
}
