//! A PIN in memory: wiped when it goes, never printed, never copied.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cryptoki::types::AuthPin;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::error::{Kind, Result};

/// Longest PIN file that is read.
const FILE_MAX: u64 = 4096;

/// The PIN of a token's user or security officer.
pub struct Pin {
    text: AuthPin,
    length: usize,
}

impl Pin {
    /// A PIN. The text that it is made from is wiped.
    pub fn new(text: Zeroizing<String>) -> Self {
        Self { text: AuthPin::new(text.as_str().into()), length: text.len() }
    }

    /// Its length in bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Its bytes, for the adapters of tokens.
    pub(crate) fn expose(&self) -> &[u8] {
        self.text.expose_secret().as_bytes()
    }

    pub(super) fn auth(&self) -> &AuthPin {
        &self.text
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({} bytes)", self.length)
    }
}

/// Where the PIN comes from each time that a token wants a login: at the beginning, and again after
/// the login was lost.
pub enum PinSource {
    /// Kept in memory, and wiped with this value.
    Kept(Arc<Pin>),
    /// The first line of a file, read anew for each login.
    File(PathBuf),
    /// Asked for anew for each login.
    Asked(Box<dyn Fn() -> Result<Pin> + Send + Sync>),
}

impl PinSource {
    /// The PIN as it is now.
    ///
    /// # Errors
    /// [`Kind::Pin`] for a file that cannot be read or an empty PIN; what the asked answered.
    pub(super) fn pin(&self) -> Result<Arc<Pin>> {
        let pin = match self {
            Self::Kept(pin) => Arc::clone(pin),
            Self::File(path) => Arc::new(Pin::new(first_line(path)?)),
            Self::Asked(ask) => Arc::new(ask()?),
        };
        match pin.length() {
            0 => Err(Kind::Pin.because("the user PIN is empty")),
            _ => Ok(pin),
        }
    }
}

impl fmt::Debug for PinSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(pin) => write!(f, "Kept({pin:?})"),
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::Asked(_) => f.write_str("Asked"),
        }
    }
}

/// The first line of a file that holds a secret.
///
/// # Errors
/// [`Kind::Pin`] when it cannot be read.
pub(crate) fn first_line(path: &Path) -> Result<Zeroizing<String>> {
    let failed = |error| {
        Kind::Pin.because(format!("cannot read the secret in {}", path.display())).caused_by(error)
    };
    let mut text = Zeroizing::new(String::with_capacity(FILE_MAX as usize));
    let file = File::open(path).map_err(failed)?;
    file.take(FILE_MAX).read_to_string(&mut text).map_err(failed)?;
    let line = text.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_file_ends_at_its_first_line() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("pin");
        for (text, pin) in [("1234", "1234"), ("1234\n", "1234"), ("1234\r\nx", "1234"), ("", "")] {
            std::fs::write(&path, text).expect("written");
            assert_eq!(*first_line(&path).expect("read"), pin);
        }
    }

    #[test]
    fn a_missing_pin_file_is_named() {
        let error = first_line(Path::new("/nowhere/pin")).expect_err("missing");
        assert_eq!(error.kind(), Kind::Pin);
        assert!(error.to_string().contains("/nowhere/pin"));
    }

    #[test]
    fn an_empty_pin_is_not_tried() {
        let source = PinSource::Asked(Box::new(|| Ok(Pin::new(String::new().into()))));
        assert_eq!(source.pin().expect_err("empty").kind(), Kind::Pin);
    }

    #[test]
    fn a_pin_is_not_printed() {
        let pin = Pin::new(Zeroizing::new("4711".to_owned()));
        assert_eq!(format!("{pin:?}"), "Pin(4 bytes)");
    }
}
