//! State and dates of a key hold for whatever application asks (docs/policy.md, "Lifecycle").

mod harness;

use std::time::{Duration, UNIX_EPOCH};

use der::DateTime;
use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::attribute::{Attributes, Value};
use keyway_pkcs11::backend::embedded::{EmbeddedBackend, EmbeddedConfig};
use keyway_pkcs11::backend::{Backend, Pin, User, View};
use keyway_pkcs11::config::Config;
use serial_test::serial;

use harness::attribute::merged;
use harness::child::Child;
use harness::place::Place;
use harness::{
    Attribute, AttributeType as A, Code, Flags, Function, KeyType, Kind, Mechanism,
    MechanismType as M, ObjectClass, Room, Session, Target, Who, keys,
};

const PRE_ACTIVE: u64 = 1;
const ACTIVE: u64 = 2;
const SUSPENDED: u64 = 3;
const DEACTIVATED: u64 = 4;
const COMPROMISED: u64 = 5;

const REFUSED: Result<(), Code> = Err(Code::KeyFunctionNotPermitted);
const READ_ONLY: Result<(), Code> = Err(Code::AttributeReadOnly);
/// How AES keys in this test are called in the token.
const LABEL: &str = "lifecycle";

/// What a key can be asked for, and whether that makes protection or reads it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Use {
    Encrypt,
    Sign,
    Wrap,
    Decrypt,
    Verify,
    Unwrap,
    Derive,
}

const PROTECTING: [Use; 3] = [Use::Encrypt, Use::Sign, Use::Wrap];
const PROCESSING: [Use; 4] = [Use::Decrypt, Use::Verify, Use::Unwrap, Use::Derive];

impl Use {
    fn flag(self) -> A {
        match self {
            Self::Encrypt => A::ENCRYPT,
            Self::Sign => A::SIGN,
            Self::Wrap => A::WRAP,
            Self::Decrypt => A::DECRYPT,
            Self::Verify => A::VERIFY,
            Self::Unwrap => A::UNWRAP,
            Self::Derive => A::DERIVE,
        }
    }

    fn attempt(self, session: &Session<'_>, key: u64) -> Result<(), Code> {
        let (ecb, cmac) = (Mechanism::plain(M::AES_ECB), Mechanism::plain(M::AES_CMAC));
        let kwp = Mechanism::plain(M::AES_KEY_WRAP_KWP);
        match self {
            Self::Encrypt => session.run(Function::Encrypt, &ecb, key, &[0; 16]).map(|_| ()),
            Self::Decrypt => session.run(Function::Decrypt, &ecb, key, &[0; 16]).map(|_| ()),
            Self::Sign => session.run(Function::Sign, &cmac, key, b"x").map(|_| ()),
            // The Init is what is refused or not; the signature is none.
            Self::Verify => match session.init(Function::Verify, &cmac, key) {
                Ok(()) => session.verify(b"x", &[0; 16]).or_else(|code| match code {
                    Code::SignatureInvalid => Ok(()),
                    other => Err(other),
                }),
                refused => refused,
            },
            Self::Wrap => session.wrap(&kwp, key, session.aes()).map(|_| ()),
            Self::Unwrap => {
                let wrapped = session.wrap(&kwp, session.aes(), session.aes()).expect("wrapped");
                let template = keys::secret(KeyType::AES, b"");
                session.unwrap(&kwp, key, &wrapped, &template[..2]).map(|_| ())
            }
            Self::Derive => session.derive(&derivation(), key, &[]).map(|_| ()),
        }
    }
}

fn derivation() -> Mechanism {
    Mechanism::string_data(M::AES_ECB_ENCRYPT_DATA, &[7; 32])
}

/// Runs a test in a session of the user of our module, under a policy.
fn under(policy: &str, body: impl Fn(Session<'_>)) {
    let place = Place::new(Kind::Keyway, true);
    place.configure(&format!("policy = {policy:?}"));
    let target = Target::over(Kind::Keyway, place);
    target.initialize().expect("C_Initialize");
    body(log_in(&target));
}

fn log_in(target: &Target) -> Session<'_> {
    let session = target.open(Flags::ReadWrite).expect("a session opens");
    session.login(Who::User, target.user_pin()).expect("the user logs in");
    session
}

/// An AES key for one use, with the value of all AES keys of the tests.
fn key_for(session: &Session<'_>, one: Use, more: &[Attribute]) -> u64 {
    let value: Vec<u8> = (0..32).collect();
    let usage = keys::flags(&[one.flag()], true);
    let template = merged(&[&keys::secret(KeyType::AES, &value), &usage, more]);
    session.create(&template).unwrap_or_else(|code| panic!("{one:?}: {code:?}"))
}

fn state(number: u64) -> Attribute {
    Attribute::number(A::KEYWAY_STATE, number)
}

fn set_state(session: &Session<'_>, key: u64, number: u64) -> Result<(), Code> {
    session.set(key, &[state(number)])
}

fn state_of(session: &Session<'_>, key: u64) -> u64 {
    session.number(key, A::KEYWAY_STATE).expect("every key has a state")
}

/// A date some days from today, UTC.
fn day(kind: A, offset: i64) -> Attribute {
    let today = UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let then = today.saturating_add_signed(offset * 86_400);
    let date = DateTime::from_unix_duration(Duration::from_secs(then)).expect("a date");
    Attribute::text(kind, &format!("{:04}{:02}{:02}", date.year(), date.month(), date.day()))
}

/// Holds what keys with `more` do against what they should.
fn expect_uses(session: &Session<'_>, more: &[Attribute], protects: bool, processes: bool) {
    for (uses, allowed) in [(&PROTECTING[..], protects), (&PROCESSING[..], processes)] {
        for one in uses {
            let key = key_for(session, *one, more);
            let expected = if allowed { Ok(()) } else { REFUSED };
            assert_eq!(one.attempt(session, key), expected, "{one:?} with {more:?}");
        }
    }
}

#[test]
#[serial]
fn the_state_says_what_a_key_does() {
    for policy in ["standard", "compatible"] {
        under(policy, |session| {
            expect_uses(&session, &[], true, true);
            for (number, protects, processes) in [
                (PRE_ACTIVE, false, false),
                (ACTIVE, true, true),
                (SUSPENDED, false, true),
                (DEACTIVATED, false, true),
                (COMPROMISED, false, false),
            ] {
                expect_uses(&session, &[state(number)], protects, processes);
            }
        });
    }
}

#[test]
#[serial]
fn asymmetric_keys_have_a_state_too() {
    under("standard", |session| {
        let (public, private) = session.rsa(2048);
        let pkcs1 = Mechanism::plain(M::RSA_PKCS);
        let signature = session.run(Function::Sign, &pkcs1, private, b"x").expect("signed");
        let encrypted = session.run(Function::Encrypt, &pkcs1, public, b"x").expect("encrypted");
        for key in [public, private] {
            set_state(&session, key, DEACTIVATED).expect("deactivated");
        }
        assert_eq!(session.init(Function::Sign, &pkcs1, private), REFUSED);
        assert_eq!(session.init(Function::Encrypt, &pkcs1, public), REFUSED);
        session.check(&pkcs1, public, b"x", &signature).expect("verified");
        session.run(Function::Decrypt, &pkcs1, private, &encrypted).expect("decrypted");
        for key in [public, private] {
            set_state(&session, key, COMPROMISED).expect("compromised");
        }
        assert_eq!(session.init(Function::Decrypt, &pkcs1, private), REFUSED);
        assert_eq!(session.init(Function::Verify, &pkcs1, public), REFUSED);
    });
}

#[test]
#[serial]
fn the_dates_say_what_a_key_does_today() {
    under("standard", |session| {
        let (start, end) = (A::START_DATE, A::END_DATE);
        // The day after tomorrow, lest midnight come between.
        expect_uses(&session, &[day(start, -1), day(end, 2)], true, true);
        expect_uses(&session, &[day(end, 0), day(start, 0)], true, true);
        expect_uses(&session, &[day(start, 2)], false, false);
        expect_uses(&session, &[day(end, -1)], false, true);
    });
    under("compatible", |session| {
        expect_uses(&session, &[day(A::START_DATE, 2), day(A::END_DATE, -1)], true, true);
    });
}

#[test]
#[serial]
fn states_go_forward_and_a_suspended_key_resumes() {
    under("standard", |session| {
        let key = key_for(&session, Use::Encrypt, &[]);
        assert_eq!(state_of(&session, key), ACTIVE);
        for (number, expected) in [
            (PRE_ACTIVE, READ_ONLY),
            (ACTIVE, Ok(())),
            (SUSPENDED, Ok(())),
            (PRE_ACTIVE, READ_ONLY),
            (ACTIVE, Ok(())),
            (DEACTIVATED, Ok(())),
            (ACTIVE, READ_ONLY),
            (SUSPENDED, READ_ONLY),
            (COMPROMISED, Ok(())),
            (DEACTIVATED, READ_ONLY),
            (ACTIVE, READ_ONLY),
            (0, Err(Code::AttributeValueInvalid)),
            (6, Err(Code::AttributeValueInvalid)),
        ] {
            assert_eq!(set_state(&session, key, number), expected, "to {number}");
        }
        assert_eq!(state_of(&session, key), COMPROMISED);
    });
}

#[test]
#[serial]
fn the_security_officer_brings_a_compromised_key_back_to_processing() {
    under("standard", |session| {
        // A private object is not the security officer's to see.
        let open = keys::flags(&[A::TOKEN], true);
        let open = merged(&[&open, &keys::flags(&[A::PRIVATE], false), &[state(COMPROMISED)]]);
        let label = [Attribute::text(A::LABEL, LABEL)];
        key_for(&session, Use::Decrypt, &merged(&[&open, &label]));
        session.logout().expect("C_Logout");
        session.login(Who::SecurityOfficer, session.target.so_pin()).expect("the SO logs in");
        let key = session.find(&label).expect("a search")[0];
        assert_eq!(set_state(&session, key, ACTIVE), READ_ONLY);
        assert_eq!(set_state(&session, key, DEACTIVATED), Ok(()));
        assert_eq!(Use::Decrypt.attempt(&session, key), Ok(()));
    });
}

#[test]
#[serial]
fn dates_move_only_so_that_a_key_protects_for_a_shorter_time() {
    let (start, end) = (A::START_DATE, A::END_DATE);
    let none = |kind| Attribute::bytes(kind, b"");
    under("standard", |session| {
        let key = key_for(&session, Use::Encrypt, &[]);
        for (change, expected) in [
            (day(end, 9), Ok(())),
            (day(end, 10), READ_ONLY),
            (none(end), READ_ONLY),
            (day(end, 8), Ok(())),
            (day(start, -3), Ok(())),
            (day(start, -4), READ_ONLY),
            (none(start), READ_ONLY),
            (day(start, -2), Ok(())),
        ] {
            assert_eq!(session.set(key, std::slice::from_ref(&change)), expected, "{change:?}");
        }
        let longer = session.copy(key, &[day(end, 10)]);
        assert_eq!(longer.map(|_| ()), READ_ONLY);
    });
    under("compatible", |session| {
        let key = key_for(&session, Use::Encrypt, &[day(end, 9)]);
        assert_eq!(session.set(key, &[none(end)]), Ok(()));
    });
}

#[test]
#[serial]
fn a_copy_keeps_state_and_dates() {
    under("standard", |session| {
        let key = key_for(&session, Use::Decrypt, &[state(COMPROMISED), day(A::END_DATE, 9)]);
        let copy = session.copy(key, &[]).expect("a copy");
        assert_eq!(state_of(&session, copy), COMPROMISED);
        assert_eq!(session.attribute(copy, A::END_DATE), session.attribute(key, A::END_DATE));
        assert_eq!(Use::Decrypt.attempt(&session, copy), REFUSED);
        assert_eq!(session.copy(key, &[state(ACTIVE)]).map(|_| ()), READ_ONLY);
    });
}

#[test]
#[serial]
fn a_derived_key_does_no_more_than_its_base() {
    under("standard", |session| {
        let uses = keys::flags(&[A::ENCRYPT, A::DECRYPT], true);
        let aes = merged(&[&[Attribute::key_type(KeyType::AES)], &uses]);
        let aes = merged(&[&aes, &[Attribute::number(A::VALUE_LEN, 32)]]);
        for base in [&[state(DEACTIVATED)], &[state(SUSPENDED)], &[day(A::END_DATE, -1)]] {
            let base = key_for(&session, Use::Derive, base);
            let derived = session.derive(&derivation(), base, &aes).expect("derived");
            assert_eq!(state_of(&session, derived), DEACTIVATED);
            assert_eq!(Use::Encrypt.attempt(&session, derived), REFUSED);
            assert_eq!(Use::Decrypt.attempt(&session, derived), Ok(()));
            let active = merged(&[&aes, &[state(ACTIVE)]]);
            let active = session.derive(&derivation(), base, &active);
            assert_eq!(active.err(), Some(Code::TemplateInconsistent));
        }
        let base = key_for(&session, Use::Derive, &[day(A::END_DATE, 5)]);
        let derived = session.derive(&derivation(), base, &aes).expect("derived");
        assert_eq!(session.attribute(derived, A::END_DATE), session.attribute(base, A::END_DATE));
        let longer = merged(&[&aes, &[day(A::END_DATE, 6)]]);
        let longer = session.derive(&derivation(), base, &longer);
        assert_eq!(longer.err(), Some(Code::TemplateInconsistent));
    });
}

#[test]
#[serial]
fn two_base_keys_pass_on_what_the_lesser_one_may() {
    under("standard", |session| {
        let good = key_for(&session, Use::Derive, &[]);
        let join = |other: u64| {
            let joined = Mechanism::number(M::CONCATENATE_BASE_AND_KEY, other);
            let derived = session.derive(&joined, good, &[])?;
            Ok(state_of(&session, derived))
        };
        assert_eq!(join(key_for(&session, Use::Derive, &[])), Ok(ACTIVE));
        assert_eq!(join(key_for(&session, Use::Derive, &[state(SUSPENDED)])), Ok(DEACTIVATED));
        let lost = key_for(&session, Use::Derive, &[state(COMPROMISED)]);
        assert_eq!(join(lost), Err(Code::KeyFunctionNotPermitted));
    });
}

#[test]
#[serial]
fn only_an_active_key_leaves_because_unwrapping_it_would_make_it_active() {
    under("standard", |session| {
        let kwp = Mechanism::plain(M::AES_KEY_WRAP_KWP);
        for (more, leaves) in [
            (day(A::END_DATE, 1), true),
            (day(A::END_DATE, -1), false),
            (state(PRE_ACTIVE), false),
            (state(SUSPENDED), false),
            (state(DEACTIVATED), false),
            (state(COMPROMISED), false),
        ] {
            let key = session.aes_with(&[more]).expect("an extractable key");
            let wrapped = session.wrap_into(&kwp, session.aes(), key, Room::Bytes(64)).done();
            let expected = if leaves { Ok(()) } else { Err(Code::KeyNotWrappable) };
            assert_eq!(wrapped.map(|_| ()), expected);
        }
    });
}

#[test]
#[serial]
fn a_compromised_key_is_not_digested_either() {
    under("standard", |session| {
        let open = merged(&[
            &keys::flags(&[A::EXTRACTABLE], true),
            &keys::flags(&[A::SENSITIVE], false),
            &[state(COMPROMISED)],
        ]);
        let key = key_for(&session, Use::Decrypt, &open);
        let digest = || {
            session.init(Function::Digest, &Mechanism::plain(M::SHA256), 0).expect("C_DigestInit");
            session.call("C_DigestKey", vec![harness::abi::Arg::Number(key)])
        };
        assert_eq!(digest(), Err(Code::KeyIndigestible));
    });
}

/// The session has used the key, so that it asks the store for nothing; an operation is under way.
#[test]
#[serial]
fn what_another_process_does_to_a_key_holds_at_its_next_use() {
    under("standard", |session| {
        let lasting =
            merged(&[&keys::flags(&[A::TOKEN], true), &[Attribute::text(A::LABEL, LABEL)]]);
        let key = key_for(&session, Use::Decrypt, &lasting);
        let ecb = Mechanism::plain(M::AES_ECB);
        assert_eq!(Use::Decrypt.attempt(&session, key), Ok(()));
        session.init(Function::Decrypt, &ecb, key).expect("C_DecryptInit");
        session.update(Function::Decrypt, &[0; 16], Room::Bytes(16)).done().expect("a part");
        let armed = session.another(Flags::ReadOnly).expect("a session");
        armed.init(Function::Decrypt, &ecb, key).expect("C_DecryptInit");

        let mut other = Child::test("lifecycle::another_process_reports_the_key");
        other.command.arg("--ignored");
        let (status, output) = other.finish();
        assert!(status.is_some_and(|status| status.success()), "{output}");

        let part = session.update(Function::Decrypt, &[0; 16], Room::Bytes(16));
        assert_eq!(part.done().err(), Some(Code::OperationNotInitialized));
        let whole = armed.whole(Function::Decrypt, &[0; 16], Room::Bytes(16));
        assert_eq!(whole.done().err(), Some(Code::OperationNotInitialized));
        assert_eq!(Use::Decrypt.attempt(&session, key), REFUSED);
        assert_eq!(state_of(&session, key), COMPROMISED);
        let log = session.target.place.log();
        let why =
            "the key is compromised (CKA_KEYWAY_STATE), so it does not Decrypt: make a new key";
        assert!(log.contains(why), "{log}");
    });
}

/// Not a test: another program on the same token.
#[test]
#[ignore = "runs in a child process only"]
fn another_process_reports_the_key() {
    let config = Config::load().expect("the configuration of the parent");
    let backend = EmbeddedBackend::new(EmbeddedConfig::new(&config.token_dir));
    let tokens = backend.tokens().expect("the tokens of the parent");
    let token = &tokens.first().expect("one token").1;
    token.login(User::User, Pin(harness::place::USER_PIN.as_bytes())).expect("C_Login");
    let query: Attributes = [(A::LABEL, Value::bytes(LABEL.as_bytes()))].into_iter().collect();
    let found = token.find(&query, View::All).expect("a search");
    let key = token.object(found[0].id, View::All).expect("the key").expect("the key");
    let base = key.snapshot();
    assert_eq!(base.attributes.class(), Some(ObjectClass::SECRET_KEY));
    let mut changed = base.attributes.clone();
    changed.set(A::KEYWAY_STATE, Value::Number(COMPROMISED));
    token.update(&key, &base, changed).expect("the key is reported");
}

/// The way back, while a program has the key open: it decrypts from then on, and protects nothing.
#[test]
#[serial]
fn a_recovered_key_decrypts_again_and_never_encrypts() {
    under("standard", |session| {
        let uses = keys::flags(&[A::ENCRYPT, A::DECRYPT, A::TOKEN], true);
        let named = [Attribute::text(A::LABEL, LABEL)];
        let key = merged(&[&keys::secret(KeyType::AES, &[1; 32]), &uses, &named]);
        let key = session.create(&key).expect("a key");
        let ecb = Mechanism::plain(M::AES_ECB);
        let sealed = session.run(Function::Encrypt, &ecb, key, &[7; 16]).expect("C_Encrypt");
        set_state(&session, key, COMPROMISED).expect("the key is reported");
        let decrypt = || session.run(Function::Decrypt, &ecb, key, &sealed);
        assert_eq!(decrypt(), Err(Code::KeyFunctionNotPermitted));
        let config = Config::load().expect("the configuration");
        let admin = Admin::open(&config, None).expect("the token");
        let [so, user] = [harness::place::SO_PIN, harness::place::USER_PIN];
        let recovered = admin.recover(LABEL, Pin(so.as_bytes()), Pin(user.as_bytes()));
        assert_eq!(recovered.expect("recovered").len(), 1);
        assert_eq!(state_of(&session, key), DEACTIVATED);
        assert_eq!(decrypt(), Ok(vec![7; 16]));
        let encrypted = session.run(Function::Encrypt, &ecb, key, &[7; 16]);
        assert_eq!(encrypted, Err(Code::KeyFunctionNotPermitted));
        assert_eq!(set_state(&session, key, ACTIVE), Err(Code::AttributeReadOnly));
    });
}
