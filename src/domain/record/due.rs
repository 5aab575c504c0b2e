//! What time brings: versions that become active or expire, and what else is to be done by now.

use std::fmt;

use super::{KeyRecord, Origin, Version};
use crate::domain::lifecycle::{State, Transition, allowed};
use crate::domain::time::Timestamp;

/// Something that is to be done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A version's time has come.
    Activate(u32),
    /// A version has protected long enough.
    Expire(u32),
    /// The newest version has protected long enough for the next one to take its place.
    Rotate,
    /// The key is under suspicion of a compromise.
    Revoke,
    /// A revocation was interrupted.
    FinishRevocation,
    /// The key's last day has come.
    Destroy,
}

impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Due::Activate(version) => write!(f, "activate version {version}"),
            Due::Expire(version) => write!(f, "deactivate expired version {version}"),
            Due::Rotate => f.write_str("rotate"),
            Due::Revoke => f.write_str("revoke for suspected compromise"),
            Due::FinishRevocation => f.write_str("finish the interrupted revocation"),
            Due::Destroy => f.write_str("destroy"),
        }
    }
}

impl KeyRecord {
    /// The moment by a clock, but none before the newest moment of this record: a clock that is
    /// behind what has happened is wrong, and setting it back gives no key its time again.
    pub fn not_before(&self, clock: Timestamp) -> Timestamp {
        self.versions.iter().map(|version| version.changed).fold(clock, Timestamp::max)
    }

    /// The record as it holds at a moment: versions whose time has come are active, versions that
    /// protected long enough are deactivated.
    pub fn at(&self, clock: Timestamp) -> Self {
        let now = self.not_before(clock);
        let mut record = self.clone();
        record.versions.iter_mut().for_each(|version| version.settle(now));
        record
    }

    /// What is to be done at a moment, in the order in which it is to be done.
    pub fn due(&self, clock: Timestamp) -> Vec<Due> {
        let now = self.not_before(clock);
        let gone = self.versions.iter().all(|version| version.state == State::Destroyed);
        if gone || self.terms.destroy_at.is_some_and(|at| at <= now) {
            return if gone { Vec::new() } else { vec![Due::Destroy] };
        }
        if let Some(condemned) = self.condemned(now).filter(|_| self.is_suspect()) {
            // What is clean is looked after all the same.
            let rest = condemned.due(now).into_iter().filter(|due| *due != Due::FinishRevocation);
            return [Due::Revoke].into_iter().chain(rest).collect();
        }
        let mut due = Vec::new();
        if self.versions.iter().any(Version::is_unfinished) {
            due.push(Due::FinishRevocation);
        }
        let settled = self.at(now);
        for (before, after) in self.versions.iter().zip(&settled.versions) {
            match (before.state == after.state, after.state) {
                (false, State::Active) => due.push(Due::Activate(after.number)),
                (false, _) => due.push(Due::Expire(after.number)),
                (true, _) => {}
            }
        }
        if settled.rotation_is_due(now) {
            due.push(Due::Rotate);
        }
        due
    }

    /// Whether the newest version is old enough, and is one that time alone has brought where it
    /// is: what a person suspended or revoked, a person rotates.
    fn rotation_is_due(&self, now: Timestamp) -> bool {
        let latest = self.latest();
        let by_time = match latest.state {
            State::Active => true,
            State::Deactivated => latest.reason.is_none(),
            _ => false,
        };
        let start = latest.activates.unwrap_or(latest.created);
        let ended = self.terms.expire_at.is_some_and(|at| at <= now);
        self.is_rotated_here()
            && by_time
            && !ended
            && self.terms.rotate_every.is_some_and(|every| every.after(start) <= now)
    }

    /// Whether its next version is made here: not by the peer with whom it was agreed, nor by its
    /// distributor.
    pub fn is_rotated_here(&self) -> bool {
        !matches!(self.origin, Origin::Agreed | Origin::Received)
    }

    /// Whether versions are under a suspicion that has not led to their revocation yet.
    pub fn is_suspect(&self) -> bool {
        self.suspicion.as_ref().is_some_and(|suspicion| self.can_be_compromised(suspicion.up_to))
    }

    /// Whether one of the versions up to this one can still be revoked for a compromise.
    pub(super) fn can_be_compromised(&self, up_to: u32) -> bool {
        let to = State::Compromised;
        let mut versions = self.versions.iter().filter(|version| version.number <= up_to);
        versions.any(|version| allowed(Transition { from: version.state, to }))
    }
}

impl Version {
    fn settle(&mut self, now: Timestamp) {
        if let (State::PreActive, Some(at)) = (self.state, self.activates.filter(|at| *at <= now)) {
            (self.state, self.changed) = (State::Active, at);
        }
        let expires = matches!(self.state, State::Active | State::Suspended);
        if let (true, Some(at)) = (expires, self.expires.filter(|at| *at <= now)) {
            (self.state, self.changed) = (State::Deactivated, at);
        }
    }
}
