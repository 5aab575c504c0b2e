//! Setting a key aside for a while, and taking it back into use.

use super::Kms;
use crate::domain::key::KeyName;
use crate::domain::lifecycle::State;
use crate::domain::record::KeyRecord;
use crate::error::{Kind, Result};
use crate::port::Block;

/// What a suspension reached.
#[derive(Clone, Debug)]
pub struct Suspended {
    /// The key after it.
    pub record: KeyRecord,
    /// How far the token refuses to protect with the key.
    pub block: Block,
}

impl Kms<'_> {
    /// Suspends the active version: it processes what it protected, but protects nothing more, in
    /// keyway and in the token. An interruption is mended by giving the command again.
    ///
    /// # Errors
    /// [`Kind::Refused`] when no version is active or suspended.
    pub fn suspend_key(&self, name: &KeyName) -> Result<Suspended> {
        let (record, _) = self.updated(name, |record| record.suspended(None, self.clock.now()))?;
        self.hold_suspended(record)
    }

    /// Suspends a key for suspicion of a compromise; the next maintenance revokes it. `None` when it
    /// is under suspicion or beyond it already.
    ///
    /// # Errors
    /// The token failed.
    pub fn suspect_key(&self, name: &KeyName, evidence: &str) -> Result<Option<KeyRecord>> {
        let newest = self.load(name)?.record().latest().number;
        self.suspect_versions(name, newest, evidence)
    }

    /// As [`Kms::suspect_key`], for the versions up to one.
    pub(super) fn suspect_versions(
        &self,
        name: &KeyName,
        up_to: u32,
        evidence: &str,
    ) -> Result<Option<KeyRecord>> {
        let changed =
            self.update(name, |record| record.suspected(up_to, evidence, self.clock.now()))?;
        let Some(stored) = changed else { return Ok(None) };
        let record = stored.body.record;
        for version in record.versions().iter().filter(|v| v.state == State::Suspended) {
            self.vault.suspend(version.id)?;
        }
        Ok(Some(record))
    }

    fn hold_suspended(&self, record: KeyRecord) -> Result<Suspended> {
        let suspended = |v: &&crate::domain::record::Version| v.state == State::Suspended;
        let mut block = None;
        for version in record.versions().iter().filter(suspended) {
            block = block.max(Some(self.vault.suspend(version.id)?));
        }
        match block {
            Some(block) => Ok(Suspended { record, block }),
            None => Err(Kind::Refused
                .because(format!(
                    "key {} is {}: only an active key is suspended",
                    record.name(),
                    record.state()
                ))
                .advise("see: keyway key show")),
        }
    }

    /// Takes a suspended key back into use and drops a suspicion that has led to no revocation.
    ///
    /// The token comes first: an interruption leaves a key that the record still suspends, and the
    /// command can be given again.
    ///
    /// # Errors
    /// [`Kind::Refused`] when nothing is suspended.
    pub fn resume_key(&self, name: &KeyName) -> Result<KeyRecord> {
        let stored = self.load(name)?;
        let record = stored.record();
        if record.state() == State::Suspended {
            self.vault.resume(record.latest().id, record.usage())?;
        }
        // Older ones are retired with the record: a token that is ahead of it there looks as if
        // somebody had tampered with it.
        let changed = self.update(name, |record| record.resumed(self.clock.now()))?;
        changed.map(|stored| stored.body.record).ok_or_else(|| {
            Kind::Refused
                .because(format!("key {name} is {}: it is not suspended", record.state()))
                .advise("see: keyway key show")
        })
    }
}
