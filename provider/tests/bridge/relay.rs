//! Threads that sign, encrypt and search in a slot over two tokens, while these die and come back in
//! turn: no call fails, and no answer is wrong.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serial_test::serial;

use crate::harness::{Code, Flags, Function, Mechanism, MechanismType as M, ObjectClass, Session};
use crate::pair::{Pair, on_user, soon};
use crate::setting::{aes, is_signature, of_class, sign, verifier};

const THREADS: usize = 12;

#[derive(Default)]
struct Tally {
    calls: AtomicU64,
    right: AtomicU64,
    wrong: AtomicU64,
    failed: Mutex<BTreeMap<(&'static str, Code), u64>>,
}

impl Tally {
    fn count(&self, what: &'static str, work: impl FnOnce() -> Result<bool, Code>) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match work() {
            Ok(true) => self.right.fetch_add(1, Ordering::SeqCst),
            Ok(false) => self.wrong.fetch_add(1, Ordering::SeqCst),
            Err(code) => {
                let mut failed = self.failed.lock().expect("nobody panics with it");
                *failed.entry((what, code)).or_default() += 1;
                0
            }
        };
    }
}

/// What the threads work with.
struct Keys {
    private: u64,
    verifier: p256::ecdsa::VerifyingKey,
    secret: u64,
    sealed: Vec<u8>,
}

fn turn(session: Session<'_>, keys: &Keys, tally: &Tally, number: u64) {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_le_bytes());
    tally.count("sign", || {
        let signature = sign(session, keys.private, &digest)?;
        Ok(is_signature(&keys.verifier, &digest, &signature))
    });
    if number.is_multiple_of(4) {
        tally.count("encrypt", || {
            let ecb = Mechanism::plain(M::AES_ECB);
            let sealed = session.run(Function::Encrypt, &ecb, keys.secret, &[1; 32])?;
            Ok(sealed == keys.sealed)
        });
    }
    if number.is_multiple_of(16) {
        tally.count("find", || {
            let found = session.find(&of_class(ObjectClass::PRIVATE_KEY, "relay"))?;
            Ok(found == [keys.private])
        });
    }
}

/// Kills one token after the other, each for a while and never both; how often.
fn deaths(tokens: &Pair, stop: &AtomicBool) -> u64 {
    for turn in 0.. {
        let which = turn as usize % 2;
        tokens.kill(which);
        std::thread::sleep(Duration::from_millis(700));
        tokens.revive(which);
        // It is back when it signs: until then the other one has to live.
        let before = tokens.faulty[which].of("C_OpenSession").calls();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(50));
            let is_asked = tokens.faulty[which].of("C_OpenSession").calls() > before;
            // A spare that nobody needs is not asked.
            if is_asked || (which == 1 && start.elapsed() > Duration::from_millis(600)) {
                break;
            }
        }
        std::thread::sleep(Duration::from_millis(300));
        if stop.load(Ordering::SeqCst) {
            return turn + 1;
        }
    }
    unreachable!("it is stopped")
}

#[test]
#[serial]
fn twelve_threads_lose_no_call_while_the_tokens_die_in_turn() {
    on_user(|tokens, session| {
        let long = std::env::var_os("KEYWAY_TEST_LONG").is_some();
        let length = Duration::from_secs(if long { 60 } else { 8 });
        let (public, private) = crate::setting::pair(session, "relay").expect("generated");
        let secret = aes(session, "relay secret").expect("generated");
        let ecb = Mechanism::plain(M::AES_ECB);
        let sealed = session.run(Function::Encrypt, &ecb, secret, &[1; 32]).expect("encrypted");
        let keys = Keys { private, verifier: verifier(session, public), secret, sealed };
        sign(session, private, &[1; 32]).expect("signed");
        let (tally, stop, number) = (Tally::default(), AtomicBool::new(false), AtomicU64::new(0));
        let open = |_| tokens.target.open_on(1, Flags::ReadOnly).expect("a session");
        let sessions: Vec<_> = (0..THREADS).map(open).collect();
        let deaths = std::thread::scope(|scope| {
            for session in &sessions {
                scope.spawn(|| {
                    while !stop.load(Ordering::SeqCst) {
                        turn(*session, &keys, &tally, number.fetch_add(1, Ordering::SeqCst));
                    }
                });
            }
            let reaper = scope.spawn(|| deaths(tokens, &stop));
            std::thread::sleep(length);
            stop.store(true, Ordering::SeqCst);
            reaper.join().expect("it ends")
        });
        let [calls, right, wrong] =
            [&tally.calls, &tally.right, &tally.wrong].map(|count| count.load(Ordering::SeqCst));
        let failed = tally.failed.into_inner().expect("nobody panics with it");
        println!(
            "\ntold: {calls} calls of {THREADS} threads while two tokens died {deaths} times in \
             turn: {right} right, {} failed, {wrong} wrong; signed by the first {}, by the second \
             {}; {} switches",
            failed.values().sum::<u64>(),
            tokens.signed(0),
            tokens.signed(1),
            tokens.told("takes over"),
        );
        assert_eq!(failed, BTreeMap::new(), "calls failed");
        assert_eq!((wrong, right), (0, calls), "wrong results");
        assert!(calls > 200 && tokens.signed(1) > 20, "too calm to say anything");
        soon("it works afterwards", || sign(session, private, &[1; 32]).is_ok());
    });
}
