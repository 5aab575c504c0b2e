//! Destroying a key.

use super::Kms;
use crate::domain::key::KeyName;
use crate::domain::record::KeyRecord;
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};
use crate::port::Stray;

impl Kms<'_> {
    /// Destroys every version of a key. Its record stays, so that its ciphertexts can be told
    /// what became of it. An interruption is mended by giving the command again.
    ///
    /// # Errors
    /// [`Kind::Refused`] when it is destroyed already.
    pub fn destroy_key(&self, name: &KeyName) -> Result<KeyRecord> {
        let (record, mut left) = self.updated(name, |record| record.destroyed(self.clock.now()))?;
        for version in record.versions() {
            left |= self.vault.holds(version.id).unwrap_or(true);
            self.vault.destroy(version.id)?;
        }
        self.forget_messages(&record)?;
        if !left {
            return Err(Kind::Refused.because(format!("key {name} is destroyed already")));
        }
        Ok(record)
    }

    /// Lays down when every version is to be destroyed: the maintenance after that does it.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a destroyed key.
    pub fn destroy_key_at(&self, name: &KeyName, at: Timestamp) -> Result<KeyRecord> {
        let changed = self.update(name, |record| record.to_be_destroyed(at))?;
        changed.map(|stored| stored.body.record).ok_or_else(|| {
            Kind::Refused.because(format!("key {name} is destroyed already, or will be at {at}"))
        })
    }

    /// Destroys the keys of this name that belong to no version, and answers them.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there are none.
    pub fn destroy_strays(&self, name: &KeyName) -> Result<Vec<Stray>> {
        let strays = self.strays_of(name, &self.registry.list()?)?;
        if strays.is_empty() {
            return Err(Kind::NotFound
                .because(format!("every object named {name} belongs to a version of it")));
        }
        self.vault.remove_strays(&strays)?;
        Ok(strays)
    }
}
