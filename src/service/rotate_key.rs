//! Rotating a key: a new version protects from now on, the old ones only process.

use super::{ATTEMPTS, Discarded, Kms};
use crate::domain::key::KeyName;
use crate::domain::lifecycle::State;
use crate::domain::record::KeyRecord;
use crate::error::{Kind, Result};

impl Kms<'_> {
    /// Makes a new primary version. An interruption leaves the old primary in place, or the new
    /// one; given again, the command makes one more version and retires whatever is not retired.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a destroyed or agreed key.
    pub fn rotate_key(&self, name: &KeyName) -> Result<KeyRecord> {
        let rotated = self.rotate_key_if(name, |_| true)?;
        rotated.ok_or_else(|| Kind::Internal.because(format!("key {name}: not rotated")))
    }

    /// As [`Kms::rotate_key`], if the key is to be rotated as it is found at each attempt. `None`
    /// when it is not: another process was faster.
    pub(super) fn rotate_key_if(
        &self,
        name: &KeyName,
        wanted: impl Fn(&KeyRecord) -> bool,
    ) -> Result<Option<KeyRecord>> {
        for _ in 0..ATTEMPTS {
            match self.try_rotate(name, &wanted)? {
                Attempt::Rotated(record) => {
                    self.retire_old(&record)?;
                    return Ok(Some(*record));
                }
                Attempt::NotWanted => return Ok(None),
                Attempt::Overtaken => {}
            }
        }
        Err(Kind::Conflict
            .because(format!("other processes keep changing key {name}"))
            .advise("try again"))
    }

    fn try_rotate(&self, name: &KeyName, wanted: &impl Fn(&KeyRecord) -> bool) -> Result<Attempt> {
        let stored = self.load(name)?;
        let old = stored.record();
        if !wanted(old) {
            return Ok(Attempt::NotWanted);
        }
        let id = self.new_id()?;
        let record = old.rotated(id, self.clock.now())?;
        self.generate(&record)?;
        match self.registry.save(Some(&stored), &record) {
            Ok(stored) => Ok(Attempt::Rotated(Box::new(stored.body.record))),
            Err(error) => match (self.discard(name, id)?, error.kind()) {
                (Discarded::No, _) => Ok(Attempt::Rotated(Box::new(self.load(name)?.body.record))),
                (Discarded::Yes, Kind::Conflict) => Ok(Attempt::Overtaken),
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

/// What became of one attempt to rotate.
enum Attempt {
    Rotated(Box<KeyRecord>),
    NotWanted,
    /// Another process changed the key meanwhile.
    Overtaken,
}
