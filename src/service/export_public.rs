//! Exporting a public key.

use super::Kms;
use crate::domain::key::KeyName;
use crate::domain::public_format::PublicFormat;
use crate::error::{Kind, Result};

impl Kms<'_> {
    /// The public half of a version (the newest, if none is named).
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] for a version that never was, [`crate::Kind::Usage`] for a
    /// secret key; as [`PublicFormat::encode`].
    pub fn export_public(
        &self,
        name: &KeyName,
        version: Option<u32>,
        format: PublicFormat,
    ) -> Result<Vec<u8>> {
        let stored = self.load(name)?;
        let record = stored.record();
        let number = version.unwrap_or(record.latest().number);
        let version = record.version(number)?;
        if format == PublicFormat::Age && !self.vault.has_hkdf() {
            return Err(Kind::Unsupported
                .because("this token does not open what age seals: it has no HKDF and ChaCha20")
                .advise("seal with keyway seal --to KEY, or age with the plugin's recipient"));
        }
        let key = self.vault.public_key(version.id, record.algorithm())?;
        format.encode(&key, name.as_str())
    }
}
