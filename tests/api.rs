//! `keyway::Kms`, as a program uses it: from many threads, and whatever becomes of its sessions.

mod harness;

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use harness::{LABEL, Maker, Place, USER_PIN, beside_every_token};
use keyway::domain::key::{Algorithm, KeyName};
use keyway::service::NewKey;
use keyway::{Builder, Kind, Kms};
use zeroize::Zeroizing;

fn pin() -> Zeroizing<String> {
    USER_PIN.to_owned().into()
}

fn builder(place: &Place) -> Builder {
    Kms::builder().module(&place.module).token(LABEL).pin(pin())
}

fn open(place: &Place) -> Kms {
    builder(place).open().expect("opened")
}

fn name(text: &str) -> KeyName {
    text.parse().expect("a name")
}

fn new_key(text: &str, algorithm: Algorithm) -> NewKey {
    NewKey { name: name(text), algorithm, usage: None }
}

fn create(kms: &Kms, text: &str, algorithm: Algorithm) -> KeyName {
    kms.create_key(&new_key(text, algorithm)).expect("created");
    name(text)
}

fn round_trip(kms: &Kms, key: &KeyName) {
    let message = kms.encrypt(key, None, b"attack at dawn").expect("encrypted");
    assert_eq!(*kms.decrypt(None, &message).expect("decrypted"), b"attack at dawn");
}

/// Somebody else in the process who uses the same module.
fn other(place: &Place) -> (Pkcs11, Slot) {
    let context = Pkcs11::new(&place.module).expect("the module");
    let labelled =
        |slot: &Slot| context.get_token_info(*slot).is_ok_and(|info| info.token_initialized());
    let slots = context.get_slots_with_token().expect("slots");
    let slot = slots.into_iter().find(labelled).expect("the token");
    (context, slot)
}

fn close_all(place: &Place) {
    let slot = other(place).1;
    // SAFETY: the module is loaded already, and its initialisers have run.
    let library = unsafe { cryptoki_sys::Pkcs11::new(&place.module) }.expect("the module");
    let mut list = std::ptr::null_mut();
    // SAFETY: writes one pointer, to a list that lives as long as the library.
    assert_eq!(unsafe { library.C_GetFunctionList(&mut list) }, cryptoki_sys::CKR_OK);
    // SAFETY: the list is there, and its function takes a number.
    let answer = unsafe { (*list).C_CloseAllSessions.expect("it is there")(slot.id()) };
    assert_eq!(answer, cryptoki_sys::CKR_OK);
}

fn log_out(place: &Place) {
    let (context, slot) = other(place);
    context.open_rw_session(slot).expect("a session").logout().expect("logged out");
}

fn finalize(place: &Place) {
    Pkcs11::new(&place.module).expect("the module").finalize().expect("finalised");
}

fn initialize(place: &Place) {
    let context = Pkcs11::new(&place.module).expect("the module");
    let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    context.initialize(arguments).expect("initialised");
}

fn state(session: &Session) -> SessionState {
    session.get_session_info().expect("a session").session_state()
}

#[test]
fn a_kms_is_for_all_threads() {
    fn for_all_threads<T: Clone + Send + Sync + 'static>() {}
    for_all_threads::<Kms>();
}

#[test]
fn eight_threads_share_four_sessions() {
    beside_every_token("eight_threads_share_four_sessions", |place| {
        let kms = builder(place).sessions(4).open().expect("opened");
        assert_eq!(kms.most_sessions(), 4);
        let signer = create(&kms, "signer", Algorithm::EcP256);
        let most = AtomicUsize::new(0);
        let now = AtomicUsize::new(0);
        thread::scope(|scope| {
            for thread in 0..8 {
                let (kms, signer, most, now) = (kms.clone(), &signer, &most, &now);
                scope.spawn(move || {
                    let key = create(&kms, &format!("key-{thread}"), Algorithm::Aes256);
                    for round in 0..6 {
                        round_trip(&kms, &key);
                        let message = format!("{thread} {round}");
                        let message = message.as_bytes();
                        let signature = kms.sign(signer, None, message).expect("signed");
                        kms.verify(signer, None, message, &signature).expect("verified");
                        let error = kms.verify(signer, None, b"x", &signature).expect_err("other");
                        assert_eq!(error.kind(), Kind::NotAuthentic);
                        let count = || {
                            most.fetch_max(
                                now.fetch_add(1, Ordering::SeqCst) + 1,
                                Ordering::SeqCst,
                            );
                            thread::yield_now();
                            now.fetch_sub(1, Ordering::SeqCst);
                        };
                        kms.once(|_| {
                            count();
                            Ok(())
                        })
                        .expect("counted");
                    }
                });
            }
        });
        assert!(most.into_inner() <= 4, "more than four at once");
        let keys = kms.list_keys().expect("listed");
        assert_eq!(keys.records.len(), 9);
        assert_eq!(keys.problems, Vec::<String>::new());
        let (context, slot) = other(place);
        let open = context.get_token_info(slot).expect("info").session_count();
        assert!(open.is_none_or(|open| open <= 4), "{open:?} sessions");
    });
}

#[test]
fn sessions_that_somebody_closed_are_opened_again() {
    beside_every_token("sessions_that_somebody_closed_are_opened_again", |place| {
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
    beside_every_token("a_module_that_somebody_finalised_is_initialised_again", |place| {
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
fn eight_threads_go_on_while_somebody_closes_and_logs_out() {
    beside_every_token("eight_threads_go_on_while_somebody_closes_and_logs_out", |place| {
        let kms = builder(place).sessions(4).open().expect("opened");
        let key = create(&kms, "k", Algorithm::Aes256);
        let running = AtomicUsize::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                let (kms, key, running) = (kms.clone(), &key, &running);
                scope.spawn(move || {
                    for _ in 0..10 {
                        // Three times in a row is bad luck, and said so.
                        let message = loop {
                            match kms.encrypt(key, None, b"attack at dawn") {
                                Err(error) if error.is_session_lost() => {}
                                answer => break answer.expect("encrypted"),
                            }
                        };
                        let data = loop {
                            match kms.decrypt(None, &message) {
                                Err(error) if error.is_session_lost() => {}
                                answer => break answer.expect("decrypted"),
                            }
                        };
                        assert_eq!(*data, b"attack at dawn");
                    }
                    running.fetch_sub(1, Ordering::SeqCst);
                });
            }
            let mut round = 0;
            while running.load(Ordering::SeqCst) > 0 {
                thread::sleep(Duration::from_millis(100));
                round += 1;
                match round % 2 {
                    // SoftHSM2 itself crashes when sessions are closed that other threads use.
                    0 if place.maker == Maker::Keyway => close_all(place),
                    // Nobody may be logged in just now.
                    _ => {
                        let (context, slot) = other(place);
                        let _ = context.open_rw_session(slot).expect("a session").logout();
                    }
                }
            }
        });
        round_trip(&kms, &key);
    });
}

#[test]
fn what_changes_nothing_is_done_again_on_a_new_session() {
    beside_every_token("what_changes_nothing_is_done_again_on_a_new_session", |place| {
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
    beside_every_token("a_change_is_never_repeated", |place| {
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
        "an_error_of_the_use_case_is_not_repeated_and_names_token_and_key",
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

#[test]
fn a_token_that_is_taken_away_is_missed_and_found_again() {
    beside_every_token("a_token_that_is_taken_away_is_missed_and_found_again", |place| {
        let kms = open(place);
        let key = create(&kms, "k", Algorithm::Aes256);
        let (tokens, away) = (place.directory.join("tokens"), place.directory.join("away"));
        let message = kms.encrypt(&key, None, b"attack at dawn").expect("encrypted");
        for change in [false, true] {
            fs::rename(&tokens, &away).expect("moved");
            fs::create_dir(&tokens).expect("an empty directory");
            if place.maker == Maker::Keyway {
                // Whoever has our token's file open keeps it, wherever it goes.
                assert_eq!(*kms.decrypt(None, &message).expect("decrypted"), b"attack at dawn");
                finalize(place);
            }
            let error = match change {
                true => kms.rotate_key(&key).map(drop),
                false => kms.decrypt(None, &message).map(drop),
            };
            let error = error.expect_err("there is no token");
            let text = error.to_string();
            assert!(text.contains(&format!("has no token {LABEL}")), "{text}");
            let advice = error.advice().expect("an advice");
            assert!(advice.contains("put the token back"), "{advice}");
            fs::remove_dir_all(&tokens).expect("removed");
            fs::rename(&away, &tokens).expect("moved back");
            assert_eq!(*kms.decrypt(None, &message).expect("decrypted"), b"attack at dawn");
        }
        kms.rotate_key(&key).expect("rotated");
        round_trip(&kms, &key);
    });
}

#[test]
fn another_token_of_the_same_label_is_not_taken_for_the_first() {
    beside_every_token("another_token_of_the_same_label_is_not_taken_for_the_first", |place| {
        let kms = open(place);
        create(&kms, "k", Algorithm::Aes256);
        let (tokens, away) = (place.directory.join("tokens"), place.directory.join("away"));
        fs::rename(&tokens, &away).expect("moved");
        fs::create_dir(&tokens).expect("an empty directory");
        let mut init = Command::new(env!("CARGO_BIN_EXE_keyway"));
        init.args(["token", "init", "--label", LABEL, "--so-pin-file", "so-pin"]);
        assert!(init.status().expect("keyway starts").success());
        finalize(place);
        let error = kms.list_keys().map(drop).expect_err("another token");
        assert!(error.to_string().contains("the token is another one"), "{error}");
        fs::remove_dir_all(&tokens).expect("removed");
        fs::rename(&away, &tokens).expect("moved back");
        finalize(place);
        assert_eq!(kms.list_keys().expect("listed").records.len(), 1);
    });
}

#[test]
fn a_child_of_fork_goes_on() {
    beside_every_token("a_child_of_fork_goes_on", |place| {
        let kms = open(place);
        let key = create(&kms, "k", Algorithm::Aes256);
        round_trip(&kms, &key);
        // SAFETY: no other thread holds a lock of keyway or of the module; the child runs nothing
        // of the test harness and ends with _exit.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                round_trip(&kms, &key);
                kms.rotate_key(&key).expect("rotated");
                round_trip(&kms, &key);
            }));
            // SAFETY: ends the child without the handlers of the parent.
            unsafe { libc::_exit(i32::from(done.is_err())) };
        }
        let mut status = 0;
        // SAFETY: the child is ours, and the status a valid place.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0, "the child on {:?}", place.maker);
        round_trip(&kms, &key);
        assert_eq!(kms.show_key(&key).expect("shown").records[0].versions().len(), 2);
    });
}

#[test]
fn who_waits_too_long_for_a_session_is_told() {
    beside_every_token("who_waits_too_long_for_a_session_is_told", |place| {
        let wait = Duration::from_millis(50);
        let kms = builder(place).sessions(2).wait(wait).open().expect("opened");
        let (go, gone) = channel::<()>();
        let gone = Mutex::new(gone);
        let (taken, both) = channel();
        thread::scope(|scope| {
            for _ in 0..2 {
                let (kms, gone, taken) = (kms.clone(), &gone, taken.clone());
                scope.spawn(move || {
                    kms.once(|_| {
                        taken.send(()).expect("told");
                        gone.lock().expect("a lock").recv().expect("the end");
                        Ok(())
                    })
                });
            }
            both.recv().expect("one");
            both.recv().expect("two");
            let error = kms.list_keys().map(drop).expect_err("none is left");
            assert_eq!(error.kind(), Kind::Busy);
            let text = error.to_string();
            assert!(text.contains("all 2 sessions are in use"), "{text}");
            assert!(text.contains("50ms") && text.contains(LABEL), "{text}");
            go.send(()).expect("sent");
            go.send(()).expect("sent");
        });
        kms.list_keys().expect("they came back");
        // One that panics does not keep its session, nor one that fails.
        for _ in 0..3 {
            let kms = kms.clone();
            thread::spawn(move || kms.once(|_| -> keyway::Result<()> { panic!("on purpose") }))
                .join()
                .expect_err("it panicked");
        }
        for _ in 0..3 {
            kms.change(|_| Err::<(), _>(Kind::Refused.because("on purpose"))).expect_err("failed");
        }
        kms.list_keys().expect("they came back");
    });
}

#[test]
fn the_last_handle_closes_the_sessions_and_leaves_others_alone() {
    beside_every_token("the_last_handle_closes_the_sessions_and_leaves_others_alone", |place| {
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
    });
}

#[test]
fn a_pin_comes_from_memory_a_file_a_uri_or_a_question() {
    beside_every_token("a_pin_comes_from_memory_a_file_a_uri_or_a_question", |place| {
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

#[test]
fn a_refused_pin_is_not_tried_twice() {
    beside_every_token("a_refused_pin_is_not_tried_twice", |place| {
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
