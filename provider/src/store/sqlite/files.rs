//! The files of one token, and the locks on single bytes of one of them.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Code, Context, Error, Result};
use crate::ffi::lock::{self, Mode};
use crate::store::Durability;
use crate::trouble::{Explained, Trouble};

/// Where the files of a token are: the database, beside it locks and the epoch. SQLite adds `-wal`
/// and `-shm`.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) database: PathBuf,
    pub(super) locks: PathBuf,
    pub(super) epoch: PathBuf,
    /// How long to wait for another process before giving up.
    pub(super) patience: Duration,
}

/// How long a commit that is made offhand waits for other processes.
const BRIEF: Duration = Duration::from_millis(100);

/// Held by the process that commits.
pub(super) const WRITE: u8 = 0;
/// Shared by readers; exclusive while a checkpoint moves pages under them.
pub(super) const READ: u8 = 1;
/// Held between reading the lockout counter and having decided on a PIN.
pub(super) const LOGIN: u8 = 2;
/// Shared by every open connection.
pub(super) const OPEN: u8 = 3;

/// A lock on a byte, released when dropped.
pub(super) struct Locked<'a> {
    file: &'a File,
    byte: u8,
}

impl Files {
    /// The files around a database `<name>.db`.
    pub(super) fn around(database: &Path, patience: Duration) -> Self {
        // Relative paths would follow the application's working directory; one that begins with
        // `file:` would mean something else to SQLite.
        let database = std::path::absolute(database).unwrap_or_else(|_| database.to_owned());
        let (locks, epoch) = (database.with_extension("lock"), database.with_extension("epoch"));
        Self { database, locks, epoch, patience }
    }

    /// Opens the lock file, making it if that is possible, with what it is good for; `None` for a
    /// reader who may not.
    pub(super) fn open_locks(&self) -> Result<Option<(File, Mode)>> {
        let made = open_or_make(&self.locks, self.mode()).map(|file| (file, Mode::Exclusive));
        let opened = made.or_else(|_| Ok((File::open(&self.locks)?, Mode::Shared)));
        match opened {
            Ok(locks) => Ok(Some(locks)),
            Err(e) if is_refusal(&e) || e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).or_explain(Code::DeviceError, "cannot open", &self.locks),
        }
    }

    /// How long a commit waits for others.
    pub(super) fn patience_for(&self, durability: Durability) -> Duration {
        match durability {
            Durability::Full | Durability::Lazy => self.patience,
            Durability::Offhand => BRIEF.min(self.patience),
        }
    }

    /// Locks a byte, waiting for others as long as patience lasts.
    pub(super) fn lock<'a>(&self, file: &'a File, byte: u8, mode: Mode) -> Result<Locked<'a>> {
        self.lock_within(self.patience, file, byte, mode)
    }

    /// As [`lock`](Self::lock), with another patience.
    pub(super) fn lock_within<'a>(
        &self,
        patience: Duration,
        file: &'a File,
        byte: u8,
        mode: Mode,
    ) -> Result<Locked<'a>> {
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_micros(20);
        loop {
            if self.try_lock(file, byte, mode)? {
                return Ok(Locked { file, byte });
            }
            if Instant::now() >= deadline {
                return Err(self.stuck_for(patience));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(2));
        }
    }

    /// Locks a byte if that is possible now.
    pub(super) fn try_lock(&self, file: &File, byte: u8, mode: Mode) -> Result<bool> {
        let what = || format!("cannot lock {}", self.locks.display());
        lock::try_lock(file, byte, mode).or_code(Code::DeviceError, what())
    }

    pub(super) fn stuck(&self) -> Error {
        self.stuck_for(self.patience)
    }

    fn stuck_for(&self, patience: Duration) -> Error {
        Code::DeviceError.because(format!(
            "another process has locked {} for more than {:?}: see who with `fuser -v` and end it",
            self.database.display(),
            patience
        ))
    }

    /// Makes the empty database, or leaves the one that is there.
    pub(super) fn make_database(&self) -> io::Result<()> {
        open_or_make(&self.database, self.new_mode()?).map(drop)
    }

    /// The permissions of a new database. Its directory decides who shares it: with the
    /// set-group-ID bit, what the directory allows its group; without it, the owner alone. Never
    /// anybody else.
    pub(super) fn new_mode(&self) -> io::Result<u32> {
        let directory = self.database.parent().map(std::fs::metadata).transpose()?;
        let mode = directory.map_or(0, |directory| directory.permissions().mode());
        let shared = if mode & SET_GROUP_ID != 0 { mode & 0o060 } else { 0 };
        Ok(0o600 | shared)
    }

    /// The permissions of files beside the database: its own.
    pub(super) fn mode(&self) -> u32 {
        let metadata = std::fs::metadata(&self.database);
        metadata.map_or(0o600, |metadata| metadata.permissions().mode() & 0o666)
    }

    pub(super) fn story(&self, what: &str, path: &Path) -> String {
        format!("{what} {}", path.display())
    }
}

/// New files in a directory with this bit belong to its group.
const SET_GROUP_ID: u32 = 0o2000;

/// Opens a file for reading and writing. One that is made has exactly this mode, whatever the
/// process's umask is: the next user of the token may be another one.
pub(super) fn open_or_make(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(mode);
    match options.clone().create_new(true).open(path) {
        Ok(file) => file.set_permissions(Permissions::from_mode(mode)).map(|()| file),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => options.open(path),
        Err(e) => Err(e),
    }
}

impl<'a> Locked<'a> {
    /// A lock that [`Files::try_lock`] has just taken.
    pub(super) fn taken(file: &'a File, byte: u8) -> Self {
        Self { file, byte }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // Fails only for a closed descriptor, whose locks are gone.
        let _ = lock::unlock(self.file, self.byte);
    }
}

/// Makes a directory and those above it that are missing, only its owner's, in a way that survives
/// a power cut: the name of each is flushed with the directory that it is in.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let missing: Vec<_> = path.ancestors().take_while(|above| !above.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
    for above in missing.into_iter().filter_map(Path::parent) {
        match File::open(above) {
            Ok(directory) => directory.sync_all()?,
            // Whoever may write a directory need not be allowed to read it.
            Err(e) if is_refusal(&e) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Whether the operating system refused for lack of rights, or because the medium is read-only.
pub(super) fn is_refusal(e: &io::Error) -> bool {
    Trouble::of(e) == Trouble::Refused
}
