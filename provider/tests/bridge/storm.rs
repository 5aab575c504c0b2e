//! Sixteen threads sign, search and encrypt while the inner token fails in every way that
//! `faulty.c` knows.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serial_test::serial;

use crate::harness::faulty::{Effect, Faulty};
use crate::harness::{Code, Flags, Function, Mechanism, MechanismType as M, ObjectClass, Session};
use crate::setting::{self, Setting, on_user};

const THREADS: u64 = 16;

/// What the weather has: functions that fail, with which code, and what is lost with it.
const WEATHER: [(&str, Code, Effect); 14] = [
    ("C_Sign", Code::SessionHandleInvalid, Effect::LoseSession),
    ("C_Sign", Code::DeviceError, Effect::Answer),
    ("C_SignInit", Code::SessionClosed, Effect::LoseSession),
    ("C_SignInit", Code::UserNotLoggedIn, Effect::Answer),
    ("C_SignInit", Code::DeviceRemoved, Effect::LoseAll),
    ("C_OpenSession", Code::DeviceError, Effect::Answer),
    ("C_OpenSession", Code::SessionCount, Effect::Answer),
    ("C_OpenSession", Code::TokenNotPresent, Effect::Answer),
    ("C_Login", Code::DeviceError, Effect::Answer),
    ("C_FindObjectsInit", Code::SessionHandleInvalid, Effect::LoseSession),
    ("C_FindObjects", Code::TokenNotRecognized, Effect::Answer),
    ("C_GetAttributeValue", Code::DeviceError, Effect::Answer),
    ("C_Encrypt", Code::SessionClosed, Effect::LoseSession),
    ("C_GetSlotList", Code::DeviceRemoved, Effect::Answer),
];

/// What became of the calls.
#[derive(Default)]
struct Tally {
    begun: AtomicU64,
    right: AtomicU64,
    wrong: AtomicU64,
    failed: Mutex<BTreeMap<(&'static str, Code), u64>>,
}

/// What the threads work with.
struct Keys {
    private: u64,
    verifier: p256::ecdsa::VerifyingKey,
    secret: u64,
    sealed: Vec<u8>,
}

impl Tally {
    /// Runs a call; `Some(false)` for a wrong result.
    fn count(&self, what: &'static str, work: impl FnOnce() -> Result<bool, Code>) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        match work() {
            Ok(true) => self.right.fetch_add(1, Ordering::SeqCst),
            Ok(false) => self.wrong.fetch_add(1, Ordering::SeqCst),
            Err(code) => {
                let mut failed = self.failed.lock().expect("nobody panics with it");
                *failed.entry((what, code)).or_default() += 1;
                drop(failed);
                // As an application would, before it tries again.
                std::thread::sleep(Duration::from_millis(20));
                0
            }
        };
    }

    fn failures(&self) -> u64 {
        self.failed.lock().expect("nobody panics with it").values().sum()
    }
}

/// One turn of a thread.
fn turn(session: Session<'_>, keys: &Keys, tally: &Tally, number: u64) {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_le_bytes());
    tally.count("sign", || {
        let signature = setting::sign(session, keys.private, &digest)?;
        Ok(setting::is_signature(&keys.verifier, &digest, &signature))
    });
    if number.is_multiple_of(4) {
        tally.count("encrypt", || {
            let ecb = Mechanism::plain(M::AES_ECB);
            let sealed = session.run(Function::Encrypt, &ecb, keys.secret, &[1; 32])?;
            Ok(sealed == keys.sealed)
        });
    }
    if number.is_multiple_of(8) {
        tally.count("find", || {
            let found = session.find(&setting::of_class(ObjectClass::PRIVATE_KEY, "storm"));
            if found.is_err() {
                let _ = session.find_final();
            }
            Ok(found? == [keys.private])
        });
    }
}

/// Faults that change all the time, until told to stop; restarts and deaths that it made.
fn weather(faulty: &Faulty, stop: &AtomicBool) -> (u64, u64) {
    let (mut restarts, mut deaths) = (0, 0);
    for turn in 0_u64.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let (function, code, effect) = WEATHER[turn as usize % WEATHER.len()];
        let often = if function.starts_with("C_Sign") { 20 } else { 3 };
        faulty.of(function).one_in(often, code).with(effect);
        std::thread::sleep(Duration::from_millis(30));
        faulty.of(function).clear();
        if turn % 10 == 3 {
            faulty.restart();
            restarts += 1;
        }
        if turn % 40 == 7 {
            faulty.crash();
            deaths += 1;
        }
        match turn % 60 {
            20 => faulty.limit_sessions(3, false),
            30 => faulty.limit_sessions(0, false),
            40 => faulty.idle(20),
            50 => faulty.idle(0),
            _ => {}
        }
    }
    faulty.clear();
    (restarts, deaths)
}

fn storm(setting: &Setting, session: Session<'_>, length: Duration) {
    let faulty = setting.faulty();
    faulty.seed(20_260_101);
    faulty.shift_handles(10_000);
    let (public, private) = setting::pair(session, "storm").expect("generated");
    let secret = setting::aes(session, "storm secret").expect("generated");
    let ecb = Mechanism::plain(M::AES_ECB);
    let keys = Keys {
        private,
        verifier: setting::verifier(session, public),
        secret,
        sealed: session.run(Function::Encrypt, &ecb, secret, &[1; 32]).expect("encrypted"),
    };
    let (tally, stop) = (Tally::default(), AtomicBool::new(false));
    let number = AtomicU64::new(0);
    let open = |_| setting.target.open(Flags::ReadOnly).expect("a session");
    let sessions: Vec<_> = (0..THREADS).map(open).collect();
    let (restarts, deaths) = std::thread::scope(|scope| {
        for session in &sessions {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    turn(*session, &keys, &tally, number.fetch_add(1, Ordering::SeqCst));
                }
            });
        }
        let weather = scope.spawn(|| weather(faulty, &stop));
        let start = Instant::now();
        while start.elapsed() < length {
            std::thread::sleep(Duration::from_millis(50));
        }
        stop.store(true, Ordering::SeqCst);
        weather.join().expect("the weather ends")
    });
    report(setting, &tally, restarts, deaths);
    // Afterwards it is as before, within the longest pause.
    let fine = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        setting::sign(session, keys.private, &[1; 32]).is_ok()
    });
    assert!(fine, "it does not work after the faults are over");
    let calm = Tally::default();
    (0..64).for_each(|number| turn(session, &keys, &calm, number));
    assert_eq!(calm.right.into_inner(), calm.begun.into_inner());
}

fn report(setting: &Setting, tally: &Tally, restarts: u64, deaths: u64) {
    let faulty = setting.faulty();
    let (begun, right) = (&tally.begun, &tally.right);
    let (begun, right) = (begun.load(Ordering::SeqCst), right.load(Ordering::SeqCst));
    let log = setting.target.place.log();
    let count = |words: &str| log.lines().filter(|line| line.contains(words)).count();
    println!(
        "\ntold: {begun} calls of 16 threads: {right} right, {} failed, {} wrong; {} inner calls, {} \
         answers injected, {restarts} restarts, {deaths} deaths of the daemon, {:?} sessions timed \
         out and cut; healed: {} lines, logins {}",
        tally.failures(),
        tally.wrong.load(Ordering::SeqCst),
        faulty.calls(),
        faulty.injected(),
        faulty.lost(),
        count("lost, and opened again") + count("done again"),
        faulty.of("C_Login").calls(),
    );
    println!("told: failed: {:?}", tally.failed.lock().expect("nobody panics with it"));
    let explained = log.lines().filter(|line| {
        line.contains("error: C_") && (line.contains("DEVICE_ERROR") || line.contains("REMOVED"))
    });
    let causes = ["left alone", "sessions were in use", "answered ", "not there any more"];
    let mut by_cause = BTreeMap::new();
    let mut lines = 0;
    for line in explained {
        let cause = causes.into_iter().find(|cause| line.contains(cause)).unwrap_or("else");
        *by_cause.entry(cause).or_insert(0_u64) += 1;
        lines += 1;
    }
    println!("told: the log says why: {by_cause:?}");
    assert!(lines >= tally.failures(), "{lines} explanations for {} failures", tally.failures());
    assert_eq!(tally.wrong.load(Ordering::SeqCst), 0, "wrong results");
    assert_eq!(begun, right + tally.failures(), "a call was lost");
    assert!(right > 100 && faulty.injected() > 50, "too calm to say anything");
    for ((what, code), _) in tally.failed.lock().expect("nobody panics with it").iter() {
        assert!(matches!(code, Code::DeviceError | Code::DeviceRemoved), "{what}: {code:?}");
    }
}

#[test]
#[serial]
fn sixteen_threads_get_no_wrong_answer_and_lose_no_call_while_the_token_fails() {
    let lines = "profile = \"softhsm2\"\nsessions = 12\nwait_seconds = 20\npause_seconds = 1\n";
    on_user(lines, |setting, session| {
        let long = std::env::var_os("KEYWAY_TEST_LONG").is_some();
        storm(setting, session, Duration::from_secs(if long { 60 } else { 10 }));
    });
}
