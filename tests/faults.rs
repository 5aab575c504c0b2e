//! Every call that `keyway::Kms` makes of a module fails once, as it does when a token or its
//! connection goes away: what changes nothing is done again on a new session, and where it cannot be
//! the error says what to do. That a change is never done twice is `killed.rs`'s to show.
//!
//! `harness/between.c` stands between the two and fails the calls.

mod harness;

use std::collections::BTreeMap;

use cryptoki::context::Pkcs11;
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use harness::between::{Between, Deed};
use harness::{LABEL, Place, USER_PIN, beside_every_token};
use keyway::domain::key::{Algorithm, KeyName};
use keyway::error::Result;
use keyway::service::NewKey;
use keyway::{Kind, Kms};

/// CKR_USER_NOT_LOGGED_IN.
const NOT_LOGGED_IN: u64 = 0x101;
/// The answers after which nothing is to be expected of a session (PKCS #11 3.2, 5.1).
const LOST: [(&str, u64); 7] = [
    ("CKR_DEVICE_ERROR", 0x30),
    ("CKR_DEVICE_REMOVED", 0x32),
    ("CKR_SESSION_CLOSED", 0xB0),
    ("CKR_SESSION_HANDLE_INVALID", 0xB3),
    ("CKR_TOKEN_NOT_PRESENT", 0xE0),
    ("CKR_TOKEN_NOT_RECOGNIZED", 0xE1),
    ("CKR_CRYPTOKI_NOT_INITIALIZED", 0x190),
];
/// In how many calls of one function something happens, unless there are more deeds.
const PLACES_MAX: u32 = 3;
const MESSAGE: &[u8] = b"attack at dawn";

fn name(text: &str) -> KeyName {
    text.parse().expect("a name")
}

fn new_key(text: &str, algorithm: Algorithm) -> NewKey {
    NewKey { name: name(text), algorithm, usage: None }
}

/// A token with the module between, and key management on it.
struct Rig<'p> {
    place: &'p Place,
    between: Between,
    kms: Kms,
}

/// What happens to which calls, in so many rounds for each function: from its first call to its
/// last, one deed after the other.
fn plans(
    counts: BTreeMap<String, u32>,
    deeds: &[Deed],
    rounds: impl Fn(u32) -> u32,
) -> Vec<(String, u32, Deed)> {
    let mut deeds = deeds.iter().cycle();
    let mut plans = Vec::new();
    for (function, calls) in counts {
        let rounds = rounds(calls);
        for round in 0..rounds {
            let at = 1 + round * (calls - 1) / (rounds - 1).max(1);
            plans.push((function.clone(), at, *deeds.next().expect("a deed")));
        }
    }
    plans
}

impl<'p> Rig<'p> {
    fn new(place: &'p Place) -> Self {
        let between = Between::before(&place.module, &place.directory.join("between"));
        let kms = open(&between).expect("opened");
        Self { place, between, kms }
    }

    fn create(&self, text: &str, algorithm: Algorithm) {
        self.kms.create_key(&new_key(text, algorithm)).expect("created");
    }

    /// How often a use case calls which function.
    fn calls(&self, run: impl FnOnce()) -> BTreeMap<String, u32> {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for function in self.between.calls(run) {
            *counts.entry(function).or_default() += 1;
        }
        assert!(counts.len() > 4, "a use case that calls nothing: {counts:?}");
        counts
    }

    /// A session past keyway, logged in.
    fn past_keyway(&self) -> Session {
        let context = Pkcs11::new(&self.place.module).expect("the module");
        let slot = context.get_slots_with_initialized_token().expect("slots")[0];
        let session = context.open_rw_session(slot).expect("a session");
        // Login is one for the process, which may have it.
        let _ = session.login(UserType::User, Some(&AuthPin::new(USER_PIN.into())));
        session
    }

    /// How many private and secret keys have this label.
    fn objects(&self, label: &str) -> usize {
        let session = self.past_keyway();
        let labelled = |class| found(&session, class, label).len();
        labelled(ObjectClass::SECRET_KEY) + labelled(ObjectClass::PRIVATE_KEY)
    }

    /// Takes a key's record away, so that looking at all stays short.
    fn forget(&self, key: &KeyName) {
        let session = self.past_keyway();
        for object in found(&session, ObjectClass::DATA, &format!("keyway-record:{key}")) {
            session.destroy_object(object).expect("destroyed");
        }
    }
}

fn found(session: &Session, class: ObjectClass, label: &str) -> Vec<ObjectHandle> {
    let label = Attribute::Label(label.as_bytes().to_vec());
    let template = [Attribute::Class(class), Attribute::Token(true), label];
    session.find_objects(&template).expect("found")
}

fn open(between: &Between) -> Result<Kms> {
    Kms::builder()
        .module(between.module())
        .token(LABEL)
        .pin(USER_PIN.to_owned().into())
        .sessions(2)
        .open()
}

/// With `KEYWAY_TEST_LONG` every answer; else one for the device, one for the session, one for the
/// token.
fn lost(deed: fn(u64) -> Deed) -> Vec<Deed> {
    let all = std::env::var_os("KEYWAY_TEST_LONG").is_some();
    let usual = ["CKR_DEVICE_ERROR", "CKR_SESSION_HANDLE_INVALID", "CKR_TOKEN_NOT_PRESENT"];
    LOST.iter()
        .filter(|(name, _)| all || usual.contains(name))
        .map(|(_, code)| deed(*code))
        .collect()
}

type UseCase = fn(&Kms) -> Result<()>;

/// What changes nothing, on the keys `aes`, `rsa` and `ec`.
const READING: [(&str, UseCase); 6] = [
    ("list", |kms| kms.list_keys().map(|keys| assert_eq!(keys.records.len(), 3))),
    ("show", |kms| {
        kms.show_key(&name("ec")).map(|shown| assert_eq!(shown.problems, Vec::<String>::new()))
    }),
    ("check", |kms| {
        kms.check_keys(None).map(|keys| {
            assert!(keys.iter().all(|key| key.verdict.problems.is_empty()));
            // Both pairs were tried.
            assert!(keys.iter().filter(|key| !key.verdict.passed.is_empty()).count() >= 2);
        })
    }),
    ("encrypt with RSA", |kms| kms.encrypt(&name("rsa"), None, MESSAGE).map(drop)),
    ("encrypt and decrypt", |kms| {
        let message = kms.encrypt(&name("aes"), None, MESSAGE)?;
        kms.decrypt(None, &message).map(|plain| assert_eq!(*plain, MESSAGE))
    }),
    ("sign and verify", |kms| {
        let signature = kms.sign(&name("ec"), None, MESSAGE)?;
        kms.verify(&name("ec"), None, MESSAGE, &signature).map(drop)
    }),
];

/// Does all this to every call of every use case that changes nothing. Answers what was not as it
/// should be.
fn read_under(place: &Place, deeds: &[Deed], is_fine: impl Fn(&Result<()>) -> bool) {
    let rig = Rig::new(place);
    rig.create("aes", Algorithm::Aes256);
    rig.create("rsa", Algorithm::Rsa2048);
    rig.create("ec", Algorithm::EcP256);
    let mut odd = Vec::new();
    for (case, run) in READING {
        let counts = rig.calls(|| run(&rig.kms).expect(case));
        // Every deed with every function.
        let rounds = |calls: u32| calls.min(PLACES_MAX).max(deeds.len() as u32);
        for (function, at, deed) in plans(counts, deeds, rounds) {
            let told = format!("{:?}: {case}, {deed:x?} at call {at} of {function}", place.maker);
            rig.between.plan(deed, &function, at, 1);
            let done = run(&rig.kms);
            assert_eq!(rig.between.fired(), 1, "{told}");
            if !is_fine(&done) {
                odd.push(format!("{told}: {done:?}"));
            }
            if let Err(error) = run(&rig.kms) {
                odd.push(format!("after {told}: {error}"));
            }
        }
    }
    assert!(odd.is_empty(), "{}", odd.join("\n"));
    assert_eq!(["aes", "rsa", "ec"].map(|key| rig.objects(key)), [1; 3]);
}

#[test]
fn what_changes_nothing_is_done_again_whatever_call_fails() {
    beside_every_token("what_changes_nothing_is_done_again_whatever_call_fails", |place| {
        read_under(place, &lost(Deed::Before), Result::is_ok);
    });
}

#[test]
fn what_changes_nothing_is_done_again_whatever_call_is_answered_too_late() {
    let name = "what_changes_nothing_is_done_again_whatever_call_is_answered_too_late";
    beside_every_token(name, |place| read_under(place, &lost(Deed::After), Result::is_ok));
}

#[test]
fn what_changes_nothing_is_done_again_whenever_session_or_login_end() {
    let name = "what_changes_nothing_is_done_again_whenever_session_or_login_end";
    beside_every_token(name, |place| {
        read_under(place, &[Deed::LogOut, Deed::Close], Result::is_ok);
    });
}

/// As long as the session says that it is logged in, this answer is the key's: it wants a login for
/// each use, and a new session is none.
#[test]
fn a_key_that_wants_a_login_is_not_used_again_and_that_is_said() {
    let name = "a_key_that_wants_a_login_is_not_used_again_and_that_is_said";
    beside_every_token(name, |place| {
        read_under(place, &[Deed::Before(NOT_LOGGED_IN)], |done| match done {
            Ok(()) => true,
            Err(error) => {
                error.kind() == Kind::Pin
                    && error.advice().is_some()
                    && error.to_string().contains(LABEL)
            }
        });
    });
}

impl Rig<'_> {
    fn signs(&self, key: &KeyName) -> Result<()> {
        let signature = self.kms.sign(key, None, MESSAGE)?;
        self.kms.verify(key, None, MESSAGE, &signature).map(drop)
    }
}

#[test]
fn a_token_that_does_not_come_back_is_said_and_found_when_it_does() {
    let test = "a_token_that_does_not_come_back_is_said_and_found_when_it_does";
    beside_every_token(test, |place| {
        let rig = Rig::new(place);
        let key = name("ec");
        rig.create("ec", Algorithm::EcP256);
        // The key fails every time; the token does not show itself.
        for (function, code, advice) in [
            ("C_SignInit", 0x30, "something keeps ending the sessions"),
            ("C_GetTokenInfo", 0xE0, "put the token back where it was"),
        ] {
            rig.between.plan(Deed::Before(code), function, 1, u32::MAX);
            let error = rig.kms.sign(&key, None, MESSAGE).expect_err(function);
            let change = rig.kms.create_key(&new_key("k", Algorithm::Aes256));
            rig.between.fired();
            let said = error.advice().unwrap_or_default();
            assert!(said.contains(advice), "{function}: {error} ({said})");
            assert!(error.to_string().contains(LABEL), "{error}");
            match change {
                // It needs no signature with a pair.
                Ok(_) => rig.forget(&name("k")),
                Err(error) => assert!(error.advice().is_some(), "{function}: {error}"),
            }
            rig.signs(&key).expect("the token is back");
        }
    });
}
