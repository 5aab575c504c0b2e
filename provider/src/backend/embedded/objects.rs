//! Objects: loading, finding, making, changing and destroying them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::identity::Identity;
use super::keys::Keys;
use super::token::EmbeddedToken;
use super::{name, seal, tags};
use crate::attribute::{AttributeType, Attributes, ObjectClass, Value, matching};
use crate::backend::{Found, Object, ObjectId, Snapshot, View};
use crate::engine;
use crate::error::{Code, Result};
use crate::lifecycle::state::State;
use crate::secret::Secret;
use crate::store::event::EventKind;
use crate::store::{Change, CommitError, Epoch, Event, Facts, Form, Freshness, Loose, Record};

impl EmbeddedToken {
    /// A token object by identity.
    pub(super) fn load(&self, id: ObjectId, view: View) -> Result<Option<Arc<Object>>> {
        let identity = self.unchanged()?;
        if let Some(object) = self.cache.get(id) {
            self.refresh_object(&object)?;
            let snapshot = object.snapshot();
            let visible = !object.is_destroyed() && (view == View::All || !snapshot.is_private());
            return Ok(visible.then_some(object));
        }
        let epoch = self.store.epoch()?;
        let Some(record) = self.store.get(id)? else { return Ok(None) };
        if record.form == Form::Private {
            if view == View::Public {
                return Ok(None);
            }
            self.user_keys()?;
        }
        let opened = seal::open(&identity, self.keys().as_deref(), &record)?;
        let object = Object::new(id, opened.attributes, record.version, epoch.0);
        Ok(Some(self.remember(object, opened.verified)))
    }

    /// Puts an object in the cache, where a private one stays only while its user is logged in.
    fn remember(&self, object: Object, verified: bool) -> Arc<Object> {
        let object = self.cache.insert(Arc::new(object), verified);
        // A logout during this call may have forgotten the private objects before this one came.
        if object.snapshot().is_private() && self.keys().is_none() {
            self.cache.remove(object.id);
        }
        object
    }

    /// See [`Token::refresh`](crate::backend::Token::refresh).
    pub(super) fn refresh_object(&self, object: &Object) -> Result<()> {
        let Freshness::Changed(epoch) = self.store.fresh(Epoch(object.seen()))? else {
            return Ok(());
        };
        let mine = object.snapshot().stored_version;
        if mine == 0 || object.is_destroyed() {
            object.set_seen(epoch.0);
            return Ok(());
        }
        let identity = self.unchanged()?;
        match self.store.version(object.id)? {
            None => {
                self.cache.remove(object.id);
                object.mark_destroyed();
            }
            Some(version) if version == mine => object.set_seen(epoch.0),
            Some(_) => {
                let Some(record) = self.store.get(object.id)? else {
                    object.mark_destroyed();
                    return Ok(());
                };
                let opened = seal::open(&identity, self.keys().as_deref(), &record)?;
                self.advance(object, opened.attributes, record.version, epoch);
            }
        }
        Ok(())
    }

    /// Puts a newer version in place; an older one, read before another thread's newer, is not.
    fn advance(&self, object: &Object, attributes: Attributes, version: u64, epoch: Epoch) {
        let _one = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        if object.snapshot().stored_version < version {
            object.replace(attributes, version);
        }
        object.set_seen(epoch.0);
    }

    /// The objects in `view` that match.
    pub(super) fn find_objects(&self, query: &Attributes, view: View) -> Result<Vec<Found>> {
        let identity = self.unchanged()?;
        if query.find(AttributeType::TOKEN).is_some_and(|token| *token != Value::Bool(true)) {
            return Ok(Vec::new());
        }
        let asked = query.find(AttributeType::PRIVATE);
        let wanted = |side: bool| asked.is_none_or(|asked| *asked == Value::Bool(side));
        let keys;
        let mut sides = Vec::new();
        if wanted(false) {
            sides.push((false, &identity.tags));
        }
        if view == View::All && wanted(true) {
            keys = self.user_keys()?;
            let private = keys.private.as_ref().ok_or_else(|| self.not_logged_in())?;
            sides.push((true, &private.tags));
        }
        let tag_keys: Vec<_> = sides.iter().map(|side| side.1).collect();
        let ids = self.tagged(&tag_keys, query)?;
        let each = |((private, _), ids): (&(bool, _), Vec<ObjectId>)| {
            let private = *private;
            ids.into_iter().map(move |id| Found { id, private })
        };
        let mut found = sides.iter().zip(ids).flat_map(each).collect();
        self.keep_matching(&mut found, query, view)?;
        Ok(found)
    }

    /// For each key of tags, the objects that have the tags of a query under it.
    pub(super) fn tagged(
        &self,
        keys: &[&Secret],
        query: &Attributes,
    ) -> Result<Vec<Vec<ObjectId>>> {
        let of_query = |key: &&Secret| tags::of_query(key, query);
        let sets = keys.iter().map(of_query).collect::<Result<Option<Vec<_>>>>()?;
        match sets {
            Some(sets) => self.store.find(&sets),
            None => Ok(vec![Vec::new(); keys.len()]),
        }
    }

    /// Looks at the objects themselves where tags do not decide, and where there are so few that
    /// it costs nothing: they are about to be used, and a forged index row is noticed.
    fn keep_matching(&self, found: &mut Vec<Found>, query: &Attributes, view: View) -> Result<()> {
        const FEW: usize = 16;
        let implied = [AttributeType::TOKEN, AttributeType::PRIVATE];
        let decided = query.iter().all(|row| tags::is_tagged(row.0) || implied.contains(&row.0));
        if decided && (found.len() > FEW || query.is_empty()) {
            return Ok(());
        }
        let mut kept = Vec::with_capacity(found.len());
        for one in found.drain(..) {
            match self.load(one.id, view) {
                Ok(Some(object)) if matching::matches(&object.snapshot().attributes, query) => {
                    kept.push(one);
                }
                Ok(Some(_)) if decided => {
                    log::error!("object {:?} does not have what the index says: damaged", one.id);
                }
                Ok(_) => {}
                // Its use says so again; until then it can be found, to be destroyed.
                Err(e) if decided && e.code() == Code::DeviceError => kept.push(one),
                Err(e) if e.code() == Code::DeviceError => log::error!("left out of a search: {e}"),
                Err(e) => return Err(e),
            }
        }
        *found = kept;
        Ok(())
    }

    /// `C_CreateObject`, `C_CopyObject`.
    pub(super) fn create_object(&self, mut attributes: Attributes) -> Result<Arc<Object>> {
        engine::complete(&mut attributes)?;
        let mut made = self.make(vec![attributes])?;
        made.pop().ok_or_else(|| Code::GeneralError.because("one object made"))
    }

    /// Makes objects, those with `CKA_TOKEN` in one transaction.
    pub(super) fn make(&self, objects: Vec<Attributes>) -> Result<Vec<Arc<Object>>> {
        let identity = self.unchanged()?;
        let keys = self.keys();
        let (mut changes, mut events, mut made) = (Vec::new(), Vec::new(), Vec::new());
        for mut attributes in objects {
            let durable = attributes.is_true(AttributeType::TOKEN);
            let id = match durable {
                true => ObjectId::random()?,
                false => self.session_ids.draw()?,
            };
            attributes.set(AttributeType::UNIQUE_ID, Value::bytes(id.digits()));
            if durable {
                let record = self.seal(&identity, keys.as_deref(), id, 1, &attributes)?;
                changes.push(Change::Put { record, expected: 0 });
                events.push(Event::of_object(EventKind::Created, id));
            }
            made.push((id, attributes, u64::from(durable)));
        }
        let epoch = match changes.is_empty() {
            true => Epoch(0),
            false => self.commit(&identity, keys.clone(), changes, events)?,
        };
        let made = made.into_iter().map(|(id, attributes, version)| {
            let object = Object::new(id, attributes, version, epoch.0);
            match version {
                0 => Arc::new(object),
                _ => self.remember(object, keys.is_some()),
            }
        });
        Ok(made.collect())
    }

    /// `C_SetAttributeValue`.
    pub(super) fn update_object(
        &self,
        object: &Object,
        base: &Arc<Snapshot>,
        attributes: Attributes,
    ) -> Result<()> {
        let expected = base.stored_version;
        if expected == 0 {
            return match object.replace_if(base, attributes) {
                true => Ok(()),
                false => Err(self.explain(CommitError::Conflict)),
            };
        }
        let identity = self.unchanged()?;
        let keys = self.keys();
        let version = expected + 1;
        let record = self.seal(&identity, keys.as_deref(), object.id, version, &attributes)?;
        let change = Change::Put { record, expected };
        let facts = changes_between(&base.attributes, &attributes);
        let event = Event::of_object(EventKind::Updated, object.id).with(facts);
        match self.try_commit(&identity, keys, vec![change], vec![event]) {
            Ok(epoch) => {
                self.advance(object, attributes, version, epoch);
                Ok(())
            }
            Err(CommitError::Conflict) => {
                self.refresh_object(object)?;
                match object.is_destroyed() {
                    true => Err(gone(object.id)),
                    false => Err(self.explain(CommitError::Conflict)),
                }
            }
            Err(other) => Err(self.explain(other)),
        }
    }

    /// `C_DestroyObject`, whatever version it has by now.
    pub(super) fn destroy_object(&self, object: &Object) -> Result<()> {
        if object.snapshot().stored_version == 0 {
            object.mark_destroyed();
            return Ok(());
        }
        let identity = self.unchanged()?;
        let (keys, snapshot) = (self.keys(), object.snapshot());
        if keys.is_none() && snapshot.is_private() {
            return Err(self.not_logged_in());
        }
        if keys.is_none() && snapshot.attributes.is_true(AttributeType::TRUSTED) {
            return Err(
                Code::UserNotLoggedIn.because("a trusted object needs a login: call C_Login")
            );
        }
        let name = name::of(keys.as_deref(), object.id, &snapshot.attributes)?;
        let facts = Facts { name, ..Facts::default() };
        for _ in 0..64 {
            let Some(expected) = self.store.version(object.id)? else {
                self.cache.remove(object.id);
                object.mark_destroyed();
                return Err(gone(object.id));
            };
            let change = Change::Remove { id: object.id, expected };
            let event = Event::of_object(EventKind::Destroyed, object.id).with(facts.clone());
            match self.try_commit(&identity, keys.clone(), vec![change], vec![event]) {
                Ok(_) => {
                    self.cache.remove(object.id);
                    object.mark_destroyed();
                    self.remains.store(true, Ordering::Release);
                    return Ok(());
                }
                Err(CommitError::Conflict) => {}
                Err(other) => return Err(self.explain(other)),
            }
        }
        Err(self.explain(CommitError::Conflict))
    }

    /// After a login: public objects that were opened before it are held against the MAC key.
    pub(super) fn verify_opened(&self) {
        for object in self.cache.take_unverified() {
            let Ok(Some(identity)) = self.identity() else { return };
            let Ok(Some(record)) = self.store.get(object.id) else { continue };
            match seal::open(&identity, self.keys().as_deref(), &record) {
                Ok(opened) if opened.attributes == object.snapshot().attributes => {}
                Ok(_) => object.set_seen(1),
                Err(e) => {
                    log::error!("{e}");
                    self.cache.remove(object.id);
                    object.mark_destroyed();
                }
            }
        }
    }

    /// After a login of the user, who vouches for them: what was made, changed or destroyed
    /// without a login since the last one.
    pub(super) fn attest(&self) {
        let loose = self.store.loose().unwrap_or_default();
        if loose.is_empty() || !self.store.writable().unwrap_or(false) {
            return;
        }
        for one in loose {
            match self.attest_one(one) {
                Ok(what) => {
                    log::warn!("object {:?} was {what} without a login; it is attested now", one.id)
                }
                Err(e) => log::error!("object {:?} stays unattested: {e}", one.id),
            }
        }
    }

    /// What had happened to the object.
    fn attest_one(&self, loose: Loose) -> Result<&'static str> {
        let (identity, keys, id) = (self.unchanged()?, self.user_keys()?, loose.id);
        let (change, what) = match self.store.get(id)? {
            None => (Change::Settle { id }, "destroyed"),
            Some(record) => {
                let attributes = seal::open(&identity, Some(&keys), &record)?.attributes;
                let expected = record.version;
                let record = seal::seal(&identity, Some(&keys), id, expected + 1, &attributes)?;
                let what = loose.was.map_or("made", |_| "changed");
                (Change::Put { record, expected }, what)
            }
        };
        let event = Event::of_object(EventKind::Attested, id);
        match self.try_commit(&identity, Some(keys), vec![change], vec![event]) {
            // Another process was faster, or the object is gone.
            Ok(_) | Err(CommitError::Conflict) => Ok(what),
            Err(other) => Err(self.explain(other)),
        }
    }

    /// Seals an object that is made or changed, and says what is weaker about it than its owner
    /// may think.
    fn seal(
        &self,
        identity: &Identity,
        keys: Option<&Keys>,
        id: ObjectId,
        version: u64,
        attributes: &Attributes,
    ) -> Result<Record> {
        let record =
            seal::seal(identity, keys, id, version, attributes).map_err(|e| match e.code() {
                Code::UserNotLoggedIn if keys.is_none() => self.not_logged_in(),
                _ => e,
            })?;
        warn_of(&record);
        Ok(record)
    }
}

/// Which attributes change, by type alone, and how the state of a key moves.
fn changes_between(before: &Attributes, after: &Attributes) -> Facts {
    let of = |attributes: &Attributes| State::of(attributes).number() as u8;
    let is_key = after.class().is_some_and(ObjectClass::is_key);
    let states = Some((of(before), of(after))).filter(|(from, to)| is_key && from != to);
    let differs = |&(id, value): &(AttributeType, &Value)| before.find(id) != Some(value);
    let mut changed: Vec<u64> = after.iter().filter(differs).map(|row| row.0.0).collect();
    changed.extend(
        before.iter().map(|row| row.0).filter(|id| after.find(*id).is_none()).map(|id| id.0),
    );
    changed.sort_unstable();
    Facts { states, changed, ..Facts::default() }
}

fn warn_of(record: &Record) {
    match record.form {
        // Said when it is made, and not again at every change.
        Form::Open if record.version > 1 => {}
        Form::Open => log::warn!(
            "object {:?} is a key with CKA_PRIVATE false: whoever can read the token's file can \
             read it, no PIN is needed",
            record.id
        ),
        Form::Unattested => log::warn!(
            "object {:?} is written without a login: changes to it in the file go unnoticed until \
             the user logs in",
            record.id
        ),
        Form::Private | Form::Public => {}
    }
}

fn gone(id: ObjectId) -> crate::error::Error {
    Code::ObjectHandleInvalid.because(format!("object {id:?} was destroyed"))
}
