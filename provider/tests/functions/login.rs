//! `C_LoginUser`.

use std::ptr;

use pkcs11_sys as ck;
use serial_test::serial;

use crate::harness::{Code, SO_PIN, Session, USER_PIN, call, on_public};

fn login(
    session: Session,
    user: ck::CK_USER_TYPE,
    pin: &[u8],
    name: Option<&[u8]>,
) -> Result<(), Code> {
    let pointer = name.map_or(ptr::null_mut(), |name| name.as_ptr().cast_mut());
    let len = name.map_or(0, <[u8]>::len) as u64;
    call!(C_LoginUser(session.0, user, pin.as_ptr().cast_mut(), pin.len() as u64, pointer, len))
}

#[test]
#[serial]
fn without_a_name_it_is_the_login_of_the_two_users_that_there_are() {
    on_public(|session| {
        for (user, pin) in [(ck::CKU_USER, USER_PIN), (ck::CKU_SO, SO_PIN)] {
            for name in [None, Some(&b""[..])] {
                assert_eq!(login(session, user, b"wrong", name), Err(Code::PinIncorrect));
                login(session, user, pin, name).expect("C_LoginUser");
                assert_eq!(session.login(user, pin), Err(Code::UserAlreadyLoggedIn));
                assert_eq!(login(session, user, pin, name), Err(Code::UserAlreadyLoggedIn));
                call!(C_Logout(session.0)).expect("C_Logout");
            }
        }
        assert_eq!(login(session, 17, USER_PIN, None), Err(Code::UserTypeInvalid));
        let context = login(session, ck::CKU_CONTEXT_SPECIFIC, USER_PIN, None);
        assert_eq!(context, Err(Code::OperationNotInitialized));
    });
}

/// More often than a PIN may be wrong.
#[test]
#[serial]
fn a_name_is_refused_and_costs_no_try() {
    on_public(|session| {
        for _ in 0..20 {
            let answer = login(session, ck::CKU_USER, b"wrong", Some(b"alice"));
            assert_eq!(answer, Err(Code::ArgumentsBad));
        }
        let null = ptr::null_mut();
        let (pin, len) = (USER_PIN.as_ptr().cast_mut(), USER_PIN.len() as u64);
        let answer = call!(C_LoginUser(session.0, ck::CKU_USER, pin, len, null, 5));
        assert_eq!(answer, Err(Code::ArgumentsBad));
        login(session, ck::CKU_USER, USER_PIN, None).expect("C_LoginUser");
    });
}
