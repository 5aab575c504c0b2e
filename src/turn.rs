//! Taking turns at changing keys: the processes of one user on this machine, one at a time.
//!
//! The records are safe without it (`docs/key-records.md`), as they have to be between machines. But
//! SoftHSM2 may not show one process at once what another wrote at the same moment, and two
//! processes that create one key could both be told that it is theirs.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

/// How often and how long to wait for the turn. Whoever has it longer hangs in a module; then it is
/// better to go on without.
const PATIENCE: (u32, Duration) = (500, Duration::from_millis(20));

/// The turn of this process. It ends with this value, or with the process.
pub(crate) struct Turn {
    _lock: Option<File>,
}

impl Turn {
    /// Waits for the turn. Where there is no place for the lock, nobody waits.
    pub fn take() -> Self {
        let lock = open().filter(|lock| {
            let (times, pause) = PATIENCE;
            (0..times).any(|_| {
                lock.try_lock().is_ok() || {
                    sleep(pause);
                    false
                }
            })
        });
        Self { _lock: lock }
    }
}

fn open() -> Option<File> {
    let path = directory()?.join("keys.lock");
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).ok()
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
        let turn = Turn::take();
        let other = open().expect("a place for the lock");
        assert!(turn._lock.is_some() && other.try_lock().is_err());
        drop(turn);
        assert!((0..100).any(|_| other.try_lock().is_ok() || {
            sleep(PATIENCE.1);
            false
        }));
    }
}
