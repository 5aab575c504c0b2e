//! The objects of an inner token as they are known here: identities, handles, attributes read.

mod known;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use once_cell::sync::Lazy;

use self::known::Known;
use super::gate::Gate;
use super::identity;
use super::pool::Pinned;
use super::profile::Profile;
use super::read::{read, search};
use super::record::Kept;
use crate::attribute::{AttributeType, Attributes, Value, matching};
use crate::backend::{Found, Object, ObjectId, Snapshot, View};
use crate::error::{Code, Result};
use crate::ffi::inner::InnerSession;

/// What is known of the objects.
pub(super) struct Objects {
    /// How long what was read is taken for true.
    refresh: Duration,
    pub(super) gate: Gate,
    profile: Arc<Profile>,
    known: Mutex<Known>,
}

/// Milliseconds since this module was first used: what `Object::seen` counts in.
pub(super) fn now() -> u64 {
    static START: Lazy<Instant> = Lazy::new(Instant::now);
    START.elapsed().as_millis() as u64 + 1
}

impl Objects {
    pub(super) fn new(refresh: Duration, gate: Gate, profile: Arc<Profile>) -> Self {
        Self { refresh, gate, profile, known: Mutex::default() }
    }

    /// The token objects that match. Few searches are the inner token's to answer; of many, all
    /// but the first few of a moment are answered from what was read.
    ///
    /// # Errors
    /// What the inner token answers.
    pub(super) fn find(
        &self,
        session: &Pinned,
        query: &Attributes,
        view: View,
    ) -> Result<Vec<Found>> {
        if query.find(AttributeType::TOKEN) == Some(&Value::Bool(false)) {
            return Ok(Vec::new());
        }
        let mut known = self.known();
        known.of_generation(session.generation());
        if !known.is_listed(self.refresh) {
            if !is_foreign(query) && known.may_pass_on(query, self.refresh) {
                let mut wanted = query.clone();
                wanted.set(AttributeType::TOKEN, Value::Bool(true));
                let found = search(session, &wanted)?;
                return known.load(session, self, &found).map(|ids| known.told(&ids, view));
            }
            known.list(session, self)?;
        }
        let matching = known.by_id.iter().filter(|(_, entry)| {
            let attributes = &entry.object.snapshot().attributes;
            attributes.is_true(AttributeType::TOKEN) && matching::matches(attributes, query)
        });
        let mut ids: Vec<_> = matching.map(|(id, entry)| (entry.handle, *id)).collect();
        ids.sort_unstable();
        let ids: Vec<_> = ids.into_iter().map(|(_, id)| id).collect();
        Ok(known.told(&ids, view))
    }

    /// Whether the inner token has the object, as far as is known.
    pub(super) fn has(&self, id: ObjectId) -> bool {
        self.known().by_id.contains_key(&id)
    }

    /// An object by its identity.
    pub(super) fn object(&self, id: ObjectId, view: View) -> Option<Arc<Object>> {
        let known = self.known();
        let object = known.by_id.get(&id)?.object.clone();
        (view == View::All || !object.snapshot().is_private()).then_some(object)
    }

    /// The handle of an object, found again if handles were lost.
    ///
    /// # Errors
    /// ObjectHandleInvalid if it is gone, DeviceError if several objects look like it.
    pub(super) fn handle(&self, session: &Pinned, id: ObjectId) -> Result<u64> {
        let mut known = self.known();
        known.of_generation(session.generation());
        let Some(entry) = known.by_id.get(&id) else {
            return Err(Code::ObjectHandleInvalid.because(format!("object {id:?} is gone")));
        };
        if entry.generation == session.generation() {
            return Ok(entry.handle);
        }
        let found = match entry.template.is_true(AttributeType::TOKEN) {
            true => search(session, &entry.template)?,
            // Session objects end with the session that they were made in.
            false => Vec::new(),
        };
        match found[..] {
            [handle] => {
                known.place(id, handle, session.generation());
                Ok(handle)
            }
            [] => {
                known.forget(id);
                Err(Code::ObjectHandleInvalid.because(format!("object {id:?} is gone")))
            }
            _ => Err(Code::DeviceError.because(format!(
                "object {id:?}: after the connection was lost {} objects look like it; give each a \
                 CKA_ID of its own",
                found.len()
            ))),
        }
    }

    /// Reads an object that the inner token just made; a session object is kept to `kept` here.
    ///
    /// # Errors
    /// What the inner token answers.
    pub(super) fn adopt(
        &self,
        session: &InnerSession,
        generation: u64,
        handle: u64,
        kept: &Kept,
    ) -> Result<Arc<Object>> {
        let mut known = self.known();
        known.of_generation(generation);
        known.hidden.remove(&handle);
        let id = known.read(session, &self.profile, handle, None)?;
        let object = known.by_id[&id].object.clone();
        if !object.is_token_object() {
            known.lent.push((Arc::downgrade(&object), handle));
            known.keep(id, kept);
        }
        Ok(object)
    }

    /// Whether an object was not looked at for a while; never one that only memory holds here.
    pub(super) fn is_due(&self, object: &Object) -> bool {
        let seen = object.seen();
        seen != 0 && now().saturating_sub(seen) > self.refresh.as_millis() as u64
    }

    /// Reads an object again.
    ///
    /// # Errors
    /// What the inner token answers.
    pub(super) fn reread(&self, session: &Pinned, object: &Object) -> Result<()> {
        let handle = match self.handle(session, object.id) {
            Err(e) if e.code() == Code::ObjectHandleInvalid => {
                object.mark_destroyed();
                return Ok(());
            }
            handle => handle?,
        };
        let read = read(session, &self.profile, handle, None);
        let mut known = self.known();
        match read {
            Err(e) if e.code() == Code::ObjectHandleInvalid => {
                // Without its login a token denies what it has.
                session.pool().check_login(session)?;
                known.forget(object.id);
            }
            Err(e) => return Err(e),
            Ok(mut attributes) => {
                if !known.is_same(object.id, &attributes) {
                    log::warn!("object {:?}: its handle stands for another object now", object.id);
                    known.forget(object.id);
                    return Ok(());
                }
                let snapshot = object.snapshot();
                known.name(&mut attributes, object.id);
                if snapshot.attributes != attributes {
                    object.replace(attributes, snapshot.stored_version);
                }
                object.set_seen(now());
            }
        }
        Ok(())
    }

    /// Gives a session object other attributes that its token does not keep; `false` if it is no
    /// longer what `base` says.
    pub(super) fn rekeep(
        &self,
        object: &Object,
        base: &Arc<Snapshot>,
        attributes: Attributes,
        kept: Kept,
    ) -> bool {
        let mut known = self.known();
        let done = object.replace_if(base, attributes);
        if let Some(entry) = known.by_id.get_mut(&object.id).filter(|_| done) {
            entry.kept = Some(kept);
        }
        done
    }

    /// Keeps a session object to something; the next reading has it.
    pub(super) fn keep(&self, id: ObjectId, kept: &Kept) {
        self.known().keep(id, kept);
    }

    /// The handle may be another object's from now on.
    pub(super) fn unhide(&self, handle: u64) {
        self.known().hidden.remove(&handle);
    }

    /// Notes what the first use of a key decided; the next reading has it.
    pub(super) fn decide(&self, id: ObjectId, roles: u64) {
        *self.known().roles.entry(id).or_default() |= roles;
    }

    /// What is known of the object is what `attributes` say, after a change that was made here.
    pub(super) fn changed(&self, id: ObjectId, handle: u64, generation: u64) {
        let mut known = self.known();
        if let Some(entry) = known.by_id.get_mut(&id) {
            entry.template = identity::template(&entry.object.snapshot().attributes);
        }
        known.place(id, handle, generation);
    }

    /// The object is gone.
    pub(super) fn forget(&self, id: ObjectId) {
        self.known().forget(id);
    }

    /// After a login: more objects are there.
    pub(super) fn relist(&self) {
        self.known().listed = None;
    }

    /// After a logout: only public objects are there, under the names that they had.
    pub(super) fn forget_private(&self) {
        let mut known = self.known();
        let private = known.by_id.iter().filter(|(_, entry)| entry.object.snapshot().is_private());
        let private: Vec<_> = private.map(|(id, _)| *id).collect();
        private.into_iter().for_each(|id| known.forget(id));
        known.hidden.clear();
        known.listed = None;
    }

    /// Nothing of what was known is there any more.
    pub(super) fn forget_all(&self) {
        let mut known = self.known();
        let ids: Vec<_> = known.by_id.keys().copied().collect();
        ids.into_iter().for_each(|id| known.forget(id));
        let (lent, roles) = (std::mem::take(&mut known.lent), std::mem::take(&mut known.roles));
        *known = Known { lent, roles, ..Known::default() };
    }

    /// The handles of session objects that nobody has any more, and the generation that they are
    /// of: afterwards they may stand for others.
    pub(super) fn unused(&self) -> (Vec<u64>, u64) {
        let mut known = self.known();
        let is_used =
            |object: &Weak<Object>| object.upgrade().is_some_and(|object| !object.is_destroyed());
        let (used, unused): (Vec<_>, Vec<_>) =
            known.lent.drain(..).partition(|(object, _)| is_used(object));
        known.lent = used;
        for (_, handle) in &unused {
            if let Some(id) = known.by_handle.get(handle).copied() {
                known.forget(id);
            }
        }
        (unused.into_iter().map(|(_, handle)| handle).collect(), known.generation)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a search names what is kept above the bridge.
fn is_foreign(query: &Attributes) -> bool {
    const OURS: [AttributeType; 4] = [
        AttributeType::UNIQUE_ID,
        AttributeType::KEYWAY_STATE,
        AttributeType::START_DATE,
        AttributeType::END_DATE,
    ];
    OURS.iter().any(|id| query.has(*id))
}
