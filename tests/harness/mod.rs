//! Every token that the suite runs on, and the `keyway` command on each of them.
//!
//! Our own module lies beside the command under test, or where `KEYWAY_TEST_MODULE` says.
#![allow(dead_code, reason = "every test file uses a part of the harness")]

pub mod authority;
pub mod between;
pub mod killing;
pub mod kms;
pub mod moved;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use keyway::token::{Module, OWN_MODULE, OpenToken, Pin};
use tempfile::TempDir;

/// The Python that Debian's packages, python3-cryptography for one, are for.
pub const PYTHON: &str = "/usr/bin/python3";
/// PINs of every token here.
pub const SO_PIN: &str = "12345678";
/// The user PIN of every token here.
pub const USER_PIN: &str = "123456";
/// The label of every token here.
pub const LABEL: &str = "suite";

/// Names the test that runs inside a child process.
const INSIDE: &str = "KEYWAY_TEST_INSIDE";

/// The file in the token's directory that a test leaves there that ran inside a child process.
const WAS_INSIDE: &str = "was-inside";

/// Which module a token lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// SoftHSM2.
    SoftHsm,
    /// Our own module.
    Keyway,
}

/// A fresh token in its own directory.
pub struct Token {
    pub maker: Maker,
    pub directory: Arc<TempDir>,
    pub module: PathBuf,
    pub label: &'static str,
    environment: (&'static str, PathBuf),
}

/// What a command answered.
pub struct Answer {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// Every maker: the suite is one.
pub fn makers() -> [Maker; 2] {
    [Maker::SoftHsm, Maker::Keyway]
}

/// Runs a test on a fresh, initialised token of every maker.
pub fn on_every_token(test: impl Fn(&Token)) {
    for maker in makers() {
        let token = Token::initialised(maker);
        eprintln!("on {maker:?}");
        test(&token);
    }
}

/// Runs a test on a fresh token of every maker, with the token open in the test's own process.
///
/// Modules read their configuration from the environment when they are initialised, once a
/// process: so the test named `name`, with its modules, starts itself once a token.
pub fn inside_every_token(name: &str, test: fn(&OpenToken)) {
    beside_every_token(name, |place| {
        let module = Module::load(&place.module).expect("module");
        let pin = Pin::new(USER_PIN.to_owned().into());
        test(&OpenToken::open(module, Some(LABEL), &pin).expect("login"));
    });
}

/// Where a token is that the test's own process can load the module of.
pub struct Place {
    pub maker: Maker,
    pub module: PathBuf,
    pub directory: PathBuf,
}

/// As [`inside_every_token`], with a token that nobody has opened yet.
pub fn beside_every_token(name: &str, test: impl Fn(&Place)) {
    if let Some(module) = std::env::var_os(INSIDE).map(PathBuf::from) {
        let own = module.file_name().is_some_and(|file| file == OWN_MODULE);
        let maker = if own { Maker::Keyway } else { Maker::SoftHsm };
        let directory = std::env::current_dir().expect("a directory");
        fs::write(directory.join(WAS_INSIDE), []).expect("written");
        test(&Place { maker, module, directory });
        return;
    }
    for maker in makers() {
        let token = Token::initialised(maker);
        let executable = std::env::current_exe().expect("a test has an executable");
        let status = token
            .command(executable)
            .args([name, "--exact", "--nocapture"])
            .env(INSIDE, &token.module)
            .status()
            .expect("the test starts itself");
        assert!(status.success(), "{name} on {maker:?}");
        assert!(token.directory.path().join(WAS_INSIDE).exists(), "no test is named {name}");
    }
}

impl Token {
    /// A directory with a free slot and no token.
    pub fn empty(maker: Maker) -> Self {
        let directory = Arc::new(tempfile::tempdir().expect("a directory"));
        let (module, environment) = match maker {
            Maker::SoftHsm => {
                let module = softhsm::module().expect("SoftHSM2: apt install softhsm2");
                softhsm::write_configuration(directory.path()).expect("configuration");
                (module, ("SOFTHSM2_CONF", softhsm::configuration_in(directory.path())))
            }
            Maker::Keyway => {
                let tokens = directory.path().join("tokens");
                fs::create_dir(&tokens).expect("token directory");
                let configuration = directory.path().join("keyway.toml");
                let text = format!("token_dir = {:?}\n", tokens.display().to_string());
                fs::write(&configuration, text).expect("configuration");
                let module = own_module();
                (module, ("KEYWAY_CONF", configuration))
            }
        };
        let token = Self { maker, directory, module, label: LABEL, environment };
        token.write("so-pin", SO_PIN.as_bytes());
        token.write("pin", USER_PIN.as_bytes());
        token
    }

    /// A fresh token, initialised by `keyway token init`.
    pub fn initialised(maker: Maker) -> Self {
        let token = Self::empty(maker);
        token.ok(&["token", "init", "--label", LABEL, "--so-pin-file", &token.path("so-pin")]);
        token
    }

    /// A second token in the same directory, which one process sees beside this one.
    pub fn beside(&self, label: &'static str) -> Self {
        if self.maker == Maker::Keyway {
            let mut file = fs::OpenOptions::new().append(true).open(self.path("keyway.toml"));
            let file = file.as_mut().expect("the configuration");
            file.write_all(b"free_slot = \"always\"\n").expect("written");
        }
        self.ok(&["token", "init", "--label", label, "--so-pin-file", &self.path("so-pin")]);
        Self {
            maker: self.maker,
            directory: Arc::clone(&self.directory),
            module: self.module.clone(),
            label,
            environment: self.environment.clone(),
        }
    }

    /// Lets a command on another token see this one, too.
    pub fn shown_to<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env(self.environment.0, &self.environment.1)
    }

    /// The full path of a file in the token's directory.
    pub fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().expect("a UTF-8 path").to_owned()
    }

    /// Writes a file in the token's directory.
    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.path(name), bytes).expect("written");
        self.path(name)
    }

    /// Reads a file in the token's directory.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("read")
    }

    /// Any program, with the environment that makes the module see this token.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        for variable in
            ["KEYWAY_PIN", "KEYWAY_SO_PIN", "KEYWAY_SO_PIN_FILE", "KEYWAY_TOKEN", "KEYWAY_OUTPUT"]
        {
            command.env_remove(variable);
        }
        command
            .env(self.environment.0, &self.environment.1)
            .env("KEYWAY_MODULE", &self.module)
            .env("KEYWAY_PIN_FILE", self.path("pin"))
            .env("XDG_STATE_HOME", self.path("state"))
            // The turns that processes take are about one token here, not about all tests of a user.
            .env("XDG_RUNTIME_DIR", self.directory.path())
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
        command
    }

    /// The `keyway` command on this token.
    pub fn keyway(&self, arguments: &[&str]) -> Answer {
        run(self.command(env!("CARGO_BIN_EXE_keyway")).args(arguments))
    }

    /// The `keyway` command with this standard input.
    pub fn keyway_with_input(&self, arguments: &[&str], input: &[u8]) -> Answer {
        let mut command = self.command(env!("CARGO_BIN_EXE_keyway"));
        command.args(arguments).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("keyway starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // At the same time as its output is read: neither pipe holds everything. A command that
        // refuses may end before it has read all of it.
        std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(input));
            answer(child.wait_with_output().expect("keyway ends"))
        })
    }

    /// The command's standard output; it has to succeed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let answer = self.keyway(arguments);
        assert_eq!(answer.code, 0, "{:?} {arguments:?}: {}", self.maker, answer.stderr);
        answer.text()
    }

    /// The command's standard error; it has to fail with this exit code.
    pub fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let answer = self.keyway(arguments);
        assert_eq!(answer.code, code, "{:?} {arguments:?}: {}", self.maker, answer.stderr);
        assert!(answer.stdout.is_empty(), "output beside an error: {}", answer.text());
        answer.stderr
    }

    /// Peak resident memory of the `keyway` command in KiB, as the kernel counted it.
    pub fn peak(&self, arguments: &[&str]) -> u64 {
        let program = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); \
                       print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
        let mut command = self.command(PYTHON);
        command.args(["-c", program, env!("CARGO_BIN_EXE_keyway")]).args(arguments);
        let answer = run(&mut command);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        answer.text().trim().parse().expect("a number of KiB")
    }

    /// pkcs11-tool on this token, logged in: what any other program can do with it.
    pub fn pkcs11_tool(&self, arguments: &[&str]) -> Answer {
        run(&mut self.pkcs11_tool_command(arguments))
    }

    /// As [`pkcs11_tool`](Self::pkcs11_tool), to be started by the caller.
    pub fn pkcs11_tool_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("pkcs11-tool");
        command.arg("--module").arg(&self.module);
        command.args(["--token-label", self.label, "--login", "--pin", USER_PIN]).args(arguments);
        command
    }

    /// Runs SQL on the database of a token of ours, as somebody would who can write its file.
    pub fn tamper(&self, sql: &str) {
        let files = fs::read_dir(self.path("tokens")).expect("tokens").flatten();
        let mut files = files.map(|file| file.path());
        let database = files.find(|p| p.extension().is_some_and(|e| e == "db"));
        let script = format!(
            "import sqlite3\nc = sqlite3.connect({:?})\nc.execute({sql:?})\nc.commit()\nc.close()\n",
            database.expect("a database").display().to_string()
        );
        let answer = run(Command::new("python3").args(["-c", &script]));
        assert_eq!(answer.code, 0, "{}", answer.stderr);
    }

    /// The identifier of a key's version, as `key show` prints it.
    pub fn key_id(&self, name: &str, version: u32) -> String {
        let text = self.ok(&["key", "show", name]);
        let start = format!("version {version:<5} ");
        let line = text.lines().find(|line| line.starts_with(&start)).expect("the version's line");
        line.rsplit("id ").next().expect("an identifier").to_owned()
    }
}

impl Answer {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Answer {
    answer(command.output().expect("the program starts"))
}

fn answer(output: Output) -> Answer {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code().unwrap_or_else(|| panic!("killed: {} {stderr}", output.status));
    Answer { code, stdout: output.stdout, stderr }
}

/// Our own module, as the workspace builds it.
fn own_module() -> PathBuf {
    let path = match std::env::var_os("KEYWAY_TEST_MODULE") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_BIN_EXE_keyway")).with_file_name(OWN_MODULE),
    };
    assert!(path.exists(), "{} is not built: cargo build --workspace", path.display());
    path
}
