//! A whole database at a time: copied, checked, put in the place of another.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::SqliteStore;
use super::files::{Files, READ, WRITE};
use super::pulse::Pulse;
use crate::error::{Code, Context, Result};
use crate::ffi::lock::{self, Mode};
use crate::store::Store;

/// How much a database holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) objects: u64,
    pub(crate) events: u64,
}

/// SQLite's lock that every connection shares for as long as it is open: `UNIX_SHM_DMS`, byte 128
/// of the `-shm` file (`os_unix.c`).
const CONNECTED: u8 = 128;

impl SqliteStore {
    /// Copies everything that is committed now into a new file, while others go on writing.
    ///
    /// # Errors
    /// TokenNotRecognized if there is no database, DeviceError if one of the two fails.
    pub(crate) fn copy_to(&self, path: &Path) -> Result<Counts> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let copied = self.pool.read(|sqlite| {
            let mut copy = Connection::open_with_flags(path, flags)?;
            // All pages in one step: a writer in between would make it begin again.
            let done = Backup::new(sqlite, &mut copy)?.step(-1)?;
            let number = |sql| copy.query_row(sql, [], |row| row.get::<_, u64>(0));
            let (objects, events) = (
                number("SELECT count(*) FROM object")?,
                number("SELECT coalesce(max(sequence), 0) FROM event")?,
            );
            copy.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            Ok((done, Counts { objects, events }))
        })?;
        match copied {
            Some((StepResult::Done, counts)) => Ok(counts),
            Some(_) => Err(self.pool.files.stuck()),
            None => Err(Code::TokenNotRecognized.because("there is no token to copy")),
        }
    }

    /// # Errors
    /// DeviceError, with what SQLite finds wrong first.
    pub(crate) fn check_pages(&self) -> Result<()> {
        let found = self.pool.read(|sqlite| {
            sqlite.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0))
        })?;
        match found.as_deref() {
            Some("ok") => Ok(()),
            Some(wrong) => Err(Code::DeviceError.because(format!("damaged: {wrong}"))),
            None => Err(Code::DeviceError.because("it holds no token")),
        }
    }

    /// Puts the database `new` where there is none.
    ///
    /// # Errors
    /// FunctionFailed for files that cannot be made, or if somebody made one at this moment.
    pub(crate) fn fill(self, new: &Path) -> Result<()> {
        let files = &self.pool.files;
        let directory = files.database.parent().unwrap_or(Path::new("."));
        let mode = files.new_mode();
        let mode = mode.or_code(Code::FunctionFailed, files.story("cannot make", directory))?;
        dress(new, mode, directory)?;
        // The log of a database that somebody took away would be replayed into this one.
        remove(&beside(&files.database, "-wal"))
            .and_then(|()| remove(&beside(&files.database, "-shm")))
            .and_then(|()| fs::hard_link(new, &files.database))
            .or_code(Code::FunctionFailed, files.story("cannot make", &files.database))
    }

    /// Puts the database `new` in the place of this one, which stays as `aside`. At no moment is
    /// there none.
    ///
    /// # Errors
    /// SessionExists if any program has this one open; FunctionFailed for files that cannot be
    /// changed.
    pub(crate) fn replace(self, new: &Path, aside: &Path) -> Result<()> {
        let files = self.pool.files.clone();
        // What lies in the log belongs to the database that stays.
        if let Err(e) = self.forget() {
            log::warn!("{e}");
        }
        drop(self);
        let locks = files.open_locks()?;
        let (locks, _) = locks.ok_or_else(|| Code::FunctionFailed.because("no lock file"))?;
        let pulse = Pulse::open(&files, Some(&locks));
        let _write = files.lock(&locks, WRITE, Mode::Exclusive)?;
        let _read = files.lock(&locks, READ, Mode::Exclusive)?;
        let (log, index) = (beside(&files.database, "-wal"), beside(&files.database, "-shm"));
        let _alone = connected_alone(&files, &index)?;
        dress(new, files.mode(), &files.database)?;
        let failed = files.story("cannot replace", &files.database);
        if fs::metadata(&log).is_ok_and(|metadata| metadata.len() > 0) {
            let kept = fs::hard_link(&log, beside(aside, "-wal"));
            kept.or_code(Code::FunctionFailed, failed.clone())?;
        }
        fs::hard_link(&files.database, aside)
            .and_then(|()| remove(&log))
            .and_then(|()| remove(&index))
            .and_then(|()| fs::rename(new, &files.database))
            .or_code(Code::FunctionFailed, failed)?;
        // The epoch's file stays: whoever has it mapped sees that everything changed.
        if let Ok(Some(pulse)) = pulse.as_ref().map(|p| p.as_ref().filter(|p| p.writable)) {
            pulse.mapped.finish(pulse.mapped.begin());
        }
        Ok(())
    }
}

/// The right to be the only one who has the database open; `None` if nobody ever had.
fn connected_alone(files: &Files, index: &Path) -> Result<Option<File>> {
    let Ok(file) = File::options().read(true).write(true).open(index) else { return Ok(None) };
    let alone = lock::try_lock(&file, CONNECTED, Mode::Exclusive);
    match alone.or_code(Code::FunctionFailed, files.story("cannot lock", index))? {
        true => Ok(Some(file)),
        false => Err(Code::SessionExists.because(format!(
            "a program has {} open: see which with `fuser -v`, and end it",
            files.database.display()
        ))),
    }
}

/// Gives a restored database its mode, and the owner of what is there: an administrator restores
/// what a service uses.
fn dress(new: &Path, mode: u32, like: &Path) -> Result<()> {
    let owner = |path| fs::metadata(path).map(|metadata| (metadata.uid(), metadata.gid()));
    let (mine, theirs) = owner(new)
        .and_then(|mine| owner(like).map(|theirs| (mine, theirs)))
        .or_code(Code::FunctionFailed, format!("cannot look at {}", like.display()))?;
    if mine != theirs
        && let Err(e) = chown(new, Some(theirs.0), Some(theirs.1))
    {
        log::warn!("the restored token is not its former owner's, user {}: {e}", theirs.0);
    }
    fs::set_permissions(new, Permissions::from_mode(mode))
        .or_code(Code::FunctionFailed, format!("cannot set the mode of {}", new.display()))
}

fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
