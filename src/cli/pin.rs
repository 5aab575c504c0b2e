//! PINs and passphrases: from a file, from the environment, from a credential of systemd, or asked on
//! the terminal without echo. Never from an argument, which every user of the machine could read.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::arguments::Options;
use crate::error::{Error, Kind, Result};
use crate::token::{Pin, first_line};

/// The user PIN of an existing token.
pub(super) fn user(options: &Options) -> Result<Pin> {
    user_text(options).map(Pin::new)
}

/// As [`user`], for what works past the C interface.
pub(super) fn user_text(options: &Options) -> Result<Zeroizing<String>> {
    user_of(options).read(Asked::Once)
}

/// The user PIN, if a file, the environment or a credential gives it: nobody is asked.
pub(super) fn given(options: &Options) -> Result<Option<Pin>> {
    let source = user_of(options);
    if source.file.is_none()
        && std::env::var_os(source.variable).is_none()
        && source.credential().is_none()
    {
        return Ok(None);
    }
    user(options).map(Some)
}

/// The user PIN of a new token.
pub(super) fn new_user(options: &Options) -> Result<Pin> {
    user_of(options).read(Asked::Twice).map(Pin::new)
}

fn user_of(options: &Options) -> Source<'_> {
    Source::pin(options.pin_file.as_deref(), "KEYWAY_PIN", "user")
}

/// The security officer's PIN of a new token.
pub(super) fn new_so(file: Option<&Path>) -> Result<Pin> {
    Source::pin(file, "KEYWAY_SO_PIN", OFFICER).read(Asked::Twice).map(Pin::new)
}

/// The security officer's PIN of an existing token.
pub(super) fn so(file: Option<&Path>) -> Result<Pin> {
    Source::pin(file, "KEYWAY_SO_PIN", OFFICER).read(Asked::Once).map(Pin::new)
}

/// The PIN that takes the place of another.
pub(super) fn replacement(file: Option<&Path>, who: &'static str) -> Result<Pin> {
    Source::pin(file, "KEYWAY_NEW_PIN", who).read(Asked::Twice).map(Pin::new)
}

/// What opens another program's store.
pub(super) fn source(file: Option<&Path>) -> Result<Zeroizing<String>> {
    Source::pin(file, "KEYWAY_SOURCE_PIN", "source's").read(Asked::Once)
}

/// The passphrase of a backup, asked twice for one that is made.
pub(super) fn passphrase(file: Option<&Path>, asked: Asked) -> Result<Zeroizing<String>> {
    let variable = "KEYWAY_BACKUP_PASSPHRASE";
    Source { file, variable, who: "backup", what: "passphrase" }.read(asked)
}

const OFFICER: &str = "security officer";

struct Source<'a> {
    file: Option<&'a Path>,
    variable: &'static str,
    who: &'static str,
    what: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Once,
    Twice,
}

impl<'a> Source<'a> {
    fn pin(file: Option<&'a Path>, variable: &'static str, who: &'static str) -> Self {
        Self { file, variable, who, what: "PIN" }
    }

    fn read(&self, asked: Asked) -> Result<Zeroizing<String>> {
        let Self { who, what, .. } = self;
        let pin = match (self.file, std::env::var(self.variable)) {
            (Some(file), _) => first_line(file)?,
            (None, Ok(pin)) => Zeroizing::new(pin),
            (None, Err(_)) => match self.credential() {
                Some(file) => first_line(&file)?,
                None => self.ask(asked)?,
            },
        };
        if pin.is_empty() {
            return Err(Kind::Pin
                .because(format!("the {who} {what} is empty"))
                .advise(format!("it is the first line of a file, or in {}", self.variable)));
        }
        Ok(pin)
    }

    /// The credential that systemd gave this service (`LoadCredential=`, systemd.exec(5)), named as
    /// the variable is: `keyway-pin` for KEYWAY_PIN.
    fn credential(&self) -> Option<PathBuf> {
        let name = self.variable.to_ascii_lowercase().replace('_', "-");
        let path = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?).join(name);
        path.exists().then_some(path)
    }

    /// Where it comes from if not from a terminal.
    fn elsewhere(&self) -> String {
        format!("give it in a file (see --help) or in {}", self.variable)
    }

    fn ask(&self, asked: Asked) -> Result<Zeroizing<String>> {
        let Self { who, what, .. } = self;
        let Ok(terminal) = File::options().read(true).write(true).open("/dev/tty") else {
            return Err(Kind::Pin
                .because(format!("the {who} {what} is missing and there is no terminal"))
                .advise(self.elsewhere()));
        };
        let prompt =
            |text: &str| prompt(&terminal, text).map_err(|error| error.advise(self.elsewhere()));
        let pin = prompt(&format!("{who} {what}: "))?;
        if asked == Asked::Twice && *pin != *prompt("again: ")? {
            return Err(Kind::Pin.because(format!("the two {what}s differ")).advise("try again"));
        }
        Ok(pin)
    }
}

/// Asks when the terminal is silent already: what is typed before is neither shown nor taken.
fn prompt(mut terminal: &File, text: &str) -> Result<Zeroizing<String>> {
    let silence = Silence::new(terminal)?;
    terminal.write_all(text.as_bytes()).map_err(no_terminal)?;
    let mut line = Zeroizing::new(String::with_capacity(256));
    BufReader::new(terminal).read_line(&mut line).map_err(no_terminal)?;
    drop(silence);
    terminal.write_all(b"\n").map_err(no_terminal)?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A terminal without echo, as long as this value lives.
struct Silence<'t> {
    terminal: &'t File,
    before: Termios,
}

impl<'t> Silence<'t> {
    fn new(terminal: &'t File) -> Result<Self> {
        let before = tcgetattr(terminal).map_err(no_terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &silent).map_err(no_terminal)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        // The worst is a terminal without echo, which its user can mend.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

fn no_terminal(error: impl Into<std::io::Error>) -> Error {
    Kind::Pin.because("cannot ask for it on the terminal").caused_by(error.into())
}
