//! Looking at keys: what there is, and what is not as it should be.

use super::Kms;
use super::share::Shares;
use crate::domain::key::{KeyId, KeyName};
use crate::domain::lifecycle::State;
use crate::domain::record::KeyRecord;
use crate::domain::share::Given;
use crate::error::{Kind, Result};
use crate::port::{Listing, Stored, Stray};

/// Keys, and findings that somebody should look at.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The keys, by name.
    pub records: Vec<KeyRecord>,
    /// What is tampered with, missing, duplicated or unfinished.
    pub problems: Vec<String>,
    /// Keys on the token that keyway does not manage.
    pub strays: Vec<Stray>,
    /// For one key: the subjects of the certificates on the token for it.
    pub certificates: Vec<String>,
    /// For one key: who else has it, oldest first.
    pub shares: Vec<Given>,
    /// For one key that encrypts with AES-GCM: about how many messages its newest version has
    /// encrypted, and how many end it.
    pub messages: Option<(u64, u64)>,
}

impl Kms<'_> {
    /// Every key with its state, and every problem with records.
    ///
    /// # Errors
    /// The token failed.
    pub fn list_keys(&self) -> Result<Inventory> {
        let Listing { records, mut problems, .. } = self.registry.list()?;
        let now = self.clock.now();
        let records: Vec<_> = records.iter().map(|stored| stored.record().at(now)).collect();
        for record in &records {
            problems.extend(unfinished(record));
        }
        let pending = self.vault.pending_agreements()?.len();
        if pending > 0 {
            problems.push(format!(
                "{pending} agreement(s) not finished: keyway agree finish, or keyway agree cancel"
            ));
        }
        let strays = self.vault.strays(&known(&records))?;
        Ok(Inventory { records, problems, strays, ..Inventory::default() })
    }

    /// One key, its objects checked against its record.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when there is no such key.
    pub fn show_key(&self, name: &KeyName) -> Result<Inventory> {
        let listing = self.registry.list()?;
        let mine = format!("key {name}:");
        let mut problems = listing.problems.clone();
        problems.retain(|problem| problem.starts_with(&mine));
        let record = listing.records.iter().find(|stored| stored.record().name() == name);
        let record = match record {
            Some(stored) => stored.record().at(self.clock.now()),
            None => self.load(name)?.body.record,
        };
        problems.extend(unfinished(&record));
        problems.extend(self.missing(&record)?);
        let strays = self.strays_of(name, &listing)?;
        let certificates = self.certificates_for(&record)?;
        let Shares { given: shares, problems: untrusted } = self.shares_of(&record)?;
        problems.extend(untrusted);
        // A count that somebody damaged is shown as that.
        let messages = match self.messages(&record) {
            Err(error) if error.kind() == Kind::NotAuthentic => {
                problems.push(format!("key {name}: {error}"));
                None
            }
            messages => messages?,
        };
        Ok(Inventory { records: vec![record], problems, strays, certificates, shares, messages })
    }

    /// Keys on the token with this name that belong to no version of any key.
    pub(super) fn strays_of(&self, name: &KeyName, listing: &Listing) -> Result<Vec<Stray>> {
        let mut strays = self.vault.strays(&known(listing.records.iter().map(Stored::record)))?;
        strays.retain(|stray| stray.label == name.as_str());
        Ok(strays)
    }

    fn missing(&self, record: &KeyRecord) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        for version in record.versions() {
            let expected = version.state != State::Destroyed;
            let held = match self.vault.holds(version.id) {
                Err(error) if error.kind() == Kind::NotAuthentic => {
                    problems.push(format!("key {}: {error}", record.name()));
                    continue;
                }
                held => held?,
            };
            let gone_is_fine = version.state == State::Compromised && version.blocked;
            if expected && !held && !gone_is_fine {
                problems.push(format!(
                    "key {}: version {} is {} but its key is not on the token",
                    record.name(),
                    version.number,
                    version.state
                ));
            } else if !expected && held {
                problems.push(format!(
                    "key {}: version {} should be destroyed; finish it: keyway key destroy {}",
                    record.name(),
                    version.number,
                    record.name()
                ));
            }
        }
        Ok(problems)
    }
}

fn known<'r>(records: impl IntoIterator<Item = &'r KeyRecord>) -> Vec<KeyId> {
    let versions = records.into_iter().flat_map(KeyRecord::versions);
    versions.map(|version| version.id).collect()
}

fn unfinished(record: &KeyRecord) -> Option<String> {
    if record.is_suspect() {
        let name = record.name();
        let why = record.suspicion().map_or("", |suspicion| suspicion.evidence.as_str());
        return Some(format!(
            "key {name}: suspected of a compromise ({why}); the next keyway maintain revokes it; if \
             it is a false alarm: keyway key resume {name}"
        ));
    }
    record.versions().iter().find(|version| version.is_unfinished()).map(|version| {
        format!(
            "key {}: the revocation of version {} is not finished; finish it: keyway key revoke {} \
             --reason compromise --yes",
            record.name(),
            version.number,
            record.name()
        )
    })
}
