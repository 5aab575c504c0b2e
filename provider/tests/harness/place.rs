//! Where a token of a test lies: a fresh directory and the environment that points to it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use tempfile::TempDir;

use super::faulty::Faulty;
use super::{Flags, Kind, Target, Who};

/// The security officer's PIN of every token of the suite.
pub const SO_PIN: &str = softhsm::SO_PIN;
/// The user PIN of every token of the suite.
pub const USER_PIN: &str = softhsm::USER_PIN;

/// A directory with configuration and token, which goes when this value goes.
#[derive(Debug)]
pub enum Place {
    SoftHsm(softhsm::Token),
    SoftHsmEmpty(softhsm::Empty),
    Keyway(TempDir),
    /// A slot of ours that bridges to the token of another place.
    Bridge(Box<Bridge>),
}

/// What a bridged slot needs.
#[derive(Debug)]
pub struct Bridge {
    inner: Place,
    /// What lends a second copy of our module an environment of its own.
    front: Option<Faulty>,
    /// The outer configuration.
    directory: TempDir,
}

impl Place {
    /// A fresh directory, with a token that has both PINs or with none.
    pub fn new(kind: Kind, token: bool) -> Self {
        let place = match (kind, token) {
            (Kind::SoftHsm, true) => Self::SoftHsm(softhsm::Token::new()),
            (Kind::SoftHsm, false) => {
                Self::SoftHsmEmpty(softhsm::Empty::new().expect("SoftHSM2 is installed"))
            }
            (Kind::Keyway, token) => Self::keyway(token),
            (Kind::BridgeSoftHsm, _) => {
                let inner = Self::SoftHsm(softhsm::Token::new());
                Self::bridge(inner, None, "profile = \"softhsm2\"")
            }
            (Kind::BridgeKeyway, _) => {
                let inner = Self::keyway(true);
                let (name, configuration) = inner.environment();
                let front = Faulty::before(&second(), (name, &configuration));
                Self::bridge(inner, Some(front), "profile = \"keyway\"")
            }
        };
        place.enter();
        place
    }

    /// A slot of ours that bridges to the token of `inner`, through `front` if there is one; with
    /// more lines for `[[slot]]`.
    pub fn bridge(inner: Self, front: Option<Faulty>, lines: &str) -> Self {
        let Self::Keyway(directory) = Self::bare() else { unreachable!("bare is ours") };
        let module = front.as_ref().map_or(inner.module(), Faulty::module);
        let place = Self::Bridge(Box::new(Bridge { inner, front, directory }));
        place.append(&format!(
            "[[slot]]\nid = 1\nbackend = \"bridge\"\nmodule = {:?}\ntoken = {:?}\n{lines}",
            module.display(),
            softhsm::LABEL
        ));
        place
    }

    /// The module to load.
    pub fn module(&self) -> PathBuf {
        match self {
            Self::SoftHsm(token) => token.module().to_owned(),
            Self::SoftHsmEmpty(empty) => empty.module().to_owned(),
            Self::Keyway(_) | Self::Bridge(_) => module(),
        }
    }

    /// What a process needs in its environment before it calls C_Initialize.
    pub fn environment(&self) -> (&'static str, PathBuf) {
        match self {
            Self::SoftHsm(token) => token.environment(),
            Self::SoftHsmEmpty(empty) => ("SOFTHSM2_CONF", empty.configuration()),
            Self::Keyway(directory) => ("KEYWAY_CONF", directory.path().join("keyway.toml")),
            Self::Bridge(bridge) => ("KEYWAY_CONF", bridge.directory.path().join("keyway.toml")),
        }
    }

    /// Adds a line to the configuration of our module.
    pub fn configure(&self, line: &str) {
        let (_, path) = self.environment();
        let text = fs::read_to_string(&path).expect("the configuration reads");
        fs::write(&path, format!("{line}\n{text}")).expect("the configuration is written");
        if let Self::Bridge(bridge) = self
            && let Self::Keyway(_) = bridge.inner
        {
            bridge.inner.configure(line);
        }
    }

    /// Adds to the end of the configuration of our module.
    pub fn append(&self, lines: &str) {
        let (_, path) = self.environment();
        let text = fs::read_to_string(&path).expect("the configuration reads");
        fs::write(&path, format!("{text}{lines}\n")).expect("the configuration is written");
    }

    /// What stands before the module of a bridged slot.
    pub fn front(&self) -> &Faulty {
        match self {
            Self::Bridge(bridge) => bridge.front.as_ref().expect("something stands before it"),
            _ => panic!("no bridge"),
        }
    }

    /// Where the token of a bridged slot is.
    pub fn inner(&self) -> &Self {
        match self {
            Self::Bridge(bridge) => &bridge.inner,
            _ => panic!("no bridge"),
        }
    }

    /// What our module has written to its log; nothing for another.
    pub fn log(&self) -> String {
        match self {
            Self::Keyway(_) | Self::Bridge(_) => {
                let (_, configuration) = self.environment();
                fs::read_to_string(configuration.with_file_name("log")).unwrap_or_default()
            }
            Self::SoftHsm(_) | Self::SoftHsmEmpty(_) => String::new(),
        }
    }

    /// Prints the end of the log, for a test that fails.
    pub fn print_log(&self) {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        for line in &lines[lines.len().saturating_sub(12)..] {
            eprintln!("log: {line}");
        }
    }

    pub fn enter(&self) {
        if let Self::Bridge(bridge) = self {
            bridge.inner.enter();
        }
        let (name, value) = self.environment();
        set_variable(name, value.as_os_str());
    }

    /// A copy of a token made once for every build of the module: what takes time is the PINs.
    fn keyway(token: bool) -> Self {
        let place = Self::bare();
        if token {
            let Self::Keyway(directory) = &place else { unreachable!("bare is ours") };
            copy(&prepared(), &directory.path().join("tokens"));
        }
        place
    }

    fn bare() -> Self {
        let directory = tempfile::Builder::new().prefix("keyway-suite-").tempdir();
        let directory = directory.expect("a temporary directory");
        let (tokens, log) = (directory.path().join("tokens"), directory.path().join("log"));
        fs::create_dir(&tokens).expect("a token directory");
        let text = format!(
            "token_dir = {:?}\nlog = {{ level = \"debug\", to = {:?} }}\n",
            tokens.display(),
            log.display()
        );
        fs::write(directory.path().join("keyway.toml"), text).expect("a configuration");
        Self::Keyway(directory)
    }
}

/// Our module: the library that cargo built for this very test.
pub fn module() -> PathBuf {
    if let Some(path) = std::env::var_os("KEYWAY_TEST_MODULE") {
        return path.into();
    }
    let executable = std::env::current_exe().expect("the path of this program");
    let path = executable.with_file_name("libkeyway_pkcs11.so");
    assert!(path.exists(), "{} is not built", path.display());
    path
}

/// A copy of our module: another file is another module to the loader.
pub fn second() -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let ready = root.join(format!("keyway-copy-{}.so", stamp()));
    if !ready.exists() {
        let draft = tempfile::tempdir_in(root).expect("a temporary directory");
        let copy = draft.path().join("copy.so");
        fs::copy(module(), &copy).expect("a copy of the module");
        fs::rename(&copy, &ready).expect("the copy in its place");
    }
    ready
}

/// When our module was built.
fn stamp() -> u128 {
    let built = fs::metadata(module()).and_then(|data| data.modified()).expect("the module's date");
    built.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos()
}

/// The token directory of a token with both PINs, made with the present build of the module.
fn prepared() -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let ready = root.join(format!("keyway-token-{}", stamp()));
    if !ready.exists() {
        let place = Place::bare();
        place.enter();
        let target = Target::over(Kind::Keyway, place);
        target.make_token();
        let Place::Keyway(directory) = &target.place else { unreachable!("bare is ours") };
        // Renamed when complete: another test may be at the same.
        let draft = tempfile::tempdir_in(root).expect("a temporary directory").keep();
        copy(&directory.path().join("tokens"), &draft);
        let _ = fs::rename(&draft, &ready);
    }
    ready
}

impl Target {
    /// Initialises the token in the one free slot and both of its PINs, then finalises.
    fn make_token(&self) {
        self.initialize().expect("C_Initialize");
        let slot = self.slot();
        self.init_token(slot, SO_PIN, softhsm::LABEL).expect("C_InitToken");
        let session = self.open_on(self.slot(), Flags::ReadWrite).expect("C_OpenSession");
        session.login(Who::SecurityOfficer, SO_PIN).expect("C_Login of the SO");
        session.init_pin(USER_PIN).expect("C_InitPIN");
        self.finalize().expect("C_Finalize");
    }
}

/// Compiles a C program, or a library.
pub fn compile(name: &str, source: &str, arguments: &[&str], output: &Path) {
    let file = output.with_file_name(name);
    fs::write(&file, source).expect("the source is written");
    let mut compiler = Command::new("cc");
    compiler.arg(&file).args(arguments).arg("-o").arg(output).args(["-ldl", "-lpthread"]);
    assert!(compiler.status().expect("a C compiler").success(), "{name}");
}

/// Copies a directory of files and directories.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory to copy") {
        let entry = entry.expect("a directory entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a file type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a file copied");
        }
    }
}

/// Sets a variable of this process's environment.
pub fn set_variable(name: &str, value: &OsStr) {
    // SAFETY: tests that use a module run one at a time, and no other thread of a test reads or
    // writes the environment.
    unsafe { std::env::set_var(name, value) };
}
