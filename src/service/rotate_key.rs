//! Rotating a key: a new version protects from now on, the old ones only process.

use super::{ATTEMPTS, Discarded, Kms};
use crate::domain::key::KeyName;
use crate::domain::lifecycle::State;
use crate::domain::record::KeyRecord;
use crate::error::{Kind, Result};
use crate::port::KeySpec;

impl Kms<'_> {
    /// Makes a new primary version. An interruption leaves the old primary in place, or the new
    /// one; given again, the command makes one more version and retires whatever is not retired.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a destroyed or agreed key.
    pub fn rotate_key(&self, name: &KeyName) -> Result<KeyRecord> {
        for _ in 0..ATTEMPTS {
            if let Some(record) = self.try_rotate(name)? {
                self.retire_old(&record)?;
                return Ok(record);
            }
        }
        Err(Kind::Conflict
            .because(format!("other processes keep changing key {name}"))
            .advise("try again"))
    }

    /// `None` when another process was faster.
    fn try_rotate(&self, name: &KeyName) -> Result<Option<KeyRecord>> {
        let stored = self.load(name)?;
        let old = stored.record();
        let id = self.new_id()?;
        let record = old.rotated(id, self.clock.now())?;
        let (algorithm, usage) = (old.algorithm(), old.usage());
        self.vault.generate(&KeySpec { name: name.clone(), id, algorithm, usage })?;
        match self.registry.save(Some(&stored), &record) {
            Ok(stored) => Ok(Some(stored.body.record)),
            Err(error) => match (self.discard(name, id)?, error.kind()) {
                (Discarded::No, _) => Ok(Some(self.load(name)?.body.record)),
                (Discarded::Yes, Kind::Conflict) => Ok(None),
                (Discarded::Yes, _) => Err(error),
            },
        }
    }

    pub(super) fn retire_old(&self, record: &KeyRecord) -> Result<()> {
        for version in record.versions() {
            if version.state == State::Deactivated {
                self.vault.retire(version.id).map_err(|error| {
                    let name = record.name();
                    let number = version.number;
                    error.while_doing(format!(
                        "key {name} has a new state, but version {number} of \
                                               it may still protect in other programs"
                    ))
                })?;
            }
        }
        Ok(())
    }
}
