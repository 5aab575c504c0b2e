//! Doing whatever is due: activation, expiry, rotation, revocation, destruction.

use super::{Kms, Outlawed, Upheld};
use crate::domain::key::KeyName;
use crate::domain::record::Due;
use crate::error::{Error, Kind, Result};
use crate::port::{Listing, Stored};

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
    /// Where the token was not as a record says, and is again.
    pub upheld: Vec<(KeyName, Upheld)>,
    /// Keys that were suspended because their records or objects are not what keyway left.
    pub suspended: Vec<(KeyName, String)>,
    /// Keys that have no authentic record, and what was done with their objects.
    pub outlawed: Vec<(KeyName, Outlawed, String)>,
    /// Keys with which this failed, and why.
    pub failures: Vec<(KeyName, Error)>,
}

impl Maintenance {
    /// Whether there was nothing to do, and nothing failed.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
            && self.failures.is_empty()
            && self.upheld.is_empty()
            && self.suspended.is_empty()
            && self.outlawed.is_empty()
    }
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

    /// Does what is due, brings the token to what the records say, then suspends the keys whose
    /// records or objects were tampered with: the next maintenance revokes those, unless a person
    /// resumes them first. Done twice it does nothing more; several processes at once do each thing
    /// once. What fails for one key is told and does not stop the others.
    ///
    /// # Errors
    /// The token failed before anything was done.
    pub fn maintain(&self) -> Result<Maintenance> {
        let mut done = Maintenance::default();
        for mut action in self.due()? {
            match self.perform(&action) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) if self.was_overtaken(&action, &error) => continue,
                Err(error) => action.failure = Some(error),
            }
            done.actions.push(action);
        }
        self.look_after_objects(&mut done)?;
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

    /// Whether something failed for no other reason than that another process was faster, or
    /// changed what was due. What failed half-way is not due any more, either: that is told.
    fn was_overtaken(&self, action: &Action, error: &Error) -> bool {
        let half_way = |due: &Due| action.due == Due::Revoke && *due == Due::FinishRevocation;
        let still = |due: &Due| *due == action.due || half_way(due);
        matches!(error.kind(), Kind::Refused | Kind::Conflict)
            && self.due_now(&action.name).is_ok_and(|due| !due.iter().any(still))
    }

    fn is_due(&self, action: &Action) -> Result<bool> {
        Ok(self.due_now(&action.name)?.contains(&action.due))
    }

    fn due_now(&self, name: &KeyName) -> Result<Vec<Due>> {
        Ok(self.load_written(name)?.record().due(self.clock.now()))
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

    /// Holds objects and records against each other.
    fn look_after_objects(&self, done: &mut Maintenance) -> Result<()> {
        let listing = self.registry.list()?;
        for written in &listing.records {
            let name = written.record().name();
            // What was tampered with is not mended: it is evidence.
            let looked_after = match self.suspect_tampered(written, &listing) {
                Ok(None) => self.uphold(written).map(|upheld| (None, upheld)),
                Ok(evidence) => Ok((evidence, Vec::new())),
                Err(error) => Err(error),
            };
            match looked_after {
                Ok((evidence, upheld)) => {
                    done.suspended.extend(evidence.map(|evidence| (name.clone(), evidence)));
                    done.upheld.extend(upheld.into_iter().map(|what| (name.clone(), what)));
                }
                Err(error) => done.failures.push((name.clone(), error)),
            }
        }
        let unknown = |name: &KeyName| !listing.records.iter().any(|s| s.record().name() == name);
        for (name, evidence) in listing.tampered.iter().filter(|(name, _)| unknown(name)) {
            match self.outlaw(name, evidence, &listing) {
                Ok(how) => {
                    let told = how.map(|how| (name.clone(), how, evidence.clone()));
                    done.outlawed.extend(told);
                }
                Err(error) => done.failures.push((name.clone(), error)),
            }
        }
        Ok(())
    }

    /// Suspends a key with an authentic record if its records or objects were changed by somebody
    /// else. Answers the evidence, unless the key was suspended for it before.
    fn suspect_tampered(&self, written: &Stored, listing: &Listing) -> Result<Option<String>> {
        let name = written.record().name();
        let forged = listing.tampered.iter().find(|(tampered, _)| tampered == name);
        let evidence = match forged {
            Some((_, what)) => Some(what.clone()),
            None => self.tampering(written)?,
        };
        // What was acted on once does not concern the versions made since.
        let known = |evidence: &String| {
            written.record().suspicion().is_some_and(|known| known.evidence == *evidence)
        };
        let Some(evidence) = evidence.filter(|evidence| !known(evidence)) else { return Ok(None) };
        Ok(self.suspect_key(name, &evidence)?.map(|_| evidence))
    }
}
