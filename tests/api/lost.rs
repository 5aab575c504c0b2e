//! Sessions that are closed, logged out or finalised under a `Kms`, and what is done again.

use std::sync::atomic::{AtomicUsize, Ordering};

use keyway::Kind;
use keyway::domain::key::Algorithm;

use crate::disturb::{close_all, finalize, initialize, log_out, other};
use crate::harness::{LABEL, beside_every_token};
use crate::{create, name, new_key, open, round_trip};

#[test]
fn sessions_that_somebody_closed_are_opened_again() {
    beside_every_token("lost::sessions_that_somebody_closed_are_opened_again", |place| {
        let kms = open(place);
        let key = create(&kms, "k", Algorithm::Aes256);
        close_all(place);
        round_trip(&kms, &key);
        close_all(place);
        kms.rotate_key(&key).expect("a change finds a new session");
        log_out(place);
        assert_eq!(kms.list_keys().expect("listed").records.len(), 1);
        log_out(place);
        kms.rotate_key(&key).expect("a change finds a login");
        round_trip(&kms, &key);
    });
}

#[test]
fn a_module_that_somebody_finalised_is_initialised_again() {
    beside_every_token("lost::a_module_that_somebody_finalised_is_initialised_again", |place| {
        let kms = open(place);
        let key = create(&kms, "k", Algorithm::Aes256);
        finalize(place);
        round_trip(&kms, &key);
        finalize(place);
        initialize(place);
        round_trip(&kms, &key);
        finalize(place);
        kms.rotate_key(&key).expect("a change finds a new session");
        // Who was faster has our handles: the pool does not close them.
        finalize(place);
        initialize(place);
        let (context, slot) = other(place);
        let theirs: Vec<_> =
            (0..3).map(|_| context.open_rw_session(slot).expect("a session")).collect();
        round_trip(&kms, &key);
        assert!(theirs.iter().all(|session| session.get_session_info().is_ok()));
    });
}

#[test]
fn what_changes_nothing_is_done_again_on_a_new_session() {
    beside_every_token("lost::what_changes_nothing_is_done_again_on_a_new_session", |place| {
        let kms = open(place);
        create(&kms, "k", Algorithm::Aes256);
        for disturb in [close_all, log_out, finalize] {
            let calls = AtomicUsize::new(0);
            let keys = kms.read(|kms| {
                if calls.fetch_add(1, Ordering::SeqCst) == 0 {
                    disturb(place);
                }
                // Logged out, a token answers that it has no records, and no error.
                kms.list_keys()
            });
            assert_eq!(keys.expect("listed").records.len(), 1);
            assert_eq!(calls.into_inner(), 2);
        }
        let calls = AtomicUsize::new(0);
        let error = kms.read(|kms| {
            calls.fetch_add(1, Ordering::SeqCst);
            close_all(place);
            kms.list_keys().map(drop)
        });
        let error = error.expect_err("every time");
        assert!(error.is_session_lost(), "{error}");
        assert_eq!(calls.into_inner(), 3);
        assert!(error.to_string().contains(LABEL), "{error}");
    });
}

#[test]
fn a_change_is_never_repeated() {
    beside_every_token("lost::a_change_is_never_repeated", |place| {
        let kms = open(place);
        for (number, disturb) in [close_all, log_out, finalize].into_iter().enumerate() {
            let key = format!("k{number}");
            let mut calls = 0;
            let error = kms.change(|kms| {
                calls += 1;
                disturb(place);
                kms.create_key(&new_key(&key, Algorithm::Aes256))
            });
            let error = error.expect_err("lost");
            assert!(error.is_session_lost(), "{error}");
            let advice = error.advice().expect("an advice");
            assert!(advice.contains("look before you repeat it"), "{advice}");
            assert_eq!(calls, 1);
            // The next call finds a new session; nothing was made.
            assert_eq!(kms.list_keys().expect("listed").strays.len(), 0);
            create(&kms, &key, Algorithm::Aes256);
        }
    });
}

#[test]
fn an_error_of_the_use_case_is_not_repeated_and_names_token_and_key() {
    beside_every_token(
        "lost::an_error_of_the_use_case_is_not_repeated_and_names_token_and_key",
        |place| {
            let kms = open(place);
            let calls = AtomicUsize::new(0);
            let error = kms.read(|kms| {
                calls.fetch_add(1, Ordering::SeqCst);
                kms.encrypt(&name("absent"), None, b"x")
            });
            let error = error.expect_err("no key");
            assert_eq!((error.kind(), calls.into_inner()), (Kind::NotFound, 1));
            assert!(!error.is_session_lost());
            let text = error.to_string();
            assert!(text.contains(&format!("token {LABEL}")) && text.contains("absent"), "{text}");
        },
    );
}
