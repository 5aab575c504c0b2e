//! Verifying a signature or an HMAC.

use super::{Kms, require_length};
use crate::domain::key::KeyName;
use crate::domain::lifecycle::{Duty, State};
use crate::domain::signature::SignatureScheme;
use crate::error::{Kind, Result};

/// Which version's signature it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The version.
    pub version: u32,
    /// Its state.
    pub state: State,
}

impl Kms<'_> {
    /// Finds the version whose signature of the message this is, newest first. A signature names
    /// no version, so each that may still verify is asked.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`] when it is the signature of none of them.
    pub fn verify(
        &self,
        name: &KeyName,
        scheme: Option<SignatureScheme>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<Verified> {
        require_length(message.len())?;
        let stored = self.load(name)?;
        let record = stored.record();
        record.require(SignatureScheme::usage_of(record.algorithm()))?;
        let scheme = SignatureScheme::for_key(record.algorithm(), scheme)?;
        let usable: Vec<_> =
            record.versions().iter().rev().filter(|v| v.state.allows(Duty::Process)).collect();
        if usable.is_empty() {
            record.require_duty(record.latest(), Duty::Process)?;
        }
        for version in usable {
            if self.vault.verify(version.id, scheme, message, signature)? {
                return Ok(Verified { version: version.number, state: version.state });
            }
        }
        Err(Kind::NotAuthentic
            .because(format!("the signature is not one of key {name} over this input"))
            .advise("the input or the signature was changed, or another key signed"))
    }
}
