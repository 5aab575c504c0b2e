//! Authenticated encryption beside GCM: AES-CCM at each key size, ChaCha20-Poly1305.

use serial_test::serial;

use super::{DECRYPT, ENCRYPT, Pair, offered};
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, KeyType, Mechanism, MechanismType as M, keys,
    on_user,
};

pub const NONCE: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/// The bytes 00 01 ... 2e with the associated data "header", a tag of 16 bytes, under the key
/// 00 01 02 ... of so many bytes. From OpenSSL.
pub const ANSWERS: [(M, u8, &str); 4] = [
    (
        M::AES_CCM,
        16,
        "3314f164d885c2b6791ac3eb0ee78b8f7c470b21df11a12f567e5686ec3db5aed2646b3e30bb282a471965f19818c5145c463465cbf9b512a1a822fcbb34ef",
    ),
    (
        M::AES_CCM,
        24,
        "1f94e0c048b9dbb91dbc2c30a5eccae6dabc92ec115ba3adee474085f00c4fb6ce8c37e06ff1e4fc6a8e11f4758a838228bf55cd2d19217a93f338b427774f",
    ),
    (
        M::AES_CCM,
        32,
        "8ad4ba153a2acf90a4c0bb28013d524b2d6504662d604eae7dbc994e89053c6ce5ede85796fde7a3cba9213dea94b923be883a14ce1ab79588c0c43f936fed",
    ),
    (
        M::CHACHA20_POLY1305,
        32,
        "89fa0a032d12a347bf8a35f89410006cd961a0f44561bbaefe8e35de69ddb823cca10ed0c23b97bf1f1b5cf349b9a118e6596daab16604eee1d2edc2b6f504",
    ),
];

pub fn pairs() -> Vec<Pair> {
    ANSWERS.iter().map(|row| (row.0, ENCRYPT | DECRYPT)).collect()
}

fn mechanism(id: M, len: u64) -> Mechanism {
    match id {
        M::AES_CCM => Mechanism::ccm(len, &NONCE, b"header", 16),
        id => Mechanism::chacha(id, &NONCE, b"header"),
    }
}

/// "AES-CCM", "ChaCha20/Poly1305 and Salsa20/Poly1305 authenticated encryption".
#[test]
#[serial]
fn authenticated_encryption_gives_the_known_answer_and_refuses_damage() {
    on_user(|session| {
        let data: Vec<u8> = (0..47).collect();
        for (id, len, answer) in ANSWERS {
            if !offered(session, (id, ENCRYPT | DECRYPT)) {
                continue;
            }
            let key_type = if id == M::AES_CCM { KeyType::AES } else { KeyType::CHACHA20 };
            let value: Vec<u8> = (0..len).collect();
            let uses = keys::flags(&[A::ENCRYPT, A::DECRYPT], true);
            let template: Vec<Attribute> = [keys::secret(key_type, &value), uses].concat();
            let key = session.create(&template).expect("a key");
            let what = format!("{id:?}, {len} bytes of key");
            let expected = hex::decode(answer).expect("hex");
            let mechanism = mechanism(id, 47);
            let whole = session.run(Function::Encrypt, &mechanism, key, &data);
            session.target.same(&what, whole, Ok(expected.clone()));
            let back = session.run(Function::Decrypt, &mechanism, key, &expected);
            session.target.same(&format!("{what}, back"), back, Ok(data.clone()));
            let parts: Vec<&[u8]> = data.chunks(10).collect();
            let got = session.run_parts(Function::Encrypt, &mechanism, key, &parts);
            session.target.same(&format!("{what}, parts"), got, Ok(expected.clone()));
            let parts: Vec<&[u8]> = expected.chunks(10).collect();
            let got = session.run_parts(Function::Decrypt, &mechanism, key, &parts);
            session.target.same(&format!("{what}, parts back"), got, Ok(data.clone()));
            for i in [0, 46, 47, 62] {
                let mut damaged = expected.clone();
                damaged[i] ^= 1;
                let answer = session.run(Function::Decrypt, &mechanism, key, &damaged);
                session.target.holds(
                    &format!("{what}: damage is refused"),
                    matches!(answer, Err(Code::EncryptedDataInvalid | Code::AeadDecryptFailed)),
                );
            }
        }
    });
}
