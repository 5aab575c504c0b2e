//! The key in another token without which no PIN opens this one: `keyway token rewrap`.

use std::sync::Arc;

use super::Admin;
use crate::backend::Pin;
use crate::backend::bridge::{Profile, RootKey};
use crate::error::{Code, Result};

pub use crate::backend::embedded::RootState;

/// A root, by who names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meant<'a> {
    /// The configuration does, if it names one.
    Configured,
    /// A PKCS #11 URI (RFC 7512) with `module-path`, `token` or `serial`, `object` or `id`, and
    /// `pin-source` if the key wants a login.
    Uri(&'a str),
    /// The PIN alone opens the token.
    Nothing,
}

impl Admin {
    /// What the token says of its root, and whether a login would reach it now; no PIN of this token
    /// is needed for that.
    ///
    /// # Errors
    /// DeviceError for a token that cannot be read.
    pub fn root(&self) -> Result<RootState> {
        self.token.root_state()
    }

    /// The root that the configuration names for this token's slot, as a URI.
    pub fn configured_root(&self) -> Option<String> {
        self.token.configured_root().map(ToString::to_string)
    }

    /// Opens the token under the root `from` and wraps its master key anew with a new root secret
    /// under `to`, in one transaction; `pin` is the user's, if a user PIN is set. Programs that are
    /// logged in go on.
    ///
    /// # Errors
    /// TokenNotPresent if one of the roots cannot be used, ArgumentsBad for a URI that cannot be
    /// read or a PIN that is missing; PinIncorrect and PinLocked for either PIN, each try counted
    /// like a login's; FunctionFailed if somebody changed a PIN at the same moment;
    /// TokenWriteProtected; DeviceError for a token that was changed by something other than Keyway.
    pub fn rewrap(
        &self,
        from: Meant<'_>,
        to: Meant<'_>,
        so_pin: Pin<'_>,
        pin: Option<Pin<'_>>,
    ) -> Result<()> {
        let (from, to) = (self.meant(from)?, self.meant(to)?);
        self.token.rewrap(from.as_deref(), to.as_deref(), so_pin, pin)
    }

    fn meant(&self, root: Meant<'_>) -> Result<Option<Arc<RootKey>>> {
        let uri = match root {
            Meant::Configured => return Ok(self.token.configured_root().cloned()),
            Meant::Nothing => return Ok(None),
            Meant::Uri(uri) => uri,
        };
        let read = RootKey::of_uri(uri, None, Arc::new(Profile::load("generic")?));
        let read = read.map_err(|why| Code::ArgumentsBad.because(format!("root {uri}: {why}")));
        read.map(Arc::new).map(Some)
    }
}
