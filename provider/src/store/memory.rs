//! A store that ends with its process: for tests, and for tokens that are meant to be forgotten.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    Account, Batch, Change, CommitError, Epoch, EventRecord, Exclusive, Form, Freshness, Instance,
    Record, Role, Store, Tag, TokenRecord, event,
};
use crate::backend::ObjectId;
use crate::error::Result;

/// Records in memory.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    login: Mutex<()>,
}

#[derive(Default)]
struct State {
    epoch: u64,
    token: Option<TokenRecord>,
    accounts: Vec<Account>,
    records: BTreeMap<ObjectId, Record>,
    tags: BTreeMap<(Tag, ObjectId), ()>,
    events: Vec<EventRecord>,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn token(&self) -> Result<Option<TokenRecord>> {
        Ok(self.state().token.clone())
    }

    fn instance(&self) -> Result<Option<Instance>> {
        Ok(self.state().token.as_ref().map(|token| token.instance))
    }

    fn account(&self, role: Role) -> Result<Option<Account>> {
        Ok(self.state().account(role).cloned())
    }

    fn get(&self, id: ObjectId) -> Result<Option<Record>> {
        Ok(self.state().records.get(&id).cloned())
    }

    fn version(&self, id: ObjectId) -> Result<Option<u64>> {
        Ok(self.state().records.get(&id).map(|record| record.version))
    }

    fn find(&self, tags: &[Tag]) -> Result<Vec<ObjectId>> {
        let state = self.state();
        let Some((first, rest)) = tags.split_first() else { return Ok(Vec::new()) };
        let from = (*first, ObjectId([0; 16]));
        let with_first = state.tags.range(from..).take_while(|row| row.0.0 == *first);
        let all = with_first
            .map(|row| row.0.1)
            .filter(|id| rest.iter().all(|tag| state.tags.contains_key(&(*tag, *id))));
        Ok(all.collect())
    }

    fn unattested(&self) -> Result<Vec<ObjectId>> {
        let state = self.state();
        let rows = state.records.values().filter(|record| record.form == Form::Unattested);
        Ok(rows.map(|record| record.id).collect())
    }

    fn scan(&self, each: &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<()> {
        let records: Vec<_> = self.state().records.values().cloned().collect();
        let _ = records.into_iter().try_for_each(each);
        Ok(())
    }

    fn events(&self, first: u64, limit: usize) -> Result<Vec<EventRecord>> {
        let state = self.state();
        let rows = state.events.iter().filter(|event| event.sequence >= first);
        Ok(rows.take(limit).cloned().collect())
    }

    fn commit(&self, batch: &Batch<'_>) -> Result<Epoch, CommitError> {
        let mut state = self.state();
        if state.token.as_ref().map(|token| token.instance) != batch.instance {
            return Err(CommitError::Replaced);
        }
        let cleared = batch.changes.iter().any(|change| matches!(change, Change::Clear));
        if batch.changes.iter().any(|change| !state.expects(change, cleared)) {
            return Err(CommitError::Conflict);
        }
        let mut last = state.events.last().map_or((0, [0; 32]), |last| (last.sequence, last.chain));
        let mut events = Vec::with_capacity(batch.events.len());
        for event in &batch.events {
            let record = EventRecord::append(event, event::now(), last, batch.witness)?;
            last = (record.sequence, record.chain);
            events.push(record);
        }
        batch.changes.iter().for_each(|change| state.apply(change));
        state.events.extend(events);
        state.epoch += 2;
        Ok(Epoch(state.epoch))
    }

    fn epoch(&self) -> Result<Epoch> {
        Ok(Epoch(self.state().epoch))
    }

    fn fresh(&self, seen: Epoch) -> Result<Freshness> {
        let now = self.epoch()?;
        Ok(if now == seen { Freshness::Current } else { Freshness::Changed(now) })
    }

    fn writable(&self) -> Result<bool> {
        Ok(true)
    }

    fn exclusive(&self) -> Result<Box<dyn Exclusive + '_>> {
        Ok(Box::new(Held { _guard: self.login.lock().unwrap_or_else(PoisonError::into_inner) }))
    }

    fn forget(&self) -> Result<()> {
        Ok(())
    }
}

struct Held<'a> {
    _guard: MutexGuard<'a, ()>,
}

impl Exclusive for Held<'_> {}

impl State {
    fn account(&self, role: Role) -> Option<&Account> {
        self.accounts.iter().find(|account| account.role == role)
    }

    /// Whether what is stored has the version that the change expects; `cleared` says that the
    /// batch removes records and accounts first.
    fn expects(&self, change: &Change, cleared: bool) -> bool {
        let (stored, expected) = match change {
            Change::Put { record, expected } => {
                (self.records.get(&record.id).map(|record| record.version), *expected)
            }
            Change::Remove { id, expected } => {
                (self.records.get(id).map(|record| record.version), *expected)
            }
            Change::PutAccount { account, expected } => {
                (self.account(account.role).map(|account| account.version), *expected)
            }
            Change::PutToken { expected, .. } => {
                (self.token.as_ref().map(|token| token.version), *expected)
            }
            Change::Clear => (None, 0),
        };
        let stored = match change {
            Change::PutToken { .. } => stored,
            _ => stored.filter(|_| !cleared),
        };
        stored.unwrap_or(0) == expected
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Put { record, .. } => {
                self.remove(record.id);
                self.tags.extend(record.tags.iter().map(|tag| ((*tag, record.id), ())));
                self.records.insert(record.id, record.clone());
            }
            Change::Remove { id, .. } => self.remove(*id),
            Change::PutAccount { account, .. } => {
                self.accounts.retain(|other| other.role != account.role);
                self.accounts.push(account.clone());
            }
            Change::PutToken { token, .. } => self.token = Some(token.clone()),
            Change::Clear => {
                self.records.clear();
                self.tags.clear();
                self.accounts.clear();
            }
        }
    }

    fn remove(&mut self, id: ObjectId) {
        if let Some(record) = self.records.remove(&id) {
            for tag in record.tags {
                self.tags.remove(&(tag, id));
            }
        }
    }
}
