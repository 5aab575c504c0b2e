//! Drives PKCS#11 modules through their C interface: the same test on our module and on SoftHSM2.
//!
//! A test says what the specification asks for, with [`Target::same`] and [`Target::holds`]. On our
//! module the first thing that differs fails the test. SoftHSM2 runs in a process of its own, where
//! what differs is noted; `tests/deviations.toml` must list exactly that, with the reason.
//!
//! `KEYWAY_TEST_MODULE` names another build of our module. All unsafe code of the tests is here.
#![allow(dead_code, unused_imports, reason = "every test file uses its own part of the harness")]

pub mod abi;
pub mod answer;
pub mod attribute;
pub mod child;
pub mod deviations;
pub mod dsa;
pub mod keys;
pub mod library;
pub mod mechanism;
pub mod mutex;
pub mod object;
pub mod operation;
pub mod place;
pub mod session;
pub mod target;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;

pub use attribute::Attribute;
pub use keyway_pkcs11::attribute::{AttributeType, KeyType, ObjectClass};
pub use keyway_pkcs11::code::Code;
pub use keyway_pkcs11::mechanism::{Hash, MechanismType};
pub use mechanism::{Field, Mechanism};
pub use operation::{Function, Input, Reply, Room};
pub use session::{Flags, Session, Who};
pub use target::{Kind, Target};

use child::Child;
use place::Place;

/// How a test finds the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Loaded, not initialised, without a token: one free slot.
    Empty,
    /// Initialised over a token with both PINs; no session.
    Token,
    /// The same, with `legacy = true` in our configuration.
    Legacy,
    /// The same, with everything in our configuration that adds functions.
    Everything,
}

impl Stage {
    /// What our configuration says.
    fn configuration(self) -> &'static str {
        match self {
            Self::Empty | Self::Token => "",
            Self::Legacy => "legacy = true",
            Self::Everything => "legacy = true\npolicy = \"compatible\"",
        }
    }
}

/// Runs a test on each module as it is after loading: not initialised, no token.
pub fn on_module<F: Fn(&Target)>(body: F) {
    run::<F>(Stage::Empty, |target| body(target));
}

/// Runs a test on each module, initialised, with a token that has both PINs.
pub fn on_token<F: Fn(&Target)>(body: F) {
    run::<F>(Stage::Token, |target| body(target));
}

/// Runs a test on each module in a read-write session with the user logged in.
pub fn on_user<F: Fn(Session<'_>)>(body: F) {
    run::<F>(Stage::Token, |target| {
        let session = target.open(Flags::ReadWrite).expect("a session opens");
        session.login(Who::User, target.user_pin()).expect("the user logs in");
        body(session);
    });
}

/// As [`on_user`], our module with `legacy = true` in its configuration. SoftHSM2 needs none.
pub fn on_legacy_user<F: Fn(Session<'_>)>(body: F) {
    run::<F>(Stage::Legacy, |target| {
        let session = target.open(Flags::ReadWrite).expect("a session opens");
        session.login(Who::User, target.user_pin()).expect("the user logs in");
        body(session);
    });
}

/// As [`on_legacy_user`], our module with `policy = "compatible"` as well.
pub fn on_compatible_user<F: Fn(Session<'_>)>(body: F) {
    run::<F>(Stage::Everything, |target| {
        let session = target.open(Flags::ReadWrite).expect("a session opens");
        session.login(Who::User, target.user_pin()).expect("the user logs in");
        body(session);
    });
}

/// Runs a test on our module alone, as [`on_token`]: what crashes or hangs SoftHSM2, each time in
/// another way, so that a list of deviations could not say how.
pub fn on_ours(body: impl Fn(&Target)) {
    ours(Stage::Token, body);
}

/// As [`on_ours`], with `legacy = true` in the configuration.
pub fn on_ours_with_legacy(body: impl Fn(&Target)) {
    ours(Stage::Legacy, body);
}

/// As [`on_ours`], with everything in the configuration that adds functions.
pub fn on_ours_with_everything(body: impl Fn(&Target)) {
    ours(Stage::Everything, body);
}

/// Runs the test on our module in this process and on SoftHSM2 in a child, which is this same
/// program asked for this one test.
fn run<F>(stage: Stage, body: impl Fn(&Target)) {
    let name = test_name::<F>();
    if let Some(answers) = std::env::var_os(child::ANSWERS) {
        let target = target(Kind::SoftHsm, stage);
        let outcome = catch_unwind(AssertUnwindSafe(|| body(&target)));
        if let Err(payload) = outcome {
            target.note(format!("the test stops: {}", child::story(&*payload)));
        }
        std::fs::write(PathBuf::from(answers), target.notes().join("\n")).expect("answers written");
        return;
    }
    // Given for work on the suite itself: the name of the one target to run on.
    let only = std::env::var("KEYWAY_TEST_TARGET").ok();
    if only.as_deref() != Some("softhsm2") {
        ours(stage, body);
    }
    if only.as_deref() != Some("keyway") {
        let answers = Child::test(name).answers();
        deviations::compare(name, &answers);
    }
}

/// Runs the test on our module, and prints the end of its log if the test fails.
fn ours(stage: Stage, body: impl Fn(&Target)) {
    let target = target(Kind::Keyway, stage);
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| body(&target))) {
        target.place.print_log();
        resume_unwind(payload);
    }
}

fn target(kind: Kind, stage: Stage) -> Target {
    let place = Place::new(kind, stage != Stage::Empty);
    if kind == Kind::Keyway {
        place.configure(stage.configuration());
    }
    let target = Target::over(kind, place);
    if stage != Stage::Empty {
        target.initialize().expect("C_Initialize");
    }
    target
}

/// `file::test`, from the name of the closure that the test passes.
fn test_name<F>() -> &'static str {
    std::any::type_name::<F>().trim_end_matches("::{{closure}}")
}
