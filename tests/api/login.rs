//! PINs, logins, and when sessions end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::types::AuthPin;
use keyway::{Kind, Kms};
use zeroize::Zeroizing;

use crate::disturb::{log_out, other};
use crate::harness::{LABEL, Maker, USER_PIN, beside_every_token};
use crate::{builder, open, pin};

#[test]
fn the_last_handle_closes_the_sessions_and_leaves_others_alone() {
    beside_every_token(
        "login::the_last_handle_closes_the_sessions_and_leaves_others_alone",
        |place| {
            let kms = open(place);
            let clone = kms.clone();
            let second = open(place);
            let (context, slot) = other(place);
            drop(kms);
            clone.list_keys().expect("a clone goes on");
            drop(clone);
            second.list_keys().expect("another pool goes on");
            let session = context.open_rw_session(slot).expect("a session");
            drop(second);
            assert_eq!(state(&session), SessionState::RwUser, "somebody else's login was ended");
            drop(session);
            let session = context.open_rw_session(slot).expect("a session");
            assert_eq!(state(&session), SessionState::RwPublic, "a session was left open");
            // A login of somebody else's is used and not ended.
            session.login(UserType::User, Some(&AuthPin::new(USER_PIN.into()))).expect("login");
            let asked = || -> keyway::Result<_> { panic!("nobody has to be asked") };
            let third = Kms::builder().module(&place.module).ask_pin(asked).open().expect("opened");
            third.list_keys().expect("listed");
            drop(third);
            assert_eq!(state(&session), SessionState::RwUser);
        },
    );
}

#[test]
fn a_pin_comes_from_memory_a_file_a_uri_or_a_question() {
    beside_every_token("login::a_pin_comes_from_memory_a_file_a_uri_or_a_question", |place| {
        let file = place.directory.join("pin");
        builder(place).pin_file(&file).open().expect("from a file").list_keys().expect("listed");
        let uri = format!(
            "pkcs11:token={LABEL}?module-path={}&pin-source=file:{}",
            place.module.display(),
            file.display()
        );
        let kms = Kms::builder().token(&uri).open().expect("from a URI");
        assert_eq!(kms.label(), LABEL);
        assert!(!kms.serial().is_empty());
        drop(kms);
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let ask = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(pin())
        };
        let kms = builder(place).ask_pin(ask).sessions(3).open().expect("asked");
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| kms.list_keys().expect("listed"));
            }
        });
        assert_eq!(asked.load(Ordering::SeqCst), 1, "one login a token");
        log_out(place);
        kms.list_keys().expect("listed");
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        // Who is logged in already needs no PIN.
        drop(kms);
        let none = Kms::builder().module(&place.module).open().expect_err("no PIN");
        assert_eq!(none.kind(), Kind::Pin);
        let missing = place.directory.join("missing");
        let none = builder(place).pin_file(&missing).open().expect_err("no file");
        assert!(none.to_string().contains("missing"), "{none}");
        let none = builder(place).token("absent").open().expect_err("no token");
        assert_eq!(none.kind(), Kind::NotFound);
        let none = builder(place).sessions(0).open().expect_err("no session");
        assert_eq!(none.kind(), Kind::Usage);
    });
}

/// Whatever kind of error a keyring or a person answers: it is not the module's, which is read again.
#[test]
fn who_does_not_give_a_pin_is_asked_once() {
    beside_every_token("login::who_does_not_give_a_pin_is_asked_once", |place| {
        for kind in [Kind::Token, Kind::NotFound, Kind::Pin] {
            let asked = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&asked);
            let ask = move || {
                counted.fetch_add(1, Ordering::SeqCst);
                Err(kind.because("the keyring is locked"))
            };
            let error = builder(place).ask_pin(ask).open().expect_err("no PIN");
            assert!(error.to_string().contains("the keyring is locked"), "{error}");
            assert_eq!(asked.load(Ordering::SeqCst), 1, "{kind:?}");
        }
    });
}

#[test]
fn a_refused_pin_is_not_tried_twice() {
    beside_every_token("login::a_refused_pin_is_not_tried_twice", |place| {
        let given = Arc::new(Mutex::new(USER_PIN.to_owned()));
        let now = Arc::clone(&given);
        let ask = move || Ok(Zeroizing::new(now.lock().expect("a lock").clone()));
        let kms = builder(place).ask_pin(ask).open().expect("opened");
        *given.lock().expect("a lock") = "000000".to_owned();
        log_out(place);
        let refused = kms.list_keys().map(drop).expect_err("a wrong PIN");
        assert_eq!(refused.kind(), Kind::Pin);
        // Enough to lock either token.
        for _ in 0..12 {
            let refused = kms.list_keys().map(drop).expect_err("a wrong PIN");
            assert!(refused.to_string().contains("not tried again"), "{refused}");
            assert!(!refused.to_string().contains("000000"), "{refused}");
        }
        *given.lock().expect("a lock") = USER_PIN.to_owned();
        kms.list_keys().expect("the PIN is not locked");
        if place.maker == Maker::Keyway {
            let (context, slot) = other(place);
            assert!(!context.get_token_info(slot).expect("info").user_pin_count_low());
        }
    });
}

fn state(session: &Session) -> SessionState {
    session.get_session_info().expect("a session").session_state()
}
