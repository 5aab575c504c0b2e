//! What is lost in the middle: operations in parts, restarts of the device, its daemon's death.

use std::fs;

use serial_test::serial;

use crate::harness::faulty::Effect;
use crate::harness::place::USER_PIN;
use crate::harness::{
    AttributeType as A, Code, Flags, Function, Mechanism, MechanismType as M, ObjectClass, Room,
    Who, keys,
};
use crate::setting::{self, PATIENT, on_user};

const DIGEST: [u8; 32] = [0x55; 32];

/// What was encrypted in parts so far is the application's: it is not begun again in silence.
#[test]
#[serial]
fn an_operation_in_parts_that_loses_its_session_answers_device_error_and_is_logged() {
    on_user(PATIENT, |setting, session| {
        let key = setting::aes(session, "aes").expect("generated");
        let cbc = Mechanism::bytes(M::AES_CBC_PAD, &[1; 16]);
        let part = [7; 4096];
        for (function, effect) in [
            ("C_EncryptUpdate", Effect::LoseSession),
            ("C_EncryptUpdate", Effect::LoseAll),
            ("C_EncryptFinal", Effect::LoseSession),
        ] {
            let logged = setting.target.place.log().len();
            session.init(Function::Encrypt, &cbc, key).expect("C_EncryptInit");
            session.update(Function::Encrypt, &part, Room::Bytes(5000)).done().expect("a part");
            setting.faulty().of(function).at(1, Code::SessionHandleInvalid).with(effect);
            let more = session.update(Function::Encrypt, &part, Room::Bytes(5000)).done();
            let answer = match more {
                Ok(_) => session.finish(Function::Encrypt, Room::Bytes(5000)).done(),
                lost => lost,
            };
            assert_eq!(answer, Err(Code::DeviceError), "{function} {effect:?}");
            setting.faulty().clear();
            let log = setting.logged(logged);
            assert!(log.contains("not repeated") && log.contains(function), "{log}");
            // The operation is over, and the next one works.
            let over = session.finish(Function::Encrypt, Room::Bytes(64)).done();
            assert_eq!(over, Err(Code::OperationNotInitialized));
            let sealed = session.run(Function::Encrypt, &cbc, key, &part).expect("encrypted");
            assert_eq!(
                session.run(Function::Decrypt, &cbc, key, &sealed).as_deref(),
                Ok(&part[..])
            );
        }
    });
}

/// A signature in parts gives nothing out before its end. What the bridge keeps of the parts may
/// heal; beyond it the loss is told.
#[test]
#[serial]
fn a_signature_in_parts_is_right_or_device_error() {
    on_user(PATIENT, |setting, session| {
        let (public, private) = setting::rsa(session, "rsa");
        let mechanism = Mechanism::plain(M::SHA256_RSA_PKCS);
        for size in [100, 200_000] {
            let data = vec![3; size];
            let parts: Vec<&[u8]> = data.chunks(10_000).collect();
            for function in ["C_SignInit", "C_SignUpdate", "C_SignFinal", "C_Sign"] {
                let order = setting.faulty().of(function);
                let (injected, logged) = (order.injected(), setting.target.place.log().len());
                order.at(1, Code::SessionHandleInvalid).with(Effect::LoseSession);
                match session.run_parts(Function::Sign, &mechanism, private, &parts) {
                    Ok(signature) => {
                        session.check(&mechanism, public, &data, &signature).expect("verified");
                    }
                    Err(code) => {
                        assert_eq!(code, Code::DeviceError, "{function} {size}");
                        assert_eq!(order.injected(), injected + 1);
                        assert!(setting.logged(logged).contains("not repeated"));
                    }
                }
                setting.faulty().clear();
            }
            let signature = session.run_parts(Function::Sign, &mechanism, private, &parts);
            let signature = signature.expect("signed after all of it");
            session.check(&mechanism, public, &data, &signature).expect("verified");
        }
    });
}

/// The application keeps its session, its login and its handles of objects.
#[test]
#[serial]
fn a_restart_of_the_device_is_healed_with_login_and_other_handles() {
    on_user(PATIENT, |setting, session| {
        let faulty = setting.faulty();
        faulty.shift_handles(1000);
        let (public, private) = setting::pair(session, "pair").expect("generated");
        let verifier = setting::verifier(session, public);
        let key = setting::aes(session, "aes").expect("generated");
        let ecb = Mechanism::plain(M::AES_ECB);
        let sealed = session.run(Function::Encrypt, &ecb, key, &[1; 32]).expect("encrypted");
        for _ in 0..5 {
            faulty.restart();
            let signature = setting::sign(session, private, &DIGEST).expect("signed");
            assert!(setting::is_signature(&verifier, &DIGEST, &signature));
            faulty.restart();
            assert_eq!(session.run(Function::Encrypt, &ecb, key, &[1; 32]).as_ref(), Ok(&sealed));
            faulty.restart();
            let mut found = session.find(&setting::by_label("pair")).expect("found");
            found.sort_unstable();
            assert_eq!(found, {
                let mut both = [public, private];
                both.sort_unstable();
                both
            });
            faulty.restart();
            assert_eq!(session.attribute(private, A::LABEL).as_deref(), Ok(&b"pair"[..]));
            faulty.restart();
            setting::aes(session, "another").expect("generated");
        }
        assert_eq!(session.find(&setting::by_label("another")).map(|found| found.len()), Ok(5));
        assert!(faulty.lost().1 > 0, "no session was lost");
    });
}

#[test]
#[serial]
fn a_session_object_is_gone_after_a_restart_and_is_told_so() {
    on_user(PATIENT, |setting, session| {
        let (_, private) = session.ec(keys::P256);
        setting::sign(session, private, &DIGEST).expect("signed");
        setting.faulty().restart();
        let answer = setting::sign(session, private, &DIGEST);
        assert!(matches!(answer, Err(Code::KeyHandleInvalid | Code::DeviceError)), "{answer:?}");
        let (_, private) = session.ec(keys::P256);
        setting::sign(session, private, &DIGEST).expect("signed");
    });
}

/// Two objects that look alike cannot be told apart after a restart: refused, not guessed.
#[test]
#[serial]
fn objects_that_look_alike_are_refused_after_a_restart() {
    on_user(PATIENT, |setting, session| {
        setting.faulty().shift_handles(1000);
        let one = setting::aes(session, "twin").expect("generated");
        let two = setting::aes(session, "twin").expect("generated");
        let ecb = Mechanism::plain(M::AES_ECB);
        let seal = |key| session.run(Function::Encrypt, &ecb, key, &[1; 16]);
        let before = [seal(one).expect("encrypted"), seal(two).expect("encrypted")];
        assert_ne!(before[0], before[1]);
        setting.faulty().restart();
        for (key, before) in [one, two].into_iter().zip(&before) {
            match seal(key) {
                Ok(sealed) => assert_eq!(sealed, *before, "another key encrypted"),
                Err(code) => {
                    assert_eq!(code, Code::DeviceError);
                    assert!(setting.logged(0).contains("objects look like it"));
                }
            }
        }
    });
}

#[test]
#[serial]
fn the_death_of_the_modules_daemon_is_healed() {
    on_user(PATIENT, |setting, session| {
        let (public, private) = setting::pair(session, "pair").expect("generated");
        let verifier = setting::verifier(session, public);
        for _ in 0..3 {
            setting.faulty().crash();
            let signature = setting::sign(session, private, &DIGEST).expect("signed");
            assert!(setting::is_signature(&verifier, &DIGEST, &signature));
            setting.faulty().crash();
            assert_eq!(session.find(&setting::by_label("pair")).map(|found| found.len()), Ok(2));
            setting.faulty().crash();
            setting::aes(session, "made after it").expect("generated");
        }
        let made = session.find(&setting::by_label("made after it"));
        assert_eq!(made.map(|found| found.len()), Ok(3));
        let other = session.another(Flags::ReadOnly).expect("a session");
        setting::sign(other, private, &DIGEST).expect("signed");
    });
}

/// As a TPM's module does: C_GetSessionInfo goes on answering, every use is CKR_GENERAL_ERROR. Only
/// the profile can say that this is a loss, and that it takes another C_Initialize.
#[test]
#[serial]
fn a_dead_connection_that_sessions_do_not_tell_of_is_healed_as_the_profile_says() {
    let softhsm = include_str!("../../profiles/softhsm2.toml");
    let directory = tempfile::tempdir().expect("a directory");
    let profile = directory.path().join("profile.toml");
    fs::write(&profile, softhsm.replace("damaged_on", "reinitialize_on")).expect("written");
    let lines = PATIENT.replace("softhsm2", &profile.display().to_string());
    on_user(&lines, |setting, session| {
        let faulty = setting.faulty();
        let (public, mut private) = setting::pair(session, "pair").expect("generated");
        let verifier = setting::verifier(session, public);
        let signs = |key| {
            let signature = setting::sign(session, key, &DIGEST).expect("signed");
            assert!(setting::is_signature(&verifier, &DIGEST, &signature));
        };
        for _ in 0..3 {
            faulty.die();
            signs(private);
            faulty.die();
            assert_eq!(session.find(&setting::by_label("pair")).map(|found| found.len()), Ok(2));
            // What must not be done twice fails once, and the next caller finds all well.
            faulty.die();
            assert_eq!(setting::aes(session, "another"), Err(Code::DeviceError));
            setting::aes(session, "another").expect("generated");
            faulty.die();
            session.logout().expect("logged out");
            session.login(Who::User, USER_PIN).expect("logged in");
            let keys = setting::of_class(ObjectClass::PRIVATE_KEY, "pair");
            private = session.find(&keys).expect("found")[0];
            signs(private);
        }
        assert!(setting.logged(0).contains("initialised again"));
    });
}
