//! The use cases, one file a verb, over the ports.

mod agree;
mod bare;
mod check_keys;
mod create_key;
mod data_key;
mod decrypt;
mod destroy_key;
mod encrypt;
mod enroll;
mod exchange;
mod export_public;
mod flow;
mod import_key;
mod inspect;
mod link;
mod maintain;
mod messages;
mod open;
mod peer;
mod pieces;
mod pki;
mod receive;
mod recover_key;
mod reencrypt;
mod report_key;
mod revoke_key;
mod rotate_key;
mod seal;
mod share;
mod sign;
mod stanza;
mod stanza_pair;
mod suspend_key;
mod transfer;
mod uphold;
mod verify;

pub use agree::Agreed;
pub use bare::Bare;
pub use check_keys::CheckedKey;
pub use create_key::NewKey;
pub use data_key::DataKey;
pub use encrypt::Encryption;
pub use enroll::NewClient;
pub use exchange::{Established, SessionKey};
pub use import_key::ImportedKey;
pub use inspect::Inventory;
pub use link::Link;
pub use maintain::{Action, Maintenance};
pub use peer::{Credential, Expected, trusted_certificate};
pub use pki::{
    AuthorityListing, CertificateOrder, CertificateState, ListKind, NewAuthority, Responder,
};
pub use receive::{Received, Reception};
pub use reencrypt::Reencryption;
pub use revoke_key::{Finality, Revoked};
pub use seal::Recipient;
pub use suspend_key::Suspended;
pub use transfer::Dispatch;
pub use uphold::{Outlawed, Upheld};
pub use verify::Verified;

use crate::domain::envelope::MessageLimit;
use crate::domain::key::{KeyId, KeyName};
use crate::domain::record::KeyRecord;
use crate::error::{Kind, Result};
use crate::port::{Clock, KeySpec, Registry, Stored, Vault};

/// How often a change is tried again after another process was faster.
const ATTEMPTS: u32 = 8;

/// Longest message that is encrypted, decrypted or signed at once: the token takes it whole. What
/// [`Kms::encrypt_from`] encrypts in pieces has no limit.
pub const MESSAGE_MAX: usize = 256 << 20;

/// Key management on one token.
#[derive(Clone, Copy)]
pub struct Kms<'a> {
    vault: &'a dyn Vault,
    registry: &'a dyn Registry,
    clock: &'a dyn Clock,
    limit: MessageLimit,
}

impl<'a> Kms<'a> {
    /// Key management with these keys, records and this clock.
    pub fn new(vault: &'a dyn Vault, registry: &'a dyn Registry, clock: &'a dyn Clock) -> Self {
        Self { vault, registry, clock, limit: MessageLimit::default() }
    }

    /// The same with a lower limit of messages that a version encrypts.
    pub fn with_message_limit(self, limit: MessageLimit) -> Self {
        Self { limit, ..self }
    }

    /// A key as it is now: what time has brought is in its record, whether or not anybody has
    /// written it down yet.
    fn load(&self, name: &KeyName) -> Result<Stored> {
        let mut stored = self.load_written(name)?;
        stored.body.record = stored.body.record.at(self.clock.now());
        Ok(stored)
    }

    /// A key as its record was last written.
    fn load_written(&self, name: &KeyName) -> Result<Stored> {
        self.registry.load(name)?.ok_or_else(|| {
            Kind::NotFound
                .because(format!("there is no key {name} on this token"))
                .advise("see what there is: keyway key list")
        })
    }

    /// Generates the newest version and tells the token between which days it protects.
    fn generate(&self, record: &KeyRecord) -> Result<()> {
        let version = record.latest();
        self.vault.generate(&KeySpec::of(record, version))?;
        self.vault.limit(version.id, version.activates, version.expires)
    }

    fn new_id(&self) -> Result<KeyId> {
        KeyId::try_from(self.vault.random(KeyId::LEN)?.as_slice())
    }

    /// Refuses a name that has a record already.
    fn require_free(&self, name: &KeyName) -> Result<()> {
        let Some(stored) = self.registry.load(name)? else { return Ok(()) };
        let state = stored.record().state();
        Err(Kind::Exists.because(format!("a key {name} exists already ({state})")).advise(format!(
            "choose another name, or make a new version: keyway key rotate {name}"
        )))
    }

    /// Saves what `change` makes of the newest record, again when another process was faster.
    /// `None` when there is nothing to change.
    fn update(
        &self,
        name: &KeyName,
        change: impl Fn(&KeyRecord) -> Option<KeyRecord>,
    ) -> Result<Option<Stored>> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let stored = self.load(name)?;
            let Some(next) = change(stored.record()) else { return Ok(None) };
            match self.registry.save(Some(&stored), &next) {
                Err(error) if error.kind() == Kind::Conflict => last = Some(error),
                Err(error) => return Err(error),
                // With the change is written down what time has brought: the token has to know it.
                Ok(saved) => return self.retire_old(saved.record()).map(|()| Some(saved)),
            }
        }
        Err(last.unwrap_or_else(|| Kind::Conflict.because(format!("key {name}: no attempt"))))
    }

    /// As [`Kms::update`]: the record after it, and whether there was anything to change.
    fn updated(
        &self,
        name: &KeyName,
        change: impl Fn(&KeyRecord) -> Option<KeyRecord>,
    ) -> Result<(KeyRecord, bool)> {
        Ok(match self.update(name, change)? {
            Some(stored) => (stored.body.record, true),
            None => (self.load(name)?.body.record, false),
        })
    }

    /// Destroys the objects of a version that did not make it into the record. A version that did,
    /// because another process went on from our record, is kept.
    fn discard(&self, name: &KeyName, id: KeyId) -> Result<Discarded> {
        let adopted = self.registry.load(name)?.is_some_and(|stored| {
            stored.record().versions().iter().any(|version| version.id == id)
        });
        if adopted {
            return Ok(Discarded::No);
        }
        self.vault.destroy(id)?;
        Ok(Discarded::Yes)
    }
}

#[derive(PartialEq, Eq)]
enum Discarded {
    Yes,
    No,
}

/// Refuses a message that is too long to be handled at once.
fn require_length(length: usize) -> Result<()> {
    if length > MESSAGE_MAX {
        let limit = MESSAGE_MAX >> 20;
        return Err(Kind::Malformed
            .because(format!("the input has {length} bytes; the limit is {limit} MiB"))
            .advise("split it"));
    }
    Ok(())
}
