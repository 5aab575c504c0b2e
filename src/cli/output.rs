//! A file that is there whole or not at all, written piece by piece.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::file::Readers;
use crate::error::{Kind, Result};

/// Where output goes. What was written to a file shows under its name only after
/// [`Output::finish`]; dropped before, it leaves nothing.
pub(super) struct Output {
    shown: String,
    place: Place,
}

enum Place {
    Standard(io::StdoutLock<'static>),
    /// A device or a pipe, which cannot be replaced.
    Device(File),
    Replacing(Replacement),
}

struct Replacement {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    finished: bool,
}

impl Output {
    /// Opens the file, or standard output.
    ///
    /// # Errors
    /// [`Kind::File`] when nothing can be written there.
    pub fn create(path: Option<&Path>, readers: Readers) -> Result<Self> {
        let Some(path) = path else {
            let place = Place::Standard(io::stdout().lock());
            return Ok(Self { shown: "to standard output".to_owned(), place });
        };
        let shown = path.display().to_string();
        let place = Place::open(path, readers).map_err(|error| failed(&shown, error))?;
        Ok(Self { shown, place })
    }

    /// Makes what was written durable and gives it its name.
    ///
    /// # Errors
    /// [`Kind::File`] when the disk refuses; then nothing is left.
    pub fn finish(self) -> Result<()> {
        let Self { shown, place } = self;
        let finished = match place {
            Place::Standard(mut output) => output.flush(),
            Place::Device(mut file) => file.flush(),
            Place::Replacing(replacement) => replacement.finish(),
        };
        finished.map_err(|error| failed(&shown, error))
    }

    /// Writes everything at once.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub fn finish_with(mut self, bytes: &[u8]) -> Result<()> {
        match self.write_all(bytes) {
            Ok(()) => self.finish(),
            Err(error) => Err(failed(&self.shown, error)),
        }
    }
}

fn failed(shown: &str, error: io::Error) -> crate::Error {
    Kind::File.because(format!("cannot write {shown}")).caused_by(error)
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.place {
            Place::Standard(output) => output.write(bytes),
            Place::Device(file) => file.write(bytes),
            Place::Replacing(replacement) => replacement.file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.place {
            Place::Standard(output) => output.flush(),
            Place::Device(file) => file.flush(),
            Place::Replacing(replacement) => replacement.file.flush(),
        }
    }
}

impl Place {
    fn open(path: &Path, readers: Readers) -> io::Result<Self> {
        // A link stays a link.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if target.exists() && !target.is_file() {
            return OpenOptions::new().write(true).open(&target).map(Self::Device);
        }
        let mode = match readers {
            Readers::Anybody => 0o666,
            Readers::Owner => 0o600,
        };
        let temporary = beside(&target)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        Ok(Self::Replacing(Replacement { file, temporary, target, finished: false }))
    }
}

impl Replacement {
    fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.target)?;
        self.finished = true;
        sync_directory(&self.target)
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.finished {
            // Whoever dropped it answers the error that counts.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".keyway-{}", std::process::id()));
    Ok(path.with_file_name(hidden))
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows_before_the_end_and_nothing_stays_without_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("out");
        let count = || fs::read_dir(directory.path()).expect("listed").count();
        let mut output = Output::create(Some(&path), Readers::Owner).expect("created");
        output.write_all(b"half").expect("written");
        assert!(!path.exists());
        drop(output);
        assert_eq!(count(), 0);
        let mut output = Output::create(Some(&path), Readers::Owner).expect("created");
        output.write_all(b"whole").expect("written");
        output.finish().expect("finished");
        assert_eq!((fs::read(&path).expect("read"), count()), (b"whole".to_vec(), 1));
    }
}
