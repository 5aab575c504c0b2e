//! The epoch file of a token: made, mapped, or done without.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};

use super::files::{Files, WRITE, is_refusal, open_or_make};
use crate::error::{Code, Result};
use crate::ffi::epoch::{MappedEpoch, SIZE};
use crate::ffi::lock::Mode;
use crate::trouble::Explained;

/// The mapped epoch, and whether this process may move it.
pub(super) struct Pulse {
    pub(super) mapped: MappedEpoch,
    pub(super) writable: bool,
}

impl Pulse {
    /// Maps the epoch file, making it if `locks` allows to write; `None` if neither is possible:
    /// then the database has to be asked each time.
    pub(super) fn open(files: &Files, locks: Option<&File>) -> Result<Option<Self>> {
        match OpenOptions::new().read(true).write(true).open(&files.epoch) {
            Ok(file) if is_whole(&file) => return Self::map(files, &file, true).map(Some),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) if is_refusal(&e) => return Self::read_only(files),
            Err(e) => {
                return Err(e).or_explain(Code::DeviceError, "cannot open", &files.epoch);
            }
        }
        match locks {
            Some(locks) => Self::make(files, locks),
            None => Ok(None),
        }
    }

    fn read_only(files: &Files) -> Result<Option<Self>> {
        match File::open(&files.epoch) {
            Ok(file) if is_whole(&file) => Self::map(files, &file, false).map(Some),
            _ => Ok(None),
        }
    }

    /// Makes the file under the write lock, so that a value in it is never lost. It is written in
    /// full: a page of a sparse file on a full disk would be SIGBUS.
    fn make(files: &Files, locks: &File) -> Result<Option<Self>> {
        let _lock = match files.lock(locks, WRITE, Mode::Exclusive) {
            Ok(lock) => lock,
            // Exclusive locks need a file that is open for writing.
            Err(_) if !can_write(files) => return Ok(None),
            Err(e) => return Err(e),
        };
        let mut file = match open_or_make(&files.epoch, files.mode()) {
            Err(e) if is_refusal(&e) => return Ok(None),
            other => other.or_explain(Code::DeviceError, "cannot make", &files.epoch)?,
        };
        if !is_whole(&file) {
            let filled = file.write_all(&[0; SIZE]).and_then(|()| file.sync_all());
            filled.or_explain(Code::DeviceError, "cannot fill", &files.epoch)?;
        }
        Self::map(files, &file, true).map(Some)
    }

    fn map(files: &Files, file: &File, writable: bool) -> Result<Self> {
        let mapped = MappedEpoch::map(file, writable);
        let mapped = mapped.or_explain(Code::DeviceError, "cannot map", &files.epoch)?;
        Ok(Self { mapped, writable })
    }
}

fn is_whole(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.len() >= SIZE as u64)
}

fn can_write(files: &Files) -> bool {
    OpenOptions::new().write(true).open(&files.locks).is_ok()
}
