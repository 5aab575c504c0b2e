//! How a record changes: every change gives a new record, by the table of transitions.

use super::{KeyRecord, Origin, Recovery, Suspicion, Version};
use crate::domain::key::KeyId;
use crate::domain::lifecycle::{Reason, State, Transition, allowed};
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};

impl KeyRecord {
    /// The record after a rotation: a new primary version, the old one deactivated.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a key that is destroyed, not active yet or past its last day, and for one
    /// whose next version others make: agreed with a peer, or received.
    pub fn rotated(&self, id: KeyId, now: Timestamp) -> Result<Self> {
        let now = self.not_before(now);
        if self.state() == State::Destroyed {
            return Err(Kind::Refused
                .because(format!("key {} is destroyed", self.name))
                .advise("create a key with another name"));
        }
        if self.origin == Origin::Agreed {
            return Err(Kind::Refused
                .because(format!("key {} was agreed with a peer, who would not have", self.name))
                .advise("agree on a new key: keyway agree start"));
        }
        if self.state() == State::PreActive {
            return Err(Kind::Refused
                .because(format!("key {} is not active yet", self.name))
                .advise("wait until it is, or destroy it and create another"));
        }
        if let Some(at) = self.terms.expire_at.filter(|at| *at <= now) {
            return Err(Kind::Refused
                .because(format!("key {} ended at {at}, with all its versions", self.name))
                .advise("create a key with another name"));
        }
        if self.origin == Origin::Received {
            return Err(Kind::Refused
                .because(format!("key {} was received: its distributor rotates it", self.name))
                .advise("ask him for a share of the next version"));
        }
        self.with_next(id, now)
    }

    /// The record after another version of a received key came: it is the primary one, the old one
    /// is deactivated.
    ///
    /// # Errors
    /// [`Kind::Exists`] for a key that was not received, or is destroyed.
    pub fn received(&self, id: KeyId, now: Timestamp) -> Result<Self> {
        if self.origin != Origin::Received || self.state() == State::Destroyed {
            return Err(Kind::Exists
                .because(format!("a key {} exists already ({})", self.name, self.state()))
                .advise("take the share under another name: --name"));
        }
        self.with_next(id, now)
    }

    fn with_next(&self, id: KeyId, now: Timestamp) -> Result<Self> {
        let mut next = self.clone();
        for version in next.versions.iter_mut().filter(|version| version.state == State::Active) {
            version.enter(State::Deactivated, Some(Reason::Superseded), now);
        }
        let number = u32::try_from(next.versions.len() + 1)
            .map_err(|_| Kind::Refused.because("too many versions"))?;
        let expires = self.terms.expiry(now);
        next.versions.push(Version { expires, ..Version::active(number, id, now) });
        Ok(next)
    }

    /// The record with its active version set aside. `None` when no version is active.
    pub fn suspended(&self, reason: Option<Reason>, now: Timestamp) -> Option<Self> {
        self.with_all(State::Suspended, reason, now)
    }

    /// The record with its versions up to one under suspicion of a compromise: the active one of
    /// them is suspended, and the next maintenance revokes them. `None` when they are under
    /// suspicion already or cannot be revoked any more.
    pub fn suspected(&self, up_to: u32, evidence: &str, now: Timestamp) -> Option<Self> {
        let known = self.suspicion.as_ref().is_some_and(|suspicion| suspicion.up_to >= up_to);
        if known || !self.can_be_compromised(up_to) {
            return None;
        }
        let reason = Some(Reason::Compromise);
        let suspended = self.with(|v| v.number <= up_to, State::Suspended, reason, now);
        let mut next = suspended.unwrap_or_else(|| self.clone());
        next.suspicion = Some(Suspicion { since: now, up_to, evidence: evidence.to_owned() });
        Some(next)
    }

    /// The record after the revocation of the versions under suspicion. `None` when there are none.
    pub fn condemned(&self, now: Timestamp) -> Option<Self> {
        let up_to = self.suspicion.as_ref()?.up_to;
        self.with(
            |version| version.number <= up_to,
            State::Compromised,
            Some(Reason::Compromise),
            now,
        )
    }

    /// The record after a suspension: the newest version is active again, older ones are retired.
    /// A suspicion that has led to no revocation is dropped. `None` when nothing is suspended.
    pub fn resumed(&self, now: Timestamp) -> Option<Self> {
        let suspect = self.is_suspect();
        let mut next = self.clone();
        let newest = self.latest().number;
        let mut changed = suspect;
        for version in next.versions.iter_mut().filter(|v| v.state == State::Suspended) {
            version.reason = None;
            match version.number == newest {
                true => version.enter(State::Active, None, now),
                false => version.enter(State::Deactivated, Some(Reason::Superseded), now),
            }
            changed = true;
        }
        if suspect {
            next.suspicion = None;
        }
        changed.then_some(next)
    }

    /// The record after a revocation of every version that can enter the reason's state.
    /// `None` when there is nothing to change.
    pub fn revoked(&self, reason: Reason, now: Timestamp) -> Option<Self> {
        self.with_all(reason.state(), Some(reason), now)
    }

    /// The record after the destruction of every version. `None` when they are destroyed.
    pub fn destroyed(&self, now: Timestamp) -> Option<Self> {
        self.with_all(State::Destroyed, None, now)
    }

    /// The record with a day on which every version is to be destroyed. `None` when there is
    /// nothing to change.
    pub fn to_be_destroyed(&self, at: Timestamp) -> Option<Self> {
        let mut next = self.clone();
        next.terms.destroy_at = Some(at);
        let gone = self.versions.iter().all(|version| version.state == State::Destroyed);
        (!gone && next != *self).then_some(next)
    }

    /// The record after the token was brought to refuse these versions, those of them that are
    /// compromised.
    pub fn blocked(&self, numbers: &[u32]) -> Self {
        let mut next = self.clone();
        for version in &mut next.versions {
            if numbers.contains(&version.number) && version.state == State::Compromised {
                version.blocked = true;
            }
        }
        next
    }

    /// The record after compromised versions were disabled in a way that can be undone and is to
    /// stay so.
    pub fn disabled(&self) -> Self {
        let mut next = self.clone();
        for version in next.versions.iter_mut().filter(|version| version.is_unfinished()) {
            version.recoverable = true;
        }
        next
    }

    /// The record after a recovery: of the compromised versions those to which `by` gives one process
    /// what they protected, and never protect again. The table of transitions has no such way: it is
    /// the one exception, and stands in the version for ever. A suspicion that was acted on is dropped
    /// with it, or the next maintenance would revoke them again. `None` when no version gets one.
    pub fn recovered(&self, by: impl Fn(&Version) -> Option<Recovery>) -> Option<Self> {
        let mut next = self.clone();
        let mut changed = false;
        for version in next.versions.iter_mut().filter(|v| v.state == State::Compromised) {
            let Some(recovery) = by(version) else { continue };
            version.enter(State::Deactivated, None, recovery.at);
            version.recovery = Some(recovery);
            changed = true;
        }
        if !self.is_suspect() {
            next.suspicion = None;
        }
        changed.then_some(next)
    }

    fn with_all(&self, to: State, reason: Option<Reason>, now: Timestamp) -> Option<Self> {
        self.with(|_| true, to, reason, now)
    }

    fn with(
        &self,
        concerned: impl Fn(&Version) -> bool,
        to: State,
        reason: Option<Reason>,
        now: Timestamp,
    ) -> Option<Self> {
        let mut next = self.clone();
        let mut changed = false;
        for version in next.versions.iter_mut().filter(|version| concerned(version)) {
            if allowed(Transition { from: version.state, to }) {
                version.enter(to, reason, now);
                changed = true;
            }
        }
        changed.then_some(next)
    }
}

impl Version {
    fn enter(&mut self, state: State, reason: Option<Reason>, now: Timestamp) {
        self.state = state;
        self.reason = reason.or(self.reason);
        self.changed = now.max(self.changed);
        self.blocked = false;
        self.recoverable = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::key::{Algorithm, Usage};

    fn record() -> KeyRecord {
        KeyRecord::new(
            "k".parse().expect("a name"),
            Algorithm::Aes256,
            Usage::Encrypt,
            Origin::Generated,
            KeyId::new([1; 16]),
            Timestamp::from_unix(1),
        )
        .expect("a record")
    }

    fn states(record: &KeyRecord) -> Vec<State> {
        record.versions().iter().map(|version| version.state).collect()
    }

    const NOW: fn() -> Timestamp = || Timestamp::from_unix(2);

    #[test]
    fn a_rotation_retires_the_old_primary() {
        let next = record().rotated(KeyId::new([2; 16]), NOW()).expect("rotated");
        assert_eq!(states(&next), [State::Deactivated, State::Active]);
        assert_eq!(next.primary().expect("primary").number, 2);
    }

    #[test]
    fn a_compromise_reaches_every_version() {
        let next = record().rotated(KeyId::new([2; 16]), NOW()).expect("rotated");
        let next = next.revoked(Reason::Compromise, NOW()).expect("changed");
        assert_eq!(states(&next), [State::Compromised, State::Compromised]);
        assert!(next.revoked(Reason::Compromise, NOW()).is_none());
        assert!(next.revoked(Reason::Superseded, NOW()).is_none());
    }

    #[test]
    fn a_compromised_key_can_be_rotated_and_stays_compromised_below() {
        let next = record().revoked(Reason::Compromise, NOW()).expect("changed");
        let next = next.rotated(KeyId::new([2; 16]), NOW()).expect("rotated");
        assert_eq!(states(&next), [State::Compromised, State::Active]);
    }

    #[test]
    fn a_suspended_version_comes_back_only_if_it_is_the_newest() {
        let suspended = record().suspended(None, NOW()).expect("suspended");
        assert_eq!(states(&suspended), [State::Suspended]);
        assert_eq!(states(&suspended.resumed(NOW()).expect("resumed")), [State::Active]);
        let rotated = suspended.rotated(KeyId::new([2; 16]), NOW()).expect("rotated");
        assert_eq!(states(&rotated), [State::Suspended, State::Active]);
        let resumed = rotated.resumed(NOW()).expect("resumed");
        assert_eq!(states(&resumed), [State::Deactivated, State::Active]);
        assert!(resumed.resumed(NOW()).is_none());
    }

    #[test]
    fn a_suspicion_concerns_the_versions_of_its_time() {
        let suspect = record().suspected(1, "seen elsewhere", NOW()).expect("suspected");
        assert!(suspect.is_suspect() && suspect.suspected(1, "again", NOW()).is_none());
        let rotated = suspect.rotated(KeyId::new([2; 16]), NOW()).expect("rotated");
        let condemned = rotated.condemned(NOW()).expect("condemned");
        assert_eq!(states(&condemned), [State::Compromised, State::Active]);
        assert!(!condemned.is_suspect() && condemned.condemned(NOW()).is_none());
        assert!(condemned.suspicion().is_some(), "the evidence stays");
        let cleared = suspect.resumed(NOW()).expect("resumed");
        assert_eq!((states(&cleared), cleared.suspicion()), (vec![State::Active], None));
    }

    #[test]
    fn only_a_received_key_that_is_not_destroyed_receives_its_next_version() {
        let id = KeyId::new([2; 16]);
        let received = KeyRecord { origin: Origin::Received, ..record() };
        let next = received.received(id, NOW()).expect("received");
        assert_eq!(states(&next), [State::Deactivated, State::Active]);
        assert!(record().received(id, NOW()).is_err() && received.rotated(id, NOW()).is_err());
        assert!(received.destroyed(NOW()).expect("changed").received(id, NOW()).is_err());
    }

    #[test]
    fn a_destroyed_key_does_not_rotate() {
        let next = record().destroyed(NOW()).expect("changed");
        assert!(next.rotated(KeyId::new([2; 16]), NOW()).is_err());
        assert!(next.destroyed(NOW()).is_none());
    }

    /// Every sequence of five commands, each applied to what the one before left.
    #[test]
    fn any_sequence_of_changes_keeps_the_invariants() {
        const COMMANDS: u32 = 8;
        const LENGTH: u32 = 5;
        for sequence in 0..COMMANDS.pow(LENGTH) {
            let mut record = record();
            for step in 0..LENGTH {
                let id = KeyId::new([u8::try_from(step).expect("small") + 2; 16]);
                let next = match sequence / COMMANDS.pow(step) % COMMANDS {
                    0 => record.rotated(id, NOW()).ok(),
                    1 => record.revoked(Reason::Compromise, NOW()),
                    2 => record.revoked(Reason::Cessation, NOW()),
                    3 => record.destroyed(NOW()),
                    4 => record.suspended(None, NOW()),
                    5 => record.resumed(NOW()),
                    6 => record.suspected(1, "seen elsewhere", NOW()),
                    _ => Some(record.blocked(&[1])),
                };
                let Some(next) = next else { continue };
                next.check().expect("invariants");
                for (old, new) in record.versions().iter().zip(next.versions()) {
                    let transition = Transition { from: old.state, to: new.state };
                    assert!(old.state == new.state || allowed(transition), "{transition:?}");
                }
                record = next;
            }
        }
    }
}
