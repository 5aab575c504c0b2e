//! Logins: each PIN that the application gives is tried once at the inner token, and none that was
//! refused is tried again.

use serial_test::serial;

use crate::harness::place::{SO_PIN, USER_PIN};
use crate::harness::{Code, Flags, ObjectClass, Who};
use crate::setting::{self, PATIENT, Setting, on_user, with};

const DIGEST: [u8; 32] = [0x22; 32];

#[test]
#[serial]
fn a_wrong_pin_goes_through_once_and_is_counted_once() {
    with(PATIENT, |setting| {
        let session = setting.target.open(Flags::ReadWrite).expect("a session");
        let logins = setting.faulty().of("C_Login");
        assert_eq!(session.login(Who::User, "not-the-pin"), Err(Code::PinIncorrect));
        assert_eq!(logins.calls(), 1);
        let flags = setting.target.token_info(setting.target.slot()).expect("C_GetTokenInfo").flags;
        const CKF_USER_PIN_COUNT_LOW: u64 = 0x1_0000;
        assert_ne!(flags & CKF_USER_PIN_COUNT_LOW, 0, "{flags:#x}");
        session.login(Who::User, USER_PIN).expect("the user logs in");
        assert_eq!(logins.calls(), 2);
        assert_eq!(session.login(Who::User, USER_PIN), Err(Code::UserAlreadyLoggedIn));
        let other = session.another(Flags::ReadOnly).expect("a session");
        let said = other.login(Who::SecurityOfficer, SO_PIN);
        assert_eq!(said, Err(Code::UserAnotherAlreadyLoggedIn));
        assert_eq!(logins.calls(), 2);
    });
}

/// The login that heals uses the PIN that the application gave; if that is not right any more, one
/// attempt is counted and the application has to log in again.
#[test]
#[serial]
fn a_pin_that_was_changed_meanwhile_is_tried_once_and_forgotten() {
    on_user(PATIENT, |setting, session| {
        let (_, private) = setting::pair(session, "pair").expect("generated");
        let faulty = setting.faulty();
        faulty.restart();
        faulty.of("C_Login").every(1, Code::PinIncorrect);
        let before = faulty.of("C_Login").calls();
        for _ in 0..6 {
            let answer = setting::sign(session, private, &DIGEST);
            assert!(
                matches!(
                    answer,
                    Err(Code::DeviceRemoved
                        | Code::UserNotLoggedIn
                        | Code::SessionHandleInvalid
                        | Code::KeyHandleInvalid
                        | Code::DeviceError)
                ),
                "{answer:?}"
            );
        }
        assert_eq!(faulty.of("C_Login").calls(), before + 1, "the PIN was tried again");
        assert!(setting.logged(0).contains("CKR_PIN_INCORRECT"), "the log does not say why");
        faulty.clear();
        let session = match session.login(Who::User, USER_PIN) {
            Ok(()) => session,
            Err(Code::SessionHandleInvalid) => setting.user(),
            Err(code) => panic!("the application cannot log in again: {code:?}"),
        };
        let found = session.find(&setting::by_label("pair")).expect("found");
        assert_eq!(found.len(), 2);
        let is_private = |key: &&u64| setting::sign(session, **key, &DIGEST).is_ok();
        assert_eq!(found.iter().filter(is_private).count(), 1);
    });
}

#[test]
#[serial]
fn a_lost_login_is_made_again_once() {
    on_user(PATIENT, |setting, session| {
        let (_, private) = setting::pair(session, "pair").expect("generated");
        let logins = setting.faulty().of("C_Login");
        let before = logins.calls();
        setting.faulty().of("C_SignInit").at(1, Code::UserNotLoggedIn);
        setting::sign(session, private, &DIGEST).expect("signed");
        setting.faulty().restart();
        setting::sign(session, private, &DIGEST).expect("signed");
        let since = logins.calls() - before;
        assert!((1..=3).contains(&since), "{since} logins for two losses");
    });
}

#[test]
#[serial]
fn to_whoever_is_logged_in_a_login_that_cannot_be_kept_is_a_trouble_of_the_device() {
    on_user(PATIENT, |setting, session| {
        let (_, private) = setting::pair(session, "pair").expect("generated");
        setting.faulty().of("C_SignInit").every(1, Code::UserNotLoggedIn);
        assert_eq!(setting::sign(session, private, &DIGEST), Err(Code::DeviceError));
        assert!(setting.logged(0).contains("C_SignInit answered CKR_USER_NOT_LOGGED_IN"));
        setting.faulty().clear();
        setting::sign(session, private, &DIGEST).expect("signed");
    });
}

#[test]
#[serial]
fn a_pin_that_the_application_changes_heals_the_login_afterwards() {
    on_user(PATIENT, |setting, session| {
        let (_, private) = setting::pair(session, "pair").expect("generated");
        session.set_pin(USER_PIN, "a-new-pin").expect("C_SetPIN");
        setting.faulty().restart();
        setting::sign(session, private, &DIGEST).expect("signed");
        assert_eq!(session.set_pin("wrong-pin", "other-pin"), Err(Code::PinIncorrect));
        session.logout().expect("C_Logout");
        assert_eq!(session.login(Who::User, USER_PIN), Err(Code::PinIncorrect));
        session.login(Who::User, "a-new-pin").expect("the new PIN");
    });
}

#[test]
#[serial]
fn a_configured_pin_opens_the_slot_and_heals_it() {
    with(&format!("{PATIENT}pin_source = \"hsm.pin\"\n"), |setting| {
        write_pin(setting, USER_PIN);
        const CKF_LOGIN_REQUIRED: u64 = 4;
        let info = setting.target.token_info(setting.target.slot()).expect("C_GetTokenInfo");
        assert_eq!(info.flags & CKF_LOGIN_REQUIRED, 0);
        let session = setting.target.open(Flags::ReadWrite).expect("a session");
        let (_, private) = setting::pair(session, "pair").expect("generated");
        setting::sign(session, private, &DIGEST).expect("signed without C_Login");
        setting.faulty().restart();
        setting::sign(session, private, &DIGEST).expect("signed after a restart");
        assert_eq!(session.login(Who::User, "wrong-pin"), Err(Code::PinIncorrect));
        session.login(Who::User, USER_PIN).expect("the same PIN");
        session.logout().expect("C_Logout");
        // The standard ends the handles of private objects with a logout.
        let found = session.find(&setting::of_class(ObjectClass::PRIVATE_KEY, "pair"));
        let private = found.expect("the slot stays open")[0];
        setting::sign(session, private, &DIGEST).expect("signed without C_Login");
    });
}

/// Three wrong logins lock the PIN of most HSMs.
#[test]
#[serial]
fn a_configured_pin_that_is_refused_is_tried_again_only_when_its_file_is_written_anew() {
    with(&format!("{PATIENT}pin_source = \"hsm.pin\"\n"), |setting| {
        let logins = setting.faulty().of("C_Login");
        for (round, pin) in ["not-the-pin", "nor-this-one"].into_iter().enumerate() {
            write_pin(setting, pin);
            for _ in 0..5 {
                assert_eq!(setting.target.slots(), [0; 0], "a token without its login");
            }
            assert_eq!(logins.calls(), 1 + round as u64);
        }
        let log = setting.logged(0);
        assert!(log.contains("hsm.pin was refused before"), "{log}");
        write_pin(setting, "");
        assert_eq!(setting.target.slots(), [0; 0]);
        write_pin(setting, USER_PIN);
        let session = setting.target.open(Flags::ReadWrite).expect("a session");
        let (_, private) = setting::pair(session, "pair").expect("generated");
        setting::sign(session, private, &DIGEST).expect("signed");
        assert_eq!(logins.calls(), 3);
        // The stored PIN is refused after a loss, and the file's is the same.
        logins.every(1, Code::PinIncorrect);
        setting.faulty().restart();
        for _ in 0..5 {
            setting::sign(session, private, &DIGEST).expect_err("nobody is logged in");
        }
        assert_eq!(logins.calls(), 4);
    });
}

/// Writes what `pin_source` names.
fn write_pin(setting: &Setting, pin: &str) {
    let (_, configuration) = setting.target.place.environment();
    let file = configuration.with_file_name("hsm.pin");
    std::fs::write(file, format!("{pin}\n")).expect("the PIN's file");
}
