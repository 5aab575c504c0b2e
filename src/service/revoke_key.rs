//! Revoking a key.

use super::Kms;
use crate::domain::key::KeyName;
use crate::domain::lifecycle::{Reason, State};
use crate::domain::pki::register::Issued;
use crate::domain::record::KeyRecord;
use crate::domain::share::Given;
use crate::error::{Kind, Result};
use crate::port::{Block, Stored};

/// Whether there may be a way back from a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finality {
    /// None, as far as the token can see to it.
    Final,
    /// The token's flags are cleared only: whoever has the PIN can set them again.
    Recoverable,
}

/// What a revocation reached.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// The key after it.
    pub record: KeyRecord,
    /// For a compromise: how far the token refuses the key to every program.
    pub block: Option<Block>,
    /// The certificates for it that authorities of this token had issued and that were revoked with
    /// it.
    pub revoked: Vec<Issued>,
    /// The subjects of the certificates on the token that still name the key.
    pub certificates: Vec<String>,
    /// The tokens of others that have it, as far as it was shared from here.
    pub shares: Vec<Given>,
}

impl Kms<'_> {
    /// Revokes every version that the reason concerns.
    ///
    /// A compromise is recorded first, so that keyway refuses the key at once; then the token is
    /// brought to refuse it to everybody; then that is recorded. An interruption at any point is
    /// mended by giving the command again, or by the next maintenance.
    ///
    /// # Errors
    /// [`Kind::Refused`] when there is nothing left to revoke.
    pub fn revoke_key(&self, name: &KeyName, reason: Reason) -> Result<Revoked> {
        self.revoke_key_with(name, reason, Finality::Final)
    }

    /// As [`Kms::revoke_key`], and with a way back if that is asked for.
    ///
    /// # Errors
    /// As [`Kms::revoke_key`]; [`Kind::Usage`] for a way back from anything but a compromise.
    pub fn revoke_key_with(
        &self,
        name: &KeyName,
        reason: Reason,
        finality: Finality,
    ) -> Result<Revoked> {
        if finality == Finality::Recoverable && reason.state() != State::Compromised {
            return Err(Kind::Usage
                .because(format!("a key revoked for {reason} still decrypts"))
                .advise("there is nothing to recover: leave --recoverable out"));
        }
        let changed = self.update(name, |record| record.revoked(reason, self.clock.now()))?;
        self.finish_revocation(name, changed, reason, finality)
    }

    /// Revokes the versions that are under suspicion of a compromise.
    ///
    /// # Errors
    /// [`Kind::Refused`] when there are none.
    pub(super) fn revoke_suspect(&self, name: &KeyName) -> Result<Revoked> {
        let changed = self.update(name, |record| record.condemned(self.clock.now()))?;
        self.finish_revocation(name, changed, Reason::Compromise, Finality::Final)
    }

    /// Goes on with an interrupted revocation of the versions that the record says are
    /// compromised. The others are left as they are.
    ///
    /// # Errors
    /// [`Kind::Refused`] when there is nothing left to do.
    pub(super) fn finish_compromise(&self, name: &KeyName) -> Result<Revoked> {
        self.finish_revocation(name, None, Reason::Compromise, Finality::Final)
    }

    fn finish_revocation(
        &self,
        name: &KeyName,
        changed: Option<Stored>,
        reason: Reason,
        finality: Finality,
    ) -> Result<Revoked> {
        let record = match &changed {
            Some(stored) => stored.body.record.clone(),
            None => self.load(name)?.body.record,
        };
        let unfinished = record.versions().iter().any(|version| version.is_unfinished());
        let revoked = self.revoke_certificates(&record, reason)?;
        if changed.is_none() && !unfinished && revoked.is_empty() {
            return Err(Kind::Refused
                .because(format!("key {name} is {} already", record.state()))
                .advise("see: keyway key show"));
        }
        self.retire_old(&record)?;
        let mut outcome = match finality {
            Finality::Final => self.block_compromised(record)?,
            Finality::Recoverable => self.disable_compromised(record)?,
        };
        outcome.revoked = revoked;
        outcome.certificates = self.certificates_for(&outcome.record)?;
        outcome.shares = self.shares_of(name)?;
        Ok(outcome)
    }

    fn block_compromised(&self, record: KeyRecord) -> Result<Revoked> {
        let mut outcome = Revoked {
            record,
            block: None,
            revoked: Vec::new(),
            certificates: Vec::new(),
            shares: Vec::new(),
        };
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

    fn disable_compromised(&self, record: KeyRecord) -> Result<Revoked> {
        for version in record.versions().iter().filter(|version| version.is_unfinished()) {
            self.vault.disable(version.id)?;
        }
        let saved = self.update(record.name(), |record| Some(record.disabled()))?;
        let record = saved.map_or(record, |stored| stored.body.record);
        let block = Some(Block::FlagsOnly);
        Ok(Revoked {
            record,
            block,
            revoked: Vec::new(),
            certificates: Vec::new(),
            shares: Vec::new(),
        })
    }

    /// The certificates on the token for any version of a key.
    pub(super) fn certificates_for(&self, record: &KeyRecord) -> Result<Vec<String>> {
        let mut subjects = Vec::new();
        for version in record.versions() {
            subjects.extend(self.vault.certificates(version.id, record.algorithm())?);
        }
        subjects.sort();
        subjects.dedup();
        Ok(subjects)
    }
}
