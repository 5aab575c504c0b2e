//! The key in another token without which no PIN opens a token of ours.

use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::admin::root::{Meant, RootState};
use keyway_pkcs11::backend::Pin as Local;
use keyway_pkcs11::error::Code;

use super::LocalToken;
use super::error::local_error;
use crate::error::{Kind, Result};
use crate::token::Pin;

/// What a token opens with beside a PIN.
#[derive(Clone, Debug)]
pub struct Root {
    /// The key, in words; nothing if the PIN alone opens the token.
    pub key: Option<String>,
    /// Why no PIN opens the token now.
    pub trouble: Option<String>,
}

/// What a token is to open with from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewRoot<'a> {
    /// A PIN and the key that the configuration names, or a PIN alone if it names none.
    Configured,
    /// A PIN and the key of this PKCS#11 URI.
    Uri(&'a str),
    /// A PIN alone.
    Nothing,
}

impl LocalToken {
    /// What it opens with beside a PIN, and whether that is there; nobody logs in.
    ///
    /// # Errors
    /// [`Kind::Token`](crate::error::Kind::Token) for a token that cannot be read.
    pub fn root(&self) -> Result<Root> {
        state(&self.admin)
    }

    /// The root that the configuration names for the token, as a URI.
    pub fn configured_root(&self) -> Option<String> {
        self.admin.configured_root()
    }

    /// Whether a user PIN is set.
    ///
    /// # Errors
    /// [`Kind::Token`](crate::error::Kind::Token) for a token that cannot be read.
    pub fn has_user_pin(&self) -> Result<bool> {
        self.admin.info().map(|info| info.user_pin_initialized).map_err(local_error)
    }

    /// Wraps the master key anew under another root, or none. `from` names the root so far where it
    /// is not the configured one. All of it is done or nothing, whenever the process ends.
    ///
    /// # Errors
    /// [`Kind::Pin`](crate::error::Kind::Pin) for either PIN,
    /// [`Kind::Token`](crate::error::Kind::Token) if one of the roots cannot be used,
    /// [`Kind::Usage`](crate::error::Kind::Usage) for a URI that cannot be read.
    pub fn rewrap(
        &self,
        from: Option<&str>,
        to: NewRoot<'_>,
        so_pin: &Pin,
        pin: Option<&Pin>,
    ) -> Result<()> {
        let from = from.map_or(Meant::Configured, Meant::Uri);
        let to = match to {
            NewRoot::Configured => Meant::Configured,
            NewRoot::Uri(uri) => Meant::Uri(uri),
            NewRoot::Nothing => Meant::Nothing,
        };
        let pin = pin.map(|pin| Local(pin.expose()));
        self.admin.rewrap(from, to, Local(so_pin.expose()), pin).map_err(|e| match e.code() {
            Code::ArgumentsBad => {
                Kind::Usage.because(e.context()).advise("see: keyway token rewrap --help")
            }
            _ => local_error(e),
        })
    }
}

pub(super) fn state(admin: &Admin) -> Result<Root> {
    let RootState { wanted, trouble } = admin.root().map_err(local_error)?;
    Ok(Root { key: wanted, trouble: trouble.map(|e| e.context().to_owned()) })
}
