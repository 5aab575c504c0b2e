//! Holding the token to what the records say, and noticing what somebody else has changed.

use std::fmt;

use super::Kms;
use super::recover_key::is_released;
use crate::domain::key::{KeyId, KeyName, Usage};
use crate::domain::lifecycle::State;
use crate::domain::record::{KeyRecord, Version};
use crate::error::Result;
use crate::port::{Book, KeySpec, Listing, Rights, Stored};

/// What was done to a key because the token was not as its record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upheld {
    /// The token lets a version protect or process that may not: it was brought to refuse.
    Refused(u32),
    /// The token did not let the active version protect: it does again.
    Allowed(u32),
    /// Objects of a destroyed version were still there.
    Destroyed(u32),
    /// The security officer has let compromised versions process again, and the record follows.
    Recovered,
}

impl fmt::Display for Upheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Upheld::Refused(version) => {
                write!(f, "version {version} could do more on the token than its record says")
            }
            Upheld::Allowed(version) => write!(f, "version {version} could not protect"),
            Upheld::Destroyed(version) => write!(f, "version {version} was still on the token"),
            Upheld::Recovered => f.write_str("the record follows the security officer's recovery"),
        }
    }
}

impl Kms<'_> {
    /// Brings the token to what the record of a key says, wherever an interruption or another
    /// program has left it otherwise.
    pub(super) fn uphold(&self, written: &Stored) -> Result<Vec<Upheld>> {
        let record = written.record().at(self.clock.now());
        let (mut done, mut released) = (Vec::new(), Vec::new());
        for version in record.versions() {
            if version.state == State::Destroyed {
                if self.vault.holds(version.id).unwrap_or(true) {
                    self.vault.destroy(version.id)?;
                    done.push(Upheld::Destroyed(version.number));
                }
                continue;
            }
            let rights = self.vault.rights(version.id)?;
            if is_released(version, rights) {
                released.push(version.number);
                continue;
            }
            // What another process changes meanwhile is its own affair: it writes the record first.
            if let Some(correction) = correction(version, record.usage(), rights)
                && self.is_newest(written)?
            {
                self.correct(&record, version, correction)?;
                done.push(correction);
            }
        }
        if !released.is_empty() && self.follow_officer(record.name(), &released)? {
            done.push(Upheld::Recovered);
        }
        Ok(done)
    }

    fn correct(&self, record: &KeyRecord, version: &Version, what: Upheld) -> Result<()> {
        match (what, version.state) {
            (Upheld::Allowed(_), _) => self.vault.resume(version.id, record.usage()),
            (_, State::Suspended) => self.vault.suspend(version.id).map(|_| ()),
            (_, State::Compromised) => self.vault.disable(version.id),
            _ => self.vault.retire(version.id),
        }
    }

    fn is_newest(&self, written: &Stored) -> Result<bool> {
        let now = self.registry.load(written.record().name())?;
        Ok(now.is_some_and(|now| now.hash == written.hash))
    }

    /// What of a key's objects is not as keyway left it, if anything.
    ///
    /// # Errors
    /// The token failed.
    pub(super) fn tampering(&self, written: &Stored) -> Result<Option<String>> {
        let found = self.tampering_with(written.record())?;
        // What another process changes meanwhile is its own affair.
        Ok(if found.is_some() && self.is_newest(written)? { found } else { None })
    }

    fn tampering_with(&self, record: &KeyRecord) -> Result<Option<String>> {
        let in_use =
            |version: &&Version| !matches!(version.state, State::Compromised | State::Destroyed);
        for version in record.versions().iter().filter(in_use) {
            let mut found = self.vault.deviations(&KeySpec::of(record, version))?;
            found.extend(odds(version, self.vault.rights(version.id)?));
            if !found.is_empty() {
                let number = version.number;
                return Ok(Some(format!("version {number}: {}", found.join("; "))));
            }
        }
        Ok(None)
    }

    /// A key with records of which none is authentic: nothing is known of it but the objects that
    /// carry its name. They are kept from protecting, and at the next call refused to everybody.
    /// `None` when there is nothing left to do.
    ///
    /// # Errors
    /// The token failed.
    pub(super) fn outlaw(
        &self,
        name: &KeyName,
        evidence: &str,
        listing: &Listing,
    ) -> Result<Option<Outlawed>> {
        let ids: Vec<KeyId> = self
            .strays_of(name, listing)?
            .iter()
            .filter_map(|stray| KeyId::try_from(stray.id.as_slice()).ok())
            .collect();
        // A mark that somebody damaged is one, too: it must not keep the key in use.
        let marks = self.registry.read(Book::Outlaws, Some(name))?;
        if marks.entries.is_empty() && marks.problems.is_empty() {
            self.registry.add(Book::Outlaws, name, evidence.as_bytes())?;
            ids.iter().try_for_each(|id| self.vault.suspend(*id).map(|_| ()))?;
            return Ok(Some(Outlawed::Suspended));
        }
        let mut blocked = false;
        for id in ids {
            let Rights { protects, processes, .. } = self.vault.rights(id)?;
            if protects || processes {
                self.vault.block(id)?;
                blocked = true;
            }
        }
        Ok(blocked.then_some(Outlawed::Revoked))
    }
}

/// How far a key without any authentic record was taken out of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlawed {
    /// It protects nothing more.
    Suspended,
    /// It decrypts nothing more, either.
    Revoked,
}

impl fmt::Display for Outlawed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outlawed::Suspended => "no record of it is authentic, its objects are suspended",
            Outlawed::Revoked => "no record of it is authentic, its objects are revoked",
        })
    }
}

/// What the token has to be told, if anything.
fn correction(version: &Version, usage: Usage, rights: Rights) -> Option<Upheld> {
    let number = version.number;
    let refused = Some(Upheld::Refused(number));
    // What agrees on keys has no flag to protect with.
    let is_idle = rights.is_there && !rights.protects && usage != Usage::Agree;
    match version.state {
        State::Suspended | State::Deactivated if rights.protects => refused,
        State::Compromised if version.recoverable && (rights.protects || rights.processes) => {
            refused
        }
        State::Active if is_idle && rights.state.is_none_or(allowed_back) => {
            Some(Upheld::Allowed(number))
        }
        _ => None,
    }
}

/// Whether the token lets a key of this state of its own protect again.
fn allowed_back(held: State) -> bool {
    matches!(held, State::Active | State::Suspended)
}

/// A state of the token's own that no record of keyway's leads to.
fn odds(version: &Version, rights: Rights) -> Option<String> {
    let held = rights.state?;
    let stricter = match held {
        State::Compromised => true,
        State::Deactivated => version.state != State::Deactivated,
        _ => false,
    };
    stricter.then(|| format!("the token holds it to {held}, its record says {}", version.state))
}
