//! Signing messages: room for the signature, and the login that a key may ask for each time.

use std::ptr;

use keyway_pkcs11::attribute::AttributeType as A;
use keyway_pkcs11::mechanism::MechanismType as M;
use pkcs11_sys as ck;
use serial_test::serial;

use crate::harness::{Code, Reply, Session, USER_PIN, call, on_user, output, plain};

/// One call of `C_SignMessage`.
fn sign(session: Session, data: &[u8], room: Option<usize>) -> Reply {
    let (from, size) = (data.as_ptr().cast_mut(), data.len() as u64);
    let null = ptr::null_mut();
    output(room, |to, len| call!(C_SignMessage(session.0, null, 0, from, size, to, len)))
}

/// The last call of `C_SignMessageNext`.
fn sign_last(session: Session, data: &[u8], room: Option<usize>) -> Reply {
    let (from, size) = (data.as_ptr().cast_mut(), data.len() as u64);
    let null = ptr::null_mut();
    output(room, |to, len| call!(C_SignMessageNext(session.0, null, 0, from, size, to, len)))
}

#[test]
#[serial]
fn a_signature_without_room_waits() {
    on_user(|session| {
        let key = session.secret(ck::CKK_GENERIC_SECRET, &[2; 32], false);
        call!(C_MessageSignInit(session.0, &mut plain(M::SHA256_HMAC), key)).expect("Init");
        let query = sign(session, b"ab", None);
        assert_eq!((query.answer, query.len), (Ok(()), 32));
        let small = sign(session, b"ab", Some(31));
        assert_eq!((small.answer, small.len), (Err(Code::BufferTooSmall), 32));
        let whole = sign(session, b"ab", Some(32)).done().expect("C_SignMessage");
        let null = ptr::null_mut();
        call!(C_SignMessageBegin(session.0, null, 0)).expect("Begin");
        assert_eq!(sign(session, b"ab", Some(32)).answer, Err(Code::OperationActive));
        let a = b"a".as_ptr().cast_mut();
        let none = ptr::null_mut();
        call!(C_SignMessageNext(session.0, null, 0, a, 1, none, ptr::null_mut())).expect("a part");
        let query = sign_last(session, b"b", None);
        assert_eq!((query.answer, query.len), (Ok(()), 32));
        assert_eq!(sign_last(session, b"b", Some(31)).answer, Err(Code::BufferTooSmall));
        assert_eq!(sign_last(session, b"b", Some(32)).done(), Ok(whole));
        let not = Err(Code::OperationNotInitialized);
        assert_eq!(sign_last(session, b"b", Some(32)).answer, not);
        let mut unused = 16_u64;
        let answer = call!(C_SignMessageBegin(session.0, (&raw mut unused).cast(), 8));
        assert_eq!(answer, Err(Code::MechanismParamInvalid));
        call!(C_MessageSignFinal(session.0)).expect("Final");
    });
}

/// `CKA_ALWAYS_AUTHENTICATE`: "the user has to supply the PIN for each use (sign or decrypt)".
#[test]
#[serial]
fn a_key_that_always_authenticates_does_so_for_each_message() {
    on_user(|session| {
        let bits = 2048_u64.to_ne_bytes();
        let (_, private) = session.pair(
            M::RSA_PKCS_KEY_PAIR_GEN,
            &[(A::MODULUS_BITS, &bits)],
            &[(A::SIGN, &[1]), (A::ALWAYS_AUTHENTICATE, &[1])],
        );
        let mut mechanism = plain(M::SHA256_RSA_PKCS);
        call!(C_MessageSignInit(session.0, &raw mut mechanism, private)).expect("Init");
        let out = Err(Code::UserNotLoggedIn);
        for _ in 0..2 {
            assert_eq!(sign(session, b"x", Some(256)).answer, out);
            session.login(ck::CKU_CONTEXT_SPECIFIC, USER_PIN).expect("C_Login");
            assert_eq!(sign(session, b"x", None).len, 256, "a query is no use");
            sign(session, b"x", Some(256)).done().expect("C_SignMessage");
        }
        let begin = || call!(C_SignMessageBegin(session.0, ptr::null_mut(), 0));
        assert_eq!(begin(), out);
        session.login(ck::CKU_CONTEXT_SPECIFIC, USER_PIN).expect("C_Login");
        begin().expect("C_SignMessageBegin");
        sign_last(session, b"x", Some(256)).done().expect("C_SignMessageNext");
        assert_eq!(begin(), out);
    });
}
