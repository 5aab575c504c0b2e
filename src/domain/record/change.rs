//! How a record changes: every change gives a new record, by the table of transitions.

use super::{KeyRecord, Origin, Version};
use crate::domain::key::KeyId;
use crate::domain::lifecycle::{Reason, State, Transition, allowed};
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};

impl KeyRecord {
    /// The record after a rotation: a new primary version, the old one deactivated.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a destroyed key and for one agreed with a peer, whose next version
    /// the peer would not have.
    pub fn rotated(&self, id: KeyId, now: Timestamp) -> Result<Self> {
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
        let mut next = self.clone();
        for version in next.versions.iter_mut().filter(|version| version.state == State::Active) {
            version.enter(State::Deactivated, Some(Reason::Superseded), now);
        }
        let number = u32::try_from(next.versions.len() + 1)
            .map_err(|_| Kind::Refused.because("too many versions"))?;
        next.versions.push(Version::active(number, id, now));
        Ok(next)
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

    /// The record after the token was brought to refuse a compromised version.
    pub fn blocked(&self, number: u32) -> Self {
        let mut next = self.clone();
        for version in &mut next.versions {
            if version.number == number && version.state == State::Compromised {
                version.blocked = true;
            }
        }
        next
    }

    fn with_all(&self, to: State, reason: Option<Reason>, now: Timestamp) -> Option<Self> {
        let mut next = self.clone();
        let mut changed = false;
        for version in &mut next.versions {
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
        self.changed = now;
        self.blocked = false;
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
    fn a_destroyed_key_does_not_rotate() {
        let next = record().destroyed(NOW()).expect("changed");
        assert!(next.rotated(KeyId::new([2; 16]), NOW()).is_err());
        assert!(next.destroyed(NOW()).is_none());
    }

    /// Every sequence of six commands, each applied to what the one before left.
    #[test]
    fn any_sequence_of_changes_keeps_the_invariants() {
        const COMMANDS: u32 = 5;
        const LENGTH: u32 = 6;
        for sequence in 0..COMMANDS.pow(LENGTH) {
            let mut record = record();
            for step in 0..LENGTH {
                let id = KeyId::new([u8::try_from(step).expect("small") + 2; 16]);
                let next = match sequence / COMMANDS.pow(step) % COMMANDS {
                    0 => record.rotated(id, NOW()).ok(),
                    1 => record.revoked(Reason::Compromise, NOW()),
                    2 => record.revoked(Reason::Cessation, NOW()),
                    3 => record.destroyed(NOW()),
                    _ => Some(record.blocked(1)),
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
