//! Few inner sessions, idle ones that end, a token that keeps failing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serial_test::serial;

use crate::harness::{Code, Flags, Function, Mechanism, MechanismType as M, ObjectClass, Room};
use crate::setting::{self, PATIENT, Setting, on_user};

const DIGEST: [u8; 32] = [0x66; 32];

/// Eight threads sign with what sessions there are.
fn threads_sign(setting: &Setting, private: u64, verifier: &p256::ecdsa::VerifyingKey) {
    let signed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let signed = &signed;
            scope.spawn(move || {
                let session = setting.target.open(Flags::ReadOnly).expect("a session");
                for _ in 0..20 {
                    let signature = setting::sign(session, private, &DIGEST).expect("signed");
                    assert!(setting::is_signature(verifier, &DIGEST, &signature));
                    signed.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(signed.into_inner(), 160);
}

/// Whether the token says how many sessions it takes, or says nothing and refuses.
#[test]
#[serial]
fn two_or_three_inner_sessions_are_enough_for_many_threads() {
    on_user(PATIENT, |setting, session| {
        let (public, private) = setting::pair(session, "pair").expect("generated");
        let verifier = setting::verifier(session, public);
        for (most, announced) in [(2, true), (3, true), (2, false), (3, false)] {
            setting.faulty().limit_sessions(most, announced);
            setting.faulty().restart();
            threads_sign(setting, private, &verifier);
            let (open, _) = setting.faulty().sessions();
            assert!(open <= most, "{open} of {most}");
            setting::aes(session, "key").expect("generated");
            let found = session.find(&setting::of_class(ObjectClass::PRIVATE_KEY, "pair"));
            assert_eq!(found, Ok(vec![private]));
        }
    });
}

/// What was read of the key is old when the call comes that holds the only session.
#[test]
#[serial]
fn an_operation_that_begins_early_needs_no_second_session() {
    on_user(PATIENT, |setting, session| {
        let (public, private) = setting::pair(session, "pair").expect("generated");
        let verifier = setting::verifier(session, public);
        for announced in [true, false] {
            setting.faulty().limit_sessions(2, announced);
            setting.faulty().restart();
            session.init(Function::Sign, &Mechanism::plain(M::ECDSA), private).expect("C_SignInit");
            std::thread::sleep(Duration::from_millis(1200));
            let signature = session.whole(Function::Sign, &DIGEST, Room::Bytes(64)).done();
            let signature = signature.expect("C_Sign");
            assert!(setting::is_signature(&verifier, &DIGEST, &signature));
        }
    });
}

/// An operation in parts holds its session; another caller waits, or is told when that takes too
/// long.
#[test]
#[serial]
fn a_caller_waits_for_a_session_and_is_told_when_there_is_none() {
    on_user("profile = \"softhsm2\"\nsessions = 2\nwait_seconds = 1\n", |setting, session| {
        let key = setting::aes(session, "aes").expect("generated");
        let cbc = Mechanism::bytes(M::AES_CBC_PAD, &[1; 16]);
        session.init(Function::Encrypt, &cbc, key).expect("C_EncryptInit");
        session.update(Function::Encrypt, &[1; 64], Room::Bytes(100)).done().expect("a part");
        let other = session.another(Flags::ReadOnly).expect("a session");
        let logged = setting.target.place.log().len();
        let answer = other.run(Function::Encrypt, &cbc, key, &[2; 16]);
        assert_eq!(answer, Err(Code::DeviceError));
        let log = setting.logged(logged);
        assert!(log.contains("sessions were in use for 1s"), "{log}");
        session.finish(Function::Encrypt, Room::Bytes(100)).done().expect("the end");
        other.run(Function::Encrypt, &cbc, key, &[2; 16]).expect("encrypted");
    });
}

#[test]
#[serial]
fn sessions_that_end_for_lying_idle_are_replaced() {
    on_user(PATIENT, |setting, session| {
        let (public, private) = setting::pair(session, "pair").expect("generated");
        let verifier = setting::verifier(session, public);
        setting.faulty().idle(50);
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(120));
            let signature = setting::sign(session, private, &DIGEST).expect("signed");
            assert!(setting::is_signature(&verifier, &DIGEST, &signature));
            std::thread::sleep(Duration::from_millis(120));
            setting::aes(session, "key").expect("generated");
            std::thread::sleep(Duration::from_millis(120));
            assert_eq!(session.random(16).map(|bytes| bytes.len()), Ok(16));
        }
        assert!(setting.faulty().lost().0 >= 5, "no session timed out");
        assert_eq!(session.find(&setting::by_label("key")).map(|found| found.len()), Ok(5));
    });
}

/// Counted in calls that reach the inner module, not in time.
#[test]
#[serial]
fn a_token_that_keeps_failing_is_left_alone() {
    on_user("profile = \"softhsm2\"\nfailures = 3\npause_seconds = 3\n", |setting, session| {
        let (_, private) = setting::pair(session, "pair").expect("generated");
        let faulty = setting.faulty();
        faulty.restart();
        faulty.of("C_GetSlotList").every(1, Code::DeviceRemoved);
        faulty.of("C_OpenSession").every(1, Code::DeviceRemoved);
        let mut reached = Vec::new();
        for _ in 0..40 {
            let before = faulty.calls();
            let answer = setting::sign(session, private, &DIGEST);
            assert!(matches!(answer, Err(Code::DeviceError | Code::DeviceRemoved)), "{answer:?}");
            reached.push(faulty.calls() - before);
        }
        let quiet = reached.iter().filter(|calls| **calls == 0).count();
        println!("\ntold: calls of the inner module for each of 40: {reached:?}");
        assert!(quiet >= 30, "{reached:?}");
        assert!(setting.logged(0).contains("left alone for another"), "the log does not say so");
        faulty.clear();
        // It comes back by itself.
        let healed = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            setting::sign(session, private, &DIGEST).is_ok()
        });
        assert!(healed, "it never came back");
    });
}
