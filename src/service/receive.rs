//! Receiving a key that another token shared.

use super::Kms;
use super::peer::Expected;
use crate::domain::hash::sha256;
use crate::domain::key::KeyName;
use crate::domain::peer::require_signature;
use crate::domain::pki::{Certificate, Purpose};
use crate::domain::record::{KeyRecord, Origin};
use crate::domain::share::{Share, SignedShare};
use crate::error::{Kind, Result};
use crate::port::KeySpec;

/// What is asked of a share.
#[derive(Clone, Copy, Debug)]
pub struct Reception<'a> {
    /// Our key that unwraps.
    pub unwrap_with: &'a KeyName,
    /// The name here; `None` takes the distributor's.
    pub name: Option<&'a KeyName>,
    /// How old it may be, in seconds.
    pub max_age: u64,
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
        self.require_free(name)?;
        let unwrap_with = self.require_unwrapping(request.unwrap_with)?;
        let wrapped = share.for_recipient(&self.recipient_hash(request.unwrap_with)?)?;
        let (id, algorithm, usage) = (share.key, share.algorithm, share.usage);
        let now = self.clock.now();
        let record = KeyRecord::new(name.clone(), algorithm, usage, Origin::Received, id, now)?;
        let spec = KeySpec { name: name.clone(), id, algorithm, usage, shareable: false };
        self.vault.receive(unwrap_with, wrapped.hash, &wrapped.wrapped, &spec)?;
        if let Err(error) = self.registry.save(None, &record) {
            self.discard(name, id)?;
            return Err(error);
        }
        Ok(Received { record, distributor })
    }

    fn recipient_hash(&self, name: &KeyName) -> Result<[u8; 32]> {
        let record = self.load(name)?.body.record;
        let key = self.vault.public_key(record.primary()?.id, record.algorithm())?;
        Ok(sha256(&[&key.to_der()?]))
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
        if self.vault.holds(share.key)? {
            // An interrupted reception: what it left has no record and is taken away.
            self.vault.destroy(share.key)?;
        }
        Ok(())
    }
}
