//! Logins with the PIN of a file. One that a token refused is not tried again, for that would lock
//! it: not before the file is written anew.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

use super::link::Place;
use crate::backend::User;
use crate::error::{Code, Context, Result};
use crate::ffi::awslc::sealing::sha256;
use crate::ffi::inner::InnerSession;
use crate::secret::Secret;

/// Digests of the PINs that tokens refused, the latest of this process. A new C_Initialize is no
/// reason to try them again.
static REFUSED: [AtomicU64; 16] = [const { AtomicU64::new(0) }; 16];
static REFUSALS: AtomicU64 = AtomicU64::new(0);

impl Place {
    /// Logs in with the PIN of `pin_source`, if the configuration has one; the PIN, and whether the
    /// login is new.
    ///
    /// # Errors
    /// PinIncorrect also for a file that holds no PIN, and for a PIN that was refused before; what
    /// the token answers.
    pub(super) fn log_in(&self, session: &InnerSession) -> Result<Option<(Secret, bool)>> {
        let Some(source) = &self.pin_source else { return Ok(None) };
        let pin = self.pin(source)?;
        if self.was_refused(&pin) {
            return Err(Code::PinIncorrect.because(format!(
                "the PIN in {} was refused before and is not tried again, so that it does not \
                 lock: write the right one into that file",
                source.display()
            )));
        }
        match session.login(User::User, pin.expose()) {
            Ok(()) => Ok(Some((pin, true))),
            Err(e) if e.code() == Code::UserAlreadyLoggedIn => Ok(Some((pin, false))),
            Err(e) => {
                self.remember_refused(&pin, e.code());
                let story = format!("{} with the PIN in {}", e.context(), source.display());
                Err(e.code().because(story))
            }
        }
    }

    /// Whether this process knows that the token refuses the PIN.
    pub(super) fn was_refused(&self, pin: &Secret) -> bool {
        let digest = self.digest(pin);
        REFUSED.iter().any(|refused| refused.load(Ordering::Relaxed) == digest)
    }

    /// Keeps in mind that a login with this PIN had this answer.
    pub(super) fn remember_refused(&self, pin: &Secret, answer: Code) {
        if matches!(answer, Code::PinIncorrect | Code::PinInvalid | Code::PinLenRange) {
            let place = REFUSALS.fetch_add(1, Ordering::Relaxed) as usize % REFUSED.len();
            REFUSED[place].store(self.digest(pin), Ordering::Relaxed);
        }
    }

    /// The first line of the file.
    fn pin(&self, source: &Path) -> Result<Secret> {
        let story = || format!("read the PIN of {self} from {}", source.display());
        let text =
            std::fs::read(source).map(Zeroizing::new).or_code(Code::PinIncorrect, story())?;
        let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.is_empty() {
            true => {
                Err(Code::PinIncorrect.because(format!("{}: its first line is empty", story())))
            }
            false => Ok(Secret::copy_of(line)),
        }
    }

    /// Of a PIN for this token, and of when its file was written.
    fn digest(&self, pin: &Secret) -> u64 {
        let source = self.pin_source.as_ref().and_then(|source| source.metadata().ok());
        let written = source.map_or((0, 0), |file| (file.mtime(), file.mtime_nsec()));
        let token = format!("{self} {:?} {written:?}", self.wanted);
        let digest = sha256(&[token.as_bytes(), &[0], pin.expose()]);
        u64::from_be_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|at| digest[at]))
    }
}
