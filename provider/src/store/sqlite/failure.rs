//! What SQLite's errors mean for the application and for the person who reads the log.

use rusqlite::{Error as Sqlite, ErrorCode};

use std::fs::File;

use super::files::Files;
use crate::error::{Code, Error};
use crate::trouble::Trouble;

impl Files {
    /// Explains an error of SQLite: names the file and says what to do.
    #[track_caller]
    #[cold]
    pub(super) fn explain(&self, error: Sqlite, doing: &str) -> Error {
        let path = self.database.display();
        let (code, advice) = match error.sqlite_error_code() {
            Some(ErrorCode::ReadOnly) => (
                Code::TokenWriteProtected,
                "it or its directory cannot be written by this user".to_owned(),
            ),
            Some(ErrorCode::DiskFull) => (Code::DeviceMemory, "the disk is full".to_owned()),
            Some(ErrorCode::SystemIoFailure) if is_write_failure(&error) => (
                Code::DeviceMemory,
                "it cannot be written: look for a full disk, a quota, a file size limit".to_owned(),
            ),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
                Code::DeviceError,
                "another program has locked it: see who with `fuser -v`".to_owned(),
            ),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (
                Code::DeviceError,
                "it is damaged: keep a copy of it and restore a backup".to_owned(),
            ),
            Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure)
                if self.lacks_descriptors() =>
            {
                let trouble = Trouble::TooManyFiles;
                (trouble.code(Code::DeviceError), trouble.advice().to_owned())
            }
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => (
                Code::DeviceError,
                "it, or the -wal or -shm file beside it, cannot be opened: check the owner and \
                 the permissions of the directory"
                    .to_owned(),
            ),
            Some(ErrorCode::OutOfMemory) => (Code::HostMemory, "no memory is left".to_owned()),
            None if is_nonsense(&error) => {
                (Code::DeviceError, "a row of it is damaged: see `keyway token check`".to_owned())
            }
            _ => (Code::DeviceError, "see the reason".to_owned()),
        };
        code.with_source(format!("{doing} {path}: {advice}"), error)
    }

    /// Whether this process has no descriptors left for a connection, which SQLite does not say of
    /// a file that it cannot open.
    fn lacks_descriptors(&self) -> bool {
        let open = |_| File::open(&self.database);
        let opened: Vec<_> = (0..CONNECTION).map(open).collect();
        let failed = opened.iter().filter_map(|opened| opened.as_ref().err());
        failed.map(Trouble::of).any(|trouble| trouble == Trouble::TooManyFiles)
    }
}

/// The database, its log, its shared memory.
const CONNECTION: usize = 3;

/// Whether a row holds what no row holds.
fn is_nonsense(error: &Sqlite) -> bool {
    matches!(
        error,
        Sqlite::FromSqlConversionFailure(..)
            | Sqlite::IntegralValueOutOfRange(..)
            | Sqlite::InvalidColumnType(..)
    )
}

/// Whether writing, extending or flushing a file failed: SQLite reports ENOSPC as a full disk, but
/// EDQUOT and EFBIG so.
fn is_write_failure(error: &Sqlite) -> bool {
    use rusqlite::ffi;
    let extended = error.sqlite_error().map(|e| e.extended_code);
    matches!(
        extended,
        Some(
            ffi::SQLITE_IOERR_WRITE
                | ffi::SQLITE_IOERR_FSYNC
                | ffi::SQLITE_IOERR_TRUNCATE
                | ffi::SQLITE_IOERR_SHMSIZE
        )
    )
}
