//! Signing, or making an HMAC, with a key's primary version.

use super::{Kms, require_length};
use crate::domain::key::KeyName;
use crate::domain::signature::SignatureScheme;
use crate::error::Result;

impl Kms<'_> {
    /// Signs a message. ECDSA signatures are DER, as OpenSSL reads them. With a key for mac it makes
    /// an HMAC: the whole output of the hash.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when the key is for something else or no version is active.
    pub fn sign(
        &self,
        name: &KeyName,
        scheme: Option<SignatureScheme>,
        message: &[u8],
    ) -> Result<Vec<u8>> {
        require_length(message.len())?;
        let stored = self.load(name)?;
        let algorithm = stored.record().algorithm();
        stored.record().require(SignatureScheme::usage_of(algorithm))?;
        let scheme = SignatureScheme::for_key(algorithm, scheme)?;
        let version = stored.record().primary()?;
        self.vault
            .sign(version.id, scheme, message)
            .map_err(|error| error.while_doing(format!("key {name} version {}", version.number)))
    }
}
