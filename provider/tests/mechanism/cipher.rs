//! AES at each key size: known answers, and every mode back and forth in one part and in many.

use serial_test::serial;

use super::{DECRYPT, ENCRYPT, Pair, offered};
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, KeyType, Mechanism, MechanismType as M, Room,
    Session, keys, on_user,
};

/// How a mode treats its input.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Whole blocks only.
    Blocks,
    /// Any length.
    Stream,
    /// Any length, not in parts: key wrap.
    OnePart,
}

struct Mode {
    id: M,
    mechanism: fn() -> Mechanism,
    shape: Shape,
    /// With keys 00 01 02 ... of 16, 24 and 32 bytes: the bytes 00 01 02 ... encrypted, 48 of them
    /// for whole blocks and KW, 47 for the others. From OpenSSL.
    answers: [&'static str; 3],
}

const IV: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// With the associated data "header".
pub const GCM: [&str; 3] = [
    "936da5cd621ef15343db6b813aae7e07a33708f547f8ebe1fe38eb360859bc73a585f9d4d0a591c468dd23cceca4f9261779950edce4e8f16904f57742fc14",
    "e6f820989dbccf09d83ad689f3a4d27f1e8e21182cb440a967467123d18b3f43f755d5523e792b2cdb8e3b4f58bf527bfcf1c4bcaa91870fca13b705fc63c1",
    "4703d418c1e0c41c85489d80bde4766293c79527e46e496b207eff9e01741ead21318cdf8be434bf5c8d55c6a4aa06bf052a717e755aa3e8e20c0ea7749a6c",
];

const KWP: [&str; 3] = [
    "43d27de8ed10e0e56a4959046f2699bff757837e7624e02359b3b8ecd8a2819955cb467358b06aedcb5f39e54f8b794eb9dc62bcfd3de044",
    "8ab2b331220e2de114c1499d23190e4571e201aef1719c0fa11799b6825520cc0afdfc610913818a20de15755b47ba9cd8a3affc4c831602",
    "c5f127aeb51e73f51b44d52496f09725f9eaf47ab8e6091196ac71fe48bb34c2b025cfb8fb852a345daf63c1e19bad8e1db8cf8c4fd57ca5",
];

const MODES: [Mode; 8] = [
    Mode {
        id: M::AES_ECB,
        mechanism: || Mechanism::plain(M::AES_ECB),
        shape: Shape::Blocks,
        answers: [
            "0a940bb5416ef045f1c39458c653ea5a07feef74e1d5036e900eee118e9492935be87e2e5b447c944b21c9af7756c0d8",
            "0060bffe46834bb8da5cf9a61ff220ae93ae3b7f9fc2e8159d05a6a9f5e24f2d779fe44f29fffa2c25d3464fc3db3c49",
            "5a6e045708fb7196f02e553d02c3a692e9c3ef8ab23453e6f0749cd636e7a88e61a6936e4e8f101c1cc1f993b542a0d4",
        ],
    },
    Mode {
        id: M::AES_CBC,
        mechanism: || Mechanism::bytes(M::AES_CBC, &IV),
        shape: Shape::Blocks,
        answers: [
            "c6a13b37878f5b826f4f8162a1c8d87935d9dcdb829fec3352e7bf10b84be4a57b30464605f02a094c0af7ad984f61fc",
            "916251821c73a522c396d627380196071817db150e771c589ed080493de7338bb41eee4c09684adaa24290649087a027",
            "f29000b62a499fd0a9f39a6add2e77809543b86fc046fa883a9446b82e47d12da144fc255aad45bf681d3a3773a325c2",
        ],
    },
    Mode {
        id: M::AES_CBC_PAD,
        mechanism: || Mechanism::bytes(M::AES_CBC_PAD, &IV),
        shape: Shape::Stream,
        answers: [
            "c6a13b37878f5b826f4f8162a1c8d87935d9dcdb829fec3352e7bf10b84be4a53d66d9fd9714ceff20b5c3cff342e01d",
            "916251821c73a522c396d627380196071817db150e771c589ed080493de7338b9384f5612cf64be2d32cab0d33808dab",
            "f29000b62a499fd0a9f39a6add2e77809543b86fc046fa883a9446b82e47d12d4c6c4bd387992505645dbcec888cf27e",
        ],
    },
    Mode {
        id: M::AES_CTR,
        mechanism: || Mechanism::ctr(128, IV),
        shape: Shape::Stream,
        answers: [
            "0a9509b6456bf642f9ca9e53ca5ee4551272fe87720d648182c3e71457b911c33a0cb690353983df95ebe266e004c2",
            "0061bdfd42864dbfd255f3ad13ff2ea139e671fbb560d0a8bd4d8e920e995bea73e632dad801dac6b366b21c17ecc2",
            "5a6f06540cfe7791f8275f360ecea89d70e202c6d7904e4a4d0fe14a6ef83ed03c4455781ee0ea8393c8218ec93ce9",
        ],
    },
    Mode {
        id: M::AES_GCM,
        mechanism: || Mechanism::gcm(&IV[..12], b"header", 128),
        shape: Shape::Stream,
        answers: GCM,
    },
    Mode {
        id: M::AES_KEY_WRAP,
        mechanism: || Mechanism::plain(M::AES_KEY_WRAP),
        shape: Shape::OnePart,
        answers: [
            "b37c378ecb4211ec022189d70b826a5bb1c4118933a12da21e76fbd45fac173f5f00b01ca7d63b5cd9af141c04374604e461886cabcbccbc",
            "eade1c4142fba55f13280a7758796d60feb9e8ac3512e183ec39a228e271ad9110c9eb8db562bede95affb45ae9b52c3ebfdf10caec0bf0d",
            "aa7802d7ccbe7e74aadf9129dcd055438732f644e6f48c022600bbf93b0a52f2a70b7b4b3bd8661c5f6eb6f886e9729d25d35d9043bb2128",
        ],
    },
    Mode {
        id: M::AES_KEY_WRAP_PAD,
        mechanism: || Mechanism::plain(M::AES_KEY_WRAP_PAD),
        shape: Shape::OnePart,
        answers: KWP,
    },
    Mode {
        id: M::AES_KEY_WRAP_KWP,
        mechanism: || Mechanism::plain(M::AES_KEY_WRAP_KWP),
        shape: Shape::OnePart,
        answers: KWP,
    },
];

pub fn pairs() -> Vec<Pair> {
    MODES.iter().map(|mode| (mode.id, ENCRYPT | DECRYPT)).collect()
}

/// An AES key 00 01 02 ... of so many bytes.
fn aes(session: Session<'_>, len: u8) -> u64 {
    let value: Vec<u8> = (0..len).collect();
    session.aes_with(&[Attribute::bytes(A::VALUE, &value)]).expect("an AES key")
}

fn modes(session: Session<'_>) -> impl Iterator<Item = &'static Mode> {
    static ALL: [Mode; 8] = MODES;
    ALL.iter().filter(move |mode| offered(session, (mode.id, ENCRYPT | DECRYPT)))
}

/// "AES-ECB", "AES-CBC", "AES-CBC with PKCS padding", "AES-CTR", "AES-GCM", "AES Key Wrap".
#[test]
#[serial]
fn every_mode_gives_the_known_answer_at_each_key_size() {
    on_user(|session| {
        for (i, len) in [16, 24, 32].into_iter().enumerate() {
            let key = aes(session, len);
            for mode in modes(session) {
                let what = format!("{:?}, {len} bytes of key", mode.id);
                let expected = hex::decode(mode.answers[i]).expect("hex");
                let whole = mode.shape == Shape::Blocks || mode.id == M::AES_KEY_WRAP;
                let data: Vec<u8> = (0..if whole { 48 } else { 47 }).collect();
                let mechanism = (mode.mechanism)();
                let encrypted = session.run(Function::Encrypt, &mechanism, key, &data);
                session.target.same(&what, encrypted, Ok(expected.clone()));
                let decrypted = session.run(Function::Decrypt, &mechanism, key, &expected);
                session.target.same(&format!("{what}, back"), decrypted, Ok(data));
            }
        }
    });
}

/// Whatever the parts, the output is that of one part.
#[test]
#[serial]
fn parts_give_what_the_whole_gives() {
    on_user(|session| {
        for len in [16, 24, 32] {
            let key = aes(session, len);
            for mode in modes(session).filter(|mode| mode.shape != Shape::OnePart) {
                for size in [16, 160, 1024, 4096] {
                    let size = size - if mode.shape == Shape::Stream { 5 } else { 0 };
                    let data: Vec<u8> = (0..size).map(|i| (i % 253) as u8).collect();
                    let mechanism = (mode.mechanism)();
                    let what = format!("{:?}, {len} bytes of key, {size} bytes", mode.id);
                    let whole = session.run(Function::Encrypt, &mechanism, key, &data);
                    let whole = whole.expect("C_Encrypt");
                    for cut in [1, 16, 100] {
                        let parts: Vec<&[u8]> = data.chunks(cut).collect();
                        let got = session.run_parts(Function::Encrypt, &mechanism, key, &parts);
                        session.target.same(&what, got, Ok(whole.clone()));
                        let parts: Vec<&[u8]> = whole.chunks(cut).collect();
                        let got = session.run_parts(Function::Decrypt, &mechanism, key, &parts);
                        session.target.same(&format!("{what}, back"), got, Ok(data.clone()));
                    }
                }
            }
        }
    });
}

/// The specification's table of mechanisms marks key wrap as single-part only.
#[test]
#[serial]
fn key_wrap_takes_no_parts() {
    on_user(|session| {
        let key = session.aes();
        for mode in modes(session).filter(|mode| mode.shape == Shape::OnePart) {
            let mechanism = (mode.mechanism)();
            session.init(Function::Encrypt, &mechanism, key).expect("C_EncryptInit");
            let answer = session.update(Function::Encrypt, &[0; 16], Room::Bytes(64)).sized();
            session.target.holds(&format!("{:?}: C_EncryptUpdate fails", mode.id), answer.is_err());
            let _ = session.finish(Function::Encrypt, Room::Bytes(64));
        }
    });
}

/// "AES-CTR": the counter has as many bits as the parameter says, and wraps within them.
#[test]
#[serial]
fn a_counter_is_not_used_beyond_its_bits() {
    on_user(|session| {
        let key = session.aes();
        let mut block = [0xff; 16];
        block[..4].fill(0);
        // One block is left before 8 bits of counter would repeat themselves.
        let mechanism = Mechanism::ctr(8, block);
        let one = session.run(Function::Encrypt, &mechanism, key, &[0; 16]);
        session.target.same("one block", one.map(|out| out.len()), Ok(16));
        for bits in [0, 129, u64::MAX] {
            let answer = session.try_init(Function::Encrypt, &Mechanism::ctr(bits, [0; 16]), key);
            let what = format!("{bits} bits");
            session.target.same(&what, answer, Err(Code::MechanismParamInvalid));
        }
    });
}

/// "AES-GCM": a tag of the length of the parameter, at the end of the ciphertext.
#[test]
#[serial]
fn gcm_takes_tags_of_every_length_and_refuses_what_is_damaged() {
    on_user(|session| {
        let target = session.target;
        let key = session.aes();
        for bits in [96, 104, 112, 120, 128] {
            let mechanism = Mechanism::gcm(&[7; 12], b"aad", bits);
            let encrypted = session.run(Function::Encrypt, &mechanism, key, b"text");
            let encrypted = encrypted.expect("C_Encrypt");
            target.same(&format!("{bits} bits"), encrypted.len() as u64, 4 + bits / 8);
            for i in [0, 4, encrypted.len() - 1] {
                let mut damaged = encrypted.clone();
                damaged[i] ^= 0x80;
                let answer = session.run(Function::Decrypt, &mechanism, key, &damaged);
                target.same("damaged", answer, Err(Code::EncryptedDataInvalid));
            }
            let other = Mechanism::gcm(&[7; 12], b"AAD", bits);
            let answer = session.run(Function::Decrypt, &other, key, &encrypted);
            target.same("other associated data", answer, Err(Code::EncryptedDataInvalid));
            let short = &encrypted[..bits as usize / 8 - 1];
            let answer = session.run(Function::Decrypt, &mechanism, key, short);
            target.holds(
                "shorter than its tag",
                matches!(answer, Err(Code::EncryptedDataLenRange | Code::EncryptedDataInvalid)),
            );
        }
        for bits in [0, 8, 127, 136] {
            let mechanism = Mechanism::gcm(&[7; 12], b"aad", bits);
            let answer = session.try_init(Function::Encrypt, &mechanism, key);
            let what = format!("a tag of {bits} bits");
            target.same(&what, answer, Err(Code::MechanismParamInvalid));
        }
    });
}

/// No plaintext before the tag is verified: decryption in parts gives all of it at the end.
#[test]
#[serial]
fn gcm_gives_no_plaintext_that_is_not_authentic() {
    on_user(|session| {
        let key = session.aes();
        let mechanism = Mechanism::gcm(&[7; 12], b"", 128);
        let mut encrypted =
            session.run(Function::Encrypt, &mechanism, key, &[1; 64]).expect("C_Encrypt");
        encrypted[79] ^= 1;
        session.init(Function::Decrypt, &mechanism, key).expect("C_DecryptInit");
        let update = session.update(Function::Decrypt, &encrypted, Room::Bytes(128)).sized();
        session.target.same("C_DecryptUpdate", update, Ok(0));
        let reply = session.finish(Function::Decrypt, Room::Bytes(128));
        session.target.same("C_DecryptFinal", reply.answer, Err(Code::EncryptedDataInvalid));
        session.target.holds("no plaintext is there", !reply.buffer.contains(&1));
    });
}

#[test]
#[serial]
fn gcm_parameters_come_in_two_sizes() {
    on_user(|session| {
        let target = session.target;
        let key = session.aes();
        let new = Mechanism::gcm(&[7; 12], b"aad", 128);
        let old = Mechanism::gcm_of_240(&[7; 12], b"aad", 128);
        let expected = session.run(Function::Encrypt, &new, key, b"text").expect("C_Encrypt");
        let got = session.run(Function::Encrypt, &old, key, b"text");
        target.same("40 bytes", got, Ok(expected));
        for len in [0, 39, 41] {
            let mechanism = Mechanism::gcm(&[7; 12], b"aad", 128).with_length(len, false);
            let answer = session.try_init(Function::Encrypt, &mechanism, key);
            target.same(&format!("{len} bytes"), answer, Err(Code::MechanismParamInvalid));
        }
        let empty = Mechanism::gcm(&[], b"", 128);
        let answer = session.try_init(Function::Encrypt, &empty, key);
        target.same("no nonce", answer, Err(Code::MechanismParamInvalid));
        let long = Mechanism::gcm(&[7; 256], b"", 128);
        let got = session.run(Function::Encrypt, &long, key, b"text").map(|out| out.len());
        target.same("a nonce of 256 bytes", got, Ok(20));
    });
}

/// "AES-CBC with PKCS padding": one answer to every kind of damage, so that nobody learns which
/// byte of the padding was wrong.
#[test]
#[serial]
fn damaged_padding_is_one_error() {
    on_user(|session| {
        let key = session.aes();
        let ecb = Mechanism::plain(M::AES_ECB);
        let padded = Mechanism::bytes(M::AES_CBC_PAD, &[0; 16]);
        for last in [[0; 16], [17; 16], [3; 16].map(|byte: u8| byte), [255; 16]] {
            let mut block = last;
            if last == [3; 16] {
                block[14] = 4;
            }
            // With a zero IV one block of CBC is ECB.
            let encrypted = session.run(Function::Encrypt, &ecb, key, &block).expect("C_Encrypt");
            let answer = session.run(Function::Decrypt, &padded, key, &encrypted);
            session.target.same("C_Decrypt", answer, Err(Code::EncryptedDataInvalid));
        }
        for len in [1, 15, 17] {
            let answer = session.run(Function::Decrypt, &padded, key, &vec![0; len]);
            let what = format!("{len} bytes");
            session.target.same(&what, answer, Err(Code::EncryptedDataLenRange));
        }
    });
}

/// A key that is not AES does not do AES, whatever it is allowed to do.
#[test]
#[serial]
fn a_key_of_another_type_is_inconsistent() {
    on_user(|session| {
        let template = [
            keys::secret(KeyType::GENERIC_SECRET, &[1; 16]),
            keys::flags(&[A::ENCRYPT, A::DECRYPT], true),
        ]
        .concat();
        let key = session.create(&template).expect("a generic secret");
        for mode in modes(session) {
            for function in [Function::Encrypt, Function::Decrypt] {
                let answer = session.try_init(function, &(mode.mechanism)(), key);
                let what = format!("{function:?} {:?}", mode.id);
                session.target.same(&what, answer, Err(Code::KeyTypeInconsistent));
            }
        }
    });
}
