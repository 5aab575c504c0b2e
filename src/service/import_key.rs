//! Importing a key that was made elsewhere.

use super::Kms;
use crate::domain::envelope::Scheme;
use crate::domain::key::{Algorithm, KeyName, Usage};
use crate::domain::record::{KeyRecord, Origin};
use crate::domain::signature::SignatureScheme;
use crate::error::{Kind, Result};
use crate::port::{Entry, KeySpec, Material};

/// What is imported.
pub struct ImportedKey<'m> {
    /// Its name, unique in the token.
    pub name: KeyName,
    /// What it is made of.
    pub algorithm: Algorithm,
    /// What it is for; `None` takes the algorithm's first use.
    pub usage: Option<Usage>,
    /// The key.
    pub material: Material<'m>,
}

/// What an imported pair is tried with.
const PROBE: &[u8] = b"keyway imports a pair";

impl Kms<'_> {
    /// Brings a key into the token, tries whether its halves belong together and records its first
    /// version as active. Answers how the key came in, too. From then on it never leaves the token; what else knows it is beyond the
    /// token's reach, which the record's origin says.
    ///
    /// # Errors
    /// [`Kind::Exists`] for a name that is taken, [`Kind::Malformed`] when the halves of a pair do
    /// not belong together; then nothing is left.
    pub fn import_key(&self, request: &ImportedKey<'_>) -> Result<(KeyRecord, Entry)> {
        let ImportedKey { name, algorithm, usage, material } = request;
        let usage = algorithm.usage(*usage)?;
        self.require_free(name)?;
        let (id, algorithm) = (self.new_id()?, *algorithm);
        let now = self.clock.now();
        let record = KeyRecord::new(name.clone(), algorithm, usage, Origin::Imported, id, now)?;
        let spec = KeySpec::of(&record, record.latest());
        let imported = self
            .vault
            .import(&spec, *material)
            .and_then(|entry| self.prove(&spec).map(|()| entry))
            .and_then(|entry| self.registry.save(None, &record).map(|_| entry));
        match imported {
            Ok(entry) => Ok((record, entry)),
            Err(error) => {
                self.discard(name, spec.id)?;
                Err(error)
            }
        }
    }

    /// Refuses a pair whose halves do not belong together.
    fn prove(&self, spec: &KeySpec) -> Result<()> {
        if spec.algorithm.material().is_secret_key() {
            return Ok(());
        }
        let fits = match spec.usage {
            Usage::Sign => {
                let scheme = SignatureScheme::for_key(spec.algorithm, None)?;
                let signature = self.vault.sign(spec.id, scheme, PROBE)?;
                self.vault.verify(spec.id, scheme, PROBE, &signature)?
            }
            Usage::Encrypt if Scheme::for_key(spec.algorithm, None)? == Scheme::RsaOaep => {
                let (key, hash, wrapped) = self.vault.new_data_key(spec.id)?;
                self.vault.forget_data_key(key)?;
                match self.vault.open_data_key(spec.id, hash, &wrapped) {
                    Ok(key) => self.vault.forget_data_key(key).map(|()| true)?,
                    Err(error) if error.kind() == Kind::NotAuthentic => false,
                    Err(error) => return Err(error),
                }
            }
            // What they may do shows nothing of the public half.
            _ => true,
        };
        match fits {
            true => Ok(()),
            false => Err(Kind::Malformed
                .because("the private and the public half do not belong together")
                .advise("export the key again from where it comes from")),
        }
    }
}
