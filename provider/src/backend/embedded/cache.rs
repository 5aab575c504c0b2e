//! The objects of a token that this process has opened, each once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backend::{Object, ObjectId};

/// Opened objects by identity; those that nobody else holds are dropped when there are many.
pub(super) struct Cache {
    state: Mutex<State>,
}

struct State {
    objects: HashMap<ObjectId, Entry>,
    /// At this many, the next one makes room.
    limit: usize,
}

struct Entry {
    object: Arc<Object>,
    /// Whether its record was held against the master key.
    verified: bool,
}

const LIMIT: usize = 16_384;

impl Cache {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State { objects: HashMap::new(), limit: LIMIT }) }
    }

    pub(super) fn get(&self, id: ObjectId) -> Option<Arc<Object>> {
        self.state().objects.get(&id).map(|entry| entry.object.clone())
    }

    /// Keeps an object, unless another thread was faster: then its object is the one.
    pub(super) fn insert(&self, object: Arc<Object>, verified: bool) -> Arc<Object> {
        let mut state = self.state();
        if state.objects.len() >= state.limit {
            state.objects.retain(|_, entry| Arc::strong_count(&entry.object) > 1);
            state.limit = LIMIT.max(2 * state.objects.len());
        }
        let entry = state.objects.entry(object.id).or_insert(Entry { object, verified });
        entry.object.clone()
    }

    pub(super) fn remove(&self, id: ObjectId) {
        self.state().objects.remove(&id);
    }

    /// Forgets private objects, at logout.
    pub(super) fn forget_private(&self) {
        self.state().objects.retain(|_, entry| !entry.object.snapshot().is_private());
    }

    /// Forgets everything; what was there.
    pub(super) fn drain(&self) -> Vec<Arc<Object>> {
        self.state().objects.drain().map(|(_, entry)| entry.object).collect()
    }

    /// The objects whose records were not yet held against the master key, from now on regarded
    /// as if they were: the caller does that.
    pub(super) fn take_unverified(&self) -> Vec<Arc<Object>> {
        let mut state = self.state();
        let unverified = state.objects.values_mut().filter(|entry| !entry.verified);
        unverified
            .map(|entry| {
                entry.verified = true;
                entry.object.clone()
            })
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Attributes;

    fn object(n: u32) -> Arc<Object> {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&n.to_be_bytes());
        Arc::new(Object::new(ObjectId(id), Attributes::new(), 1, 0))
    }

    #[test]
    fn what_is_held_elsewhere_stays_and_the_rest_makes_room() {
        let cache = Cache::new();
        let held = cache.insert(object(0), true);
        (1..=LIMIT as u32).for_each(|n| drop(cache.insert(object(n), true)));
        assert!(Arc::ptr_eq(&held, &cache.get(held.id).unwrap()));
        assert!(cache.get(object(1).id).is_none());
    }

    #[test]
    fn one_identity_has_one_object() {
        let cache = Cache::new();
        let first = cache.insert(object(1), true);
        assert!(Arc::ptr_eq(&first, &cache.insert(object(1), true)));
    }
}
