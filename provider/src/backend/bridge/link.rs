//! Where an inner token is: its module, and what it is recognised by.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use pkcs11_sys::CKF_WRITE_PROTECTED;

use super::profile::Profile;
use super::uri::Uri;
use crate::error::{Code, Result};
use crate::ffi::inner::{InnerSession, InnerToken, Library, Settings};

/// Which token of which module, as the configuration says.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) module: PathBuf,
    pub(super) wanted: Wanted,
    pub(super) profile: Arc<Profile>,
    /// The file that holds the user's PIN, if the application need not know it.
    pub(super) pin_source: Option<PathBuf>,
}

/// What a token is recognised by; what is `None` may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub label: Option<String>,
    pub serial: Option<String>,
    pub manufacturer: Option<String>,
    pub model: Option<String>,
}

/// A token that was found.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) library: Arc<Library>,
    pub(super) slot: u64,
    pub(super) token: InnerToken,
}

impl Place {
    /// Looks for the token; a module whose connection was lost is initialised again for it.
    ///
    /// # Errors
    /// TokenNotPresent if no token or more than one is what is wanted, and what the module answers.
    pub(super) fn find(&self) -> Result<Link> {
        let settings = Settings {
            arguments: self.profile.arguments.clone(),
            os_locking: self.profile.os_locking,
            finalize_after_fork: self.profile.finalize_after_fork,
        };
        let library = Library::open(&self.module, &settings)?;
        let life = library.life()?;
        let slots = match library.slots() {
            Err(e) if e.code() == Code::CryptokiNotInitialized => {
                library.reinitialize(life)?;
                library.slots()?
            }
            slots => slots?,
        };
        let mut tokens = Vec::new();
        for slot in slots {
            match library.token(slot) {
                Ok(token) => tokens.push((slot, token)),
                Err(e) => log::debug!("{self}: slot {slot} is left out: {e}"),
            }
        }
        let mut matching = tokens.iter().filter(|(_, token)| self.wanted.is(token));
        match (matching.next(), matching.next()) {
            (Some((slot, token)), None) => {
                Ok(Link { library: library.clone(), slot: *slot, token: token.clone() })
            }
            (found, _) => {
                let what = if found.is_some() { "more than one token is" } else { "no token is" };
                Err(Code::TokenNotPresent.because(format!(
                    "{self}: {what} that; there are {}",
                    told(tokens.iter().map(|(_, token)| token))
                )))
            }
        }
    }
}

impl Wanted {
    /// Reads a PKCS #11 URI (RFC 7512) that names a token and nothing else.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of_uri(uri: &str) -> Result<Self, String> {
        let uri = Uri::parse(uri)?;
        let token = Uri { token: uri.token.clone(), ..Uri::default() };
        match uri == token {
            true => Ok(uri.token),
            false => Err(format!(
                "{uri} says more than which token: token, serial, manufacturer and model do"
            )),
        }
    }

    fn is(&self, token: &InnerToken) -> bool {
        let same = |wanted: &Option<String>, there: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == there)
        };
        same(&self.label, &token.label)
            && same(&self.serial, &token.serial)
            && same(&self.manufacturer, &token.manufacturer)
            && same(&self.model, &token.model)
    }
}

impl Link {
    /// A session, read-write if the token can be written.
    ///
    /// # Errors
    /// What the inner token answers.
    pub(super) fn open(&self) -> Result<InnerSession> {
        #[allow(clippy::useless_conversion)] // 32 bits wide on some platforms
        let writable = self.token.flags & u64::from(CKF_WRITE_PROTECTED) == 0;
        self.library.open_session(self.slot, writable)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Wanted { label, serial, .. } = &self.wanted;
        let name = label.as_ref().or(serial.as_ref()).map_or("", String::as_str);
        write!(f, "token '{name}' of {}", self.module.display())
    }
}

fn told<'a>(tokens: impl Iterator<Item = &'a InnerToken>) -> String {
    let names: Vec<_> =
        tokens.map(|token| format!("'{}' (serial {})", token.label, token.serial)).collect();
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_a_token() {
        let wanted = Wanted::of_uri("pkcs11:token=My%20HSM;serial=01").unwrap();
        assert_eq!(
            (wanted.label.as_deref(), wanted.serial.as_deref()),
            (Some("My HSM"), Some("01"))
        );
        assert!(Wanted::of_uri("pkcs11:object=key").unwrap_err().contains("object"));
        assert!(Wanted::of_uri("pkcs11:token=%4").is_err());
    }
}
