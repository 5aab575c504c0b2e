//! Letting a compromised key process again: the one way back, and who opens it.

use super::Kms;
use crate::domain::key::KeyName;
use crate::domain::lifecycle::State;
use crate::domain::record::{Authority, KeyRecord, Recovery, Version};
use crate::error::{Kind, Result};

impl Kms<'_> {
    /// On whose word compromised versions of a key can process again, if on anybody's: the user's
    /// if they were revoked with a way back, the security officer's if the token itself holds them.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is no such key.
    pub fn way_back(&self, name: &KeyName) -> Result<Option<Authority>> {
        let stored = self.load(name)?;
        let compromised =
            || stored.record().versions().iter().filter(|v| v.state == State::Compromised);
        Ok(match (compromised().any(|v| v.recoverable), compromised().any(|v| v.blocked)) {
            (true, _) => Some(Authority::User),
            (_, true) => Some(Authority::SecurityOfficer),
            _ => None,
        })
    }

    /// Lets compromised versions process again; they never protect. Those that were revoked with a
    /// way back get the flags with which they process. Those that the token itself refused follow
    /// the token: only its security officer can have taken them out of that state, and the record
    /// says so.
    ///
    /// The token comes first: an interruption leaves a record that still refuses, and the command
    /// can be given again.
    ///
    /// # Errors
    /// [`Kind::Refused`] when no version has a way back, [`Kind::Usage`] for a reason that is not
    /// one line.
    pub fn recover_key(&self, name: &KeyName, why: Option<&str>) -> Result<KeyRecord> {
        let now = self.clock.now();
        let by_user = Recovery::new(now, Authority::User, why)?;
        let by_officer = Recovery { by: Authority::SecurityOfficer, ..by_user.clone() };
        let stored = self.load(name)?;
        let record = stored.record();
        let mut released = Vec::new();
        for version in record.versions().iter().filter(|v| v.state == State::Compromised) {
            if version.recoverable {
                self.vault.reopen(version.id, record.usage())?;
            } else if self.is_released(version)? {
                released.push(version.number);
            }
        }
        let recovered = self.update(name, |record| {
            let user = record.recovered(|version| version.recoverable, &by_user);
            let officer = |record: &KeyRecord| {
                record.recovered(|version| released.contains(&version.number), &by_officer)
            };
            match user {
                Some(record) => Some(officer(&record).unwrap_or(record)),
                None => officer(record),
            }
        })?;
        recovered.map(|stored| stored.body.record).ok_or_else(|| {
            Kind::Refused
                .because(format!("no version of key {name} has a way back from compromised"))
                .advise("see: keyway key show")
        })
    }

    /// Whether the security officer has taken a version out of the state in which the token refused
    /// it.
    pub(super) fn is_released(&self, version: &Version) -> Result<bool> {
        let refused = version.state == State::Compromised && version.blocked;
        Ok(refused && self.vault.rights(version.id)?.state == Some(State::Deactivated))
    }
}
