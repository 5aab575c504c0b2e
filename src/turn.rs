//! Taking turns at changing keys: the processes of one user on this machine, one at a time.
//!
//! The records are safe without it (`docs/key-records.md`), as they have to be between machines. But
//! SoftHSM2 may not show one process at once what another wrote at the same moment, and two
//! processes that create one key could both be told that it is theirs.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use crate::error::{Kind, Result};

/// How often and how long to wait for the turn: a minute, in which several processes before us may
/// each make an RSA key. Whoever has it longer hangs in a module.
const PATIENCE: (u32, Duration) = (3000, Duration::from_millis(20));

/// The turn of this process. It ends with this value, or with the process.
pub(crate) struct Turn {
    _lock: Option<File>,
}

impl Turn {
    /// Waits for the turn. Where there is no place for the lock, nobody waits.
    ///
    /// Take it last: whoever is asked for a PIN meanwhile keeps everybody waiting.
    ///
    /// # Errors
    /// [`Kind::Busy`] when the turn of others does not end within a minute.
    pub fn take() -> Result<Self> {
        match directory() {
            Some(directory) => Self::take_in(&directory, PATIENCE),
            None => Ok(Self { _lock: None }),
        }
    }

    fn take_in(directory: &Path, (times, pause): (u32, Duration)) -> Result<Self> {
        let path = directory.join("keys.lock");
        let Ok(lock) = open(&path) else { return Ok(Self { _lock: None }) };
        for _ in 0..times {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { _lock: Some(lock) }),
                Err(TryLockError::WouldBlock) => sleep(pause),
                // Not every file system has locks.
                Err(TryLockError::Error(_)) => return Ok(Self { _lock: None }),
            }
        }
        let (waited, path) = (pause * times, path.display());
        Err(Kind::Busy
            .because(format!(
                "other processes change keys, and their turn did not end in {waited:?}"
            ))
            .advise(format!("try again; if one hangs, end it: fuser -v {path} names it")))
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// A directory of the user's own: the runtime directory, or one made for him in the temporary one.
/// One that somebody else made there is not used.
fn directory() -> Option<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let directory = match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(runtime) => PathBuf::from(runtime).join("keyway"),
        None => std::env::temp_dir().join(format!("keyway-{user}")),
    };
    // It may be there already; what counts is what is there.
    let _ = fs::DirBuilder::new().mode(0o700).create(&directory);
    let found = fs::symlink_metadata(&directory).ok()?;
    (found.is_dir() && found.uid() == user).then_some(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_exclusive_and_ends() {
        let directory = tempfile::tempdir().expect("a directory");
        let take = |times| Turn::take_in(directory.path(), (times, Duration::from_millis(1)));
        let turn = take(1).expect("nobody else is here");
        assert!(turn._lock.is_some());
        let error = take(2).err().expect("it is taken");
        assert_eq!(error.kind(), Kind::Busy);
        assert!(error.advice().is_some_and(|advice| advice.contains("keys.lock")), "{error:?}");
        drop(turn);
        // A process that another test starts has the file, until it becomes another program.
        assert!(take(PATIENCE.0).expect("it ended")._lock.is_some());
    }
}
