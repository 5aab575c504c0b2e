//! What must not be told apart: paddings, tags, codes. And the leaks that are planted.

use keyway_pkcs11::code::Code;
use sha2::{Digest, Sha256};

use crate::harness::abi::Arg;
use crate::harness::{Function, Hash, Mechanism, MechanismType as M, Room, Session};
use crate::{Call, Case, raw, timed};

/// Inputs of a class: none of them stands for all.
const INPUTS: usize = 64;
/// Samples of what takes microseconds.
const MANY: usize = 400_000;
/// Samples of what takes a private RSA operation.
const FEW: usize = 30_000;
/// The modulus in bytes.
const MODULUS: usize = 256;

/// Every case on the session of a user.
pub fn all<'a>(session: Session<'a>) -> Vec<Case<'a>> {
    let (public, private) = session.rsa(2048);
    let rsa = Rsa { session, public, private };
    vec![
        early_exit(session),
        rsa.late_synthesis(),
        hmac(session),
        cmac(session),
        gcm(session),
        cbc_pad(session),
        rsa.pkcs1(),
        rsa.oaep(),
    ]
}

fn random(session: Session<'_>, len: usize) -> Vec<u8> {
    session.random(len).expect("random bytes")
}

/// `count` copies, each by itself changed.
fn inputs(mut make: impl FnMut(usize) -> Vec<u8>) -> Vec<Vec<u8>> {
    (0..INPUTS).map(&mut make).collect()
}

/// A copy with another byte at `at`.
fn changed(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[at] ^= 0x55;
    changed
}

/// Init, then C_Decrypt with the time that it took; what it answered has to be `expected`.
fn decrypting<'a>(
    session: Session<'a>,
    mechanism: Mechanism,
    key: u64,
    expected: Code,
) -> Call<'a> {
    let mut output = [0; MODULUS];
    Box::new(move |input| {
        session.init(Function::Decrypt, &mechanism, key).expect("C_DecryptInit");
        let mut len = [output.len() as u64];
        let arguments = vec![
            Arg::Bytes(input),
            Arg::Number(input.len() as u64),
            Arg::BytesMut(&mut output),
            Arg::WordsMut(&mut len),
        ];
        let (time, answer) = timed(|| raw(session, "C_Decrypt", arguments));
        assert_eq!(answer, expected.raw(), "C_Decrypt");
        time
    })
}

/// Init, then C_Verify of another code than the right one.
fn verifying<'a>(session: Session<'a>, mechanism: Mechanism, key: u64) -> Call<'a> {
    Box::new(move |code| {
        session.init(Function::Verify, &mechanism, key).expect("C_VerifyInit");
        let arguments = vec![
            Arg::Bytes(TEXT),
            Arg::Number(TEXT.len() as u64),
            Arg::Bytes(code),
            Arg::Number(code.len() as u64),
        ];
        let (time, answer) = timed(|| raw(session, "C_Verify", arguments));
        assert_eq!(answer, Code::SignatureInvalid.raw(), "C_Verify");
        time
    })
}

/// What is signed.
const TEXT: &[u8] = b"sixty-four bytes of text, or thereabouts, to be signed by a MAC.";
const ENDS: &str = "first byte wrong / last byte wrong";

/// The right code, and the two classes of wrong ones.
fn codes(code: &[u8]) -> [Vec<Vec<u8>>; 2] {
    [vec![changed(code, 0)], vec![changed(code, code.len() - 1)]]
}

fn hmac(session: Session<'_>) -> Case<'_> {
    let (key, mechanism) = (session.hmac(), Mechanism::plain(M::SHA256_HMAC));
    let code = session.run(Function::Sign, &mechanism, key, TEXT).expect("a MAC");
    Case {
        name: "C_Verify CKM_SHA256_HMAC",
        classes: ENDS,
        is_planted: false,
        samples: MANY,
        inputs: codes(&code),
        call: verifying(session, mechanism, key),
    }
}

fn cmac(session: Session<'_>) -> Case<'_> {
    let more = [crate::harness::AttributeType::SIGN, crate::harness::AttributeType::VERIFY];
    let key = session.aes_with(&crate::harness::keys::flags(&more, true)).expect("a key");
    let mechanism = Mechanism::plain(M::AES_CMAC);
    let code = session.run(Function::Sign, &mechanism, key, TEXT).expect("a MAC");
    Case {
        name: "C_Verify CKM_AES_CMAC",
        classes: ENDS,
        is_planted: false,
        samples: MANY,
        inputs: codes(&code),
        call: verifying(session, mechanism, key),
    }
}

fn gcm(session: Session<'_>) -> Case<'_> {
    let (key, mechanism) = (session.aes(), Mechanism::gcm(&[7; 12], b"", 128));
    let sealed = session.run(Function::Encrypt, &mechanism, key, TEXT).expect("a ciphertext");
    let tag = sealed.len() - 16;
    Case {
        name: "C_Decrypt CKM_AES_GCM",
        classes: "tag: first byte wrong / last byte wrong",
        is_planted: false,
        samples: MANY,
        inputs: [vec![changed(&sealed, tag)], vec![changed(&sealed, tag + 15)]],
        call: decrypting(session, mechanism, key, Code::EncryptedDataInvalid),
    }
}

/// Four blocks of text and one that is nothing but padding.
fn cbc_pad(session: Session<'_>) -> Case<'_> {
    let (key, iv) = (session.aes(), [9; 16]);
    let encrypted = |padding: [u8; 16]| {
        let plain = [&random(session, 64)[..], &padding].concat();
        let cbc = Mechanism::bytes(M::AES_CBC, &iv);
        session.run(Function::Encrypt, &cbc, key, &plain).expect("a ciphertext")
    };
    let (mut last, mut first) = ([16; 16], [16; 16]);
    last[15] = 17;
    first[0] = 15;
    Case {
        name: "C_Decrypt CKM_AES_CBC_PAD",
        classes: "last byte wrong / first byte of padding wrong",
        is_planted: false,
        samples: MANY,
        inputs: [inputs(|_| encrypted(last)), inputs(|_| encrypted(first))],
        call: decrypting(
            session,
            Mechanism::bytes(M::AES_CBC_PAD, &iv),
            key,
            Code::EncryptedDataInvalid,
        ),
    }
}

/// The verification of [`hmac`], as it would be with a comparison that ends at the first difference.
fn early_exit(session: Session<'_>) -> Case<'_> {
    let (key, mechanism) = (session.hmac(), Mechanism::plain(M::SHA256_HMAC));
    let code = session.run(Function::Sign, &mechanism, key, TEXT).expect("a MAC");
    let call = move |code: &[u8]| {
        session.init(Function::Sign, &mechanism, key).expect("C_SignInit");
        let (mut made, mut len) = ([0; 32], [32]);
        let (time, same) = timed(|| {
            let arguments = vec![
                Arg::Bytes(TEXT),
                Arg::Number(TEXT.len() as u64),
                Arg::BytesMut(&mut made),
                Arg::WordsMut(&mut len),
            ];
            raw(session, "C_Sign", arguments);
            // The leak.
            made.iter().zip(code).all(|(made, given)| std::hint::black_box(*made == *given))
        });
        assert!(!same);
        time
    };
    Case {
        name: "planted: memcmp after HMAC",
        classes: ENDS,
        is_planted: true,
        samples: MANY,
        inputs: codes(&code),
        call: Box::new(call),
    }
}

struct Rsa<'a> {
    session: Session<'a>,
    public: u64,
    private: u64,
}

impl<'a> Rsa<'a> {
    /// The public operation on a whole block.
    fn raise(&self, block: &[u8]) -> Vec<u8> {
        let raw = Mechanism::plain(M::RSA_X_509);
        self.session.run(Function::Encrypt, &raw, self.public, block).expect("a ciphertext")
    }

    /// `00 02`, padding without zeros, `00`, a message of `len` bytes (RFC 8017 section 7.2.1).
    fn block(&self, len: usize) -> Vec<u8> {
        let mut block = random(self.session, MODULUS);
        block[..2].copy_from_slice(&[0, 2]);
        let end = MODULUS - len - 1;
        block[2..end].iter_mut().for_each(|byte| *byte |= 1);
        block[end] = 0;
        block
    }

    /// What is wrong by turns: the type, a zero in the first eight bytes of padding, no zero at all.
    fn wrong(&self, n: usize) -> Vec<u8> {
        let mut block = self.block(32);
        match n % 3 {
            0 => block[1] = 1,
            1 => block[5] = 0,
            _ => block[2..].iter_mut().for_each(|byte| *byte |= 1),
        }
        self.raise(&block)
    }

    /// Wrong paddings give messages of lengths that nobody foresees, and longer ones are copied for
    /// longer; so right ones come in the same lengths, which C_Decrypt tells anyway.
    fn pairs(&self) -> [Vec<Vec<u8>>; 2] {
        let pkcs1 = Mechanism::plain(M::RSA_PKCS);
        let wrong = inputs(|n| self.wrong(n));
        let right = |wrong: &Vec<u8>| {
            let made = self.session.run(Function::Decrypt, &pkcs1, self.private, wrong);
            self.raise(&self.block(made.expect("a synthetic message").len()))
        };
        [wrong.iter().map(right).collect(), wrong]
    }

    fn pkcs1(&self) -> Case<'a> {
        let pkcs1 = Mechanism::plain(M::RSA_PKCS);
        Case {
            name: "C_Decrypt CKM_RSA_PKCS",
            classes: "padding right / wrong",
            is_planted: false,
            samples: FEW,
            inputs: self.pairs(),
            call: decrypting(self.session, pkcs1, self.private, Code::Ok),
        }
    }

    /// The padding of [`pkcs1`](Self::pkcs1), taken off as one that makes a synthetic message only
    /// when it needs one: two codes of HMAC more.
    fn late_synthesis(&self) -> Case<'a> {
        let session = self.session;
        let (private, key) = (self.private, session.hmac());
        let (without, hmac) = (Mechanism::plain(M::RSA_X_509), Mechanism::plain(M::SHA256_HMAC));
        let call = move |input: &[u8]| {
            session.init(Function::Decrypt, &without, private).expect("C_DecryptInit");
            let (time, ()) = timed(|| {
                let block = session.whole(Function::Decrypt, input, Room::Bytes(MODULUS)).done();
                let block = block.expect("a block");
                let zero = block.iter().skip(2).position(|byte| *byte == 0);
                if block[..2] != [0, 2] || zero.is_none_or(|at| at < 8) {
                    for _ in 0..2 {
                        session.run(Function::Sign, &hmac, key, input).expect("a MAC");
                    }
                }
            });
            time
        };
        Case {
            name: "planted: synthesis when wrong",
            classes: "padding right / wrong",
            is_planted: true,
            samples: FEW,
            inputs: self.pairs(),
            call: Box::new(call),
        }
    }

    fn oaep(&self) -> Case<'a> {
        let label_hash = Sha256::digest(b"label");
        let nonzero = |_| {
            let mut block = self.encoded(&label_hash);
            block[0] = 1;
            self.raise(&block)
        };
        let other = |_| self.raise(&self.encoded(&Sha256::digest(b"another label")));
        Case {
            name: "C_Decrypt CKM_RSA_PKCS_OAEP",
            classes: "first byte not zero / hash of label wrong",
            is_planted: false,
            samples: FEW,
            inputs: [inputs(nonzero), inputs(other)],
            call: decrypting(
                self.session,
                Mechanism::oaep(Hash::Sha256, Hash::Sha256, b"label"),
                self.private,
                Code::EncryptedDataInvalid,
            ),
        }
    }

    /// EME-OAEP with SHA-256 (RFC 8017 section 7.1.1 step 2) of 32 random bytes.
    fn encoded(&self, label_hash: &[u8]) -> Vec<u8> {
        let mut seed = random(self.session, 32);
        let mut data = vec![0; MODULUS - 33];
        data[..32].copy_from_slice(label_hash);
        let end = data.len() - 33;
        data[end] = 1;
        data[end + 1..].copy_from_slice(&random(self.session, 32));
        mask(&mut data, &seed);
        mask(&mut seed, &data);
        [&[0], &seed[..], &data].concat()
    }
}

/// XORs with MGF1 of SHA-256 (RFC 8017 appendix B.2.1).
fn mask(bytes: &mut [u8], seed: &[u8]) {
    for (counter, part) in (0_u32..).zip(bytes.chunks_mut(32)) {
        let hash = Sha256::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
        part.iter_mut().zip(hash).for_each(|(byte, mask)| *byte ^= mask);
    }
}
