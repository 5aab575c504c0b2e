//! Which token of several does it, and who comes next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::facts::{self, Facts};
use super::member::Member;
use super::same::{Same, is_hidden, likeness};
use super::table::Table;
use crate::attribute::{AttributeType, Attributes, Value};
use crate::backend::bridge::objects::now;
use crate::backend::bridge::read::name;
use crate::backend::{Found, Object, ObjectId, Snapshot, Token, View};
use crate::error::{Code, Error, Result};
use crate::mechanism::Mechanism;

/// A token, by its place, and why it did not do it.
pub(super) type Failure = (usize, Error);

/// Tokens in the order in which they are used, and their objects.
pub(super) struct Set {
    pub(super) members: Vec<Member>,
    table: Mutex<Table>,
    /// How long what was read of an object is taken for true.
    refresh: Duration,
}

/// Whether another token may do it instead: this one, or its login, is lost.
pub(super) fn is_lost(code: Code) -> bool {
    matches!(code, Code::DeviceError | Code::DeviceRemoved | Code::UserNotLoggedIn)
}

/// Whether the token says that it does not have the object.
pub(super) fn is_gone(code: Code) -> bool {
    matches!(code, Code::ObjectHandleInvalid | Code::KeyHandleInvalid)
}

impl Set {
    pub(super) fn new(members: Vec<Member>, refresh: Duration) -> Self {
        let table = Mutex::new(Table::new(members.len()));
        Self { members, table, refresh }
    }

    /// Has the first token do something that can: in the order of the configuration, those that
    /// failed last.
    ///
    /// # Errors
    /// The first failure, where all of them fail.
    pub(super) fn any<T>(&self, work: impl FnMut(usize) -> Result<T>) -> Result<T> {
        self.first(&mut Vec::new(), work)
    }

    /// As [`any`](Self::any), on an object: by those that have it.
    ///
    /// # Errors
    /// As [`any`](Self::any); KeyHandleInvalid if none of them has it.
    pub(super) fn using<T>(
        &self,
        same: &Same,
        work: impl FnMut(usize, &Arc<Object>) -> Result<T>,
    ) -> Result<T> {
        self.elsewhere(same, &mut Vec::new(), work)
    }

    /// As [`using`](Self::using), by another token than those that `failed`.
    ///
    /// # Errors
    /// As [`using`](Self::using).
    pub(super) fn elsewhere<T>(
        &self,
        same: &Same,
        failed: &mut Vec<Failure>,
        mut work: impl FnMut(usize, &Arc<Object>) -> Result<T>,
    ) -> Result<T> {
        self.first(failed, |at| {
            let lacks = || Code::KeyHandleInvalid.because(format!("{}: lacks it", same.name()));
            let object = self.object_on(same, at)?.ok_or_else(lacks)?;
            work(at, &object).inspect_err(|e| {
                if is_gone(e.code()) {
                    same.lose(at);
                }
            })
        })
    }

    fn first<T>(
        &self,
        failed: &mut Vec<Failure>,
        mut work: impl FnMut(usize) -> Result<T>,
    ) -> Result<T> {
        let mut gone = None;
        for at in self.order() {
            if failed.iter().any(|(before, _)| *before == at) {
                continue;
            }
            match work(at) {
                Err(e) if is_lost(e.code()) => failed.push((at, e)),
                Err(e) if is_gone(e.code()) => gone = gone.or(Some(e)),
                Err(e) => return Err(e),
                Ok(answer) => {
                    self.worked(at, failed);
                    return Ok(answer);
                }
            }
        }
        let none = || Code::DeviceError.because("no token of the slot is left");
        match failed.is_empty() {
            true => Err(gone.unwrap_or_else(none)),
            false => Err(failed.remove(0).1),
        }
    }

    /// The places of the tokens that take part, those last that failed.
    fn order(&self) -> Vec<usize> {
        let places = 0..self.members.len();
        let there: Vec<_> = places.clone().filter(|at| !self.members[*at].is_out()).collect();
        let there = if there.is_empty() { places.collect() } else { there };
        let ask = |at: &usize| self.members[*at].health.is_to_be_asked();
        let (mut first, last): (Vec<_>, Vec<_>) = there.into_iter().partition(ask);
        first.extend(last);
        first
    }

    /// A token did what others could not.
    pub(super) fn worked(&self, at: usize, failed: &[Failure]) {
        let member = &self.members[at];
        if member.health.works() {
            log::warn!("{member}: works again");
        }
        for (before, error) in failed {
            let before = &self.members[*before];
            if before.health.failed() {
                log::warn!("{before}: fails, {member} takes over: {error}");
            }
        }
    }

    /// The object of a token, looked for there if it is not known.
    ///
    /// # Errors
    /// What the token answers.
    pub(super) fn object_on(&self, same: &Same, at: usize) -> Result<Option<Arc<Object>>> {
        if let Some(object) = same.on(at) {
            return Ok(Some(object));
        }
        match same.is_to_be_looked_for(at) {
            true => self.look_for(same, at),
            false => Ok(None),
        }
    }

    /// Looks for the object on another token: by its names, and a proof that it is the same key.
    fn look_for(&self, same: &Same, at: usize) -> Result<Option<Arc<Object>>> {
        let member = &self.members[at];
        let (mut found, mut others) = (Vec::new(), 0);
        for row in member.token.find(&same.sought(), View::All)? {
            let Some(object) = member.token.object(row.id, View::All)? else { continue };
            if likeness(&object.snapshot().attributes) != same.likeness() {
                continue;
            }
            match self.is_same(same, at, &object)? {
                true => found.push(object),
                false => others += 1,
            }
        }
        let why = match (&found[..], others) {
            ([object], _) => {
                same.put(at, object.clone());
                return Ok(Some(object.clone()));
            }
            ([], 0) => "is not there",
            ([], _) => "is another one there, or cannot be told to be the same",
            _ => "is there more than once",
        };
        if same.is_to_be_told(at) {
            log::warn!(
                "{member}: {} {why}: this token cannot take over for it (keyway token sync)",
                same.name()
            );
        }
        Ok(None)
    }

    /// Whether the object of a token is this one. What is not proved is not so.
    fn is_same(&self, same: &Same, at: usize, object: &Arc<Object>) -> Result<bool> {
        let mut theirs = facts::of(&self.members[at], object)?;
        let hidden = is_hidden(&object.snapshot().attributes);
        let known = same.facts().or_else(|| self.known_of(same, at));
        let Some(mut known) = known else {
            same.set_facts(theirs);
            return Ok(true);
        };
        if let Some(agreed) = known.agree(&theirs) {
            return Ok(agreed);
        }
        if !hidden {
            return Ok(true);
        }
        theirs.complete(&self.members[at], object)?;
        for (other, member) in self.members.iter().enumerate().filter(|(other, _)| *other != at) {
            if let Some(object) = same.on(other)
                && known.complete(member, &object).is_ok()
            {
                same.set_facts(known.clone());
            }
        }
        Ok(known.agree(&theirs) == Some(true))
    }

    /// What tells a key that was not used yet: by another token that has it, or by what was seen of
    /// it. `None` if that is nothing but its names.
    fn known_of(&self, same: &Same, at: usize) -> Option<Facts> {
        let others = self.members.iter().enumerate().filter(|(other, _)| *other != at);
        let mut there = others.filter_map(|(other, member)| Some((member, same.on(other)?)));
        let asked = there.find_map(|(member, object)| facts::of(member, &object).ok());
        let known = asked.or_else(|| {
            let (object, _) = self.table().object(same.id)?;
            let snapshot = object.snapshot();
            let shown = facts::shown(&snapshot.attributes);
            match shown.are_mute() {
                true => self.table().beside(&snapshot.attributes),
                false => Some(shown),
            }
        })?;
        same.set_facts(known.clone());
        Some(known)
    }

    /// At the first use of a key: what tells it, and where else it is, as long as that can be had.
    pub(super) fn join(&self, same: &Same) {
        for at in self.order() {
            let object = match self.object_on(same, at) {
                Ok(Some(object)) => object,
                Ok(None) => continue,
                Err(e) => {
                    log::debug!("{}: {e}", same.name());
                    continue;
                }
            };
            if same.facts().is_none() {
                let member = &self.members[at];
                let facts = facts::of(member, &object).and_then(|mut facts| {
                    if facts.are_mute() {
                        facts.complete(member, &object)?;
                    }
                    Ok(facts)
                });
                match facts {
                    Ok(facts) => same.set_facts(facts),
                    Err(e) => log::debug!("{}: {e}", same.name()),
                }
            }
        }
    }

    /// What a token found, under our names.
    pub(super) fn told(&self, at: usize, found: Vec<Found>) -> Result<Vec<Found>> {
        let mut told = Vec::with_capacity(found.len());
        let mut table = self.table();
        for Found { id, private } in found {
            let ours = match table.known(at, id) {
                Some(ours) => Some(ours),
                None => {
                    let object = self.members[at].token.object(id, View::All)?;
                    object.map(|object| table.see(at, &object))
                }
            };
            told.extend(ours.map(|id| Found { id, private }));
        }
        Ok(told)
    }

    /// Brings what the application sees of an object up to date.
    ///
    /// # Errors
    /// What the tokens answer, if none of them can be asked.
    pub(super) fn refresh(&self, object: &Object) -> Result<()> {
        let seen = object.seen();
        let is_due = seen != 0 && now().saturating_sub(seen) > self.refresh.as_millis() as u64;
        let Some(same) = is_due.then(|| self.table().same(object.id)).flatten() else {
            return Ok(());
        };
        let read = self.using(&same, |at, theirs| {
            self.members[at].token.refresh(theirs)?;
            match theirs.is_destroyed() {
                false => Ok(theirs.snapshot()),
                true => Err(Code::ObjectHandleInvalid.because(format!("{} is gone", same.name()))),
            }
        });
        match read {
            Ok(theirs) => {
                self.show(object, &theirs.attributes);
                object.set_seen(now());
                Ok(())
            }
            Err(e) if is_gone(e.code()) => {
                object.mark_destroyed();
                self.table().remove(object.id);
                Ok(())
            }
            Err(e) => Err(e),
        }
    }

    /// Shows what a token says of an object, under our name and with what was decided here.
    pub(super) fn show(&self, object: &Object, theirs: &Attributes) {
        let snapshot = object.snapshot();
        let mut attributes = theirs.clone();
        name(&mut attributes, object.id);
        if let Some(roles) = snapshot.attributes.number(AttributeType::KEYWAY_ROLES) {
            let roles = roles | attributes.number(AttributeType::KEYWAY_ROLES).unwrap_or(0);
            attributes.set(AttributeType::KEYWAY_ROLES, Value::Number(roles));
        }
        if snapshot.attributes != attributes {
            self.table().renamed(object.id, &attributes);
            object.replace(attributes, snapshot.stored_version);
        }
    }

    /// What a token is to search for: it has names of its own.
    pub(super) fn query(&self, at: usize, query: &Attributes) -> Attributes {
        let mut query = query.clone();
        let same = self.table().of(&query);
        if let Some(object) = same.and_then(|same| same.on(at)) {
            name(&mut query, object.id);
        }
        query
    }

    /// An object as a token has it; one that only the engine has stays as it is.
    ///
    /// # Errors
    /// ObjectHandleInvalid if that token does not have it.
    pub(super) fn snapshot_on<T>(
        &self,
        at: usize,
        snapshot: &Snapshot,
        work: impl FnOnce(&Snapshot) -> Result<T>,
    ) -> Result<T> {
        match self.same_of(&snapshot.attributes) {
            Some(same) => work(&self.there(&same, at)?.snapshot()),
            None => work(snapshot),
        }
    }

    /// The mechanism with the keys that it names, as a token has them.
    ///
    /// # Errors
    /// ObjectHandleInvalid if that token does not have one of them.
    pub(super) fn mechanism_on<'m>(
        &self,
        at: usize,
        mechanism: &Mechanism<'m>,
    ) -> Result<Mechanism<'m>> {
        let key = |key: &Arc<Object>| match self.same(key.id) {
            Some(same) => self.there(&same, at),
            None => Ok(key.clone()),
        };
        let keys = mechanism.keys.iter().map(key).collect::<Result<_>>()?;
        Ok(Mechanism { spec: mechanism.spec, params: mechanism.params.clone(), keys })
    }

    /// # Errors
    /// ObjectHandleInvalid if the token does not have it.
    pub(super) fn there(&self, same: &Same, at: usize) -> Result<Arc<Object>> {
        self.object_on(same, at)?.ok_or_else(|| {
            let member = &self.members[at];
            Code::ObjectHandleInvalid.because(format!("{member} lacks {}", same.name()))
        })
    }

    pub(super) fn same(&self, id: ObjectId) -> Option<Arc<Same>> {
        self.table().same(id)
    }

    /// The object of these attributes, unless only the engine has it.
    pub(super) fn same_of(&self, attributes: &Attributes) -> Option<Arc<Same>> {
        self.table().of(attributes)
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What differs between two states of an object, put into the attributes of another token's.
pub(super) fn carried_over(theirs: &Attributes, from: &Attributes, to: &Attributes) -> Attributes {
    let mut attributes = theirs.clone();
    let changed = to.iter().filter(|(id, value)| from.find(*id) != Some(*value));
    let changed: Vec<(AttributeType, Value)> =
        changed.map(|(id, value)| (id, value.clone())).collect();
    for (id, value) in changed {
        if id != AttributeType::UNIQUE_ID {
            attributes.set(id, value);
        }
    }
    attributes
}
