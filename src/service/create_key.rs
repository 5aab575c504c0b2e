//! Creating a key.

use super::{ATTEMPTS, Kms};
use crate::domain::key::{Algorithm, KeyName, Usage};
use crate::domain::record::{KeyRecord, Origin, Terms};
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its name, unique in the token.
    pub name: KeyName,
    /// What it is made of.
    pub algorithm: Algorithm,
    /// What it is for; `None` takes the algorithm's first use.
    pub usage: Option<Usage>,
}

impl Kms<'_> {
    /// Generates a key in the token and records its first version as active.
    ///
    /// The key comes first and the record second: an interruption leaves a key that no record
    /// names, which nothing uses, and the command can be given again.
    ///
    /// # Errors
    /// [`Kind::Exists`] for a name that is taken, also by a destroyed key: a ciphertext
    /// names its key, and that must stay true.
    pub fn create_key(&self, request: &NewKey) -> Result<KeyRecord> {
        self.create_key_under(request, &Terms::default(), None)
    }

    /// As [`Kms::create_key`], under terms, and pre-active until a moment if one is named.
    ///
    /// # Errors
    /// As [`Kms::create_key`]; [`Kind::Usage`] when the key would never be active.
    pub fn create_key_under(
        &self,
        request: &NewKey,
        terms: &Terms,
        activate_at: Option<Timestamp>,
    ) -> Result<KeyRecord> {
        let usage = request.algorithm.usage(request.usage)?;
        if terms.shareable && !request.algorithm.material().is_secret_key() {
            return Err(Kind::Usage
                .because(format!(
                    "an {} key is a pair: private keys are not shared",
                    request.algorithm
                ))
                .advise("leave out --shareable; everybody may have the public key"));
        }
        for _ in 0..ATTEMPTS {
            match self.try_create(request, usage, terms, activate_at) {
                Err(error) if error.kind() == Kind::Conflict => {}
                created => return created,
            }
        }
        Err(Kind::Conflict
            .because(format!("other processes keep creating key {}", request.name))
            .advise("try again"))
    }

    fn try_create(
        &self,
        request: &NewKey,
        usage: Usage,
        terms: &Terms,
        activate_at: Option<Timestamp>,
    ) -> Result<KeyRecord> {
        self.require_free(&request.name)?;
        let (name, algorithm, id) = (request.name.clone(), request.algorithm, self.new_id()?);
        let now = self.clock.now();
        let record = KeyRecord::new(name, algorithm, usage, Origin::Generated, id, now)?
            .under(terms.clone(), activate_at)?;
        self.generate(&record)?;
        if let Err(error) = self.registry.save(None, &record) {
            self.discard(&request.name, id)?;
            return Err(error);
        }
        Ok(record)
    }
}
