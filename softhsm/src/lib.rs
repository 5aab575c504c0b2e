//! A fresh, reproducible SoftHSM2 token for every test: its own directory, a pinned
//! configuration, a known label and PINs. The user's own configuration is never read.
#![deny(unsafe_code)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Where distributions install the module, in the order of trial.
const MODULES: [&str; 4] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

/// The security officer's PIN of every token made here.
pub const SO_PIN: &str = "12345678";
/// The user PIN of every token made here.
pub const USER_PIN: &str = "123456";
/// The label of a token made with [`Token::new`].
pub const LABEL: &str = "keyway-test";

/// Path of the installed SoftHSM2 module, or `None` where SoftHSM2 is not installed.
///
/// `SOFTHSM2_MODULE` in the environment goes before the usual places.
pub fn module() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("SOFTHSM2_MODULE") {
        return Some(path.into());
    }
    MODULES.iter().map(PathBuf::from).find(|path| path.exists())
}

/// An initialised token in its own directory, which goes when this value goes.
#[derive(Debug)]
pub struct Token {
    directory: TempDir,
    label: String,
    module: PathBuf,
    slot: u64,
}

impl Token {
    /// A fresh token labelled [`LABEL`], with [`SO_PIN`] and [`USER_PIN`].
    ///
    /// # Panics
    /// When SoftHSM2 is not installed or refuses: a test cannot go on without its token.
    #[expect(clippy::new_without_default, reason = "making a token on disk is not a default value")]
    pub fn new() -> Self {
        Self::labelled(LABEL)
    }

    /// A fresh token with a label of the caller's choice.
    ///
    /// # Panics
    /// As [`Token::new`].
    pub fn labelled(label: &str) -> Self {
        Self::try_labelled(label).unwrap_or_else(|error| panic!("SoftHSM2 token: {error}"))
    }

    /// A fresh token with a label, or the reason why there is none.
    ///
    /// # Errors
    /// SoftHSM2 is not installed, the directory cannot be written, or `softhsm2-util` failed.
    pub fn try_labelled(label: &str) -> io::Result<Self> {
        let empty = Empty::new()?;
        let slot = initialise(&empty.configuration(), label)?;
        Ok(Self { directory: empty.directory, label: label.to_owned(), module: empty.module, slot })
    }

    /// The SoftHSM2 module to load.
    pub fn module(&self) -> &Path {
        &self.module
    }

    /// The directory that holds the configuration and the token.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The pinned `softhsm2.conf`.
    pub fn configuration(&self) -> PathBuf {
        configuration_in(self.directory.path())
    }

    /// What a process needs in its environment before it calls C_Initialize.
    pub fn environment(&self) -> (&'static str, PathBuf) {
        ("SOFTHSM2_CONF", self.configuration())
    }

    /// The token's label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The slot that SoftHSM2 gave the token when it was initialised.
    pub fn slot(&self) -> u64 {
        self.slot
    }

    /// The security officer's PIN.
    pub fn so_pin(&self) -> &'static str {
        SO_PIN
    }

    /// The user PIN.
    pub fn user_pin(&self) -> &'static str {
        USER_PIN
    }
}

/// A directory with the pinned configuration and no token yet: one free slot.
#[derive(Debug)]
pub struct Empty {
    directory: TempDir,
    module: PathBuf,
}

impl Empty {
    /// Makes the directory and writes the configuration.
    ///
    /// # Errors
    /// SoftHSM2 is not installed or the directory cannot be written.
    pub fn new() -> io::Result<Self> {
        let module = module().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "libsofthsm2.so not found: apt install softhsm2",
            )
        })?;
        let directory = tempfile::Builder::new().prefix("keyway-softhsm-").tempdir()?;
        write_configuration(directory.path())?;
        Ok(Self { directory, module })
    }

    /// The SoftHSM2 module to load.
    pub fn module(&self) -> &Path {
        &self.module
    }

    /// The directory that holds the configuration.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The pinned `softhsm2.conf`.
    pub fn configuration(&self) -> PathBuf {
        configuration_in(self.directory.path())
    }
}

/// Where the pinned configuration of a token directory lies.
pub fn configuration_in(directory: &Path) -> PathBuf {
    directory.join("softhsm2.conf")
}

/// Writes the pinned configuration for tokens in this directory.
///
/// # Errors
/// The directory cannot be written.
pub fn write_configuration(directory: &Path) -> io::Result<()> {
    let tokens = directory.join("tokens");
    fs::create_dir_all(&tokens)?;
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
        tokens.display()
    );
    fs::write(configuration_in(directory), text)
}

/// Initialises the free slot and answers the slot id that the token moved to.
fn initialise(configuration: &Path, label: &str) -> io::Result<u64> {
    let output = Command::new("softhsm2-util")
        .env("SOFTHSM2_CONF", configuration)
        .args(["--init-token", "--free", "--label", label, "--so-pin", SO_PIN, "--pin", USER_PIN])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(format!("softhsm2-util --init-token: {text}{error}")));
    }
    text.split_whitespace()
        .last()
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| io::Error::other(format!("softhsm2-util named no slot: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_initialised_and_found_in_its_own_configuration() {
        let token = Token::labelled("first");
        let output = Command::new("softhsm2-util")
            .env("SOFTHSM2_CONF", token.configuration())
            .arg("--show-slots")
            .output()
            .expect("softhsm2-util runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("first"), "{text}");
        assert!(text.contains(&format!("Slot {}", token.slot())), "{text}");
    }

    #[test]
    fn two_tokens_do_not_see_each_other() {
        let (one, two) = (Token::labelled("one"), Token::labelled("two"));
        assert_ne!(one.directory(), two.directory());
        let tokens = |token: &Token| {
            fs::read_dir(token.directory().join("tokens")).expect("token directory").count()
        };
        assert_eq!((tokens(&one), tokens(&two)), (1, 1));
    }
}
