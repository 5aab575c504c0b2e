//! `C_SignRecover`, `C_VerifyRecover`.

use keyway_pkcs11::attribute::AttributeType as A;
use keyway_pkcs11::mechanism::MechanismType as M;
use pkcs11_sys as ck;
use serial_test::serial;

use crate::harness::{Code, Reply, Session, call, on_user, output, plain};

/// Bytes of the modulus.
const SIZE: usize = 256;

/// An RSA key pair that may be used with recovery; public half first.
fn pair(session: Session) -> (ck::CK_OBJECT_HANDLE, ck::CK_OBJECT_HANDLE) {
    let bits = (8 * SIZE as u64).to_ne_bytes();
    let public = [(A::MODULUS_BITS, &bits[..]), (A::VERIFY_RECOVER, &[1])];
    session.pair(M::RSA_PKCS_KEY_PAIR_GEN, &public, &[(A::SIGN_RECOVER, &[1])])
}

fn sign_init(session: Session, key: ck::CK_OBJECT_HANDLE) -> Result<(), Code> {
    call!(C_SignRecoverInit(session.0, &mut plain(M::RSA_PKCS), key))
}

fn sign(session: Session, data: &[u8], room: Option<usize>) -> Reply {
    let (from, size) = (data.as_ptr().cast_mut(), data.len() as u64);
    output(room, |to, len| call!(C_SignRecover(session.0, from, size, to, len)))
}

fn verify_init(session: Session, key: ck::CK_OBJECT_HANDLE) -> Result<(), Code> {
    call!(C_VerifyRecoverInit(session.0, &mut plain(M::RSA_PKCS), key))
}

fn verify(session: Session, signature: &[u8], room: Option<usize>) -> Reply {
    let (from, size) = (signature.as_ptr().cast_mut(), signature.len() as u64);
    output(room, |to, len| call!(C_VerifyRecover(session.0, from, size, to, len)))
}

#[test]
#[serial]
fn what_was_signed_comes_out_of_the_signature() {
    on_user(|session| {
        let (public, private) = pair(session);
        for data in [&b""[..], b"x", &[0; 20], &[7; SIZE - 11]] {
            sign_init(session, private).expect("C_SignRecoverInit");
            let signature = sign(session, data, Some(SIZE)).done().expect("C_SignRecover");
            verify_init(session, public).expect("C_VerifyRecoverInit");
            assert_eq!(verify(session, &signature, Some(data.len())).done().as_deref(), Ok(data));
            assert_eq!(
                verify(session, &signature, None).answer,
                Err(Code::OperationNotInitialized)
            );
        }
        sign_init(session, private).expect("C_SignRecoverInit");
        assert_eq!(sign(session, &[7; SIZE - 10], None).answer, Err(Code::DataLenRange));
        assert_eq!(sign(session, b"x", None).answer, Err(Code::OperationNotInitialized));
    });
}

#[test]
#[serial]
fn a_size_query_and_a_small_buffer_keep_the_operation() {
    on_user(|session| {
        let (public, private) = pair(session);
        sign_init(session, private).expect("C_SignRecoverInit");
        let query = sign(session, b"data", None);
        assert_eq!((query.answer, query.len), (Ok(()), SIZE));
        let small = sign(session, b"data", Some(SIZE - 1));
        assert_eq!((small.answer, small.len), (Err(Code::BufferTooSmall), SIZE));
        let signature = sign(session, b"data", Some(SIZE)).done().expect("C_SignRecover");
        verify_init(session, public).expect("C_VerifyRecoverInit");
        let query = verify(session, &signature, None);
        assert_eq!((query.answer, query.len), (Ok(()), 4));
        let small = verify(session, &signature, Some(3));
        assert_eq!((small.answer, small.len), (Err(Code::BufferTooSmall), 4));
        assert_eq!(small.bytes, [0xa5; 3], "nothing is written");
        assert_eq!(verify(session, &signature, Some(4)).done().as_deref(), Ok(&b"data"[..]));
    });
}

/// "C_VerifyRecover": SIGNATURE_INVALID and SIGNATURE_LEN_RANGE come before BUFFER_TOO_SMALL.
#[test]
#[serial]
fn a_bad_signature_is_refused_whatever_the_room_and_ends_the_operation() {
    on_user(|session| {
        let (public, private) = pair(session);
        sign_init(session, private).expect("C_SignRecoverInit");
        let good = sign(session, b"data", Some(SIZE)).done().expect("C_SignRecover");
        let mut bad = good.clone();
        bad[100] ^= 1;
        for room in [None, Some(0), Some(SIZE)] {
            verify_init(session, public).expect("C_VerifyRecoverInit");
            assert_eq!(verify(session, &bad, room).answer, Err(Code::SignatureInvalid));
            assert_eq!(verify(session, &good, room).answer, Err(Code::OperationNotInitialized));
            verify_init(session, public).expect("C_VerifyRecoverInit");
            let answer = verify(session, &good[1..], room).answer;
            assert_eq!(answer, Err(Code::SignatureLenRange));
        }
    });
}

#[test]
#[serial]
fn the_key_must_permit_it_and_the_mechanism_must_do_it() {
    on_user(|session| {
        let bits = (8 * SIZE as u64).to_ne_bytes();
        let size = (A::MODULUS_BITS, &bits[..]);
        let (public, private) = session.pair(
            M::RSA_PKCS_KEY_PAIR_GEN,
            &[size, (A::VERIFY_RECOVER, &[0])],
            &[(A::SIGN_RECOVER, &[0])],
        );
        assert_eq!(sign_init(session, private), Err(Code::KeyFunctionNotPermitted));
        assert_eq!(verify_init(session, public), Err(Code::KeyFunctionNotPermitted));
        let mut hashed = plain(M::SHA256_RSA_PKCS);
        let (public, private) = pair(session);
        let answer = call!(C_SignRecoverInit(session.0, &raw mut hashed, private));
        assert_eq!(answer, Err(Code::MechanismInvalid));
        let answer = call!(C_VerifyRecoverInit(session.0, &raw mut hashed, public));
        assert_eq!(answer, Err(Code::MechanismInvalid));
        sign_init(session, private).expect("C_SignRecoverInit");
        assert_eq!(sign_init(session, private), Err(Code::OperationActive));
        let null = std::ptr::null_mut();
        call!(C_SignRecoverInit(session.0, null, 0)).expect("it is cancelled");
        sign_init(session, private).expect("C_SignRecoverInit");
    });
}
