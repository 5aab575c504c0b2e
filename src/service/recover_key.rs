//! Letting a compromised key process again: the one way back, and who opens it.

use super::Kms;
use crate::domain::key::KeyName;
use crate::domain::lifecycle::State;
use crate::domain::record::{Authority, KeyRecord, Recovery, Version};
use crate::error::{Kind, Result};
use crate::port::Rights;

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
            } else if is_released(version, self.vault.rights(version.id)?) {
                released.push(version.number);
            }
        }
        let recovered = self.update(name, |record| {
            record.recovered(|version| match version.recoverable {
                true => Some(by_user.clone()),
                false => follows(version, &released).then(|| by_officer.clone()),
            })
        })?;
        recovered.map(|stored| stored.body.record).ok_or_else(|| {
            Kind::Refused
                .because(format!("no version of key {name} has a way back from compromised"))
                .advise("see: keyway key show")
        })
    }

    /// Writes down that the security officer has let these versions process again. What the user
    /// revoked with a way back stays as it is: nobody has asked for it. `false` when there is nothing
    /// to write down any more.
    ///
    /// # Errors
    /// The token failed.
    pub(super) fn follow_officer(&self, name: &KeyName, released: &[u32]) -> Result<bool> {
        let recovery = Recovery::new(self.clock.now(), Authority::SecurityOfficer, None)?;
        let follow = |version: &Version| follows(version, released).then(|| recovery.clone());
        Ok(self.update(name, |record| record.recovered(follow))?.is_some())
    }
}

/// Whether the security officer has taken a version out of the state in which the token refused it.
pub(super) fn is_released(version: &Version, rights: Rights) -> bool {
    let refused = version.state == State::Compromised && version.blocked;
    refused && rights.state == Some(State::Deactivated)
}

/// Whether a version is one of those that were found released, and was not revoked again meanwhile.
fn follows(version: &Version, released: &[u32]) -> bool {
    version.blocked && released.contains(&version.number)
}
