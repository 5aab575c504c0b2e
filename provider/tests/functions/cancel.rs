//! `C_SessionCancel`.

use std::ptr;

use keyway_pkcs11::mechanism::MechanismType as M;
use pkcs11_sys as ck;
use serial_test::serial;

use crate::harness::{Code, Session, call, mechanism, on_user, plain};

const EVERYTHING: ck::CK_FLAGS = ck::CK_FLAGS::MAX;

fn cancel(session: Session, flags: ck::CK_FLAGS) -> Result<(), Code> {
    call!(C_SessionCancel(session.0, flags))
}

/// Calls an Init function.
type Start = Box<dyn Fn() -> Result<(), Code>>;

/// The Init function of every kind of operation, with its flag.
fn starts(session: Session) -> Vec<(ck::CK_FLAGS, Start)> {
    let aes = session.secret(ck::CKK_AES, &[1; 16], true);
    let generic = session.secret(ck::CKK_GENERIC_SECRET, &[2; 32], true);
    let cbc = || mechanism(M::AES_CBC, &[0u8; 16]);
    let hmac = || plain(M::SHA256_HMAC);
    let handle = session.0;
    vec![
        (ck::CKF_ENCRYPT, Box::new(move || call!(C_EncryptInit(handle, &mut cbc(), aes)))),
        (ck::CKF_DECRYPT, Box::new(move || call!(C_DecryptInit(handle, &mut cbc(), aes)))),
        (ck::CKF_DIGEST, Box::new(move || session.digest_init(M::SHA256))),
        (ck::CKF_SIGN, Box::new(move || call!(C_SignInit(handle, &mut hmac(), generic)))),
        (ck::CKF_VERIFY, Box::new(move || call!(C_VerifyInit(handle, &mut hmac(), generic)))),
        (
            ck::CKF_FIND_OBJECTS,
            Box::new(move || call!(C_FindObjectsInit(handle, ptr::null_mut(), 0))),
        ),
    ]
}

#[test]
#[serial]
fn a_flag_ends_its_operation_and_no_other() {
    on_user(|session| {
        let starts = starts(session);
        starts.iter().for_each(|(_, start)| start().expect("Init"));
        for (flag, start) in &starts {
            assert_eq!(start(), Err(Code::OperationActive), "{flag:#x}");
            cancel(session, *flag).expect("C_SessionCancel");
            for (other, start) in &starts {
                match other == flag {
                    true => start().expect("it was ended"),
                    false => assert_eq!(start(), Err(Code::OperationActive), "{other:#x} goes on"),
                }
            }
        }
    });
}

#[test]
#[serial]
fn no_flag_ends_nothing_and_all_of_them_end_everything() {
    on_user(|session| {
        let starts = starts(session);
        starts.iter().for_each(|(_, start)| start().expect("Init"));
        cancel(session, 0).expect("C_SessionCancel");
        for (flag, start) in &starts {
            assert_eq!(start(), Err(Code::OperationActive), "{flag:#x}");
        }
        cancel(session, EVERYTHING).expect("C_SessionCancel");
        starts.iter().for_each(|(_, start)| start().expect("it was ended"));
    });
}

/// "If a flag is set for an operation that has not been initialized in the session, the operation
/// flag will be ignored".
#[test]
#[serial]
fn what_does_not_run_is_ignored_and_a_session_that_is_not_there_is_not() {
    on_user(|session| {
        cancel(session, EVERYTHING).expect("C_SessionCancel");
        assert_eq!(cancel(Session(session.0 + 1), 0), Err(Code::SessionHandleInvalid));
    });
}
