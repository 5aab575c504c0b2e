//! One `Kms` in many threads and in a child: they share its sessions, and wait for one.

use std::panic::resume_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use keyway::domain::key::Algorithm;
use keyway::service::Kms as UseCases;
use keyway::{Kind, Kms};

use crate::disturb::{close_all, other};
use crate::harness::{LABEL, Maker, beside_every_token};
use crate::{builder, create, open, round_trip};

#[test]
fn a_kms_is_for_all_threads() {
    fn for_all_threads<T: Clone + Send + Sync + 'static>() {}
    for_all_threads::<Kms>();
}

#[test]
fn eight_threads_share_four_sessions() {
    beside_every_token("threads::eight_threads_share_four_sessions", |place| {
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
fn who_waits_too_long_for_a_session_is_told() {
    beside_every_token("threads::who_waits_too_long_for_a_session_is_told", |place| {
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
        let patient = builder(place).wait(Duration::MAX).open().expect("opened");
        patient.list_keys().expect("no clock reaches the end of that wait");
        // One that panics does not keep its session, nor one that fails.
        for _ in 0..3 {
            let kms = kms.clone();
            // Past the hook, which would print it.
            let panicking = |_: UseCases<'_>| resume_unwind(Box::new("on purpose"));
            thread::spawn(move || kms.once::<()>(panicking)).join().expect_err("it panicked");
        }
        for _ in 0..3 {
            kms.change(|_| Err::<(), _>(Kind::Refused.because("on purpose"))).expect_err("failed");
        }
        kms.list_keys().expect("they came back");
    });
}

#[test]
fn eight_threads_go_on_while_somebody_closes_and_logs_out() {
    beside_every_token(
        "threads::eight_threads_go_on_while_somebody_closes_and_logs_out",
        |place| {
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
                    round += 1;
                    // However slow the machine is, between two of them something gets done.
                    thread::sleep(Duration::from_millis(100 + 20 * round));
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
        },
    );
}

#[test]
fn a_child_of_fork_goes_on() {
    beside_every_token("threads::a_child_of_fork_goes_on", |place| {
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
