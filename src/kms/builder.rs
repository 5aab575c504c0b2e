//! Opening a token for a program.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{Kms, module_of, own_module};
use crate::domain::uri::Uri;
use crate::error::{Kind, Result};
use crate::token::{Module, Pin, PinSource, Pool, Sizes};

/// Sessions of a pool where nobody says how many.
const SESSIONS: usize = 8;
/// How long a caller waits for a session where nobody says how long.
const WAIT: Duration = Duration::from_secs(30);

/// Which token, on which module, with which PIN and how many sessions.
///
/// A module or PIN that is named here goes before the one that a PKCS#11 URI names.
#[derive(Debug, Default)]
pub struct Builder {
    module: Option<PathBuf>,
    token: Option<String>,
    pin: Option<PinSource>,
    sessions: Option<usize>,
    wait: Option<Duration>,
}

impl Builder {
    /// The module's file. Without it the one that the token's URI names, or Keyway's own: beside the
    /// program or where libraries lie.
    pub fn module(mut self, path: impl Into<PathBuf>) -> Self {
        self.module = Some(path.into());
        self
    }

    /// The token, by its label or a PKCS#11 URI (RFC 7512), which may name module and PIN file, too.
    /// Without it the only one that the module has.
    pub fn token(mut self, name: impl Into<String>) -> Self {
        self.token = Some(name.into());
        self
    }

    /// The user PIN, kept in memory for a login that is lost, and wiped in the end.
    pub fn pin(mut self, pin: Zeroizing<String>) -> Self {
        self.pin = Some(PinSource::Kept(Arc::new(Pin::new(pin))));
        self
    }

    /// The file whose first line is the user PIN. It is read for each login and not kept.
    pub fn pin_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.pin = Some(PinSource::File(path.into()));
        self
    }

    /// Asks for the user PIN, for each login: a keyring, a person. Nothing is kept but a PIN that the
    /// token refused, so that it is not tried twice. Other threads wait meanwhile.
    pub fn ask_pin(
        mut self,
        ask: impl Fn() -> Result<Zeroizing<String>> + Send + Sync + 'static,
    ) -> Self {
        self.pin = Some(PinSource::Asked(Box::new(move || ask().map(Pin::new))));
        self
    }

    /// The most sessions that are open at once, 8 if nobody says it. A token's own limit goes before
    /// it ([`Kms::most_sessions`]).
    pub fn sessions(mut self, most: usize) -> Self {
        self.sessions = Some(most);
        self
    }

    /// How long a caller waits when all sessions are in use, 30 seconds if nobody says it.
    pub fn wait(mut self, longest: Duration) -> Self {
        self.wait = Some(longest);
        self
    }

    /// Loads the module, opens the token and logs in.
    ///
    /// # Errors
    /// [`Kind::Pin`] without a PIN, for a PIN file that cannot be read, or when the PIN is refused;
    /// [`Kind::NotFound`] when there is no such token or module; [`Kind::Usage`] when there are
    /// several or the name is no URI; [`Kind::File`] for a module that cannot be loaded;
    /// [`Kind::Token`] when the module fails.
    pub fn open(self) -> Result<Kms> {
        let name = self.token.as_deref();
        let uri: Uri = name.filter(|name| Uri::is(name)).map_or(Ok(Uri::default()), str::parse)?;
        let module = match self.module {
            Some(path) => path,
            None => module_of(&uri)?.map_or_else(own_module, Ok)?,
        };
        let pin = self.pin.or(uri.pin_file.map(PinSource::File)).ok_or_else(|| {
            Kind::Pin
                .because("there is no user PIN to log in with")
                .advise("give the builder one: pin, pin_file or ask_pin, or pin-source in the URI")
        })?;
        let sizes =
            Sizes { sessions: self.sessions.unwrap_or(SESSIONS), wait: self.wait.unwrap_or(WAIT) };
        let pool = Pool::open(Module::load(&module)?, name, pin, sizes)?;
        Ok(Kms { pool: Arc::new(pool) })
    }
}
