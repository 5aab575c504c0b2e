//! One connection to a token's database, checked and set up.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::files::{Files, OPEN, READ, WRITE, make_directory};
use super::schema::{APPLICATION_ID, MIGRATIONS, VERSION};
use crate::error::{Code, Error, Result};
use crate::ffi::lock::Mode;
use crate::store::Durability;
use crate::trouble::Explained;

/// A connection with its own open lock file.
pub(super) struct Link {
    pub(super) sqlite: Connection,
    /// Absent for a reader who may not even read the lock file: SQLite's own locks remain.
    pub(super) locks: Option<File>,
    pub(super) read_only: bool,
    durability: Cell<Durability>,
}

impl Link {
    /// Opens the database; `None` while there is none, or one whose making was interrupted.
    pub(super) fn open(files: &Files) -> Result<Option<Self>> {
        match std::fs::metadata(&files.database) {
            Ok(metadata) if metadata.len() == 0 => return Ok(None),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => {
                return Err(e).or_explain(Code::DeviceError, "cannot reach", &files.database);
            }
        }
        let link = Self::connect(files)?;
        match link.schema_version(files)? {
            0 => Ok(None),
            VERSION => Ok(Some(link)),
            _ => link.migrate(files).map(|()| Some(link)),
        }
    }

    /// Makes the database, or opens the one that somebody made meanwhile.
    pub(super) fn create(files: &Files) -> Result<Self> {
        if let Some(directory) = files.database.parent() {
            let made = make_directory(directory);
            made.or_explain(Code::TokenWriteProtected, "cannot make the directory", directory)?;
        }
        let made = files.make_database();
        made.or_explain(Code::TokenWriteProtected, "cannot make", &files.database)?;
        let link = Self::connect(files)?;
        link.keep_log(files)?;
        link.migrate(files)?;
        sync_directory(files)?;
        Ok(link)
    }

    /// Chooses how durable the next commits are, and how long they wait for other programs.
    pub(super) fn make(&self, durability: Durability, patience: Duration) -> rusqlite::Result<()> {
        if self.durability.replace(durability) == durability {
            return Ok(());
        }
        let level = match durability {
            Durability::Full => "FULL",
            Durability::Lazy | Durability::Offhand => "NORMAL",
        };
        self.sqlite.pragma_update(None, "synchronous", level)?;
        self.sqlite.busy_timeout(patience)
    }

    /// Before a write: another process may have brought the tables to a version that this one does
    /// not know.
    pub(super) fn require_current(&self, files: &Files) -> Result<()> {
        let select = self.sqlite.prepare_cached("PRAGMA user_version");
        let version =
            select.and_then(|mut select| select.query_row([], |row| row.get::<_, i32>(0)));
        match version.map_err(|e| files.explain(e, "cannot read"))? {
            VERSION => Ok(()),
            other => Err(newer(files, other)),
        }
    }

    /// Connects under exclusive locks: SQLite, which takes the first connection of a process for
    /// the first of all if the others are in this process too (in a second copy of this module),
    /// truncates the shared-memory file that they have mapped, and builds it anew.
    fn connect(files: &Files) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let explain = |e| files.explain(e, "cannot open");
        let sqlite = Connection::open_with_flags(&files.database, flags).map_err(explain)?;
        let locks = files.open_locks()?;
        // Who cannot keep the others out cannot write either.
        let is_refused = sqlite.is_readonly("main").map_err(explain)?;
        let read_only = is_refused || !matches!(locks, Some((_, Mode::Exclusive)));
        let locks = locks.map(|(file, _)| file);
        if let Some(file) = &locks {
            // Held until the file is closed, with the connection.
            std::mem::forget(files.lock(file, OPEN, Mode::Shared)?);
        }
        let alone = locks.as_ref().filter(|_| !read_only).map(|file| {
            let write = files.lock(file, WRITE, Mode::Exclusive)?;
            Ok::<_, Error>((write, files.lock(file, READ, Mode::Exclusive)?))
        });
        let alone = alone.transpose()?;
        configure(&sqlite, files).map_err(explain)?;
        drop(alone);
        Ok(Self { sqlite, locks, read_only, durability: Cell::new(Durability::Full) })
    }

    /// The schema version, after a look at whether this is a token at all.
    fn schema_version(&self, files: &Files) -> Result<i32> {
        let pragma = |name| self.sqlite.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let explain = |e| files.explain(e, "cannot read");
        let version = pragma("user_version").map_err(explain)?;
        let application = pragma("application_id").map_err(explain)?;
        let path = files.database.display();
        match (application, version) {
            (APPLICATION_ID, 1..=VERSION) => Ok(version),
            (APPLICATION_ID, _) => Err(newer(files, version)),
            (0, 0) if self.is_empty().map_err(explain)? => Ok(0),
            _ => Err(Code::DeviceError.because(format!(
                "{path} is a database of some other program (application id {application:#x})"
            ))),
        }
    }

    fn is_empty(&self) -> rusqlite::Result<bool> {
        self.sqlite.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
    }

    /// Switches to a write-ahead log, which the header of the database says from then on.
    fn keep_log(&self, files: &Files) -> Result<()> {
        let lock = self.locks.as_ref().map(|file| files.lock(file, WRITE, Mode::Exclusive));
        let _lock = lock.transpose()?;
        let mode = self.sqlite.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
        let mode: String = mode.map_err(|e| files.explain(e, "cannot set up"))?;
        match mode.as_str() {
            "wal" => Ok(()),
            _ => Err(Code::DeviceError.because(format!(
                "{} cannot have a write-ahead log: is it on a network file system?",
                files.database.display()
            ))),
        }
    }

    /// Brings the tables to the newest version, in one transaction.
    fn migrate(&self, files: &Files) -> Result<()> {
        let explain = |e| files.explain(e, "cannot make the tables of");
        if self.read_only {
            return Err(Code::TokenWriteProtected.because(format!(
                "{} has an older format and cannot be written: open it once as its owner",
                files.database.display()
            )));
        }
        let lock = self.locks.as_ref().map(|file| files.lock(file, WRITE, Mode::Exclusive));
        let _lock = lock.transpose()?;
        let transaction = self.sqlite.unchecked_transaction().map_err(explain)?;
        let version = self.schema_version(files)?;
        for migration in &MIGRATIONS[version as usize..] {
            transaction.execute_batch(migration.tables).map_err(explain)?;
            (migration.then)(&transaction).map_err(explain)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(explain)?;
        transaction.pragma_update(None, "user_version", VERSION).map_err(explain)?;
        transaction.commit().map_err(explain)
    }
}

/// Settings of every connection, and a first look at the database.
fn configure(sqlite: &Connection, files: &Files) -> rusqlite::Result<()> {
    sqlite.busy_timeout(files.patience)?;
    sqlite.set_prepared_statement_cache_capacity(64);
    // No checkpoint on close keeps the -wal and -shm files: a reader without write access to the
    // directory can open the database, and no close ever unlinks a log that another still uses.
    sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    // A plan for all values of a parameter: otherwise a statement is compiled anew for each limit.
    sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    for (name, value) in [
        ("synchronous", "FULL"),
        ("secure_delete", "ON"),
        ("cell_size_check", "ON"),
        ("temp_store", "MEMORY"),
        // Checkpoints happen under a lock that readers share: `Pool::bring_home`.
        ("wal_autocheckpoint", "0"),
    ] {
        sqlite.pragma_update_and_check(None, name, value, |_| Ok(())).or_else(unanswered)?;
    }
    sqlite.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

fn newer(files: &Files, version: i32) -> Error {
    Code::DeviceError.because(format!(
        "{} has format {version}, written by a newer Keyway; this one reads up to {VERSION}: \
         update it",
        files.database.display()
    ))
}

/// Some settings answer with a row, some do not.
fn unanswered(error: rusqlite::Error) -> rusqlite::Result<()> {
    match error {
        rusqlite::Error::QueryReturnedNoRows => Ok(()),
        other => Err(other),
    }
}

/// Makes the names of new files survive a power cut.
fn sync_directory(files: &Files) -> Result<()> {
    let Some(directory) = files.database.parent() else { return Ok(()) };
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.or_explain(Code::DeviceError, "cannot flush", directory)
}
