//! What our own module finds on this machine: its configuration, its token directory, its tokens.

use std::path::{Path, PathBuf};

use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::backend::PinState;
use keyway_pkcs11::config::Config;
use keyway_pkcs11::policy::Policy;

use super::error::local_error;
use super::root::{self, Root};
use crate::error::Result;

/// The configuration as the module reads it.
pub struct Installation {
    config: Config,
}

/// A token as its file says it is.
#[derive(Debug)]
pub struct LocalState {
    /// The token's database.
    pub file: PathBuf,
    /// What the file says, or why it cannot be read.
    pub described: Result<Described>,
}

/// What a token says of itself without a login.
#[derive(Clone, Debug)]
pub struct Described {
    /// Its label, without padding.
    pub label: String,
    /// Its serial number.
    pub serial: String,
    /// Whether a user PIN was ever set.
    pub has_user_pin: bool,
    /// Whether too many wrong ones locked it.
    pub user_pin_locked: bool,
    /// The same of the security officer's.
    pub so_pin_locked: bool,
    /// What it opens with beside a PIN.
    pub root: Root,
}

impl Installation {
    /// The file that is read, if there is one; what `KEYWAY_CONF` names whether it exists or not.
    pub fn file() -> Option<PathBuf> {
        Config::location()
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`crate::Kind::Token`] naming file, line and key.
    pub fn read() -> Result<Self> {
        Config::load().map(|config| Self { config }).map_err(local_error)
    }

    /// Where the tokens are.
    pub fn token_dir(&self) -> &Path {
        &self.config.token_dir
    }

    /// Whether the policy is `compatible`.
    pub fn is_compatible(&self) -> bool {
        self.config.policy == Policy::Compatible
    }

    /// Every token that has a file.
    ///
    /// # Errors
    /// The token directory cannot be read.
    pub fn tokens(&self) -> Result<Vec<LocalState>> {
        let tokens = Admin::all(&self.config.embedded()).map_err(local_error)?;
        Ok(tokens.iter().map(state).collect())
    }
}

fn state(token: &Admin) -> LocalState {
    let described = describe(token);
    LocalState { file: token.file().to_owned(), described }
}

fn describe(token: &Admin) -> Result<Described> {
    let info = token.info().map_err(local_error)?;
    Ok(Described {
        label: info.label.trim_end().to_owned(),
        serial: info.serial.trim_end().to_owned(),
        has_user_pin: info.user_pin_initialized,
        user_pin_locked: info.user_pin == PinState::Locked,
        so_pin_locked: info.so_pin == PinState::Locked,
        root: root::state(token)?,
    })
}
