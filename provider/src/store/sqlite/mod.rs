//! A token in one SQLite file, shared by any number of processes.

mod failure;
mod files;
mod group;
mod image;
mod inspect;
mod ledger;
mod link;
mod pool;
mod pulse;
mod rows;
mod schema;

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::gate::{self, Connected, Inside};
use super::{
    Account, Batch, Change, CommitError, Durability, Epoch, EventRecord, Exclusive, Freshness,
    Instance, Loose, Record, Role, Store, Survey, Tag, TokenRecord,
};
use crate::backend::ObjectId;
use crate::error::{Code, Result};
use crate::ffi::lock::Mode;
use crate::trouble::Explained;
pub(crate) use files::make_directory;
use files::{Files, LOGIN, Locked, OPEN};
use group::{Answer, Group};
use ledger::Tables;
use pool::{Pool, Terms};

/// A token's database, opened when it is first needed.
pub struct SqliteStore {
    pool: Arc<Pool>,
    group: Group,
}

/// How long a process waits for another one's lock.
pub const PATIENCE: Duration = Duration::from_secs(10);

impl SqliteStore {
    /// The store in `database` and the files beside it. Nothing is opened or made yet: the first
    /// commit that brings a token record makes the file.
    pub fn new(database: &Path) -> Self {
        Self::with_patience(database, PATIENCE)
    }

    /// As [`new`](Self::new), waiting for other processes no longer than `patience`.
    pub fn with_patience(database: &Path, patience: Duration) -> Self {
        crate::ffi::fork::watch();
        let pool = Arc::new(Pool::new(Files::around(database, patience)));
        gate::register(&(pool.clone() as Arc<dyn Connected>));
        Self { pool, group: Group::default() }
    }

    /// Whether a token can be made here: nobody refuses to write to the directory.
    fn can_be_made(&self) -> bool {
        let mut ancestors = self.pool.files.database.ancestors().skip(1);
        let existing = ancestors.find(|directory| directory.is_dir());
        let access = rustix::fs::Access::WRITE_OK;
        existing.is_some_and(|directory| rustix::fs::access(directory, access).is_ok())
    }

    /// Commits batches in one transaction, each of them or nothing of it.
    fn commit_all(&self, batches: &[Batch]) -> Vec<Answer> {
        let create = |batch: &Batch| {
            batch.changes.iter().any(|change| matches!(change, Change::PutToken { .. }))
        };
        let terms = Terms {
            create: batches.iter().any(create),
            durability: batches.iter().fold(Durability::Offhand, |all, b| all.and(b.durability)),
            moves_epoch: batches.iter().any(|batch| !batch.changes.is_empty()),
            changes: batches.iter().map(|batch| batch.changes.len().max(1) as u64).sum(),
        };
        let mut refused = Vec::with_capacity(batches.len());
        let answer = self.pool.write(terms, |sqlite| match batches {
            [batch] => self.tables(sqlite).run(batch),
            several => {
                for batch in several {
                    refused.push(self.tables(sqlite).run_in_savepoint(batch)?);
                }
                Ok(())
            }
        });
        match answer {
            Ok(epoch) => {
                refused.resize_with(batches.len(), || None);
                refused.into_iter().map(|refused| refused.map_or(Ok(epoch), Err)).collect()
            }
            Err(error) => {
                let mut answers: Vec<_> = batches.iter().map(|_| Err(error.again())).collect();
                answers[0] = Err(error);
                answers
            }
        }
    }

    fn tables<'a>(&'a self, sqlite: &'a Connection) -> Tables<'a> {
        Tables { sqlite, files: &self.pool.files }
    }

    /// A damaged index leads to rows that it was not asked for, and whoever reads on from the last
    /// of them would go round for ever.
    fn require_order<T: Ord>(&self, keys: impl Iterator<Item = T>) -> Result<()> {
        match keys.is_sorted_by(|one, next| one < next) {
            true => Ok(()),
            false => Err(Code::DeviceError.because(format!(
                "{} is damaged, its rows are out of order: keep a copy of it and restore a backup",
                self.pool.files.database.display()
            ))),
        }
    }

    fn read<T: Default>(
        &self,
        body: impl FnOnce(&rusqlite::Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T> {
        Ok(self.pool.read(body)?.unwrap_or_default())
    }
}

impl Store for SqliteStore {
    fn token(&self) -> Result<Option<TokenRecord>> {
        self.read(rows::token)
    }

    fn instance(&self) -> Result<Option<Instance>> {
        self.read(rows::instance)
    }

    fn account(&self, role: Role) -> Result<Option<Account>> {
        self.read(|sqlite| rows::account(sqlite, role))
    }

    fn get(&self, id: ObjectId) -> Result<Option<Record>> {
        self.read(|sqlite| rows::get(sqlite, id))
    }

    fn version(&self, id: ObjectId) -> Result<Option<u64>> {
        self.read(|sqlite| rows::version(sqlite, id))
    }

    fn find(&self, sets: &[Vec<Tag>]) -> Result<Vec<Vec<ObjectId>>> {
        let found = self.read(|sqlite| {
            let moment = sqlite.unchecked_transaction()?;
            sets.iter().map(|tags| rows::find(&moment, tags)).collect::<Result<Vec<_>, _>>()
        })?;
        // While there is no database nothing is found.
        Ok(if found.is_empty() { vec![Vec::new(); sets.len()] } else { found })
    }

    fn loose(&self) -> Result<Vec<Loose>> {
        self.read(ledger::all_loose)
    }

    fn scan(&self, each: &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<()> {
        // In pages: a reader that stays for minutes would keep checkpoints and new processes out.
        const PAGE: u32 = 1000;
        let mut last = None;
        loop {
            let page = self.read(|sqlite| rows::page(sqlite, last, PAGE))?;
            let Some(record) = page.last() else { return Ok(()) };
            let ids = last.into_iter().chain(page.iter().map(|record| record.id));
            self.require_order(ids)?;
            last = Some(record.id);
            if page.into_iter().try_for_each(&mut *each).is_break() {
                return Ok(());
            }
        }
    }

    fn events(&self, first: u64, limit: usize) -> Result<Vec<EventRecord>> {
        let events = self.read(|sqlite| rows::events(sqlite, first, limit))?;
        let sequences = events.iter().map(|event| event.sequence);
        self.require_order(first.checked_sub(1).into_iter().chain(sequences))?;
        Ok(events)
    }

    fn survey(&self, limit: u64) -> Result<Option<Survey>> {
        self.read(|sqlite| {
            let transaction = sqlite.unchecked_transaction()?;
            ledger::survey(&transaction, limit)
        })
    }

    fn commit(&self, batch: Batch) -> Result<Epoch, CommitError> {
        // Waiting for a leader happens inside the gate: a fork finds nobody waiting.
        let _inside = gate::enter();
        self.group.commit(batch, |batches| self.commit_all(batches))
    }

    fn epoch(&self) -> Result<Epoch> {
        Ok(self.pool.epoch()?.unwrap_or(Epoch(0)))
    }

    #[inline]
    fn fresh(&self, seen: Epoch) -> Result<Freshness> {
        let now = match self.pool.mapped() {
            Some(pulse) => Epoch(pulse.mapped.load()),
            None => self.epoch()?,
        };
        match now == seen && now.0.is_multiple_of(2) {
            true => Ok(Freshness::Current),
            false => Ok(Freshness::Changed(now)),
        }
    }

    fn writable(&self) -> Result<bool> {
        Ok(self.pool.writable()?.unwrap_or_else(|| self.can_be_made()))
    }

    fn exclusive(&self) -> Result<Box<dyn Exclusive + '_>> {
        let files = &self.pool.files;
        let path = files.locks.clone();
        let file = File::options().read(true).write(true).open(&path);
        let file = file.or_explain(Code::TokenWriteProtected, "cannot open", &path)?;
        let deadline = Instant::now() + files.patience;
        let mut pause = Duration::from_micros(50);
        loop {
            // A fork while the lock is held would give it to the child, for as long as that
            // lives: so it is held inside the gate, but not waited for there.
            let inside = gate::enter();
            if files.try_lock(&file, LOGIN, Mode::Exclusive)? {
                return Ok(Box::new(Alone { file, _inside: inside }));
            }
            drop(inside);
            if Instant::now() >= deadline {
                return Err(files.stuck());
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(3));
        }
    }

    fn in_use(&self) -> Result<bool> {
        let _inside = gate::enter();
        let files = &self.pool.files;
        let Ok(file) = File::options().read(true).write(true).open(&files.locks) else {
            return Ok(false);
        };
        // This store's own connections are opened again when they are needed.
        self.pool.disconnect();
        // Released with the file.
        Ok(!files.try_lock(&file, OPEN, Mode::Exclusive)?)
    }

    fn inspect(&self) -> Result<Vec<String>> {
        self.read(|sqlite| {
            let mut wrong = inspect::integrity(sqlite)?;
            wrong.extend(inspect::schema(sqlite)?);
            Ok(wrong)
        })
    }

    fn forget(&self) -> Result<()> {
        self.pool.truncate_log()
    }
}

/// The login lock, released before the gate is left.
struct Alone {
    file: File,
    _inside: Inside,
}

impl Exclusive for Alone {}

impl Drop for Alone {
    fn drop(&mut self) {
        drop(Locked::taken(&self.file, LOGIN));
    }
}
