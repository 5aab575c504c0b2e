//! Looking after embedded tokens without the C interface: what the `keyway` command does to a
//! token's file, as a library.
//!
//! Tokens are found by the rules of the module: the same configuration, the same directory. Any
//! number of programs may use a token meanwhile.

pub mod backup;
pub mod check;
pub mod history;
mod recover;
pub mod root;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::backend::embedded::{EmbeddedBackend, EmbeddedConfig, EmbeddedToken};
use crate::backend::{Pin, SlotId, Token, TokenInfo, User};
use crate::config::Config;
use crate::error::{Code, Error, Result};

/// One token of the configured directory; nobody is logged in at first.
pub struct Admin {
    slot: SlotId,
    file: PathBuf,
    token: Arc<EmbeddedToken>,
}

impl Admin {
    /// The token with this label or serial number, or the only one there is.
    ///
    /// # Errors
    /// TokenNotPresent, naming the tokens there are; ArgumentsBad if several are meant; DeviceError
    /// for a token directory that cannot be read.
    pub fn open(config: &Config, name: Option<&str>) -> Result<Self> {
        Self::among(&config.embedded(), name)
    }

    /// As [`open`](Self::open), among the tokens of a directory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn among(config: &EmbeddedConfig, name: Option<&str>) -> Result<Self> {
        let (mut meant, mut others, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
        for token in Self::all(config)? {
            match token.info() {
                Ok(info) if !info.initialized => {}
                Ok(info) if name.is_none_or(|name| is_named(&info, name)) => meant.push(token),
                Ok(info) => others.push(info.label),
                Err(e) => unreadable.push(e.to_string()),
            }
        }
        match (meant.len(), name) {
            (1, _) => Ok(meant.remove(0)),
            (0, _) => Err(none(config, name, &others, &unreadable)),
            (_, Some(name)) => Err(Code::ArgumentsBad
                .because(format!("several tokens are labelled {name}: give the serial number"))),
            (_, None) => Err(Code::ArgumentsBad
                .because("there are several tokens: name one by its label or serial number")),
        }
    }

    /// Every token that has a file, in ascending order of slot; also those that cannot be read.
    ///
    /// # Errors
    /// DeviceError for a token directory that cannot be read.
    pub fn all(config: &EmbeddedConfig) -> Result<Vec<Self>> {
        let backend = EmbeddedBackend::new(config.clone());
        let tokens = backend.embedded()?.into_iter();
        let with_file = tokens.map(|(slot, token)| Self { slot, file: backend.file(slot), token });
        Ok(with_file.filter(|admin| admin.file.exists()).collect())
    }

    /// The number of the token's slot.
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// The token's database.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// # Errors
    /// DeviceError for a token that cannot be read.
    pub fn info(&self) -> Result<TokenInfo> {
        self.token.info()
    }

    /// Checks a PIN under the lockout rule and unlocks what its role may use, until the value goes.
    ///
    /// # Errors
    /// PinIncorrect, PinLocked, UserPinNotInitialized; TokenNotPresent without the token's root;
    /// DeviceError for a token that was changed by something other than Keyway.
    pub fn log_in(&self, user: User, pin: Pin<'_>) -> Result<()> {
        self.token.log_in(user, pin)
    }

    /// Initialises the token again without the security officer's PIN, which may be locked or
    /// forgotten: every object is destroyed, the serial number stays.
    ///
    /// # Errors
    /// PinLenRange; SessionExists while another program has the token open.
    pub fn initialize_by_force(
        &self,
        so_pin: Pin<'_>,
        user_pin: Pin<'_>,
        label: &str,
    ) -> Result<()> {
        self.token.initialize_by_force(so_pin, user_pin, label)
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        if let Err(e) = self.token.logout() {
            log::warn!("logging out: {e}");
        }
    }
}

fn is_named(info: &TokenInfo, name: &str) -> bool {
    info.label == name || info.serial == name
}

fn none(
    config: &EmbeddedConfig,
    name: Option<&str>,
    others: &[String],
    unreadable: &[String],
) -> Error {
    let which = name.map_or("initialised".to_owned(), |name| format!("called {name}"));
    let mut story = format!("no token in {} is {which}", config.token_dir.display());
    if !others.is_empty() {
        story += &format!("; there are: {}", others.join(", "));
    }
    for why in unreadable {
        story += &format!("; one cannot be read: {why}");
    }
    Code::TokenNotPresent.because(story)
}
