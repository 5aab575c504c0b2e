//! Revoking a key.

use super::Kms;
use crate::domain::key::KeyName;
use crate::domain::lifecycle::Reason;
use crate::domain::record::KeyRecord;
use crate::error::{Kind, Result};
use crate::port::Block;

/// What a revocation reached.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// The key after it.
    pub record: KeyRecord,
    /// For a compromise: how far the token refuses the key to every program.
    pub block: Option<Block>,
}

impl Kms<'_> {
    /// Revokes every version that the reason concerns.
    ///
    /// A compromise is recorded first, so that keyway refuses the key at once; then the token is
    /// brought to refuse it to everybody; then that is recorded. An interruption at any point is
    /// mended by giving the command again.
    ///
    /// # Errors
    /// [`Kind::Refused`] when there is nothing left to revoke.
    pub fn revoke_key(&self, name: &KeyName, reason: Reason) -> Result<Revoked> {
        let changed = self.update(name, |record| record.revoked(reason, self.clock.now()))?;
        let record = match &changed {
            Some(stored) => stored.body.record.clone(),
            None => self.load(name)?.body.record,
        };
        let unfinished = record.versions().iter().any(|version| version.is_unfinished());
        if changed.is_none() && !unfinished {
            return Err(Kind::Refused
                .because(format!("key {name} is {} already", record.state()))
                .advise("see: keyway key show"));
        }
        self.retire_old(&record)?;
        self.block_compromised(record)
    }

    fn block_compromised(&self, record: KeyRecord) -> Result<Revoked> {
        let mut outcome = Revoked { record, block: None };
        let unfinished: Vec<_> =
            outcome.record.versions().iter().filter(|v| v.is_unfinished()).cloned().collect();
        for version in unfinished {
            let block = self.vault.block(version.id)?;
            outcome.block = outcome.block.max(Some(block));
            if block == Block::Final {
                let name = outcome.record.name().clone();
                let saved = self.update(&name, |record| Some(record.blocked(version.number)))?;
                if let Some(stored) = saved {
                    outcome.record = stored.body.record;
                }
            }
        }
        Ok(outcome)
    }
}
