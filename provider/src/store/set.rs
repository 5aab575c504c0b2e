//! The rows of a token as a set that can be vouched for: what belongs to it, and how a transaction
//! changes it (`docs/store-format.md`, "The set of rows").

use crate::backend::ObjectId;
use crate::ffi::awslc::sealing;
use crate::store::{Account, Cost, Form, Record, Role, Tag};

/// Which record of an object is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub version: u64,
    pub form: Form,
}

/// One element of the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    Object {
        id: ObjectId,
        stamp: Stamp,
    },
    /// What opens with a PIN, without the counter of tries, which moves without a login.
    Account {
        role: Role,
        cost: Cost,
        salt: [u8; 16],
        wrapped: Vec<u8>,
    },
}

/// An object that was made, changed or destroyed without a login since somebody last vouched for
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loose {
    pub id: ObjectId,
    /// What was vouched for; `None` if the object was not there.
    pub was: Option<Stamp>,
    /// Of this note and of what is stored now. It tells damage, not attackers: nobody with keys
    /// has seen it yet.
    pub checksum: [u8; 16],
}

/// How a transaction changes the set that is vouched for.
#[derive(Debug, Default)]
pub struct Delta {
    /// Whether the set is made anew: then nothing was in it before.
    pub anew: bool,
    pub left: Vec<Member>,
    pub joined: Vec<Member>,
}

/// The newest event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// 0 if there is none.
    pub sequence: u64,
    pub chain: [u8; 32],
}

/// The set of rows at one moment.
#[derive(Debug)]
pub struct Survey {
    /// What the last holder of keys left: see [`Witness::seal`](crate::store::Witness::seal).
    pub seal: Option<Vec<u8>>,
    pub objects: Vec<(ObjectId, Stamp, Vec<Tag>)>,
    pub accounts: Vec<Account>,
    pub loose: Vec<Loose>,
    /// Those of them that do not fit their checksum.
    pub damaged: Vec<ObjectId>,
    /// The index over the tags.
    pub index: Vec<(Tag, ObjectId)>,
}

/// What a transaction does to the note of an object that changed without a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    Leave,
    Write(Loose),
    Erase,
}

impl Member {
    pub fn of_account(account: &Account) -> Self {
        let Account { role, cost, salt, wrapped, .. } = account;
        Self::Account { role: *role, cost: *cost, salt: *salt, wrapped: wrapped.clone() }
    }
}

impl Loose {
    /// The note on an object that was `was` and is `now`.
    pub(super) fn new(id: ObjectId, was: Option<Stamp>, now: Option<&Record>) -> Self {
        let (version, form) = was.map_or((0, 0), |was| (was.version, was.form as u8));
        let (there, tags, body) = match now {
            Some(now) => {
                let there = [&now.version.to_be_bytes()[..], &[now.form as u8]].concat();
                (there, now.tags.iter().flat_map(|tag| tag.0).collect(), &now.body[..])
            }
            None => (Vec::new(), Vec::new(), &[][..]),
        };
        let sum = sealing::sha256(&[
            b"KWYL\x01",
            &id.0,
            &version.to_be_bytes(),
            &[form],
            &there,
            &(tags.len() as u64).to_be_bytes(),
            &tags,
            body,
        ]);
        let mut checksum = [0; 16];
        checksum.copy_from_slice(&sum[..16]);
        Self { id, was, checksum }
    }
}

impl Delta {
    pub(super) fn is_empty(&self) -> bool {
        !self.anew && self.left.is_empty() && self.joined.is_empty()
    }

    /// Accounts for a change of an object by somebody with keys: from now on, what is stored is
    /// vouched for.
    pub(super) fn attested(
        &mut self,
        id: ObjectId,
        before: Option<Stamp>,
        after: Option<Stamp>,
        loose: Option<Loose>,
    ) -> Note {
        let was = loose.map_or(before, |loose| loose.was);
        self.left.extend(was.map(|stamp| Member::Object { id, stamp }));
        self.joined.extend(after.map(|stamp| Member::Object { id, stamp }));
        loose.map_or(Note::Leave, |_| Note::Erase)
    }
}

/// Notes a change of an object by somebody without keys: what is vouched for stays what it was.
pub(super) fn unattested(
    id: ObjectId,
    before: Option<Stamp>,
    after: Option<&Record>,
    loose: Option<Loose>,
) -> Note {
    match loose {
        None => Note::Write(Loose::new(id, before, after)),
        // Made and destroyed without a login: as if it had never been there.
        Some(Loose { was: None, .. }) if after.is_none() => Note::Erase,
        Some(loose) => Note::Write(Loose::new(id, loose.was, after)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ObjectId = ObjectId([1; 16]);

    fn stamp(version: u64) -> Option<Stamp> {
        Some(Stamp { version, form: Form::Public })
    }

    #[test]
    fn whoever_has_keys_moves_the_set_from_what_was_vouched_for() {
        let mut delta = Delta::default();
        let loose = Some(Loose::new(ID, stamp(1), None));
        assert_eq!(delta.attested(ID, stamp(5), stamp(6), loose), Note::Erase);
        let object = |stamp: Option<Stamp>| Member::Object { id: ID, stamp: stamp.unwrap() };
        assert_eq!(delta.left, [object(stamp(1))]);
        assert_eq!(delta.joined, [object(stamp(6))]);
    }

    #[test]
    fn a_note_keeps_what_was_vouched_for() {
        let record =
            Record { id: ID, version: 2, form: Form::Unattested, tags: vec![], body: vec![7] };
        let first = unattested(ID, stamp(1), Some(&record), None);
        assert_eq!(first, Note::Write(Loose::new(ID, stamp(1), Some(&record))));
        let noted = Some(Loose::new(ID, stamp(1), Some(&record)));
        let gone = Note::Write(Loose::new(ID, stamp(1), None));
        assert_eq!(unattested(ID, stamp(2), None, noted), gone);
        let made = Some(Loose::new(ID, None, Some(&record)));
        assert_eq!(unattested(ID, stamp(1), None, made), Note::Erase);
    }
}
