//! The tables behind them: what is known of each object, by identity and by handle.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::{Objects, now};
use crate::attribute::{AttributeType, Attributes, Value};
use crate::backend::bridge::identity;
use crate::backend::bridge::pool::Pinned;
use crate::backend::bridge::profile::Profile;
use crate::backend::bridge::read::{name, read, search};
use crate::backend::bridge::record::Kept;
use crate::backend::bridge::records::{self, ByLabel};
use crate::backend::{Found, Object, ObjectId, View};
use crate::error::{Code, Result};
use crate::ffi::inner::InnerSession;

/// Searches of one window that are passed on; with more, all objects are read and searched here.
const PASSED_ON: u32 = 8;

/// Of more new objects than so many, the records are read all at once.
const FEW: usize = 3;

#[derive(Default)]
pub(super) struct Known {
    pub(super) by_id: HashMap<ObjectId, Entry>,
    pub(super) by_handle: HashMap<u64, ObjectId>,
    /// Handles of keys that the configuration holds back.
    pub(super) hidden: HashSet<u64>,
    /// The generation of the pool that the handles are of.
    pub(super) generation: u64,
    /// When every token object was listed last.
    pub(super) listed: Option<Instant>,
    /// Searches that were passed on since then.
    pub(super) passed: u32,
    pub(super) window: Option<Instant>,
    /// What the first use of a key decided (`CKA_KEYWAY_ROLES`), for the life of this module: where
    /// the token takes no record of it.
    pub(super) roles: HashMap<ObjectId, u64>,
    /// Session objects, and the handles that end with them.
    pub(super) lent: Vec<(Weak<Object>, u64)>,
}

pub(super) struct Entry {
    pub(super) handle: u64,
    pub(super) generation: u64,
    pub(super) object: Arc<Object>,
    /// What it is found again by.
    pub(super) template: Attributes,
    /// Of a session object, what its token does not keep.
    pub(super) kept: Option<Kept>,
}

impl Known {
    /// Handles of another generation mean nothing.
    pub(super) fn of_generation(&mut self, generation: u64) {
        if self.generation < generation {
            self.generation = generation;
            self.by_handle.clear();
            self.hidden.clear();
            self.lent.clear();
            self.listed = None;
        }
    }

    pub(super) fn is_listed(&self, refresh: Duration) -> bool {
        self.listed.is_some_and(|listed| listed.elapsed() < refresh)
    }

    pub(super) fn may_pass_on(&mut self, query: &Attributes, refresh: Duration) -> bool {
        if self.window.is_none_or(|window| window.elapsed() >= refresh) {
            self.window = Some(Instant::now());
            self.passed = 0;
        }
        self.passed += 1;
        !query.is_empty() && self.passed <= PASSED_ON
    }

    /// Reads what is new, and lets go of what is gone.
    pub(super) fn list(&mut self, session: &Pinned, of: &Objects) -> Result<()> {
        let query = Attributes::from_iter([(AttributeType::TOKEN, Value::Bool(true))]);
        let handles = search(session, &query)?;
        let all: HashSet<_> = handles.iter().collect();
        self.hidden.retain(|handle| all.contains(handle));
        let there = self.load(session, of, &handles)?;
        let there: HashSet<_> = there.into_iter().collect();
        let gone: Vec<_> = self
            .by_id
            .iter()
            .filter(|(id, entry)| {
                entry.template.is_true(AttributeType::TOKEN) && !there.contains(*id)
            })
            .map(|(id, _)| *id)
            .collect();
        gone.into_iter().for_each(|id| self.forget(id));
        self.listed = Some(Instant::now());
        Ok(())
    }

    /// The identities behind handles; objects that go while they are read are left out.
    pub(super) fn load(
        &mut self,
        session: &InnerSession,
        of: &Objects,
        handles: &[u64],
    ) -> Result<Vec<ObjectId>> {
        let mut ids = Vec::with_capacity(handles.len());
        let new =
            |handle: &&u64| !self.by_handle.contains_key(*handle) && !self.hidden.contains(*handle);
        let many = handles.iter().filter(new).count() > FEW;
        let records = many.then(|| records::all(session)).transpose()?;
        for handle in handles {
            if self.hidden.contains(handle) {
                continue;
            }
            match self.by_handle.get(handle) {
                Some(id) => ids.push(*id),
                None => match self.read(session, &of.profile, *handle, records.as_ref()) {
                    Err(e) if e.code() == Code::ObjectHandleInvalid => {}
                    id => {
                        let id = id?;
                        match of.gate.shows(&self.by_id[&id].object.snapshot().attributes) {
                            true => ids.push(id),
                            false => {
                                self.forget(id);
                                self.hidden.insert(*handle);
                            }
                        }
                    }
                },
            }
        }
        Ok(ids)
    }

    pub(super) fn read(
        &mut self,
        session: &InnerSession,
        profile: &Profile,
        handle: u64,
        records: Option<&ByLabel>,
    ) -> Result<ObjectId> {
        let mut attributes = read(session, profile, handle, records)?;
        let template = identity::template(&attributes);
        let mut id = identity::of(&template, 0);
        let mut twin = 0;
        while let Some(entry) = self.by_id.get(&id) {
            if entry.generation != self.generation || entry.handle == handle {
                // Known from before the handles were lost, or found again by its identity since.
                self.place(id, handle, self.generation);
                return Ok(id);
            }
            twin += 1;
            id = identity::of(&template, twin);
        }
        self.name(&mut attributes, id);
        let stored = u64::from(attributes.is_true(AttributeType::TOKEN));
        let object = Arc::new(Object::new(id, attributes, stored, now()));
        let entry = Entry { handle, generation: self.generation, object, template, kept: None };
        self.by_id.insert(id, entry);
        self.by_handle.insert(handle, id);
        Ok(id)
    }

    /// Gives an object our name for it, and what is kept of it here.
    pub(super) fn name(&self, attributes: &mut Attributes, id: ObjectId) {
        name(attributes, id);
        if let Some(roles) = self.roles.get(&id) {
            let recorded = attributes.number(AttributeType::KEYWAY_ROLES).unwrap_or(0);
            attributes.set(AttributeType::KEYWAY_ROLES, Value::Number(roles | recorded));
        }
        if let Some(kept) = self.by_id.get(&id).and_then(|entry| entry.kept.as_ref()) {
            kept.show(attributes);
        }
    }

    /// Keeps a session object to something.
    pub(super) fn keep(&mut self, id: ObjectId, kept: &Kept) {
        let Some(entry) = self.by_id.get_mut(&id) else { return };
        entry.kept = (!kept.is_nothing()).then(|| kept.clone());
        let snapshot = entry.object.snapshot();
        let mut attributes = snapshot.attributes.clone();
        kept.show(&mut attributes);
        if attributes != snapshot.attributes {
            entry.object.replace(attributes, snapshot.stored_version);
        }
    }

    pub(super) fn is_same(&self, id: ObjectId, attributes: &Attributes) -> bool {
        // Labels and ids change; what a key is does not.
        const FIXED: [AttributeType; 5] = [
            AttributeType::CLASS,
            AttributeType::KEY_TYPE,
            AttributeType::MODULUS,
            AttributeType::EC_POINT,
            AttributeType::CHECK_VALUE,
        ];
        self.by_id.get(&id).is_some_and(|entry| {
            FIXED.iter().all(|kind| match (entry.template.find(*kind), attributes.find(*kind)) {
                (Some(before), Some(now)) => before == now,
                _ => true,
            })
        })
    }

    pub(super) fn place(&mut self, id: ObjectId, handle: u64, generation: u64) {
        if let Some(entry) = self.by_id.get_mut(&id) {
            (entry.handle, entry.generation) = (handle, generation);
            self.by_handle.insert(handle, id);
        }
    }

    pub(super) fn forget(&mut self, id: ObjectId) {
        if let Some(entry) = self.by_id.remove(&id) {
            entry.object.mark_destroyed();
            self.by_handle.remove(&entry.handle);
        }
    }

    pub(super) fn told(&self, ids: &[ObjectId], view: View) -> Vec<Found> {
        let found = ids.iter().filter_map(|id| {
            let private = self.by_id.get(id)?.object.snapshot().is_private();
            Some(Found { id: *id, private })
        });
        found.filter(|found| view == View::All || !found.private).collect()
    }
}
