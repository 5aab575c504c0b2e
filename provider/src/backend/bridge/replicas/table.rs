//! The objects of the slot, under the names that the application knows.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

use super::facts::{self, Facts};
use super::same::{Same, is_hidden, likeness};
use crate::attribute::{AttributeType, Attributes, ObjectClass};
use crate::backend::bridge::objects::now;
use crate::backend::bridge::read::{name, named};
use crate::backend::{Object, ObjectId};
use crate::engine::random;
use crate::error::Result;

/// Every object that was seen or made.
pub(super) struct Table {
    rows: HashMap<ObjectId, Row>,
    /// Of each token: our name for its object.
    ours: Vec<HashMap<ObjectId, ObjectId>>,
    /// Token objects that look alike.
    alike: HashMap<ObjectId, Vec<ObjectId>>,
    /// Session objects.
    lent: Vec<ObjectId>,
}

struct Row {
    same: Arc<Same>,
    object: Shown,
}

/// What the application sees.
enum Shown {
    Kept(Arc<Object>),
    /// A session object, which ends when nobody has it any more.
    Lent(Weak<Object>),
}

impl Shown {
    fn object(&self) -> Option<Arc<Object>> {
        let object = match self {
            Self::Kept(object) => Some(object.clone()),
            Self::Lent(object) => object.upgrade(),
        };
        object.filter(|object| !object.is_destroyed())
    }
}

impl Table {
    pub(super) fn new(tokens: usize) -> Self {
        let ours = vec![HashMap::new(); tokens];
        Self { rows: HashMap::new(), ours, alike: HashMap::new(), lent: Vec::new() }
    }

    pub(super) fn object(&self, id: ObjectId) -> Option<(Arc<Object>, Arc<Same>)> {
        let row = self.rows.get(&id)?;
        Some((row.object.object()?, row.same.clone()))
    }

    pub(super) fn same(&self, id: ObjectId) -> Option<Arc<Same>> {
        self.rows.get(&id).map(|row| row.same.clone())
    }

    /// The object that bears the name in these attributes.
    pub(super) fn of(&self, attributes: &Attributes) -> Option<Arc<Same>> {
        self.same(named(attributes).ok()?)
    }

    /// What the public key of a private one showed, if it was seen.
    pub(super) fn beside(&self, private: &Attributes) -> Option<Facts> {
        let of = |attributes: &Attributes| {
            let id = attributes.bytes(AttributeType::ID).filter(|id| !id.is_empty())?;
            Some((id.to_vec(), attributes.key_type()?))
        };
        let wanted = of(private)?;
        self.rows.values().find_map(|row| {
            let snapshot = row.object.object()?.snapshot();
            let attributes = &snapshot.attributes;
            let is_it = attributes.class() == Some(ObjectClass::PUBLIC_KEY)
                && of(attributes).as_ref() == Some(&wanted);
            is_it.then(|| facts::shown(attributes))
        })
    }

    /// Our name for an object of a token that was seen before.
    pub(super) fn known(&self, at: usize, id: ObjectId) -> Option<ObjectId> {
        self.ours[at].get(&id).copied().filter(|ours| self.rows.contains_key(ours))
    }

    /// Our name for an object that a token found: of one that another token has under the same
    /// names, if that is one alone and not known there.
    pub(super) fn see(&mut self, at: usize, theirs: &Arc<Object>) -> ObjectId {
        let attributes = &theirs.snapshot().attributes;
        let alike = self.alike.get(&likeness(attributes)).map_or(&[][..], Vec::as_slice);
        let mut free = alike
            .iter()
            .filter(|id| self.rows.get(*id).is_some_and(|row| row.same.on(at).is_none()));
        if let (Some(id), None) = (free.next(), free.next()) {
            let id = *id;
            // That it is the same key takes a proof, at its first use there.
            if !is_hidden(attributes) {
                self.rows[&id].same.put(at, theirs.clone());
            }
            self.ours[at].insert(theirs.id, id);
            return id;
        }
        self.insert(theirs.id, at, theirs).id
    }

    /// An object that was just made: those of the tokens by their places.
    ///
    /// # Errors
    /// What the generator answers.
    pub(super) fn add(&mut self, made: &[(usize, Arc<Object>)]) -> Result<Arc<Object>> {
        self.sweep();
        let (at, first) = &made[0];
        let mut id = first.id;
        if self.rows.contains_key(&id) || !first.is_token_object() {
            random::fill(&mut id.0)?;
        }
        let object = self.insert(id, *at, first);
        let same = self.rows[&id].same.clone();
        for (at, theirs) in &made[1..] {
            same.put(*at, theirs.clone());
            self.ours[*at].insert(theirs.id, id);
        }
        Ok(object)
    }

    fn insert(&mut self, id: ObjectId, at: usize, theirs: &Arc<Object>) -> Arc<Object> {
        let snapshot = theirs.snapshot();
        let mut attributes = snapshot.attributes.clone();
        name(&mut attributes, id);
        let same = Same::new(id, self.ours.len(), &attributes);
        same.put(at, theirs.clone());
        let durable = same.durable;
        if durable {
            self.alike.entry(same.likeness()).or_default().push(id);
        }
        let object = Arc::new(Object::new(id, attributes, u64::from(durable), now()));
        let shown = match durable {
            true => Shown::Kept(object.clone()),
            false => {
                self.lent.push(id);
                Shown::Lent(Arc::downgrade(&object))
            }
        };
        self.ours[at].insert(theirs.id, id);
        self.rows.insert(id, Row { same: Arc::new(same), object: shown });
        object
    }

    /// What the object is changed on every token.
    pub(super) fn renamed(&mut self, id: ObjectId, attributes: &Attributes) {
        let Some(same) = self.same(id) else { return };
        let before = same.likeness();
        same.changed(attributes);
        if same.durable && same.likeness() != before {
            if let Some(alike) = self.alike.get_mut(&before) {
                alike.retain(|other| *other != id);
            }
            self.alike.entry(same.likeness()).or_default().push(id);
        }
    }

    /// The object is gone.
    pub(super) fn remove(&mut self, id: ObjectId) {
        self.take(&HashSet::from([id]));
    }

    /// After a logout.
    pub(super) fn remove_private(&mut self) {
        let is_private = |row: &Row| {
            let object = row.object.object();
            object.is_none_or(|object| object.snapshot().is_private())
        };
        let rows = self.rows.iter().filter(|(_, row)| is_private(row));
        let private = rows.map(|(id, _)| *id).collect();
        self.take(&private);
    }

    /// Lets go of session objects that ended, so that their tokens do.
    fn sweep(&mut self) {
        let is_there =
            |id: &ObjectId| self.rows.get(id).is_some_and(|row| row.object.object().is_some());
        let (there, ended): (Vec<_>, Vec<_>) = self.lent.iter().copied().partition(is_there);
        self.lent = there;
        if !ended.is_empty() {
            self.take(&ended.into_iter().collect());
        }
    }

    fn take(&mut self, ids: &HashSet<ObjectId>) {
        for id in ids {
            let Some(row) = self.rows.remove(id) else { continue };
            if let Some(object) = row.object.object() {
                object.mark_destroyed();
            }
            if let Some(alike) = self.alike.get_mut(&row.same.likeness()) {
                alike.retain(|other| other != id);
            }
        }
        self.ours.iter_mut().for_each(|ours| ours.retain(|_, name| !ids.contains(name)));
    }
}
