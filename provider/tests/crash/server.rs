//! A process with the shim in it, which forks itself for each run of an operation.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use keyway_pkcs11::backend::embedded::EmbeddedBackend;
use keyway_pkcs11::ffi::current;
use keyway_pkcs11::module::Module;
use keyway_pkcs11::policy::Policy;
use tempfile::TempDir;

use crate::ground::config;
use crate::harness::child::fork_status;
use crate::harness::place::Place;
use crate::harness::{Kind, Target};
use crate::operations::{OPERATIONS, Operation};

/// Modes of `shim.c`.
pub const HALF: u32 = 1;
pub const LIE: u32 = 2;
pub const SWALLOW: u32 = 4;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    Whole,
    Stopped,
    /// A call answered what it should not.
    Failed,
}

pub struct Server {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Server {
    pub fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--ignored", "--exact", "server::serve", "--nocapture", "--test-threads=1"]);
        command.env("LD_PRELOAD", shim()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let orders = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, orders, answers }
    }

    /// Prepares the ground of an operation.
    pub fn prepare(&mut self, operation: &Operation, directory: &Path) {
        let ended = self.order(operation, directory, Path::new("/dev/null"), "prepare 0 0");
        assert_eq!(ended, Ended::Whole, "{}", operation.name);
    }

    /// Runs an operation in a directory, stopped at a point; 0 is none.
    pub fn run(
        &mut self,
        operation: &Operation,
        directory: &Path,
        journal: &Path,
        stop: usize,
        mode: u32,
    ) -> Ended {
        self.order(operation, directory, journal, &format!("run {stop} {mode}"))
    }

    fn order(&mut self, of: &Operation, directory: &Path, journal: &Path, what: &str) -> Ended {
        let at = OPERATIONS.iter().position(|operation| operation.name == of.name);
        let (at, directory, journal) =
            (at.expect("in the table"), directory.display(), journal.display());
        writeln!(self.orders, "{what} {at} {directory} {journal}").expect("the server listens");
        loop {
            let mut line = String::new();
            let length = self.answers.read_line(&mut line).expect("the server answers");
            assert!(length > 0, "the server is gone");
            match line.trim().strip_prefix("ended ") {
                Some("Some(0)") => return Ended::Whole,
                Some("None") => return Ended::Stopped,
                Some(_) => return Ended::Failed,
                None => {}
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The preloaded library, built once.
fn shim() -> PathBuf {
    static BUILT: OnceLock<TempDir> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory");
        let sources = ["shim.c", "pages.c"]
            .map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash").join(name));
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-o"]);
        compiler.arg(directory.path().join("shim.so")).args(sources).arg("-lpthread");
        assert!(compiler.status().expect("a C compiler").success(), "the shim does not compile");
        directory
    });
    built.path().join("shim.so")
}

/// What an operation has to work with, in the forked process.
pub struct Stage<'a> {
    pub target: &'a Target,
    /// Tokens lie in `tokens` in it.
    pub directory: &'a Path,
}

impl Stage<'_> {
    /// Runs a step of the operation and acknowledges it, with the epoch that was seen then.
    #[track_caller]
    pub fn step<T>(&self, n: usize, body: impl FnOnce() -> T) -> T {
        note(&format!("begin {n} 0"));
        let answer = body();
        note(&format!("end {n} {}", crate::check::epoch(self.directory)));
        answer
    }
}

/// A line of the journal, see `shim.c`.
fn note(text: &str) {
    let _ = File::open(format!("/keyway-crash/note:{text}"));
}

/// Not a test: forks for each line of its input.
#[test]
#[ignore = "runs in child processes only"]
fn serve() {
    println!();
    let target = Target::linked(Place::new(Kind::Keyway, false));
    for line in std::io::stdin().lines() {
        let line = line.expect("an order");
        let words: Vec<&str> = line.split(' ').collect();
        let [what, stop, mode, at, directory, journal] = words[..] else { panic!("{line}") };
        let operation = &OPERATIONS[at.parse::<usize>().expect("a number")];
        let status = fork_status(|| {
            let stage = Stage { target: &target, directory: Path::new(directory) };
            if what == "run" {
                let order = format!("/keyway-crash/begin:{directory}:{journal}:{stop}:{mode}");
                assert!(File::open(order).is_err(), "no such file");
            }
            let tokens = stage.directory.join("tokens");
            if what == "prepare" {
                fs::create_dir_all(stage.directory).expect("a directory");
            }
            current::initialize(|sessions| {
                let backend = EmbeddedBackend::new(config(&tokens));
                Ok(Module::over(vec![Box::new(backend)], Policy::Standard, sessions))
            })
            .expect("no module is installed");
            match what {
                "prepare" => (operation.prepare)(&stage),
                _ => (operation.run)(&stage),
            }
            note("done 0 0");
        });
        println!("ended {status:?}");
    }
}
