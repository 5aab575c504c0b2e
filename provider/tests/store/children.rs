//! This test binary as its own child process: what a child does, and ways to start one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keyway_pkcs11::backend::{Use, User, View};
use keyway_pkcs11::error::Code;
use keyway_pkcs11::mechanism::{Function, MechanismType};

use crate::harness::*;

/// What a child process is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    LogIn,
    LogInWrong,
    MakeAndDestroy,
    CreateForEver,
    CreateUntilFull,
    ForkWhileWriting,
    ReadOnly,
    WatchForEnd,
    Initialize,
    TwoCopies,
}

const ALL: [Child; 10] = [
    Child::LogIn,
    Child::LogInWrong,
    Child::MakeAndDestroy,
    Child::CreateForEver,
    Child::CreateUntilFull,
    Child::ForkWhileWriting,
    Child::ReadOnly,
    Child::WatchForEnd,
    Child::Initialize,
    Child::TwoCopies,
];

const TASK: &str = "KEYWAY_TEST_CHILD";
const DIRECTORY: &str = "KEYWAY_TEST_DIRECTORY";

/// Not a test: the entry of child processes.
#[test]
#[ignore = "runs in child processes only"]
fn child() {
    // Ends the line that the test runner has begun, so that the parent can read what follows.
    println!();
    let task = std::env::var(TASK).expect("started by another test");
    let directory = PathBuf::from(std::env::var_os(DIRECTORY).expect("started by another test"));
    match ALL.into_iter().find(|child| format!("{child:?}") == task) {
        Some(Child::LogIn) => open(&directory).login(User::User, USER).unwrap(),
        Some(Child::LogInWrong) => {
            assert_code(open(&directory).login(User::User, WRONG), Code::PinIncorrect);
        }
        Some(Child::MakeAndDestroy) => make_and_destroy(&directory),
        Some(Child::CreateForEver) => create_for_ever(&directory),
        Some(Child::CreateUntilFull) => create_until_full(&directory),
        Some(Child::ForkWhileWriting) => crate::forks::fork_while_writing(&directory),
        Some(Child::ReadOnly) => read_only(&directory),
        Some(Child::WatchForEnd) => watch_for_end(&directory),
        Some(Child::Initialize) => initialize(&directory),
        Some(Child::TwoCopies) => crate::copies::two_copies(&directory),
        None => panic!("no task {task}"),
    }
}

/// Starts a child with its output piped.
pub fn spawn(directory: &Path, child: Child) -> std::process::Child {
    command(directory, child).spawn().unwrap()
}

/// Runs a child that must succeed; its output.
#[track_caller]
pub fn run(directory: &Path, child: Child) -> String {
    finish(command(directory, child))
}

/// As [`run`], started by a shell script that ends with `exec "$@"`.
#[track_caller]
pub fn shell(directory: &Path, script: &str, child: Child) -> String {
    let inner = command(directory, child);
    let mut outer = Command::new("bash");
    outer.args(["-c", script, "bash"]).arg(inner.get_program()).args(inner.get_args());
    prepare(&mut outer, directory, child);
    finish(outer)
}

/// As [`run`], by a user who owns nothing, if this one is root.
#[track_caller]
pub fn as_nobody(directory: &Path, child: Child) -> String {
    match nobody(directory, child) {
        Some((_copy, command)) => finish(command),
        None => finish(command(directory, child)),
    }
}

/// A child that runs as a user who owns nothing, from a copy, because the build directory may be
/// closed to others; `None` if this user may not become another.
pub fn nobody(directory: &Path, child: Child) -> Option<(tempfile::TempDir, Command)> {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let copy = tempfile::Builder::new().permissions(open_to_all()).tempdir().unwrap();
    let program = copy.path().join("child");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut copied = Command::new(program);
    copied.args(command(directory, child).get_args());
    prepare(&mut copied, directory, child);
    copied.uid(65534).gid(65534).current_dir("/");
    Some((copy, copied))
}

fn open_to_all() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(0o755)
}

fn command(directory: &Path, child: Child) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "children::child", "--nocapture", "--test-threads=1"]);
    prepare(&mut command, directory, child);
    command
}

fn prepare(command: &mut Command, directory: &Path, child: Child) {
    command.env(TASK, format!("{child:?}")).env(DIRECTORY, directory);
    command.env("KEYWAY_CONF", directory.join("keyway.toml"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
}

#[track_caller]
fn finish(mut command: Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    text
}

/// Forks; 0 in the child.
#[allow(unsafe_code)]
pub fn fork_process() -> i32 {
    // SAFETY: the child uses a backend of its own, the allocator (which is fork-safe on Linux) and
    // no lock of this process, and ends with `exit_for_tests`.
    unsafe { keyway_pkcs11::ffi::fork::fork_for_tests() }
}

/// Writes a line in one piece, past the buffer and the lock of the standard output.
pub fn print_line(line: &str) {
    let line = format!("{line}\n");
    let written = rustix::io::write(rustix::stdio::stdout(), line.as_bytes());
    assert_eq!(written, Ok(line.len()));
}

fn make_and_destroy(directory: &Path) {
    let token = open(directory);
    token.login(User::User, USER).unwrap();
    token.create(aes_key(b"theirs", true)).unwrap();
    token.destroy(&only(&*token, &by_id(b"doomed"))).unwrap();
    println!("made and destroyed");
}

/// Threads of one process of [`Child::CreateForEver`].
pub const WRITERS: usize = 4;

fn create_for_ever(directory: &Path) {
    let token = open(directory);
    token.login(User::User, USER).unwrap();
    let process = std::process::id();
    println!("begin");
    // Several at once, so that commits are shared.
    std::thread::scope(|scope| {
        for thread in 0..WRITERS {
            let token = &token;
            scope.spawn(move || {
                for n in 0.. {
                    let id = format!("{process}-{thread}-{n}");
                    token.create(aes_key(id.as_bytes(), true)).unwrap();
                    print_line(&format!("made {id}"));
                }
            });
        }
    });
}

fn create_until_full(directory: &Path) {
    let token = open(directory);
    token.login(User::User, USER).unwrap();
    for n in 0..100_000 {
        let id = format!("full-{n}");
        match token.create(aes_key(id.as_bytes(), true)) {
            Ok(_) => println!("made {id}"),
            Err(e) => {
                println!("code {:?}: {e}", e.code());
                only(&*token, &by_id(b"before"));
                println!("found again");
                return;
            }
        }
    }
}

fn read_only(directory: &Path) {
    let token = open(directory);
    assert!(token.info().unwrap().write_protected);
    for _ in 0..12 {
        assert_code(token.login(User::User, WRONG), Code::PinIncorrect);
    }
    assert_eq!(found(&*token, &by_label("public"), View::Public).len(), 1);
    token.login(User::User, USER).unwrap();
    let key = only(&*token, &by_id(b"1"));
    token.refresh(&key).unwrap();
    let sign = Use::For(Function::Sign);
    token.note_use(&key, sign, MechanismType::AES_CMAC);
    token.note_use(&key, sign, MechanismType::AES_GMAC);
    assert_code(token.create(data("more")), Code::TokenWriteProtected);
    assert_code(token.destroy(&key), Code::TokenWriteProtected);
    assert_code(token.set_pin(User::User, USER, WRONG), Code::TokenWriteProtected);
    only(&*token, &by_id(b"1"));
    println!("read-only done");
}

fn watch_for_end(directory: &Path) {
    let token = open(directory);
    token.login(User::User, USER).unwrap();
    let key = only(&*token, &by_id(b"1"));
    print_line("ready");
    let began = std::time::Instant::now();
    while !key.is_destroyed() && began.elapsed().as_secs() < 20 {
        token.refresh(&key).unwrap();
    }
    assert!(key.is_destroyed(), "20 seconds later the key is still there");
    print_line("gone");
}

fn initialize(directory: &Path) {
    match open(directory).initialize(SO, "raced") {
        Ok(()) => print_line("initialized"),
        // Somebody else was faster.
        Err(e) => assert!(matches!(e.code(), Code::DeviceRemoved | Code::FunctionFailed), "{e}"),
    }
}
