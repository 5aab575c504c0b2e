//! A directory of our own for a copy of a token, as closed as the one that the token lies in.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::error::{Code, Context, Result};

const PREFIX: &str = ".keyway-scratch-";

/// Removed with everything in it when the value goes; what a killed process left, when the next
/// one comes.
pub(super) struct Scratch {
    path: PathBuf,
    /// Locked for as long as the process lives.
    _lock: File,
}

impl Scratch {
    /// In the token directory.
    ///
    /// # Errors
    /// FunctionFailed if it cannot be written.
    pub(super) fn within(token_dir: &Path) -> Result<Self> {
        remove_abandoned(token_dir);
        Self::make(token_dir)
            .or_code(Code::FunctionFailed, format!("cannot write to {}", token_dir.display()))
    }

    /// In the token directory, or where the system keeps temporary files: who may only read the
    /// token can copy it, too.
    ///
    /// # Errors
    /// FunctionFailed if there is no place.
    pub(super) fn somewhere(token_dir: &Path) -> Result<Self> {
        Self::within(token_dir).or_else(|_| {
            Self::make(&std::env::temp_dir())
                .or_code(Code::FunctionFailed, "no place for a copy of the token")
        })
    }

    fn make(parent: &Path) -> io::Result<Self> {
        for n in 0..1000 {
            let path = parent.join(format!("{PREFIX}{}-{n}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {
                    let lock = File::create(path.join("lock"))?;
                    lock.lock()?;
                    return Ok(Self { path, _lock: lock });
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Where a token's database may lie.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join("token.db")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(e) = fs::remove_dir_all(&self.path) {
            log::warn!("a copy of the token stays in {}: {e}", self.path.display());
        }
    }
}

fn remove_abandoned(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    for path in ours.map(|entry| entry.path()) {
        let abandoned = File::open(path.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok());
        if abandoned && fs::remove_dir_all(&path).is_ok() {
            log::warn!("removed {}, which a process left that was killed", path.display());
        }
    }
}
