//! What starts and ends a message-based process.

use std::ptr;

use keyway_pkcs11::attribute::AttributeType as A;
use keyway_pkcs11::mechanism::MechanismType as M;
use pkcs11_sys as ck;
use serial_test::serial;

use super::{Message, decrypt, encrypt, key};
use crate::harness::{Code, Session, USER_PIN, call, mechanism, on_user, output, plain};

#[test]
#[serial]
fn the_functions_come_in_their_order() {
    on_user(|session| {
        let key = key(session);
        let mut message = Message::new(&[1; 12]);
        let not = Err(Code::OperationNotInitialized);
        assert_eq!(encrypt::whole(session, &mut message, b"x", Some(1)).answer, not);
        assert_eq!(encrypt::begin(session, &mut message), not);
        assert_eq!(encrypt::next(session, &mut message, b"x", Some(1), 1).answer, not);
        assert_eq!(encrypt::last(session), not);
        let null = ptr::null_mut();
        let answer = call!(C_MessageEncryptInit(session.0, null, 0));
        assert_eq!(answer, Err(Code::MechanismInvalid), "nothing runs");
        let answer = call!(C_MessageDecryptInit(session.0, null, 0));
        assert_eq!(answer, Err(Code::ArgumentsBad), "nothing runs");
        encrypt::init(session, key).expect("Init");
        assert_eq!(encrypt::init(session, key), Err(Code::OperationActive));
        assert_eq!(encrypt::next(session, &mut message, b"x", Some(1), 1).answer, not);
        encrypt::begin(session, &mut message).expect("Begin");
        let active = Err(Code::OperationActive);
        assert_eq!(encrypt::begin(session, &mut message), active);
        assert_eq!(encrypt::whole(session, &mut message, b"x", Some(1)).answer, active);
        assert_eq!(encrypt::last(session), active);
        encrypt::next(session, &mut message, b"x", Some(1), 1).done().expect("the message goes on");
        encrypt::begin(session, &mut message).expect("Begin");
        call!(C_MessageEncryptInit(session.0, null, 0)).expect("process and message end");
        assert_eq!(encrypt::begin(session, &mut message), not);
    });
}

/// "C_SessionCancel", with the flag of each process.
#[test]
#[serial]
fn a_flag_ends_its_process_and_no_other() {
    on_user(|session| {
        let aes = key(session);
        let hmac = session.secret(ck::CKK_GENERIC_SECRET, &[2; 32], false);
        let (mut gcm, mut code) = (plain(M::AES_GCM), plain(M::SHA256_HMAC));
        let (gcm, code) = (&raw mut gcm, &raw mut code);
        let start = |flag| match flag {
            ck::CKF_MESSAGE_ENCRYPT => call!(C_MessageEncryptInit(session.0, gcm, aes)),
            ck::CKF_MESSAGE_DECRYPT => call!(C_MessageDecryptInit(session.0, gcm, aes)),
            ck::CKF_MESSAGE_SIGN => call!(C_MessageSignInit(session.0, code, hmac)),
            _ => call!(C_MessageVerifyInit(session.0, code, hmac)),
        };
        let flags = [2, 4, 8, 16];
        flags.iter().for_each(|flag| start(*flag).expect("Init"));
        for flag in flags {
            assert_eq!(start(flag), Err(Code::OperationActive), "{flag}");
            call!(C_SessionCancel(session.0, flag)).expect("C_SessionCancel");
            for other in flags {
                let expected = if other == flag { Ok(()) } else { Err(Code::OperationActive) };
                assert_eq!(start(other), expected, "{other}");
            }
        }
        // The ordinary operations are others.
        let all = ck::CKF_ENCRYPT | ck::CKF_DECRYPT | ck::CKF_SIGN | ck::CKF_VERIFY;
        call!(C_SessionCancel(session.0, all)).expect("C_SessionCancel");
        assert_eq!(start(2), Err(Code::OperationActive));
        assert_eq!(encrypt::last(session), Ok(()));
    });
}

#[test]
#[serial]
fn a_digest_cannot_be_saved_beside_a_process() {
    on_user(|session| {
        encrypt::init(session, key(session)).expect("Init");
        session.digest_init(M::SHA256).expect("C_DigestInit");
        let save = || output(None, |to, len| call!(C_GetOperationState(session.0, to, len))).answer;
        assert_eq!(save(), Err(Code::StateUnsaveable));
        encrypt::last(session).expect("Final");
        assert_eq!(save(), Ok(()));
    });
}

/// A private AES key.
fn private_key(session: Session) -> ck::CK_OBJECT_HANDLE {
    let (class, kind) = (ck::CKO_SECRET_KEY.to_ne_bytes(), ck::CKK_AES.to_ne_bytes());
    session.create(&[
        (A::CLASS, &class),
        (A::KEY_TYPE, &kind),
        (A::VALUE, &[7; 32]),
        (A::PRIVATE, &[1]),
        (A::ENCRYPT, &[1]),
        (A::DECRYPT, &[1]),
    ])
}

#[test]
#[serial]
fn logout_ends_what_uses_a_private_key() {
    on_user(|session| {
        let key = private_key(session);
        encrypt::init(session, key).expect("Init");
        decrypt::init(session, key).expect("Init");
        let mut message = Message::new(&[1; 12]);
        encrypt::begin(session, &mut message).expect("Begin");
        call!(C_Logout(session.0)).expect("C_Logout");
        session.login(ck::CKU_USER, USER_PIN).expect("C_Login");
        let not = Err(Code::OperationNotInitialized);
        assert_eq!(encrypt::next(session, &mut message, b"x", Some(1), 1).answer, not);
        let answer = decrypt::whole(session, &mut message, b"x", Some(1)).answer;
        assert_eq!(answer, Err(Code::UserNotLoggedIn));
        assert_eq!(decrypt::last(session), not);
    });
}

/// Every message is a use of the key.
#[test]
#[serial]
fn a_destroyed_key_encrypts_no_further_message() {
    on_user(|session| {
        let key = key(session);
        encrypt::init(session, key).expect("Init");
        let mut message = Message::new(&[1; 12]);
        encrypt::whole(session, &mut message, b"x", Some(1)).done().expect("a message");
        call!(C_DestroyObject(session.0, key)).expect("C_DestroyObject");
        let not = Err(Code::OperationNotInitialized);
        assert_eq!(encrypt::whole(session, &mut message, b"x", Some(1)).answer, not);
        assert_eq!(encrypt::last(session), not, "the process is over");
    });
}

#[test]
#[serial]
fn a_destroyed_key_ends_the_message_that_has_begun() {
    on_user(|session| {
        let key = key(session);
        encrypt::init(session, key).expect("Init");
        let mut message = Message::new(&[1; 12]);
        encrypt::begin(session, &mut message).expect("Begin");
        encrypt::next(session, &mut message, b"x", Some(1), 0).done().expect("a part");
        call!(C_DestroyObject(session.0, key)).expect("C_DestroyObject");
        let not = Err(Code::OperationNotInitialized);
        assert_eq!(encrypt::next(session, &mut message, b"x", Some(1), 1).answer, not);
        assert_eq!(encrypt::last(session), not, "the process is over");
    });
}

#[test]
#[serial]
fn the_key_must_permit_it_and_the_mechanism_must_do_it() {
    on_user(|session| {
        let (class, kind) = (ck::CKO_SECRET_KEY.to_ne_bytes(), ck::CKK_AES.to_ne_bytes());
        let idle = session.create(&[
            (A::CLASS, &class),
            (A::KEY_TYPE, &kind),
            (A::VALUE, &[7; 32]),
            (A::ENCRYPT, &[0]),
            (A::SIGN, &[0]),
        ]);
        assert_eq!(encrypt::init(session, idle), Err(Code::KeyFunctionNotPermitted));
        assert_eq!(encrypt::init(session, 0), Err(Code::KeyHandleInvalid));
        let generic = session.secret(ck::CKK_GENERIC_SECRET, &[2; 32], false);
        assert_eq!(encrypt::init(session, generic), Err(Code::KeyTypeInconsistent));
        let mut cbc = mechanism(M::AES_CBC, &[0u8; 16]);
        let answer = call!(C_MessageEncryptInit(session.0, &raw mut cbc, key(session)));
        assert_eq!(answer, Err(Code::MechanismInvalid));
        let sign = |mechanism: &mut _, key| call!(C_MessageSignInit(session.0, mechanism, key));
        assert_eq!(sign(&mut plain(M::AES_CMAC), idle), Err(Code::KeyFunctionNotPermitted));
        // The IV of its parameter would serve every message.
        let answer = sign(&mut mechanism(M::AES_GMAC, &[Message::new(&[1; 12]).raw()]), idle);
        assert_eq!(answer, Err(Code::MechanismInvalid));
        let long = mechanism::<u64>(M::AES_CMAC_GENERAL, &[17]);
        let answer = sign(&mut { long }, key(session));
        assert_eq!(answer, Err(Code::MechanismParamInvalid));
    });
}

/// "CKF_MULTI_MESSAGE: One of CKF_MESSAGE_* flag must also be set."
#[test]
#[serial]
fn a_mechanism_says_whether_it_takes_messages() {
    on_user(|_| {
        let info = |id: M| {
            let mut info = ck::CK_MECHANISM_INFO { ulMinKeySize: 0, ulMaxKeySize: 0, flags: 0 };
            call!(C_GetMechanismInfo(1, id.0, &raw mut info)).expect("C_GetMechanismInfo");
            info.flags & 0x3e
        };
        for (id, flags) in [
            (M::AES_GCM, 0x26),
            (M::AES_CBC, 0),
            (M::AES_GMAC, 0),
            (M::AES_CMAC, 0x38),
            (M::RSA_PKCS, 0x18),
            (M::SHA256_RSA_PKCS, 0x38),
            (M::RSA_PKCS_KEY_PAIR_GEN, 0),
            (M::ECDH1_DERIVE, 0),
        ] {
            assert_eq!(info(id), flags, "{id:?}");
        }
    });
}
