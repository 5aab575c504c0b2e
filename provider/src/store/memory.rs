//! A store that ends with its process: for tests, and for tokens that are meant to be forgotten.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::transaction::{self, Rows};
use super::{
    Account, Batch, Change, CommitError, Epoch, EventRecord, Exclusive, Freshness, Head, Instance,
    Loose, Member, Record, Role, Stamp, Store, Survey, Tag, TokenRecord,
};
use crate::backend::ObjectId;
use crate::error::Result;

/// Records in memory.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    login: Mutex<()>,
}

#[derive(Clone, Default)]
struct State {
    epoch: u64,
    token: Option<TokenRecord>,
    accounts: Vec<Account>,
    records: BTreeMap<ObjectId, Record>,
    tags: BTreeMap<(Tag, ObjectId), ()>,
    events: Vec<EventRecord>,
    seal: Option<Vec<u8>>,
    loose: BTreeMap<ObjectId, Loose>,
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
        Ok(self.state().account_of(role).cloned())
    }

    fn get(&self, id: ObjectId) -> Result<Option<Record>> {
        Ok(self.state().records.get(&id).cloned())
    }

    fn version(&self, id: ObjectId) -> Result<Option<u64>> {
        Ok(self.state().records.get(&id).map(|record| record.version))
    }

    fn find(&self, sets: &[Vec<Tag>]) -> Result<Vec<Vec<ObjectId>>> {
        let state = self.state();
        let with_all = |tags: &Vec<Tag>| {
            let Some((first, rest)) = tags.split_first() else { return Vec::new() };
            let from = (*first, ObjectId([0; 16]));
            let with_first = state.tags.range(from..).take_while(|row| row.0.0 == *first);
            let all = with_first
                .map(|row| row.0.1)
                .filter(|id| rest.iter().all(|tag| state.tags.contains_key(&(*tag, *id))));
            all.collect()
        };
        Ok(sets.iter().map(with_all).collect())
    }

    fn loose(&self) -> Result<Vec<Loose>> {
        Ok(self.state().loose.values().copied().collect())
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

    fn survey(&self, limit: u64) -> Result<Option<Survey>> {
        let state = self.state();
        if state.records.len() as u64 > limit {
            return Ok(None);
        }
        let objects = state.records.values();
        let fits =
            |loose: &Loose| *loose == Loose::new(loose.id, loose.was, state.records.get(&loose.id));
        let damaged = state.loose.values().filter(|loose| !fits(loose));
        Ok(Some(Survey {
            damaged: damaged.map(|loose| loose.id).collect(),
            seal: state.seal.clone(),
            objects: objects.map(|r| (r.id, stamp_of(r), r.tags.clone())).collect(),
            accounts: state.accounts.clone(),
            loose: state.loose.values().copied().collect(),
            index: state.tags.keys().copied().collect(),
        }))
    }

    fn commit(&self, batch: Batch) -> Result<Epoch, CommitError> {
        let mut state = self.state();
        // What fails halfway must leave nothing behind.
        let mut next = state.clone();
        transaction::run(&mut next, &batch)?;
        next.epoch += 2;
        *state = next;
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

    fn in_use(&self) -> Result<bool> {
        Ok(false)
    }

    fn inspect(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn forget(&self) -> Result<()> {
        Ok(())
    }
}

struct Held<'a> {
    _guard: MutexGuard<'a, ()>,
}

impl Exclusive for Held<'_> {}

impl Rows for State {
    fn instance(&self) -> Result<Option<Instance>> {
        Ok(self.token.as_ref().map(|token| token.instance))
    }

    fn stamp(&self, id: ObjectId) -> Result<Option<Stamp>> {
        Ok(self.records.get(&id).map(stamp_of))
    }

    fn record(&self, id: ObjectId) -> Result<Option<Record>> {
        Ok(self.records.get(&id).cloned())
    }

    fn account(&self, role: Role) -> Result<Option<Account>> {
        Ok(self.account_of(role).cloned())
    }

    fn members(&self) -> Result<Vec<Member>> {
        let object = |r: &Record| Member::Object { id: r.id, stamp: stamp_of(r) };
        let objects = self.records.values().map(object);
        Ok(objects.chain(self.accounts.iter().map(Member::of_account)).collect())
    }

    fn apply(&mut self, change: &Change) -> Result<bool> {
        let as_expected = self.expects(change);
        if as_expected {
            self.make(change);
        }
        Ok(as_expected)
    }

    fn loose(&self, id: ObjectId) -> Result<Option<Loose>> {
        Ok(self.loose.get(&id).copied())
    }

    fn write_loose(&mut self, loose: &Loose) -> Result<()> {
        self.loose.insert(loose.id, *loose);
        Ok(())
    }

    fn erase_loose(&mut self, id: ObjectId) -> Result<()> {
        self.loose.remove(&id);
        Ok(())
    }

    fn erase_all_loose(&mut self) -> Result<()> {
        self.loose.clear();
        Ok(())
    }

    fn seal(&self) -> Result<Option<Vec<u8>>> {
        Ok(self.seal.clone())
    }

    fn write_seal(&mut self, seal: &[u8]) -> Result<()> {
        self.seal = Some(seal.to_vec());
        Ok(())
    }

    fn head(&self) -> Result<Head> {
        let head = |last: &EventRecord| Head { sequence: last.sequence, chain: last.chain };
        Ok(self.events.last().map(head).unwrap_or_default())
    }

    fn append(&mut self, event: &EventRecord) -> Result<()> {
        self.events.push(event.clone());
        Ok(())
    }
}

fn stamp_of(record: &Record) -> Stamp {
    Stamp { version: record.version, form: record.form }
}

impl State {
    fn account_of(&self, role: Role) -> Option<&Account> {
        self.accounts.iter().find(|account| account.role == role)
    }

    /// Whether what is stored has the version that the change expects.
    fn expects(&self, change: &Change) -> bool {
        let (stored, expected) = match change {
            Change::Put { record, expected } => {
                (self.records.get(&record.id).map(|record| record.version), *expected)
            }
            Change::Remove { id, expected } => {
                (self.records.get(id).map(|record| record.version), *expected)
            }
            Change::PutAccount { account, expected } => {
                (self.account_of(account.role).map(|account| account.version), *expected)
            }
            Change::PutToken { expected, .. } => {
                (self.token.as_ref().map(|token| token.version), *expected)
            }
            Change::Clear | Change::Adopt | Change::Settle { .. } => (None, 0),
        };
        stored.unwrap_or(0) == expected
    }

    fn make(&mut self, change: &Change) {
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
            Change::Adopt => {
                let rows = self.records.values();
                let tags = rows.flat_map(|r| r.tags.iter().map(|tag| ((*tag, r.id), ())));
                self.tags = tags.collect();
            }
            Change::Settle { .. } => {}
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
