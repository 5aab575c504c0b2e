//! The dual functions: each against the same two operations one after the other.

use keyway_pkcs11::mechanism::MechanismType as M;
use pkcs11_sys as ck;
use serial_test::serial;

use crate::harness::{Code, Reply, Session, USER_PIN, call, mechanism, on_user, output, plain};

const IV: [u8; 16] = [9; 16];
const PLAIN: [u8; 64] = [0x42; 64];

/// A session with an AES key and a generic secret.
struct Bench {
    session: Session,
    aes: ck::CK_OBJECT_HANDLE,
    mac: ck::CK_OBJECT_HANDLE,
}

impl Bench {
    fn new(session: Session) -> Self {
        let aes = session.secret(ck::CKK_AES, &[1; 32], false);
        Self { session, aes, mac: session.secret(ck::CKK_GENERIC_SECRET, &[2; 32], false) }
    }

    fn encrypt_init(&self) {
        let mut cbc = mechanism(M::AES_CBC, &IV);
        call!(C_EncryptInit(self.session.0, &raw mut cbc, self.aes)).expect("C_EncryptInit");
    }

    fn decrypt_init(&self, id: M) {
        let mut cbc = mechanism(id, &IV);
        call!(C_DecryptInit(self.session.0, &raw mut cbc, self.aes)).expect("C_DecryptInit");
    }

    fn sign_init(&self) {
        let mut hmac = plain(M::SHA256_HMAC);
        call!(C_SignInit(self.session.0, &raw mut hmac, self.mac)).expect("C_SignInit");
    }

    fn verify_init(&self) {
        let mut hmac = plain(M::SHA256_HMAC);
        call!(C_VerifyInit(self.session.0, &raw mut hmac, self.mac)).expect("C_VerifyInit");
    }

    fn digest_init(&self) {
        self.session.digest_init(M::SHA256).expect("C_DigestInit");
    }

    fn digest_encrypt(&self, part: &[u8], room: Option<usize>) -> Reply {
        let (from, size) = (part.as_ptr().cast_mut(), part.len() as u64);
        output(room, |to, len| call!(C_DigestEncryptUpdate(self.session.0, from, size, to, len)))
    }

    fn decrypt_digest(&self, part: &[u8], room: Option<usize>) -> Reply {
        let (from, size) = (part.as_ptr().cast_mut(), part.len() as u64);
        output(room, |to, len| call!(C_DecryptDigestUpdate(self.session.0, from, size, to, len)))
    }

    fn sign_encrypt(&self, part: &[u8], room: Option<usize>) -> Reply {
        let (from, size) = (part.as_ptr().cast_mut(), part.len() as u64);
        output(room, |to, len| call!(C_SignEncryptUpdate(self.session.0, from, size, to, len)))
    }

    fn decrypt_verify(&self, part: &[u8], room: Option<usize>) -> Reply {
        let (from, size) = (part.as_ptr().cast_mut(), part.len() as u64);
        output(room, |to, len| call!(C_DecryptVerifyUpdate(self.session.0, from, size, to, len)))
    }

    fn encrypt_update(&self, part: &[u8]) -> Result<Vec<u8>, Code> {
        let (from, size) = (part.as_ptr().cast_mut(), part.len() as u64);
        output(Some(64), |to, len| call!(C_EncryptUpdate(self.session.0, from, size, to, len)))
            .done()
    }

    fn encrypt_final(&self) -> Result<Vec<u8>, Code> {
        output(Some(64), |to, len| call!(C_EncryptFinal(self.session.0, to, len))).done()
    }

    fn decrypt_final(&self) -> Result<Vec<u8>, Code> {
        output(Some(64), |to, len| call!(C_DecryptFinal(self.session.0, to, len))).done()
    }

    fn sign_final(&self) -> Result<Vec<u8>, Code> {
        output(Some(64), |to, len| call!(C_SignFinal(self.session.0, to, len))).done()
    }

    fn verify_final(&self, signature: &[u8]) -> Result<(), Code> {
        let (from, size) = (signature.as_ptr().cast_mut(), signature.len() as u64);
        call!(C_VerifyFinal(self.session.0, from, size))
    }

    /// `PLAIN` encrypted.
    fn ciphertext(&self) -> Vec<u8> {
        self.encrypt_init();
        let text = self.encrypt_update(&PLAIN).expect("C_EncryptUpdate");
        self.encrypt_final().expect("C_EncryptFinal");
        text
    }

    /// The code of `PLAIN`.
    fn signature(&self) -> Vec<u8> {
        self.sign_init();
        call!(C_SignUpdate(self.session.0, PLAIN.as_ptr().cast_mut(), PLAIN.len() as u64))
            .expect("C_SignUpdate");
        self.sign_final().expect("C_SignFinal")
    }
}

#[test]
#[serial]
fn encryption_runs_with_a_digest_and_with_a_signature_of_the_plaintext() {
    on_user(|session| {
        let bench = Bench::new(session);
        let (ciphertext, signature) = (bench.ciphertext(), bench.signature());
        let parts = [&PLAIN[..16], &PLAIN[16..19], &PLAIN[19..]];
        bench.encrypt_init();
        bench.digest_init();
        let got = parts.map(|part| bench.digest_encrypt(part, Some(64)).done().expect("both"));
        assert_eq!(got.concat(), ciphertext);
        assert_eq!(bench.encrypt_final().as_deref(), Ok(&b""[..]));
        assert_eq!(session.digest_final(), Ok(session.digest(M::SHA256, &PLAIN)));
        bench.encrypt_init();
        bench.sign_init();
        let got = parts.map(|part| bench.sign_encrypt(part, Some(64)).done().expect("both"));
        assert_eq!(got.concat(), ciphertext);
        assert_eq!(bench.encrypt_final().as_deref(), Ok(&b""[..]));
        assert_eq!(bench.sign_final(), Ok(signature));
    });
}

#[test]
#[serial]
fn decryption_runs_with_a_digest_and_with_a_verification_of_the_plaintext() {
    on_user(|session| {
        let bench = Bench::new(session);
        let (ciphertext, signature) = (bench.ciphertext(), bench.signature());
        let parts = [&ciphertext[..16], &ciphertext[16..19], &ciphertext[19..]];
        let digest = session.digest(M::SHA256, &PLAIN);
        bench.decrypt_init(M::AES_CBC);
        bench.digest_init();
        let got = parts.map(|part| bench.decrypt_digest(part, Some(64)).done().expect("both"));
        assert_eq!(got.concat(), PLAIN);
        assert_eq!(bench.decrypt_final().as_deref(), Ok(&b""[..]));
        assert_eq!(session.digest_final(), Ok(digest));
        bench.decrypt_init(M::AES_CBC);
        bench.verify_init();
        let got = parts.map(|part| bench.decrypt_verify(part, Some(64)).done().expect("both"));
        assert_eq!(got.concat(), PLAIN);
        assert_eq!(bench.decrypt_final().as_deref(), Ok(&b""[..]));
        assert_eq!(bench.verify_final(&signature), Ok(()));
    });
}

/// "If a C_DigestEncryptUpdate call does not produce encrypted output [...] then no plaintext is
/// passed to the active digest operation."
#[test]
#[serial]
fn without_room_neither_operation_moves() {
    on_user(|session| {
        let bench = Bench::new(session);
        let ciphertext = bench.ciphertext();
        bench.encrypt_init();
        bench.digest_init();
        let query = bench.digest_encrypt(&PLAIN, None);
        assert_eq!((query.answer, query.len), (Ok(()), 64));
        let small = bench.digest_encrypt(&PLAIN, Some(63));
        assert_eq!((small.answer, small.len), (Err(Code::BufferTooSmall), 64));
        assert_eq!(small.bytes, [0xa5; 63]);
        assert_eq!(bench.digest_encrypt(&PLAIN, Some(64)).done(), Ok(ciphertext));
        assert_eq!(session.digest_final(), {
            bench.encrypt_final().expect("C_EncryptFinal");
            Ok(session.digest(M::SHA256, &PLAIN))
        });
    });
}

/// The pipeline of "C_DecryptDigestUpdate": what C_DecryptFinal gives is not digested.
#[test]
#[serial]
fn of_a_padded_plaintext_the_digest_gets_what_came_out_so_far() {
    on_user(|session| {
        let bench = Bench::new(session);
        let mut padded = mechanism(M::AES_CBC_PAD, &IV);
        call!(C_EncryptInit(session.0, &raw mut padded, bench.aes)).expect("C_EncryptInit");
        let mut text = bench.encrypt_update(&PLAIN[..18]).expect("C_EncryptUpdate");
        text.extend(bench.encrypt_final().expect("C_EncryptFinal"));
        bench.decrypt_init(M::AES_CBC_PAD);
        bench.digest_init();
        let front = bench.decrypt_digest(&text, Some(64)).done().expect("both");
        assert_eq!(front, PLAIN[..16]);
        assert_eq!(bench.decrypt_final().as_deref(), Ok(&PLAIN[16..18]));
        let digest = session.digest_final();
        assert_eq!(digest, Ok(session.digest(M::SHA256, &PLAIN[..16])));
    });
}

#[test]
#[serial]
fn both_must_run_and_one_alone_goes_on() {
    on_user(|session| {
        let bench = Bench::new(session);
        let ciphertext = bench.ciphertext();
        let neither = bench.digest_encrypt(&PLAIN, Some(64)).answer;
        assert_eq!(neither, Err(Code::OperationNotInitialized));
        bench.encrypt_init();
        for answer in [
            bench.digest_encrypt(&PLAIN, Some(64)).answer,
            bench.sign_encrypt(&PLAIN, Some(64)).answer,
            bench.decrypt_digest(&PLAIN, Some(64)).answer,
            bench.decrypt_verify(&PLAIN, Some(64)).answer,
        ] {
            assert_eq!(answer, Err(Code::OperationNotInitialized));
        }
        assert_eq!(bench.encrypt_update(&PLAIN), Ok(ciphertext));
    });
}

#[test]
#[serial]
fn any_other_error_ends_both() {
    on_user(|session| {
        let bench = Bench::new(session);
        bench.encrypt_init();
        bench.digest_init();
        let null = std::ptr::null_mut();
        let answer =
            output(Some(64), |to, len| call!(C_DigestEncryptUpdate(session.0, null, 16, to, len)));
        assert_eq!(answer.answer, Err(Code::ArgumentsBad));
        assert_eq!(bench.encrypt_update(&PLAIN), Err(Code::OperationNotInitialized));
        assert_eq!(session.digest_update(b"x"), Err(Code::OperationNotInitialized));

        // A digest whose one-shot size was asked for takes no parts.
        bench.encrypt_init();
        bench.digest_init();
        let query = output(None, |to, len| call!(C_Digest(session.0, null, 0, to, len)));
        assert_eq!((query.answer, query.len), (Ok(()), 32));
        let answer = bench.digest_encrypt(&PLAIN, Some(64)).answer;
        assert_eq!(answer, Err(Code::OperationActive));
        assert_eq!(bench.encrypt_update(&PLAIN), Err(Code::OperationNotInitialized));
        assert_eq!(session.digest_update(b"x"), Err(Code::OperationNotInitialized));
    });
}

/// A decryption under a private key does not outlive the login. Alone it answers
/// CKR_USER_NOT_LOGGED_IN, which C_DecryptDigestUpdate and C_DecryptVerifyUpdate do not list.
#[test]
#[serial]
fn after_a_logout_only_what_is_listed_is_answered() {
    on_user(|session| {
        let bench = Bench::new(session);
        bench.decrypt_init(M::AES_CBC);
        bench.digest_init();
        call!(C_Logout(session.0)).expect("C_Logout");
        let answer = bench.decrypt_digest(&PLAIN, Some(64)).answer;
        assert_eq!(answer, Err(Code::OperationNotInitialized));
        assert_eq!(session.digest_update(b"x"), Err(Code::OperationNotInitialized));

        session.login(ck::CKU_USER, USER_PIN).expect("C_Login");
        let bench = Bench::new(session);
        bench.encrypt_init();
        bench.sign_init();
        call!(C_Logout(session.0)).expect("C_Logout");
        let answer = bench.sign_encrypt(&PLAIN, Some(64)).answer;
        let listed = [Err(Code::UserNotLoggedIn), Err(Code::OperationNotInitialized)];
        assert!(listed.contains(&answer), "{answer:?}");

        session.login(ck::CKU_USER, USER_PIN).expect("C_Login");
        let bench = Bench::new(session);
        bench.decrypt_init(M::AES_CBC);
        bench.verify_init();
        call!(C_Logout(session.0)).expect("C_Logout");
        let answer = bench.decrypt_verify(&PLAIN, Some(64)).answer;
        assert_eq!(answer, Err(Code::OperationNotInitialized));
    });
}

/// "It is OK if pPart and pEncryptedPart point to the same location": what is digested is the
/// plaintext all the same.
#[test]
#[serial]
fn both_take_their_data_in_place() {
    on_user(|session| {
        let bench = Bench::new(session);
        let ciphertext = bench.ciphertext();
        let (mut data, mut len) = (PLAIN, 64);
        let at = data.as_mut_ptr();
        bench.encrypt_init();
        bench.digest_init();
        call!(C_DigestEncryptUpdate(session.0, at, 64, at, &raw mut len)).expect("in place");
        bench.encrypt_final().expect("C_EncryptFinal");
        let digest = session.digest_final();
        assert_eq!((&data[..], digest), (&ciphertext[..], Ok(session.digest(M::SHA256, &PLAIN))));
    });
}
