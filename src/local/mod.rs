//! Keyway's own tokens on this machine, past the C interface: what belongs to a token's file and
//! not to its keys. The only place that knows the crate of the module.

mod error;
mod installation;

use std::path::{Path, PathBuf};

use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::config::Config;

use self::error::local_error;
pub use self::installation::{Described, Installation, LocalState};
use crate::error::{Kind, Result};
use crate::token::OWN_MODULE;

/// A token of our own, in its file.
pub struct LocalToken {
    admin: Admin,
}

impl LocalToken {
    /// The token with this label or serial number, or the only one there is. `module` is the one
    /// that was named, if one was: another maker's tokens have no file of ours.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for another module, [`Kind::NotFound`] when there is no such token,
    /// [`Kind::Usage`] when there are several.
    pub fn open(module: Option<&Path>, name: Option<&str>) -> Result<Self> {
        let config = configuration(module)?;
        Admin::open(&config, name).map(|admin| Self { admin }).map_err(local_error)
    }

    /// The token's database.
    pub fn file(&self) -> PathBuf {
        self.admin.file().to_owned()
    }
}

/// Whether a module is our own, by its file name.
pub fn is_own(module: &Path) -> bool {
    let resolved = module.canonicalize().unwrap_or_else(|_| module.to_owned());
    resolved.file_name().is_some_and(|name| name == OWN_MODULE)
}

/// The configuration that the module reads as well.
fn configuration(module: Option<&Path>) -> Result<Config> {
    if let Some(other) = module.filter(|module| !is_own(module)) {
        return Err(Kind::Unsupported
            .because(format!("the tokens of {} are not Keyway's own", other.display()))
            .advise("use the tools of its maker"));
    }
    let config = Config::load().map_err(local_error)?;
    keyway_pkcs11::log::configure(config.log_level, &config.log_to).map_err(local_error)?;
    Ok(config)
}
