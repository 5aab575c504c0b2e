//! Drives PKCS#11 modules through their C interface: the same test on our module and on SoftHSM2.
//!
//! A test says what the specification asks for, with [`Target::same`] and [`Target::holds`]. On our
//! module the first thing that differs fails the test. SoftHSM2 runs in a process of its own, where
//! what differs is noted; `tests/deviations.toml` must list exactly that, with the reason. With
//! `KEYWAY_TEST_BRIDGES` the same tests run on slots of ours that bridge to SoftHSM2 and to a second
//! copy of our module, again with what differs in the list.
//!
//! `KEYWAY_TEST_MODULE` names another build of our module. All unsafe code of the tests is here.
#![allow(dead_code, unused_imports, reason = "every test file uses its own part of the harness")]

pub mod abi;
pub mod answer;
pub mod attribute;
pub mod child;
pub mod deviations;
pub mod dsa;
pub mod faulty;
pub mod keys;
pub mod library;
pub mod mechanism;
pub mod memory;
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

/// Runs the test on our module in this process and on the others in children, which are this same
/// program asked for this one test.
fn run<F>(stage: Stage, body: impl Fn(&Target)) {
    let name = test_name::<F>();
    if let Some(answers) = std::env::var_os(child::ANSWERS) {
        let kind = named(&std::env::var("KEYWAY_TEST_TARGET").expect("set by the parent"));
        let target = target(kind, stage);
        let outcome = catch_unwind(AssertUnwindSafe(|| body(&target)));
        if let Err(payload) = outcome {
            target.note(format!("the test stops: {}", child::story(&*payload)));
        }
        std::fs::write(PathBuf::from(answers), target.notes().join("\n")).expect("answers written");
        return;
    }
    for kind in kinds(stage) {
        match kind {
            Kind::Keyway => ours(stage, &body),
            kind => {
                let answers = Child::test(name).answers(kind);
                deviations::compare(name, kind, &answers);
            }
        }
    }
}

/// What a test runs on. `KEYWAY_TEST_TARGET`, for work on the suite itself, names the only one.
fn kinds(stage: Stage) -> Vec<Kind> {
    let mut kinds: Vec<_> = match std::env::var("KEYWAY_TEST_TARGET") {
        Ok(only) => vec![named(&only)],
        Err(_) if std::env::var_os("KEYWAY_TEST_BRIDGES").is_some() => Kind::ALL.into(),
        Err(_) => vec![Kind::Keyway, Kind::SoftHsm],
    };
    // A slot without a token, which a test could make there, is nothing that a bridge has.
    kinds.retain(|kind| stage != Stage::Empty || !kind.is_bridge());
    kinds
}

fn named(name: &str) -> Kind {
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    kind.unwrap_or_else(|| panic!("KEYWAY_TEST_TARGET={name}: no such target"))
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
    if kind != Kind::SoftHsm {
        place.configure(stage.configuration());
    }
    let target = Target::over(kind, place);
    if stage != Stage::Empty {
        target.initialize().expect("C_Initialize");
    }
    target
}

/// `file::test`, from the name of the closure that the test passes.
pub fn test_name<F>() -> &'static str {
    std::any::type_name::<F>().trim_end_matches("::{{closure}}")
}
