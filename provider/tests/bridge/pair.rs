//! Two SoftHSM2 tokens that hold the same keys behind one slot of ours, each through a `faulty.c` of
//! its own.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::apart::apart;
use crate::harness::faulty::Faulty;
use crate::harness::place::{Place, USER_PIN};
use crate::harness::{Code, Flags, Kind, Session, Target, Who};

/// What the first token is called, and the second.
pub const LABELS: [&str; 2] = ["first", "second"];

/// Lines of `[[slot]]` for tests in which a token is gone for a while.
pub const QUICK: &str = "profile = \"softhsm2\"\nwait_seconds = 20\npause_seconds = 1\n";

/// Our module over a slot with two tokens.
pub struct Pair {
    pub target: Target,
    pub tokens: [softhsm::Token; 2],
    pub faulty: [Faulty; 2],
}

/// Runs a test in a process of its own, with lines for `[[slot]]` and for `[[slot.replica]]`.
pub fn with<F: Fn(&Pair)>(lines: &str, replica: &str, body: F) {
    apart::<F>(|| {
        let pair = Pair::new(lines, replica);
        let shown = Shown(&pair.target);
        body(&pair);
        std::mem::forget(shown);
    });
}

/// As [`with`], in a read-write session of the user.
pub fn on_user<F: Fn(&Pair, Session<'_>)>(body: F) {
    apart::<F>(|| {
        let pair = Pair::new(QUICK, "");
        let shown = Shown(&pair.target);
        body(&pair, pair.user());
        std::mem::forget(shown);
    });
}

/// Prints the end of the log when a test fails.
struct Shown<'a>(&'a Target);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.0.place.print_log();
    }
}

/// The functions that a token answers which is there.
const ANSWERED: [&str; 9] = [
    "C_GetSlotList",
    "C_GetTokenInfo",
    "C_OpenSession",
    "C_GetSessionInfo",
    "C_FindObjectsInit",
    "C_GetAttributeValue",
    "C_SignInit",
    "C_EncryptInit",
    "C_DecryptInit",
];

impl Pair {
    fn new(lines: &str, replica: &str) -> Self {
        let tokens = LABELS.map(softhsm::Token::labelled);
        let faulty = tokens.each_ref().map(|token| {
            // A module of its own to the loader.
            let copy = token.directory().join("module.so");
            std::fs::copy(token.module(), &copy).expect("a copy of the module");
            let (name, configuration) = token.environment();
            Faulty::before(&copy, (name, &configuration))
        });
        let place = Place::new(Kind::Keyway, false);
        let [first, second] = faulty.each_ref().map(|faulty| faulty.module());
        place.append(&format!(
            "[[slot]]\nid = 1\nbackend = \"bridge\"\nmodule = {first:?}\ntoken = {:?}\n{lines}\
             [[slot.replica]]\nmodule = {second:?}\ntoken = {:?}\n{replica}",
            LABELS[0], LABELS[1],
        ));
        let target = Target::over(Kind::Keyway, place);
        target.initialize().expect("C_Initialize");
        Self { target, tokens, faulty }
    }

    /// A read-write session with the user logged in.
    pub fn user(&self) -> Session<'_> {
        let session = self.open();
        session.login(Who::User, USER_PIN).expect("the user logs in");
        session
    }

    pub fn open(&self) -> Session<'_> {
        self.target.open_on(1, Flags::ReadWrite).expect("a session opens")
    }

    /// The token answers nothing any more.
    pub fn kill(&self, which: usize) {
        kill(&self.faulty[which]);
    }

    pub fn revive(&self, which: usize) {
        self.faulty[which].clear();
    }

    /// Signatures that a token made.
    pub fn signed(&self, which: usize) -> u64 {
        self.faulty[which].of("C_Sign").calls()
    }

    /// Lines of the log with these words.
    pub fn told(&self, words: &str) -> usize {
        self.target.place.log().lines().filter(|line| line.contains(words)).count()
    }

    /// pkcs11-tool, at one of the tokens alone.
    pub fn tool(&self, which: usize, arguments: &[&str]) -> String {
        let token = &self.tokens[which];
        let (name, configuration) = token.environment();
        let mut command = Command::new("pkcs11-tool");
        command.env(name, configuration).arg("--module").arg(token.module());
        command.args(["--token-label", LABELS[which], "--login", "--pin", USER_PIN]);
        let output = command.args(arguments).output().expect("pkcs11-tool: apt install opensc");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// The token behind it answers nothing any more.
pub fn kill(faulty: &Faulty) {
    for function in ANSWERED {
        faulty.of(function).every(1, Code::DeviceRemoved);
    }
    faulty.restart();
}

/// Waits for what must come about within a pause; the time is not measured.
#[track_caller]
pub fn soon(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
