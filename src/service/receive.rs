//! Receiving a key that another token shared.

use super::Kms;
use super::peer::Expected;
use crate::domain::hash::sha256;
use crate::domain::key::{KeyId, KeyName, Usage};
use crate::domain::lifecycle::Duty;
use crate::domain::peer::require_signature;
use crate::domain::pki::{Certificate, Purpose};
use crate::domain::record::{KeyRecord, Origin};
use crate::domain::share::{Share, SignedShare, Taken, Wrapped};
use crate::domain::time::Period;
use crate::error::{Kind, Result};
use crate::port::{Book, KeySpec};

/// What is asked of a share.
#[derive(Clone, Copy, Debug)]
pub struct Reception<'a> {
    /// Our key that unwraps.
    pub unwrap_with: &'a KeyName,
    /// The name here; `None` takes the distributor's.
    pub name: Option<&'a KeyName>,
    /// How old it may be.
    pub max_age: Period,
}

/// A key that came from another token.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its record here.
    pub record: KeyRecord,
    /// Who shared it.
    pub distributor: Certificate,
}

impl Kms<'_> {
    /// Checks who signed a share, that it is fresh and that this token has not had the key before,
    /// and unwraps it in the token. The record is the receipt: its key's identifier is not taken a
    /// second time, whatever became of the key.
    ///
    /// Under the name of a key that was received before, it becomes that key's next version: the
    /// primary one, while the older ones only open. That takes the same distributor (by the subject
    /// of his certificate) and a version that is newer by his count.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`] for a share that was changed or that no root vouches for;
    /// [`Kind::Refused`] for one that is not for us or too old; [`Kind::Exists`] for one that was
    /// received before.
    pub fn receive_key(
        &self,
        signed: &SignedShare,
        expected: &Expected<'_>,
        request: &Reception<'_>,
    ) -> Result<Received> {
        let distributor = self.require_trusted(&signed.chain()?, expected, Purpose::Identity)?;
        require_signature(&distributor, &signed.signed(), signed.signature())?;
        let share = signed.share()?;
        share.require_fresh(self.clock.now(), request.max_age)?;
        self.require_new(&share)?;
        let name = request.name.unwrap_or(&share.name);
        let before = self.registry.load(name)?;
        let subject = distributor.subject().to_string();
        let record = match &before {
            Some(stored) => self.next_version(stored.record(), &share, &subject)?,
            None => self.first_version(name, &share)?,
        };
        let (unwrap_with, wrapped) = self.unwrapping(request.unwrap_with, &share)?;
        let (id, spec) = (share.key, KeySpec::of(&record, record.latest()));
        self.vault.receive(unwrap_with, wrapped.hash, &wrapped.wrapped, &spec)?;
        let (version, at) = (share.version, self.clock.now());
        let taken = Taken { name: name.clone(), version, key: id, distributor: subject, at };
        let kept = self
            .add_entry(Book::Taken, &taken)
            .and_then(|()| self.registry.save(before.as_ref(), &record));
        if let Err(error) = kept {
            self.discard(name, id)?;
            return Err(error);
        }
        self.retire_old(&record)?;
        Ok(Received { record, distributor })
    }

    fn first_version(&self, name: &KeyName, share: &Share) -> Result<KeyRecord> {
        let (algorithm, usage) = (share.algorithm, share.usage);
        let origin = Origin::Received;
        KeyRecord::new(name.clone(), algorithm, usage, origin, share.key, self.clock.now())
    }

    /// The record with one more version: of the same key, by the same distributor, and newer.
    fn next_version(
        &self,
        record: &KeyRecord,
        share: &Share,
        distributor: &str,
    ) -> Result<KeyRecord> {
        let next = record.received(share.key, self.clock.now())?;
        let name = record.name();
        if (record.algorithm(), record.usage()) != (share.algorithm, share.usage) {
            return Err(Kind::Refused
                .because(format!(
                    "key {name} is {}, to {}, and the share is {}, to {}",
                    record.algorithm(),
                    record.usage(),
                    share.algorithm,
                    share.usage
                ))
                .advise("it is another key: take it under another name with --name"));
        }
        let mut newest: Option<Taken> = None;
        for version in record.versions() {
            let taken = self.entry::<Taken>(Book::Taken, &Taken::entry_name(version.id))?;
            newest = [newest, taken].into_iter().flatten().max_by_key(|taken| taken.version);
        }
        let newest = newest.ok_or_else(|| {
            Kind::NotAuthentic
                .because(format!("nothing is written down of whom key {name} came from"))
                .advise("somebody removed it outside keyway: take the share under another name")
        })?;
        newest.require_next(share, distributor)?;
        Ok(next)
    }

    /// The version of our key that the share is wrapped for, and what is wrapped.
    fn unwrapping<'s>(&self, name: &KeyName, share: &'s Share) -> Result<(KeyId, &'s Wrapped)> {
        let record = self.load(name)?.body.record;
        record.require(Usage::Wrap)?;
        let mut refusal = Kind::Internal.because(format!("key {name} has no version"));
        for version in record.versions() {
            let wrapped = record
                .require_duty(version, Duty::Process)
                .and_then(|()| self.vault.public_key(version.id, record.algorithm())?.to_der())
                .and_then(|public| share.for_recipient(&sha256(&[&public])));
            match wrapped {
                Ok(wrapped) => return Ok((version.id, wrapped)),
                Err(error) if !matches!(error.kind(), Kind::Refused | Kind::NotFound) => {
                    return Err(error);
                }
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    /// Refuses a key that this token has or had, and a second object under its identifier.
    fn require_new(&self, share: &Share) -> Result<()> {
        let known = self.registry.list()?.records;
        let has = |record: &&KeyRecord| record.versions().iter().any(|v| v.id == share.key);
        if let Some(record) = known.iter().map(|stored| stored.record()).find(has) {
            return Err(Kind::Exists
                .because(format!(
                    "this share was received before: it is key {} ({})",
                    record.name(),
                    record.state()
                ))
                .advise("a share is taken once; ask for one of a newer version"));
        }
        // What an interrupted reception left has no record and is taken away.
        if self.vault.holds(share.key)? {
            self.vault.destroy(share.key)?;
        }
        let entry = Taken::entry_name(share.key);
        let left = self.registry.read(Book::Taken, Some(&entry))?;
        match left.entries.is_empty() && left.problems.is_empty() {
            true => Ok(()),
            false => self.registry.remove(Book::Taken, &entry),
        }
    }
}
