//! A clock that is set, forward and back, under a process that goes on.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use der::DateTime;
use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::backend::Pin;
use keyway_pkcs11::config::Config;
use serial_test::serial;

use crate::alone::alone_with;
use crate::harness::attribute::merged;
use crate::harness::place::compile;
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, KeyType, Kind, Mechanism, MechanismType as M,
    Session, Target, keys,
};
use crate::{again, assert_told, assert_whole, make, told, user};

const DAY: i64 = 24 * 60 * 60;

/// Names the file with the offset of the clock: `tests/programs/clock.c`.
const CLOCK: &str = "KEYWAY_TEST_CLOCK";

/// Sets the clock of this process to so many days from the machine's.
fn set(days: i64) {
    let file = PathBuf::from(std::env::var_os(CLOCK).expect("set by the parent"));
    fs::write(file, (days * DAY).to_string()).expect("the offset");
}

/// As `CK_DATE`.
fn date(days: i64) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let then = Duration::from_secs(now.checked_add_signed(days * DAY).expect("a moment"));
    let date = DateTime::from_unix_duration(then).expect("a date");
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day()).into_bytes()
}

fn sign(session: Session<'_>, key: u64) -> Result<(), Code> {
    session.run(Function::Sign, &Mechanism::plain(M::SHA256_HMAC), key, b"text").map(drop)
}

/// Everything that the token's own check finds wrong, and how many events it has.
fn checked(target: &Target) -> (usize, u64) {
    target.place.enter();
    let config = Config::load().expect("the configuration");
    let token = Admin::open(&config, None).expect("the token");
    let report = token.check(Some(Pin(target.user_pin().as_bytes()))).expect("a report");
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    (report.findings.len(), report.events)
}

#[test]
#[serial]
fn dates_follow_the_clock_and_one_that_goes_back_is_told_at_the_next_login() {
    let folder = tempfile::tempdir().expect("a folder");
    let (library, file) = (folder.path().join("libclock.so"), folder.path().join("offset"));
    let source = include_str!("../programs/clock.c");
    compile("clock.c", source, &["-shared", "-fPIC"], &library);
    let path = |path: &std::path::Path| path.to_str().expect("a path in UTF-8").to_owned();
    let environment = [("LD_PRELOAD", &*path(&library)), (CLOCK, &*path(&file))];
    alone_with(&environment, || {
        set(0);
        let target = Target::new(Kind::Keyway, true);
        let session = user(&target);
        make(session, "first").expect("a key");
        // Two days before and behind, so that midnight may pass meanwhile.
        let dates = [
            Attribute::bytes(A::START_DATE, &date(-2)),
            Attribute::bytes(A::END_DATE, &date(2)),
            Attribute::flag(A::SIGN, true),
        ];
        let dated = merged(&[&keys::secret(KeyType::GENERIC_SECRET, &[7; 32]), &dates]);
        let key = session.create(&dated).expect("a key with dates");
        sign(session, key).expect("today it signs");
        for (days, word) in [(10, "deactivated"), (-10, "pre-active")] {
            set(days);
            let (answer, log) = told(&target, || sign(session, key));
            assert_eq!(answer, Err(Code::KeyFunctionNotPermitted), "{days} days: {log}");
            let today = String::from_utf8(date(0)).expect("digits");
            let today = format!("today is {}-{}-{}", &today[..4], &today[4..6], &today[6..]);
            assert_told(&log, &["C_SignInit", word, "by its dates", &today]);
            set(0);
            sign(session, key).expect("the clock is right again, and so is the key");
        }
        // An event a month ahead, then the clock is set right: from there it is behind.
        set(30);
        make(session, "second").expect("a key, a month ahead");
        set(0);
        make(session, "third").expect("a key, today");
        let ids = ["first", "second", "third"].map(str::to_owned);
        session.logout().expect("logout");
        let (_, before) = checked(&target);
        set(30);
        let ((), log) = told(&target, || {
            make(user(&target), "fourth").and_then(|key| user_destroys(&target, key)).expect("done")
        });
        assert!(!log.contains("the clock"), "{log}");
        set(0);
        again(&target);
        let ((), log) = told(&target, || assert_whole(&target, &ids));
        let words = ["the clock of this machine is 7", "hours behind", "timedatectl set-ntp true"];
        assert_told(&log, &words);
        let (_, after) = checked(&target);
        assert!(after > before, "{before} events, then {after}");
        // The newest event is today's now.
        again(&target);
        let ((), log) = told(&target, || assert_whole(&target, &ids));
        assert!(!log.contains("the clock"), "{log}");
    });
}

/// Destroys a token key in another session of the user, and logs out.
fn user_destroys(target: &Target, key: u64) -> Result<(), Code> {
    let session = target.open(crate::harness::Flags::ReadWrite)?;
    session.destroy(key)?;
    session.logout()
}
