//! Backups: one encrypted file that holds a whole token, taken while other programs use it.

mod container;
mod manifest;
mod restore;
mod scratch;

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, BufWriter, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use self::container::{Opener, Sealer};
use self::scratch::Scratch;
use super::Admin;
use crate::backend::bridge::RootKey;
use crate::backend::embedded::{EmbeddedConfig, EmbeddedToken, over_with};
use crate::backend::{Pin, Token, User};
use crate::error::{Code, Context, Result};
use crate::store::Cost;
use crate::store::event::{self, EventKind};
use crate::store::sqlite::SqliteStore;

pub use manifest::Manifest;
pub use restore::{Restored, restore};

/// What a guess at a backup's passphrase costs: the second choice of RFC 9106, section 4, without
/// its four lanes, which only help whoever guesses.
pub const DEFAULT_COST: Cost = Cost { kibibytes: 64 * 1024, passes: 3, lanes: 1 };

/// The shortest passphrase in bytes. There is no lockout on a file.
pub const SHORTEST_PASSPHRASE: usize = 12;

/// What a backup is made with.
pub struct Backup<'a> {
    /// The file to make, which must not be there yet.
    pub out: &'a Path,
    pub passphrase: &'a [u8],
    /// The user's PIN: with it every object is opened before the backup is called good. Without,
    /// only what everybody can check is checked.
    pub pin: Option<Pin<'a>>,
    pub cost: Cost,
}

impl Admin {
    /// Makes a backup of everything that was committed before the call. When this returns, the file
    /// was written, flushed, read again, decrypted, and what is in it was checked.
    ///
    /// # Errors
    /// FunctionRejected for a file that is there already, PinLenRange for a short passphrase,
    /// FunctionFailed for one that cannot be written; what [`log_in`](Self::log_in) answers;
    /// DeviceError, naming the object, for a token that is damaged: no file is made then.
    pub fn back_up(&self, backup: &Backup<'_>) -> Result<Manifest> {
        if backup.passphrase.len() < SHORTEST_PASSPHRASE {
            return Err(Code::PinLenRange.because(format!(
                "a passphrase of a backup has at least {SHORTEST_PASSPHRASE} bytes: nothing but \
                 its length stops whoever has the file"
            )));
        }
        if backup.out.symlink_metadata().is_ok() {
            let story = format!("{} is there already", backup.out.display());
            return Err(Code::FunctionRejected.because(story));
        }
        if let Some(pin) = backup.pin {
            self.log_in(User::User, pin)?;
        }
        if let Err(e) = self.token.record(EventKind::BackedUp) {
            log::warn!("the token's own log will not tell of this backup: {e}");
        }
        let temporary = Unfinished::beside(backup.out);
        let manifest = self.write(backup, &temporary.0)?;
        self.verify(backup, &temporary.0, &manifest)?;
        temporary.finish(backup.out)?;
        Ok(manifest)
    }

    fn directory(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("."))
    }

    /// Copies the database as it is at one moment, and encrypts the copy into `path`.
    fn write(&self, backup: &Backup<'_>, path: &Path) -> Result<Manifest> {
        let scratch = Scratch::somewhere(self.directory())?;
        let copy = scratch.database();
        let counts = SqliteStore::new(&self.file).copy_to(&copy)?;
        let info = self.token.info()?;
        let cannot = |what: &str, path: &Path| format!("cannot {what} {}", path.display());
        let mut source = File::open(&copy).or_code(Code::FunctionFailed, cannot("read", &copy))?;
        let length = source.metadata().or_code(Code::FunctionFailed, cannot("read", &copy))?.len();
        let manifest = Manifest {
            taken_at: event::now(),
            slot: self.slot,
            serial: info.serial,
            label: info.label,
            objects: counts.objects,
            events: counts.events,
            length,
        };
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let made = made.or_code(Code::FunctionFailed, cannot("make", path))?;
        let mut sealer = Sealer::new(BufWriter::new(made), backup.passphrase, backup.cost)?;
        sealer.put(&manifest.encode())?;
        let mut part = Zeroizing::new(vec![0; 64 * 1024]);
        loop {
            let read =
                source.read(&mut part).or_code(Code::FunctionFailed, cannot("read", &copy))?;
            if read == 0 {
                break;
            }
            sealer.put(&part[..read])?;
        }
        let written = sealer.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error);
        let written = written.and_then(|file| file.sync_all());
        written.or_code(Code::FunctionFailed, cannot("write", path))?;
        Ok(manifest)
    }

    /// Reads a backup as a restore would.
    fn verify(&self, backup: &Backup<'_>, path: &Path, expected: &Manifest) -> Result<()> {
        let scratch = Scratch::somewhere(self.directory())?;
        let root = self.token.configured_root().cloned();
        let (manifest, token) = extract(path, backup.passphrase, &scratch, root)?;
        if let Some(pin) = backup.pin {
            token.log_in(User::User, pin)?;
        }
        match (&manifest == expected, token.verify()? == expected.objects) {
            (true, true) => Ok(()),
            _ => Err(Code::DeviceError.because("the backup does not hold what was written to it")),
        }
    }
}

/// Decrypts a backup into a scratch directory and opens the token in it.
///
/// # Errors
/// As [`Opener::new`]; DeviceError for a database that is no token, or a damaged one.
fn extract(
    path: &Path,
    passphrase: &[u8],
    to: &Scratch,
    root: Option<Arc<RootKey>>,
) -> Result<(Manifest, EmbeddedToken)> {
    let story = || format!("cannot read {}", path.display());
    let file = File::open(path).or_code(Code::FunctionFailed, story())?;
    let length = file.metadata().or_code(Code::FunctionFailed, story())?.len();
    let mut opener = Opener::new(BufReader::new(file), length, passphrase)?;
    let manifest = Manifest::read(&mut opener)?;
    let database = to.database();
    let story = format!("cannot make {}", database.display());
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&database);
    let mut made = made.or_code(Code::FunctionFailed, story)?;
    opener.copy(manifest.length, &mut made)?;
    opener.end()?;
    let store = SqliteStore::new(&database);
    store.check_pages()?;
    let token = over_with(Arc::new(store), &EmbeddedConfig::new(to.database()), root)?;
    match token.info()? {
        info if info.serial == manifest.serial && info.initialized => Ok((manifest, token)),
        _ => Err(Code::DeviceError.because("the backup holds another token than it says")),
    }
}

/// A file that goes with the value unless it is finished.
struct Unfinished(PathBuf);

impl Unfinished {
    fn beside(path: &Path) -> Self {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".keyway-{}", std::process::id()));
        Self(path.with_file_name(name))
    }

    /// Gives the file its name, in a way that survives a power cut.
    fn finish(self, path: &Path) -> Result<()> {
        fs::rename(&self.0, path)
            .and_then(|()| sync_directory(path))
            .or_code(Code::FunctionFailed, format!("cannot make {}", path.display()))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // It is not there any more if it was finished.
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes the names in the directory of `path` survive a power cut.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
