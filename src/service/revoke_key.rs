//! Revoking a key.

use super::Kms;
use super::share::Shares;
use crate::domain::key::{KeyId, KeyName};
use crate::domain::lifecycle::{Reason, State};
use crate::domain::pki::register::Issued;
use crate::domain::record::KeyRecord;
use crate::domain::share::Given;
use crate::error::{Kind, Result};
use crate::port::Block;

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
    /// What is written down of that and not to be trusted.
    pub problems: Vec<String>,
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
        let changed = self.updated(name, |record| record.revoked(reason, self.clock.now()))?;
        self.finish_revocation(changed, reason, finality)
    }

    /// Revokes the versions that are under suspicion of a compromise.
    ///
    /// # Errors
    /// [`Kind::Refused`] when there are none.
    pub(super) fn revoke_suspect(&self, name: &KeyName) -> Result<Revoked> {
        let changed = self.updated(name, |record| record.condemned(self.clock.now()))?;
        self.finish_revocation(changed, Reason::Compromise, Finality::Final)
    }

    /// Goes on with an interrupted revocation of the versions that the record says are
    /// compromised. The others are left as they are.
    ///
    /// # Errors
    /// [`Kind::Refused`] when there is nothing left to do.
    pub(super) fn finish_compromise(&self, name: &KeyName) -> Result<Revoked> {
        let record = self.load(name)?.body.record;
        self.finish_revocation((record, false), Reason::Compromise, Finality::Final)
    }

    /// What follows on the change of a record. The token comes first: nothing in the register may
    /// keep it from refusing a key. That it does is recorded last, so that a maintenance goes on
    /// with certificates that could not be revoked.
    fn finish_revocation(
        &self,
        (record, changed): (KeyRecord, bool),
        reason: Reason,
        finality: Finality,
    ) -> Result<Revoked> {
        let unfinished: Vec<_> =
            record.versions().iter().filter(|version| version.is_unfinished()).collect();
        let (mut block, mut blocked) = (None, Vec::new());
        for version in &unfinished {
            let reached = self.close(version.id, finality)?;
            block = block.max(Some(reached));
            blocked.extend((reached != Block::FlagsOnly).then_some(version.number));
        }
        let revoked = self.revoke_certificates(&record, reason).map_err(|error| {
            let name = record.name();
            error.while_doing(format!("key {name} is revoked, but not every certificate for it"))
        })?;
        if !changed && unfinished.is_empty() && revoked.is_empty() {
            return Err(Kind::Refused
                .because(format!("key {} is {} already", record.name(), record.state()))
                .advise("see: keyway key show"));
        }
        let (record, _) = self.updated(record.name(), |record| {
            let next = match finality {
                Finality::Final => record.blocked(&blocked),
                Finality::Recoverable => record.disabled(),
            };
            (next != *record).then_some(next)
        })?;
        let certificates = self.certificates_for(&record)?;
        let Shares { given: shares, problems } = self.shares_of(&record)?;
        Ok(Revoked { record, block, revoked, certificates, shares, problems })
    }

    /// Brings the token to refuse every use of a version.
    fn close(&self, id: KeyId, finality: Finality) -> Result<Block> {
        match finality {
            Finality::Final => self.vault.block(id),
            Finality::Recoverable => self.vault.disable(id).map(|()| Block::FlagsOnly),
        }
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
