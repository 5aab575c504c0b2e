//! Message-based functions of every mechanism that has them: encryption against the known answers of
//! the ordinary functions, signatures against the ordinary functions.

use serial_test::serial;

use super::{
    MESSAGE_DECRYPT, MESSAGE_ENCRYPT, MESSAGE_SIGN, MESSAGE_VERIFY, MULTI_MESSAGE, Pair, aead,
    cipher, des, dsa, hmac, offered, sign_ec, sign_rsa,
};
use crate::harness::abi::Arg;
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, Hash, KeyType, Mechanism, MechanismType as M,
    Room, Session, keys, on_legacy_user, on_user,
};

const SEAL: u64 = MESSAGE_ENCRYPT | MESSAGE_DECRYPT | MULTI_MESSAGE;
const SIGN: u64 = MESSAGE_SIGN | MESSAGE_VERIFY;
const END: u64 = 1;

const AEADS: [M; 3] = [M::AES_GCM, M::AES_CCM, M::CHACHA20_POLY1305];

/// Mechanisms that sign what is no message: in one part only.
const SINGLE: [M; 4] = [M::RSA_PKCS, M::RSA_PKCS_PSS, M::ECDSA, M::DSA];

pub fn pairs() -> Vec<Pair> {
    let signed = signing().into_iter().map(|id| (id, SIGN | multi(id)));
    AEADS.iter().map(|id| (*id, SEAL)).chain(signed).collect()
}

fn multi(id: M) -> u64 {
    if SINGLE.contains(&id) || id == M::RSA_X_509 { 0 } else { MULTI_MESSAGE }
}

fn signing() -> Vec<M> {
    let rsa = sign_rsa::PKCS1.iter().chain(&sign_rsa::PSS).map(|row| row.0);
    let ec = sign_ec::ECDSA.iter().map(|row| row.0);
    let codes = hmac::ROWS.iter().flat_map(|row| [row.1, row.2]);
    let rest = [M::RSA_X_509, M::EDDSA, M::AES_CMAC, M::AES_CMAC_GENERAL];
    let dsa = dsa::SIGNATURES.iter().map(|row| row.0);
    let rest = dsa.chain(rest).chain([M::DES3_CMAC, M::DES3_CMAC_GENERAL]);
    rsa.chain(ec).chain(codes).chain(rest).collect()
}

/// The parameter of a message and the memory that it points to.
struct Beside {
    words: Vec<u64>,
    nonce: Vec<u8>,
    tag: Vec<u8>,
}

impl Beside {
    fn new(id: M, data: usize) -> Self {
        let (mut nonce, mut tag) = (aead::NONCE.to_vec(), vec![0; 16]);
        let (at, tag_at) = (nonce.as_mut_ptr() as u64, tag.as_mut_ptr() as u64);
        let words = match id {
            M::AES_GCM => vec![at, 12, 0, 0, tag_at, 128],
            M::AES_CCM => vec![data as u64, at, 12, 0, 0, tag_at, 16],
            _ => vec![at, 96, tag_at],
        };
        Self { words, nonce, tag }
    }

    fn arguments(&self) -> [Arg<'_>; 2] {
        [Arg::Words(&self.words), Arg::Number(8 * self.words.len() as u64)]
    }
}

/// The names of the functions of one direction.
struct Names {
    init: &'static str,
    whole: &'static str,
    begin: &'static str,
    next: &'static str,
    last: &'static str,
}

const ENCRYPT: Names = Names {
    init: "C_MessageEncryptInit",
    whole: "C_EncryptMessage",
    begin: "C_EncryptMessageBegin",
    next: "C_EncryptMessageNext",
    last: "C_MessageEncryptFinal",
};

const DECRYPT: Names = Names {
    init: "C_MessageDecryptInit",
    whole: "C_DecryptMessage",
    begin: "C_DecryptMessageBegin",
    next: "C_DecryptMessageNext",
    last: "C_MessageDecryptFinal",
};

fn init(
    session: Session<'_>,
    name: &'static str,
    mechanism: &Mechanism,
    key: u64,
) -> Result<(), Code> {
    session.call(name, vec![Arg::Words(mechanism.words()), Arg::Number(key)])
}

fn bytes(data: &[u8]) -> [Arg<'_>; 2] {
    [Arg::Bytes(data), Arg::Number(data.len() as u64)]
}

/// A message in one part.
fn whole(
    session: Session<'_>,
    names: &Names,
    beside: &Beside,
    input: &[u8],
) -> Result<Vec<u8>, Code> {
    let mut arguments: Vec<Arg<'_>> = beside.arguments().into();
    arguments.extend(bytes(b"header"));
    arguments.extend(bytes(input));
    session.output(names.whole, arguments, Room::Bytes(input.len())).done()
}

/// A message in parts.
fn parts(
    session: Session<'_>,
    names: &Names,
    beside: &Beside,
    input: &[u8],
) -> Result<Vec<u8>, Code> {
    let mut arguments: Vec<Arg<'_>> = beside.arguments().into();
    arguments.extend(bytes(b"header"));
    session.call(names.begin, arguments)?;
    let chunks: Vec<&[u8]> = input.chunks(10).collect();
    let mut all = Vec::new();
    for (i, chunk) in chunks.iter().enumerate() {
        let flags = if i + 1 == chunks.len() { END } else { 0 };
        let (mut buffer, mut len) = (vec![0; input.len()], [input.len() as u64]);
        let mut arguments: Vec<Arg<'_>> = beside.arguments().into();
        arguments.extend(bytes(chunk));
        arguments.extend([Arg::BytesMut(&mut buffer), Arg::WordsMut(&mut len)]);
        arguments.push(Arg::Number(flags));
        session.call(names.next, arguments)?;
        all.extend(&buffer[..len[0] as usize]);
    }
    Ok(all)
}

/// "AES-GCM", "AES-CCM", "ChaCha20/Poly1305": MessageEncrypt and MessageDecrypt give what Encrypt
/// gives, with the tag in the parameter.
#[test]
#[serial]
fn an_encrypted_message_is_the_known_answer() {
    on_user(|session| {
        let gcm = [16, 24, 32].into_iter().zip(cipher::GCM).map(|(len, s)| (M::AES_GCM, len, s));
        for (id, len, answer) in gcm.chain(aead::ANSWERS) {
            if !offered(session, (id, SEAL)) {
                continue;
            }
            let key_type =
                if id == M::CHACHA20_POLY1305 { KeyType::CHACHA20 } else { KeyType::AES };
            let value: Vec<u8> = (0..len).collect();
            let uses = keys::flags(&[A::ENCRYPT, A::DECRYPT], true);
            let key = session.create(&[keys::secret(key_type, &value), uses].concat());
            let key = key.expect("a key");
            let (what, data) =
                (format!("{id:?}, {len} bytes of key"), (0..47).collect::<Vec<u8>>());
            let expected = hex::decode(answer).expect("hex");
            let (text, tag) = expected.split_at(47);
            let target = session.target;
            for names in [&ENCRYPT, &DECRYPT] {
                init(session, names.init, &Mechanism::plain(id), key).expect("Init");
            }
            for run in [whole, parts] {
                let mut beside = Beside::new(id, data.len());
                let sealed = run(session, &ENCRYPT, &beside, &data);
                target.same(&what, sealed, Ok(text.to_vec()));
                target.same(&format!("{what}, tag"), beside.tag.clone(), tag.to_vec());
                target.same("the nonce stays", beside.nonce.clone(), aead::NONCE.to_vec());
                let opened = run(session, &DECRYPT, &beside, text);
                target.same(&format!("{what}, back"), opened, Ok(data.clone()));
                beside.tag[15] ^= 1;
                let damaged = run(session, &DECRYPT, &beside, text);
                target.same(&format!("{what}, wrong tag"), damaged, Err(Code::AeadDecryptFailed));
            }
            for names in [&ENCRYPT, &DECRYPT] {
                session.call(names.last, vec![]).expect("Final");
            }
        }
    });
}

/// "AES-CCM": the length of the data is in the parameter, and the data has it.
#[test]
#[serial]
fn a_ccm_message_is_as_long_as_announced() {
    on_user(|session| {
        if !offered(session, (M::AES_CCM, SEAL)) {
            return;
        }
        let target = session.target;
        init(session, ENCRYPT.init, &Mechanism::plain(M::AES_CCM), session.aes()).expect("Init");
        for run in [whole, parts] {
            for len in [39, 41] {
                let answer = run(session, &ENCRYPT, &Beside::new(M::AES_CCM, 40), &vec![1; len]);
                target.same(&format!("{len} bytes"), answer, Err(Code::DataLenRange));
            }
            let answer = run(session, &ENCRYPT, &Beside::new(M::AES_CCM, 40), &[1; 40]);
            target.same("40 bytes", answer.map(|text| text.len()), Ok(40));
        }
    });
}

/// A mechanism that signs, with its pair of keys and the length of what it takes.
struct Signer {
    mechanism: Mechanism,
    public: u64,
    private: u64,
}

fn signers(session: Session<'_>) -> Vec<Signer> {
    let pss = |id: M, hash: Option<Hash>| {
        let hash = hash.unwrap_or(Hash::Sha256);
        Mechanism::pss(id, hash, hash, hash.size() as u64)
    };
    let (public, private) = session.rsa(2048);
    let rsa = sign_rsa::PKCS1.iter().map(|row| Mechanism::plain(row.0));
    let rsa = rsa.chain(sign_rsa::PSS.iter().map(|row| pss(row.0, row.1)));
    let rsa = rsa.chain([Mechanism::plain(M::RSA_X_509)]);
    let mut all: Vec<_> = rsa.map(|mechanism| Signer { mechanism, public, private }).collect();
    let (public, private) = session.ec(keys::P256);
    let ec = sign_ec::ECDSA.iter().map(|row| Mechanism::plain(row.0));
    all.extend(ec.map(|mechanism| Signer { mechanism, public, private }));
    let uses = keys::flags(&[A::SIGN, A::VERIFY], true);
    let template =
        [Attribute::bytes(A::EC_PARAMS, keys::ED25519), Attribute::flag(A::VERIFY, true)];
    let generate = Mechanism::plain(M::EC_EDWARDS_KEY_PAIR_GEN);
    let (public, private) =
        session.generate_pair(&generate, &template, &uses[..1]).expect("a pair");
    all.push(Signer { mechanism: Mechanism::plain(M::EDDSA), public, private });
    let key = session.aes_with(&uses).expect("an AES key");
    for mechanism in [Mechanism::plain(M::AES_CMAC), Mechanism::number(M::AES_CMAC_GENERAL, 8)] {
        all.push(Signer { mechanism, public: key, private: key });
    }
    let (public, private) = dsa::generate(session, 2, &[]);
    let dsa = dsa::SIGNATURES.iter().map(|row| Mechanism::plain(row.0));
    all.extend(dsa.map(|mechanism| Signer { mechanism, public, private }));
    let key = des::key(session, KeyType::DES3);
    for mechanism in [Mechanism::plain(M::DES3_CMAC), Mechanism::number(M::DES3_CMAC_GENERAL, 7)] {
        all.push(Signer { mechanism, public: key, private: key });
    }
    let key = session.hmac();
    for (_, full, general, _) in hmac::ROWS {
        for mechanism in [Mechanism::plain(full), Mechanism::number(general, 12)] {
            all.push(Signer { mechanism, public: key, private: key });
        }
    }
    all
}

/// `C_SignMessage`.
fn sign(session: Session<'_>, data: &[u8]) -> Result<Vec<u8>, Code> {
    let mut arguments = vec![Arg::Null, Arg::Number(0)];
    arguments.extend(bytes(data));
    session.output("C_SignMessage", arguments, Room::Bytes(1024)).done()
}

/// `C_SignMessageBegin` and two calls of `C_SignMessageNext`.
fn sign_parts(session: Session<'_>, data: &[u8]) -> Result<Vec<u8>, Code> {
    let (a, b) = data.split_at(9);
    session.call("C_SignMessageBegin", vec![Arg::Null, Arg::Number(0)])?;
    let mut arguments = vec![Arg::Null, Arg::Number(0)];
    arguments.extend(bytes(a));
    arguments.extend([Arg::Null, Arg::Null]);
    session.call("C_SignMessageNext", arguments)?;
    let mut arguments = vec![Arg::Null, Arg::Number(0)];
    arguments.extend(bytes(b));
    session.output("C_SignMessageNext", arguments, Room::Bytes(1024)).done()
}

/// `C_VerifyMessage`.
fn verify(session: Session<'_>, data: &[u8], signature: &[u8]) -> Result<(), Code> {
    let mut arguments = vec![Arg::Null, Arg::Number(0)];
    arguments.extend(bytes(data));
    arguments.extend(bytes(signature));
    session.call("C_VerifyMessage", arguments)
}

/// `C_VerifyMessageBegin` and two calls of `C_VerifyMessageNext`.
fn verify_parts(session: Session<'_>, data: &[u8], signature: &[u8]) -> Result<(), Code> {
    let (a, b) = data.split_at(5);
    session.call("C_VerifyMessageBegin", vec![Arg::Null, Arg::Number(0)])?;
    let mut arguments = vec![Arg::Null, Arg::Number(0)];
    arguments.extend(bytes(a));
    arguments.extend([Arg::Null, Arg::Number(0)]);
    session.call("C_VerifyMessageNext", arguments)?;
    let mut arguments = vec![Arg::Null, Arg::Number(0)];
    arguments.extend(bytes(b));
    arguments.extend(bytes(signature));
    session.call("C_VerifyMessageNext", arguments)
}

/// "Message-based signing and MACing functions": each message is signed as `C_Sign` signs it, and
/// what `C_Sign` signed is verified.
#[test]
#[serial]
fn a_signed_message_is_what_the_ordinary_functions_make_and_verify() {
    on_legacy_user(|session| {
        let target = session.target;
        let mut exercised = Vec::new();
        for Signer { mechanism, public, private } in signers(session) {
            let id = mechanism.id();
            exercised.push(id);
            if !offered(session, (id, SIGN | multi(id))) {
                continue;
            }
            let what = format!("{id:?}");
            init(session, "C_MessageSignInit", &mechanism, private).expect("Init");
            init(session, "C_MessageVerifyInit", &mechanism, public).expect("Init");
            for data in [b"thirty-two bytes to be signed ..", b"another message of as many bytes"] {
                let signature = sign(session, data).expect("C_SignMessage");
                let check = session.check(&mechanism, public, data, &signature);
                target.same(&format!("{what}: C_Verify"), check, Ok(()));
                let ordinary = session.run(Function::Sign, &mechanism, private, data);
                let ordinary = ordinary.expect("C_Sign");
                target.same(&what, verify(session, data, &ordinary), Ok(()));
                let mut damaged = ordinary.clone();
                damaged[5] ^= 1;
                let answer = verify(session, data, &damaged);
                target.same(&format!("{what}: damaged"), answer, Err(Code::SignatureInvalid));
                let answer = verify(session, data, &ordinary[1..]);
                target.same(&format!("{what}: short"), answer, Err(Code::SignatureLenRange));
                if multi(id) == 0 {
                    let answer = sign_parts(session, data);
                    target.same(&what, answer, Err(Code::OperationNotInitialized));
                    continue;
                }
                let signature = sign_parts(session, data).expect("in parts");
                let check = session.check(&mechanism, public, data, &signature);
                target.same(&format!("{what}: C_Verify of parts"), check, Ok(()));
                let check = verify_parts(session, data, &ordinary);
                target.same(&format!("{what}: in parts"), check, Ok(()));
                let answer = verify_parts(session, data, &damaged);
                target.same(&format!("{what}: damaged"), answer, Err(Code::SignatureInvalid));
            }
            session.call("C_MessageSignFinal", vec![]).expect("Final");
            session.call("C_MessageVerifyFinal", vec![]).expect("Final");
        }
        assert!(signing().iter().all(|id| exercised.contains(id)), "a mechanism has no signer");
    });
}
