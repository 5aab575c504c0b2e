//! What a transaction and a survey need of the tables: stamps, notes, the seal.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::files::Files;
use super::rows;
use crate::backend::ObjectId;
use crate::error::{Error, Result};
use crate::store::transaction::{self, Rows};
use crate::store::{
    Account, Batch, Change, CommitError, EventRecord, Form, Head, Instance, Loose, Member, Record,
    Role, Stamp, Survey, Tag,
};

type Sqlite<T> = rusqlite::Result<T>;

/// The tables of a connection, inside a transaction.
pub(super) struct Tables<'a> {
    pub(super) sqlite: &'a Connection,
    pub(super) files: &'a Files,
}

impl Tables<'_> {
    /// Makes the changes of a batch; the transaction is of no use if that fails.
    pub(super) fn run(&mut self, batch: &Batch) -> Result<(), CommitError> {
        transaction::run(self, batch)
    }

    /// As [`run`](Self::run), leaving no trace of a batch that is refused; why it was.
    ///
    /// # Errors
    /// When the whole transaction is of no use any more.
    pub(super) fn run_in_savepoint(
        &mut self,
        batch: &Batch,
    ) -> Result<Option<CommitError>, CommitError> {
        self.batch("SAVEPOINT member")?;
        match self.run(batch) {
            Ok(()) => {
                self.batch("RELEASE member")?;
                Ok(None)
            }
            // A full disk, for example, has already undone everything.
            Err(refused) if self.sqlite.is_autocommit() => Err(refused),
            Err(refused) => {
                self.batch("ROLLBACK TO member; RELEASE member")?;
                Ok(Some(refused))
            }
        }
    }

    fn batch(&self, sql: &str) -> Result<()> {
        self.sqlite.execute_batch(sql).map_err(|e| self.explain(e))
    }

    #[track_caller]
    fn explain(&self, error: rusqlite::Error) -> Error {
        self.files.explain(error, "cannot write")
    }
}

impl Rows for Tables<'_> {
    fn instance(&self) -> Result<Option<Instance>> {
        rows::instance(self.sqlite).map_err(|e| self.explain(e))
    }

    fn stamp(&self, id: ObjectId) -> Result<Option<Stamp>> {
        stamp(self.sqlite, id).map_err(|e| self.explain(e))
    }

    fn record(&self, id: ObjectId) -> Result<Option<Record>> {
        rows::get(self.sqlite, id).map_err(|e| self.explain(e))
    }

    fn account(&self, role: Role) -> Result<Option<Account>> {
        rows::account(self.sqlite, role).map_err(|e| self.explain(e))
    }

    fn members(&self) -> Result<Vec<Member>> {
        members(self.sqlite).map_err(|e| self.explain(e))
    }

    fn apply(&mut self, change: &Change) -> Result<bool> {
        rows::apply(self.sqlite, change).map_err(|e| self.explain(e))
    }

    fn loose(&self, id: ObjectId) -> Result<Option<Loose>> {
        loose(self.sqlite, id).map_err(|e| self.explain(e))
    }

    fn write_loose(&mut self, loose: &Loose) -> Result<()> {
        write_loose(self.sqlite, loose).map_err(|e| self.explain(e))
    }

    fn erase_loose(&mut self, id: ObjectId) -> Result<()> {
        let erased = execute(self.sqlite, "DELETE FROM loose WHERE id = ?1", params![id.0]);
        erased.map_err(|e| self.explain(e))
    }

    fn erase_all_loose(&mut self) -> Result<()> {
        execute(self.sqlite, "DELETE FROM loose", []).map_err(|e| self.explain(e))
    }

    fn seal(&self) -> Result<Option<Vec<u8>>> {
        seal(self.sqlite).map_err(|e| self.explain(e))
    }

    fn write_seal(&mut self, seal: &[u8]) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO seal (one, body) VALUES (1, ?1)";
        execute(self.sqlite, sql, params![seal]).map_err(|e| self.explain(e))
    }

    fn head(&self) -> Result<Head> {
        rows::head(self.sqlite).map_err(|e| self.explain(e))
    }

    fn append(&mut self, event: &EventRecord) -> Result<()> {
        rows::append(self.sqlite, event).map_err(|e| self.explain(e))
    }
}

/// All that the set consists of, if there are at most `limit` objects; inside one transaction.
pub(super) fn survey(sqlite: &Connection, limit: u64) -> Sqlite<Option<Survey>> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM object LIMIT ?1)";
    let up_to = limit.saturating_add(1).min(i64::MAX as u64);
    let there: u64 = sqlite.prepare_cached(sql)?.query_row([up_to], |row| row.get(0))?;
    if there > limit {
        return Ok(None);
    }
    let mut objects = sqlite.prepare_cached("SELECT id, version, form, tags FROM object")?;
    let objects = objects.query_map([], |row| {
        let tags: Vec<u8> = row.get(3)?;
        Ok((ObjectId(row.get(0)?), stamp_in(row, 1)?, rows::tags(&tags)))
    })?;
    let loose = all_loose(sqlite)?;
    let mut damaged = Vec::new();
    for note in &loose {
        if *note != Loose::new(note.id, note.was, rows::get(sqlite, note.id)?.as_ref()) {
            damaged.push(note.id);
        }
    }
    let mut index = sqlite.prepare_cached("SELECT tag, object FROM tag")?;
    let index = index.query_map([], |row| Ok((Tag(row.get(0)?), ObjectId(row.get(1)?))))?;
    Ok(Some(Survey {
        seal: seal(sqlite)?,
        objects: objects.collect::<Sqlite<_>>()?,
        accounts: accounts(sqlite)?,
        loose,
        damaged,
        index: index.collect::<Sqlite<_>>()?,
    }))
}

pub(super) fn all_loose(sqlite: &Connection) -> Sqlite<Vec<Loose>> {
    let mut select = sqlite.prepare_cached("SELECT id, version, form, checksum FROM loose")?;
    select.query_map([], loose_in)?.collect()
}

fn stamp(sqlite: &Connection, id: ObjectId) -> Sqlite<Option<Stamp>> {
    let mut select = sqlite.prepare_cached("SELECT version, form FROM object WHERE id = ?1")?;
    select.query_row([id.0], |row| stamp_in(row, 0)).optional()
}

fn members(sqlite: &Connection) -> Sqlite<Vec<Member>> {
    let mut members: Vec<_> = accounts(sqlite)?.iter().map(Member::of_account).collect();
    let mut select = sqlite.prepare_cached("SELECT id, version, form FROM object")?;
    let objects = select.query_map([], |row| {
        Ok(Member::Object { id: ObjectId(row.get(0)?), stamp: stamp_in(row, 1)? })
    })?;
    for object in objects {
        members.push(object?);
    }
    Ok(members)
}

fn accounts(sqlite: &Connection) -> Sqlite<Vec<Account>> {
    let mut accounts = Vec::new();
    for role in [Role::SecurityOfficer, Role::User] {
        accounts.extend(rows::account(sqlite, role)?);
    }
    Ok(accounts)
}

fn seal(sqlite: &Connection) -> Sqlite<Option<Vec<u8>>> {
    sqlite.prepare_cached("SELECT body FROM seal")?.query_row([], |row| row.get(0)).optional()
}

fn loose(sqlite: &Connection, id: ObjectId) -> Sqlite<Option<Loose>> {
    let sql = "SELECT id, version, form, checksum FROM loose WHERE id = ?1";
    let mut select = sqlite.prepare_cached(sql)?;
    select.query_row([id.0], loose_in).optional()
}

fn write_loose(sqlite: &Connection, loose: &Loose) -> Sqlite<()> {
    let (version, form) = loose.was.map_or((0, 0), |was| (was.version, was.form as u8));
    let sql = "INSERT OR REPLACE INTO loose (id, version, form, checksum) VALUES (?1, ?2, ?3, ?4)";
    execute(sqlite, sql, params![loose.id.0, version, form, loose.checksum])
}

fn loose_in(row: &Row<'_>) -> Sqlite<Loose> {
    let none = row.get::<_, u64>(1)? == 0;
    let was = (!none).then(|| stamp_in(row, 1)).transpose()?;
    Ok(Loose { id: ObjectId(row.get(0)?), was, checksum: row.get(3)? })
}

/// Version and form in the columns from `first` on.
fn stamp_in(row: &Row<'_>, first: usize) -> Sqlite<Stamp> {
    let form = Form::from_raw(row.get(first + 1)?).ok_or_else(|| rows::unknown_form(first + 1))?;
    Ok(Stamp { version: row.get(first)?, form })
}

fn execute(sqlite: &Connection, sql: &str, values: impl rusqlite::Params) -> Sqlite<()> {
    sqlite.prepare_cached(sql)?.execute(values).map(drop)
}
