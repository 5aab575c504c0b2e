//! Reading input, and writing output whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::{Kind, Result};
use crate::service::MESSAGE_MAX;

/// Longest input: a message with header, tag and armour.
const INPUT_MAX: u64 = (MESSAGE_MAX as u64) * 3 / 2 + 65_536;

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Whoever the umask lets.
    Anybody,
    /// The owner only.
    Owner,
}

/// Everything in the file, or on standard input.
pub(super) fn read(path: Option<&Path>) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = match path {
        Some(path) => File::open(path).and_then(|file| {
            let length = file.metadata()?.len().min(INPUT_MAX);
            bytes.reserve_exact(usize::try_from(length).unwrap_or(0) + 1);
            file.take(INPUT_MAX + 1).read_to_end(&mut bytes)
        }),
        None => io::stdin().lock().take(INPUT_MAX + 1).read_to_end(&mut bytes),
    };
    let shown = path.map_or("standard input".to_owned(), |path| path.display().to_string());
    let length =
        read.map_err(|error| Kind::File.because(format!("cannot read {shown}")).caused_by(error))?;
    if length as u64 > INPUT_MAX {
        return Err(Kind::Malformed
            .because(format!("{shown} has more than {} MiB", INPUT_MAX >> 20))
            .advise("split it"));
    }
    Ok(bytes)
}

/// Writes to the file, or to standard output.
pub(super) fn write(path: Option<&Path>, bytes: &[u8], readers: Readers) -> Result<()> {
    match path {
        Some(path) => replace(path, bytes, readers).map_err(|error| {
            Kind::File.because(format!("cannot write {}", path.display())).caused_by(error)
        }),
        None => {
            let mut output = io::stdout().lock();
            output.write_all(bytes).and_then(|()| output.flush()).map_err(|error| {
                Kind::File.because("cannot write to standard output").caused_by(error)
            })
        }
    }
}

/// Replaces a file by a complete one, or leaves it as it was.
fn replace(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    // A link stays a link; a device or pipe cannot be replaced.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if target.exists() && !target.is_file() {
        return OpenOptions::new().write(true).open(&target)?.write_all(bytes);
    }
    let temporary = beside(&target)?;
    let written = write_new(&temporary, bytes, readers)
        .and_then(|()| fs::rename(&temporary, &target))
        .and_then(|()| sync_directory(&target));
    if written.is_err() {
        // It may not exist; what matters is the error that is answered.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_new(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let mode = match readers {
        Readers::Anybody => 0o666,
        Readers::Owner => 0o600,
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
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
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("out");
        for text in [b"first".as_slice(), b"second"] {
            write(Some(&path), text, Readers::Owner).expect("written");
            assert_eq!(*read(Some(&path)).expect("read"), text);
        }
        assert_eq!(fs::read_dir(directory.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let missing = directory.path().join("no-such-directory/out");
        assert_eq!(
            write(Some(&missing), b"x", Readers::Anybody).expect_err("no").kind(),
            Kind::File
        );
        assert_eq!(fs::read_dir(directory.path()).expect("listed").count(), 0);
    }

    #[test]
    fn a_device_is_written_to() {
        write(Some(Path::new("/dev/null")), b"x", Readers::Anybody).expect("written");
    }
}
