//! Keyway's own tokens on this machine, past the C interface: what belongs to a token's file and
//! not to its keys. The only place that knows the crate of the module.

mod backup;
pub mod bridge;
mod check;
mod error;
mod history;
mod installation;
mod recover;
mod root;

pub use check::{Damage, Health};

use std::path::{Path, PathBuf};

use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::backend::Pin;
use keyway_pkcs11::config::Config;
use keyway_pkcs11::mechanism::MechanismType;

use self::error::{local_error, opening_error};
pub use self::history::{Entry, Log};
pub use self::installation::{Described, Installation, LocalState};
use crate::domain::uri::{TokenName, Uri};
use crate::error::{Kind, Result};
use crate::token::{Initialisation, OWN_MODULE, check_label};

pub use self::backup::{Contents, Place, restore};
pub use self::root::{NewRoot, Root};

/// A token of our own, in its file.
pub struct LocalToken {
    admin: Admin,
}

impl LocalToken {
    /// The token with this label, serial number or PKCS#11 URI, or the only one there is. `module`
    /// is the one that was named, if one was: another maker's tokens have no file of ours.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for another module, [`Kind::NotFound`] when there is no such token,
    /// [`Kind::Usage`] when there are several.
    pub fn open(module: Option<&Path>, name: Option<&str>) -> Result<Self> {
        let config = configuration(module)?;
        let open = |name| {
            Admin::open(&config, name).map(|admin| Self { admin }).map_err(|e| unfound(e, &config))
        };
        match name.map(TokenName::of).transpose()? {
            None => open(None),
            Some(TokenName::Label(label)) => open(Some(&label)),
            Some(TokenName::Uri(uri)) => {
                let token = open(uri.serial.as_deref().or(uri.token.as_deref()))?;
                token.require(&uri)?;
                Ok(token)
            }
        }
    }

    /// Refuses a token that is not the one that a URI means.
    fn require(&self, uri: &Uri) -> Result<()> {
        let info = self.admin.info().map_err(local_error)?;
        let there = |wanted: &Option<String>, told: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == told.trim_end())
        };
        match there(&uri.token, &info.label) && there(&uri.serial, &info.serial) {
            true => Ok(()),
            false => Err(Kind::NotFound
                .because(format!("no token is {uri}"))
                .advise("see: keyway token list")),
        }
    }

    /// Destroys every object and makes a new token with these PINs in the same file, whatever became
    /// of the security officer's PIN.
    ///
    /// # Errors
    /// [`Kind::Refused`] while another program has the token open, [`Kind::Pin`] for PINs that the
    /// token does not take.
    pub fn initialise_by_force(&self, request: &Initialisation<'_>) -> Result<()> {
        let Initialisation { label, so_pin, user_pin } = request;
        check_label(label)?;
        let (so_pin, user_pin) = (Pin(so_pin.expose()), Pin(user_pin.expose()));
        self.admin.initialize_by_force(so_pin, user_pin, label).map_err(local_error)
    }

    /// What a person calls it: label and serial number.
    ///
    /// # Errors
    /// [`Kind::Token`] for a token that cannot be read.
    pub fn name(&self) -> Result<String> {
        let info = self.admin.info().map_err(local_error)?;
        Ok(format!("{} (serial {})", info.label, info.serial))
    }

    /// The token's database.
    pub fn file(&self) -> PathBuf {
        self.admin.file().to_owned()
    }
}

fn unfound(error: keyway_pkcs11::error::Error, config: &Config) -> crate::error::Error {
    let told = opening_error(error);
    match told.kind() == Kind::NotFound && !config.bridges.is_empty() {
        true => told.advise(
            "see: keyway token list; what a slot bridges to has no file here and takes this with \
             the tools of its maker",
        ),
        false => told,
    }
}

/// Whether a module is our own, by its file name.
pub fn is_own(module: &Path) -> bool {
    let resolved = module.canonicalize().unwrap_or_else(|_| module.to_owned());
    resolved.file_name().is_some_and(|name| name == OWN_MODULE)
}

/// The name of a mechanism in the specification, `CKM_...`; its number if it has none.
pub fn mechanism_name(number: u64) -> String {
    match MechanismType(number).name() {
        Some(name) => name.to_owned(),
        None => format!("{number:#x}"),
    }
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
