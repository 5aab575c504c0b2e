//! Doing whatever is due: activation, expiry, rotation, revocation, destruction.

use super::Kms;
use crate::domain::key::KeyName;
use crate::domain::lifecycle::State;
use crate::domain::record::{Due, Version};
use crate::error::{Error, Kind, Result};

/// One thing that was due.
#[derive(Debug)]
pub struct Action {
    /// The key.
    pub name: KeyName,
    /// What was to be done.
    pub due: Due,
    /// Why it was not, if it failed.
    pub failure: Option<Error>,
}

/// What a maintenance did and found.
#[derive(Debug, Default)]
pub struct Maintenance {
    /// What was due, in the order of the keys' names.
    pub actions: Vec<Action>,
    /// Keys that were suspended because their records or objects are not what keyway left.
    pub suspended: Vec<(KeyName, String)>,
}

impl Kms<'_> {
    /// What is due now. Nothing is changed.
    ///
    /// # Errors
    /// The token failed.
    pub fn due(&self) -> Result<Vec<Action>> {
        let now = self.clock.now();
        let records = self.registry.list()?.records;
        let actions = records.iter().flat_map(|stored| {
            let name = stored.record().name().clone();
            let action = move |due| Action { name: name.clone(), due, failure: None };
            stored.record().due(now).into_iter().map(action)
        });
        Ok(actions.collect())
    }

    /// Does what is due, then suspends the keys whose records or objects were tampered with: the
    /// next maintenance revokes those, unless a person resumes them first. Done twice it does
    /// nothing more; several processes at once do each thing once. What fails for one key does not
    /// stop the others.
    ///
    /// # Errors
    /// The token failed before anything was done.
    pub fn maintain(&self) -> Result<Maintenance> {
        let mut done = Maintenance::default();
        for mut action in self.due()? {
            match self.perform(&action) {
                Ok(true) => {}
                Ok(false) => continue,
                // Another process may have been faster, or changed what was due.
                Err(_) if !self.is_due(&action)? => continue,
                Err(error) => action.failure = Some(error),
            }
            done.actions.push(action);
        }
        for (name, evidence) in self.tampered()? {
            if self.suspect_key(&name, &evidence)?.is_some() {
                done.suspended.push((name, evidence));
            }
        }
        Ok(done)
    }

    /// `false` when there was nothing to do any more.
    fn perform(&self, action: &Action) -> Result<bool> {
        let name = &action.name;
        if !self.is_due(action)? {
            return Ok(false);
        }
        match action.due {
            Due::Activate(_) | Due::Expire(_) => self.write_settled(name),
            Due::Rotate => {
                let now = self.clock.now();
                let rotated = self.rotate_key_if(name, |r| r.due(now).contains(&Due::Rotate))?;
                Ok(rotated.is_some())
            }
            Due::Revoke => self.revoke_suspect(name).map(|_| true),
            Due::FinishRevocation => self.finish_compromise(name).map(|_| true),
            Due::Destroy => self.destroy_key(name).map(|_| true),
        }
    }

    fn is_due(&self, action: &Action) -> Result<bool> {
        let now = self.clock.now();
        Ok(self.load_written(&action.name)?.record().due(now).contains(&action.due))
    }

    /// Writes down what time has brought and tells the token. `false` when somebody else did.
    fn write_settled(&self, name: &KeyName) -> Result<bool> {
        let written = self.load_written(name)?;
        let settled = written.record().at(self.clock.now());
        if settled == *written.record() {
            return Ok(false);
        }
        let stored = match self.registry.save(Some(&written), &settled) {
            Err(error) if error.kind() == Kind::Conflict => return Ok(false),
            saved => saved?,
        };
        self.retire_old(stored.record())?;
        Ok(true)
    }

    /// Keys with an authentic record whose records or objects somebody else has changed.
    fn tampered(&self) -> Result<Vec<(KeyName, String)>> {
        let listing = self.registry.list()?;
        let mut found = Vec::new();
        for stored in &listing.records {
            let record = stored.record();
            let forged = listing.tampered.iter().find(|(name, _)| name == record.name());
            if let Some((name, what)) = forged {
                found.push((name.clone(), what.clone()));
                continue;
            }
            let there = |version: &&Version| version.state != State::Destroyed;
            for version in record.versions().iter().filter(there) {
                match self.vault.holds(version.id) {
                    Err(error) if error.kind() == Kind::NotAuthentic => {
                        found.push((record.name().clone(), error.to_string()));
                        break;
                    }
                    held => held?,
                };
            }
        }
        Ok(found)
    }
}
