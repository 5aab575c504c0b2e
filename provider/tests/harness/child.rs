//! Child processes: this very test program, asked for one test or one role.

use std::any::Any;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use keyway_pkcs11::ffi::fork;

use super::Kind;

/// The variable that tells a child where to write what it noted; `KEYWAY_TEST_TARGET` tells it on
/// which module it runs its test.
pub const ANSWERS: &str = "KEYWAY_TEST_ANSWERS";

/// The longest that a child may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process to be.
#[derive(Debug)]
pub struct Child {
    pub command: Command,
}

impl Child {
    /// This program, running one test.
    pub fn test(name: &str) -> Self {
        let executable = std::env::current_exe().expect("the path of this program");
        let mut command = Command::new(executable);
        // The first part of the name is the program's.
        let test = name.split_once("::").map_or(name, |(_, test)| test);
        command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
        Self { command }
    }

    /// Runs the test on a module: what it noted, or how it died.
    pub fn answers(mut self, kind: Kind) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        self.command.env(ANSWERS, file.path()).env("KEYWAY_TEST_TARGET", kind.name());
        let (status, output) = self.finish();
        match status {
            None => vec!["hangs".to_owned()],
            Some(status) if status.success() => {
                let text = std::fs::read_to_string(file.path()).expect("the child's notes");
                assert!(output.contains("1 passed"), "no such test in the child: {output}");
                text.lines().map(str::to_owned).collect()
            }
            Some(status) => match status.signal() {
                Some(signal) => vec![format!("the process dies by signal {signal}")],
                None if status.code() == Some(101) => panic!("the child failed: {output}"),
                None => vec![format!("the process exits: {status}")],
            },
        }
    }

    /// Runs the process to its end; no status if it had to be killed.
    pub fn finish(mut self) -> (Option<ExitStatus>, String) {
        let command = self.command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the child starts");
        let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            out.as_mut().map(|out| out.read_to_end(&mut text));
            text
        });
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            err.as_mut().map(|err| err.read_to_end(&mut text));
            text
        });
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("the child is ours") {
                break Some(status);
            }
            if start.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
            std::thread::sleep(Duration::from_millis(3));
        };
        let mut output = reader.join().expect("the reader ends");
        output.extend(errors.join().expect("the reader ends"));
        (status, String::from_utf8_lossy(&output).into_owned())
    }
}

/// Runs `body` in a fork of this process; whether it came to its end there.
pub fn forked(body: impl FnOnce()) -> bool {
    fork_status(body) == Some(0)
}

/// Runs `body` in a fork of this process: 0 if it came to its end there, 1 if it panicked, nothing
/// if a signal ended the process.
pub fn fork_status(body: impl FnOnce()) -> Option<i32> {
    // SAFETY: the child runs on one thread, allocates at most, and ends with `_exit`.
    let child = unsafe { fork::fork_for_tests() };
    if child == 0 {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
        fork::exit_for_tests(i32::from(outcome.is_err()));
    }
    fork::wait_for_tests(child)
}

/// Nanoseconds of the clock that all processes of the machine share and that never goes back.
pub fn monotonic() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is writable.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) }, 0);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Has a function called when this process ends.
pub fn at_exit(handler: extern "C" fn()) {
    // SAFETY: a function of this program.
    assert_eq!(unsafe { libc::atexit(handler) }, 0);
}

/// What a panic said.
pub fn story(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}
