//! The connections of one token in this process: one that writes, as many readers as threads read.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use once_cell::sync::OnceCell;
use rusqlite::Connection;

use super::files::{Files, READ, WRITE};
use super::link::Link;
use super::pulse::Pulse;
use crate::error::{Code, Result};
use crate::ffi::lock::Mode;
use crate::store::gate::{self, Connected};
use crate::store::{CommitError, Durability, Epoch};

pub(super) struct Pool {
    pub(super) files: Files,
    idle: Mutex<Vec<Link>>,
    writer: Mutex<Option<Link>>,
    pulse: OnceCell<Pulse>,
    /// For processes that cannot map the epoch: a connection that is asked for `data_version`.
    watch: Mutex<Watch>,
}

/// `PRAGMA data_version` means something on one connection only, hence the count of connections.
#[derive(Default)]
struct Watch {
    link: Option<Link>,
    generation: u64,
}

/// What a transaction is like.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// Whether it makes the database if there is none.
    pub(super) create: bool,
    pub(super) durability: Durability,
    /// Whether anybody may have cached what it changes. Events alone make nobody look again.
    pub(super) moves_epoch: bool,
    /// How many changes it makes; events alone count as one.
    pub(super) changes: u64,
}

/// As many changes may lie in the write-ahead log before they are brought home: about what SQLite
/// does by itself (1,000 pages). Whoever opens a token that nobody has open reads the whole log.
const LOG_CHANGES: u64 = 200;
/// Idle readers kept; a burst of more threads opens more and closes them again.
const IDLE: usize = 4;

impl Pool {
    pub(super) fn new(files: Files) -> Self {
        Self {
            files,
            idle: Mutex::default(),
            writer: Mutex::default(),
            pulse: OnceCell::new(),
            watch: Mutex::default(),
        }
    }

    /// Runs a read; `None` while there is no database.
    pub(super) fn read<T>(
        &self,
        body: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<Option<T>> {
        let _inside = gate::enter();
        let idle = guard(&self.idle).pop();
        let link = match idle {
            Some(link) => link,
            None => match Link::open(&self.files)? {
                Some(link) => link,
                None => return Ok(None),
            },
        };
        let lock = link.locks.as_ref().map(|file| self.files.lock(file, READ, Mode::Shared));
        let lock = lock.transpose()?;
        let answer = body(&link.sqlite);
        drop(lock);
        // A connection on which something failed is not used again.
        let answer = answer.map_err(|e| self.files.explain(e, "cannot read"))?;
        let mut idle = guard(&self.idle);
        if idle.len() < IDLE {
            idle.push(link);
        }
        Ok(Some(answer))
    }

    /// Runs `body` in a transaction that begins with SQLite's write lock.
    pub(super) fn write(
        &self,
        terms: Terms,
        body: impl FnOnce(&Connection) -> Result<(), CommitError>,
    ) -> Result<Epoch, CommitError> {
        let _inside = gate::enter();
        let mut writer = guard(&self.writer);
        let link = match writer.take() {
            Some(link) => link,
            None => match Link::open(&self.files)? {
                Some(link) => link,
                None if terms.create => Link::create(&self.files)?,
                None => return Err(CommitError::Replaced),
            },
        };
        let pulse = self.pulse(&link)?.filter(|pulse| pulse.writable && !link.read_only);
        let (Some(pulse), Some(locks)) = (pulse, &link.locks) else {
            return Err(self.write_protected().into());
        };
        let patience = self.files.patience_for(terms.durability);
        let lock = self.files.lock_within(patience, locks, WRITE, Mode::Exclusive)?;
        let explain = |e| self.files.explain(e, "cannot write");
        link.make(terms.durability, patience).map_err(explain)?;
        link.sqlite.execute_batch("BEGIN IMMEDIATE").map_err(explain)?;
        let odd = terms.moves_epoch.then(|| pulse.mapped.begin());
        let current = link.require_current(&self.files).map_err(CommitError::Failed);
        let answer = current.and_then(|()| body(&link.sqlite)).and_then(|()| {
            link.sqlite.execute_batch("COMMIT").map_err(|e| CommitError::Failed(explain(e)))
        });
        if answer.is_err() && !link.sqlite.is_autocommit() {
            let _ = link.sqlite.execute_batch("ROLLBACK");
        }
        let even = odd.map_or_else(|| pulse.mapped.load(), |odd| pulse.mapped.finish(odd));
        if answer.is_ok() && pulse.mapped.count_changes(terms.changes) >= LOG_CHANGES {
            self.bring_home(&link, "PRAGMA wal_checkpoint(PASSIVE)");
        }
        drop(lock);
        if !matches!(answer, Err(CommitError::Failed(_))) {
            *writer = Some(link);
        }
        answer.map(|()| Epoch(even))
    }

    /// Empties the write-ahead log into the database, so that nothing old stays in it.
    pub(super) fn truncate_log(&self) -> Result<()> {
        let _inside = gate::enter();
        let mut writer = guard(&self.writer);
        if writer.is_none() {
            *writer = Link::open(&self.files)?;
        }
        let Some(link) = writer.as_ref().filter(|link| !link.read_only) else { return Ok(()) };
        let Some(locks) = &link.locks else { return Ok(()) };
        self.pulse(link)?;
        let _lock = self.files.lock(locks, WRITE, Mode::Exclusive)?;
        self.bring_home(link, "PRAGMA wal_checkpoint(TRUNCATE)");
        Ok(())
    }

    /// Moves what lies in the log into the database; the write lock is held. Readers that stay too
    /// long put it off until the next commit.
    fn bring_home(&self, link: &Link, statement: &str) {
        let Some(locks) = &link.locks else { return };
        let brief = Duration::from_millis(200);
        let Ok(_alone) = self.files.lock_within(brief, locks, READ, Mode::Exclusive) else {
            return;
        };
        match link.sqlite.query_row(statement, [], |row| row.get::<_, bool>(0)) {
            Ok(false) => {
                if let Some(pulse) = self.pulse.get() {
                    pulse.mapped.reset_changes();
                }
            }
            Ok(true) => log::debug!("{}: the log is busy", self.files.database.display()),
            Err(e) => log::warn!("{}", self.files.explain(e, "cannot empty the log of")),
        }
    }

    /// The epoch now; `None` while there is no database.
    pub(super) fn epoch(&self) -> Result<Option<Epoch>> {
        if let Some(pulse) = self.pulse.get() {
            return Ok(Some(Epoch(pulse.mapped.load())));
        }
        let _inside = gate::enter();
        let mut watch = guard(&self.watch);
        if watch.link.is_none() {
            let Some(link) = Link::open(&self.files)? else { return Ok(None) };
            if let Some(pulse) = self.pulse(&link)? {
                return Ok(Some(Epoch(pulse.mapped.load())));
            }
            watch.link = Some(link);
            watch.generation += 1;
        }
        let Watch { link: Some(link), generation } = &*watch else { return Ok(None) };
        let version = link.sqlite.pragma_query_value(None, "data_version", |row| row.get(0));
        let version: u32 = version.map_err(|e| self.files.explain(e, "cannot read"))?;
        Ok(Some(Epoch((generation << 32 | u64::from(version)) << 1)))
    }

    /// The mapped epoch, looked up with the lock.
    #[inline]
    pub(super) fn mapped(&self) -> Option<&Pulse> {
        self.pulse.get()
    }

    /// Whether commits are possible, on a database that is there.
    pub(super) fn writable(&self) -> Result<Option<bool>> {
        let _inside = gate::enter();
        let mut writer = guard(&self.writer);
        if writer.is_none() {
            *writer = Link::open(&self.files)?;
        }
        let Some(link) = writer.as_ref() else { return Ok(None) };
        let pulse = self.pulse(link)?;
        Ok(Some(!link.read_only && pulse.is_some_and(|pulse| pulse.writable)))
    }

    fn pulse(&self, link: &Link) -> Result<Option<&Pulse>> {
        if let Some(pulse) = self.pulse.get() {
            return Ok(Some(pulse));
        }
        let locks = link.locks.as_ref().filter(|_| !link.read_only);
        match Pulse::open(&self.files, locks)? {
            Some(pulse) => Ok(Some(self.pulse.get_or_init(|| pulse))),
            None => Ok(None),
        }
    }

    fn write_protected(&self) -> crate::error::Error {
        Code::TokenWriteProtected.because(format!(
            "{} or the files beside it (.lock, .epoch) cannot be written by this user",
            self.files.database.display()
        ))
    }
}

impl Connected for Pool {
    fn disconnect(&self) {
        guard(&self.idle).clear();
        *guard(&self.writer) = None;
        guard(&self.watch).link = None;
    }
}

/// What these mutexes guard is whole after a contained panic: connections are taken out first.
fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
