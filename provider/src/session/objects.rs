//! Object handles of one slot: which object each stands for, and when it stops.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::backend::{Found, Object, ObjectId};
use crate::handle::Handle;

/// What an object handle stands for.
#[derive(Clone)]
pub enum Target {
    /// A token object; a million of these must cost tens of bytes each, so no more is kept.
    Token { id: ObjectId, private: bool },
    /// A session object and the session whose end is its end.
    Session { object: Arc<Object>, owner: Handle },
}

/// The highest generation that any table of this process has issued. A table begins above it, so a
/// handle from before C_Finalize finds nothing after the next C_Initialize.
static ISSUED: AtomicU32 = AtomicU32::new(0);

/// The handles that this application was given.
pub struct ObjectTable {
    inner: RwLock<Inner>,
}

impl Default for ObjectTable {
    fn default() -> Self {
        let before = ISSUED.load(Ordering::Relaxed);
        Self { inner: RwLock::new(Inner { before, ..Inner::default() }) }
    }
}

#[derive(Default)]
struct Inner {
    /// No entry issues a generation up to this one, until it has issued all others.
    before: u32,
    entries: Vec<Entry>,
    vacant: Vec<u32>,
    token_objects: HashMap<ObjectId, Handle>,
    session_objects: HashSet<u32>,
}

struct Entry {
    generation: u32,
    target: Option<Target>,
}

impl ObjectTable {
    /// The handle of a token object: the one it has already, or a new one.
    pub fn issue_token(&self, found: Found) -> Handle {
        if let Some(handle) = self.read().token_objects.get(&found.id) {
            return *handle;
        }
        let mut inner = self.write();
        if let Some(handle) = inner.token_objects.get(&found.id) {
            return *handle;
        }
        let handle = inner.issue(Target::Token { id: found.id, private: found.private });
        inner.token_objects.insert(found.id, handle);
        handle
    }

    /// A handle for a new session object.
    pub fn issue_session(&self, object: Arc<Object>, owner: Handle) -> Handle {
        let mut inner = self.write();
        let handle = inner.issue(Target::Session { object, owner });
        inner.session_objects.insert(handle.index());
        handle
    }

    /// What the handle stands for, if it was issued and still stands for something.
    pub fn target(&self, handle: Handle) -> Option<Target> {
        let inner = self.read();
        let entry = inner.entries.get(handle.index() as usize)?;
        (entry.generation == handle.generation()).then(|| entry.target.clone()).flatten()
    }

    /// Every session object, whichever session it belongs to.
    pub fn session_objects(&self) -> Vec<(Handle, Arc<Object>)> {
        let inner = self.read();
        let mut indices: Vec<u32> = inner.session_objects.iter().copied().collect();
        indices.sort_unstable();
        let objects = indices.into_iter().filter_map(|index| {
            let entry = &inner.entries[index as usize];
            match &entry.target {
                Some(Target::Session { object, .. }) => {
                    Some((Handle::new(index, entry.generation), object.clone()))
                }
                _ => None,
            }
        });
        objects.collect()
    }

    /// The handle stands for nothing from now on.
    pub fn remove(&self, handle: Handle) {
        let mut inner = self.write();
        let index = handle.index();
        let entry = inner.entries.get(index as usize);
        if entry.is_some_and(|entry| entry.generation == handle.generation()) {
            inner.vacate(index);
        }
    }

    /// The session's objects die with it.
    pub fn close_session(&self, session: Handle) {
        self.end(|target| matches!(target, Target::Session { owner, .. } if *owner == session));
    }

    /// At logout private session objects die, and handles of private objects become invalid, also
    /// for a later login (C_Logout).
    pub fn close_private(&self) {
        self.end(|target| match target {
            Target::Token { private, .. } => *private,
            Target::Session { object, .. } => object.snapshot().is_private(),
        });
    }

    /// Nothing is left of the token that the handles belonged to.
    pub fn clear(&self) {
        self.end(|_| true);
    }

    fn end(&self, ends: impl Fn(&Target) -> bool) {
        let mut inner = self.write();
        for index in 0..inner.entries.len() {
            if inner.entries[index].target.as_ref().is_some_and(&ends) {
                inner.vacate(index as u32);
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn issue(&mut self, target: Target) -> Handle {
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.entries.push(Entry { generation: self.before, target: None });
            (self.entries.len() - 1) as u32
        });
        let entry = &mut self.entries[index as usize];
        entry.generation = match entry.generation {
            Handle::LAST_GENERATION => 1,
            generation => generation + 1,
        };
        if entry.generation > ISSUED.load(Ordering::Relaxed) {
            ISSUED.fetch_max(entry.generation, Ordering::Relaxed);
        }
        entry.target = Some(target);
        Handle::new(index, entry.generation)
    }

    fn vacate(&mut self, index: u32) {
        match self.entries[index as usize].target.take() {
            Some(Target::Token { id, .. }) => {
                self.token_objects.remove(&id);
            }
            Some(Target::Session { object, .. }) => {
                object.mark_destroyed();
                self.session_objects.remove(&index);
            }
            None => return,
        }
        self.vacant.push(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::{AttributeType, Attributes, Value};

    fn object(private: bool) -> Arc<Object> {
        let rows = [(AttributeType::PRIVATE, Value::Bool(private))];
        Arc::new(Object::new(ObjectId([1; 16]), Attributes::from_iter(rows), 0, 0))
    }

    #[test]
    fn a_token_object_keeps_its_handle_until_it_goes() {
        let table = ObjectTable::default();
        let found = Found { id: ObjectId([7; 16]), private: false };
        let handle = table.issue_token(found);
        assert_eq!(table.issue_token(found), handle);
        table.remove(handle);
        assert!(table.target(handle).is_none());
        let again = table.issue_token(found);
        assert_ne!(again, handle);
        assert_eq!(again.index(), handle.index());
    }

    #[test]
    fn a_handle_of_one_table_finds_nothing_in_the_next() {
        let found = Found { id: ObjectId([7; 16]), private: false };
        let old = ObjectTable::default().issue_token(found);
        let next = ObjectTable::default();
        assert_eq!(next.issue_token(found).index(), old.index());
        assert!(next.target(old).is_none());
    }

    #[test]
    fn logout_takes_private_handles_back_and_leaves_public_ones() {
        let table = ObjectTable::default();
        let private = table.issue_token(Found { id: ObjectId([1; 16]), private: true });
        let public = table.issue_token(Found { id: ObjectId([2; 16]), private: false });
        let secret = table.issue_session(object(true), Handle::new(0, 1));
        let open = table.issue_session(object(false), Handle::new(0, 1));
        table.close_private();
        assert!(table.target(private).is_none() && table.target(secret).is_none());
        assert!(table.target(public).is_some() && table.target(open).is_some());
    }

    #[test]
    fn session_objects_die_with_their_session() {
        let table = ObjectTable::default();
        let (mine, other) = (Handle::new(0, 1), Handle::new(1, 1));
        let dying = object(false);
        let handle = table.issue_session(dying.clone(), mine);
        let staying = table.issue_session(object(false), other);
        table.close_session(mine);
        assert!(table.target(handle).is_none() && dying.is_destroyed());
        assert_eq!(table.session_objects().len(), 1);
        assert!(table.target(staying).is_some());
    }
}
