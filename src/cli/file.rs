//! Reading input, and writing output whole or not at all.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::output::Output;
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
            .advise("encrypt without --armor and seal take any length; instead of a long file, sign its hash"));
    }
    Ok(bytes)
}

/// Writes to the file, or to standard output.
pub(super) fn write(path: Option<&Path>, bytes: &[u8], readers: Readers) -> Result<()> {
    Output::create(path, readers)?.finish_with(bytes)
}

/// A source of bytes and its length, where that is known.
pub(super) struct Input {
    /// Reads it.
    pub reader: Box<dyn Read>,
    /// Its length, if it is a file.
    pub length: Option<u64>,
}

/// Opens the file, or standard input.
pub(super) fn open(path: Option<&Path>) -> Result<Input> {
    let Some(path) = path else {
        return Ok(Input { reader: Box::new(io::stdin().lock()), length: None });
    };
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    let (metadata, file) = opened.map_err(|error| {
        Kind::File.because(format!("cannot read {}", path.display())).caused_by(error)
    })?;
    let length = metadata.is_file().then_some(metadata.len());
    Ok(Input { reader: Box::new(file), length })
}

#[cfg(test)]
mod tests {
    use std::fs;

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
