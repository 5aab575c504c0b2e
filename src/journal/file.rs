//! The file: one line of JSON an entry, each naming the hash of the one before.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::Entry;
use crate::clock::SystemClock;
use crate::domain::hash::sha256;
use crate::domain::key::KeyName;
use crate::error::{Error, Kind, Result};
use crate::port::{Clock, Journal};

/// The journal of one token.
#[derive(Clone, Debug)]
pub struct FileJournal {
    path: PathBuf,
    serial: String,
}

/// What a journal says.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// The entries that could be read, oldest first.
    pub entries: Vec<Entry>,
    /// What is wrong with lines or with their chain.
    pub faults: Vec<String>,
}

impl FileJournal {
    /// The journal of a token with this serial number, below `$XDG_STATE_HOME`, or
    /// `~/.local/state`.
    ///
    /// # Errors
    /// [`Kind::File`] when the environment names neither.
    pub fn of(serial: &str) -> Result<Self> {
        let directory =
            |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let state = directory("XDG_STATE_HOME")
            .or_else(|| directory("HOME").map(|home| home.join(".local/state")))
            .ok_or_else(|| {
                Kind::File
                    .because("there is no place for the token's journal")
                    .advise("set XDG_STATE_HOME to a directory that can be written")
            })?;
        Ok(Self::within(&state.join("keyway/journal"), serial))
    }

    /// The journal of a token in a directory of journals.
    pub fn within(directory: &Path, serial: &str) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name: String = serial.chars().map(plain).collect();
        Self { path: directory.join(name), serial: serial.to_owned() }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything that it says, each line held against the one before.
    ///
    /// # Errors
    /// [`Kind::File`] when it is there and cannot be read.
    pub fn read(&self) -> Result<Story> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(self.story(&bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Story::default()),
            Err(error) => Err(self.failed("read", error)),
        }
    }

    fn story(&self, bytes: &[u8]) -> Story {
        let mut story = Story::default();
        let mut previous = self.beginning();
        let mut expected = 1;
        for (line, number) in lines(bytes).zip(1..) {
            match serde_json::from_slice::<Entry>(line) {
                Ok(entry) => {
                    if entry.previous != previous || entry.sequence != expected {
                        let found = entry.sequence;
                        story.faults.push(format!(
                            "line {number}: entry {found} does not follow the line before"
                        ));
                    }
                    expected = entry.sequence + 1;
                    story.entries.push(entry);
                }
                Err(error) => {
                    story.faults.push(format!("line {number} is no entry: {error}"));
                    expected += 1;
                }
            }
            previous = hex(&sha256(&[line]));
        }
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            story.faults.push("the last line is incomplete".to_owned());
        }
        story
    }

    /// What the first entry names in the place of a line before.
    fn beginning(&self) -> String {
        hex(&sha256(&[self.serial.as_bytes()]))
    }

    fn open(&self) -> Result<File> {
        if let Some(directory) = self.path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)
                .map_err(|error| self.failed("make the directory of", error))?;
        }
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        options.open(&self.path).map_err(|error| self.failed("open", error))
    }

    fn failed(&self, what: &str, error: std::io::Error) -> Error {
        Kind::File
            .because(format!("cannot {what} the token's journal {}", self.path.display()))
            .caused_by(error)
            .advise("set XDG_STATE_HOME to a directory that can be written")
    }
}

impl Journal for FileJournal {
    fn append(&self, key: &KeyName, what: &str) -> Result<()> {
        let mut file = self.open()?;
        // Released when the file is closed, or with the process.
        file.lock().map_err(|error| self.failed("lock", error))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| self.failed("read", error))?;
        let last = lines(&bytes).last();
        let entry = Entry {
            sequence: lines(&bytes).count() as u64 + 1,
            at: SystemClock.now().to_string(),
            user: rustix::process::geteuid().as_raw(),
            process: std::process::id(),
            key: key.as_str().to_owned(),
            what: what.to_owned(),
            previous: last.map_or(self.beginning(), |line| hex(&sha256(&[line]))),
        };
        let mut line = serde_json::to_vec(&entry)
            .map_err(|error| Kind::Internal.because("cannot write an entry").caused_by(error))?;
        line.push(b'\n');
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            // Somebody was stopped in the middle of a line: it stays, as a line of its own.
            line.insert(0, b'\n');
        }
        file.write_all(&line)
            .and_then(|()| file.sync_all())
            .map_err(|error| self.failed("write", error))
    }
}

/// The lines, without their ends, the last one also if it is incomplete.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(directory: &Path) -> FileJournal {
        FileJournal::within(directory, "0123 abc")
    }

    fn filled(directory: &Path) -> FileJournal {
        let (journal, key) = (journal(directory), "k".parse().expect("a name"));
        for what in ["created", "rotated", "revoked"] {
            journal.append(&key, what).expect("appended");
        }
        journal
    }

    #[test]
    fn what_was_appended_is_told_in_order() {
        let directory = tempfile::tempdir().expect("a directory");
        let story = filled(directory.path()).read().expect("read");
        assert!(story.faults.is_empty(), "{:?}", story.faults);
        let told: Vec<_> = story.entries.iter().map(|entry| entry.what.as_str()).collect();
        assert_eq!(told, ["created", "rotated", "revoked"]);
        assert_eq!(story.entries[2].sequence, 3);
    }

    #[test]
    fn a_changed_removed_or_foreign_line_breaks_the_chain() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = filled(directory.path());
        let text = fs::read_to_string(journal.path()).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        for changed in [
            text.replace("rotated", "resumed"),
            format!("{}\n{}\n", lines[0], lines[2]),
            format!("{}\n{}\n", lines[1], lines[2]),
            format!("{}\nnonsense\n{}\n{}\n", lines[0], lines[1], lines[2]),
        ] {
            assert!(!journal.story(changed.as_bytes()).faults.is_empty(), "{changed}");
        }
        let other = FileJournal::within(directory.path(), "4567");
        assert!(!other.story(text.as_bytes()).faults.is_empty(), "another token's");
    }

    #[test]
    fn an_incomplete_line_is_reported_and_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = filled(directory.path());
        let mut bytes = fs::read(journal.path()).expect("read");
        bytes.truncate(bytes.len() - 20);
        fs::write(journal.path(), &bytes).expect("written");
        journal.append(&"k".parse().expect("a name"), "destroyed").expect("appended");
        let story = journal.read().expect("read");
        assert_eq!(story.entries.last().expect("an entry").what, "destroyed");
        assert_eq!(story.faults.len(), 1, "{:?}", story.faults);
    }

    #[test]
    fn many_writers_make_one_chain() {
        let directory = tempfile::tempdir().expect("a directory");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| filled(directory.path()));
            }
        });
        let story = journal(directory.path()).read().expect("read");
        assert_eq!((story.entries.len(), story.faults.len()), (12, 0), "{:?}", story.faults);
    }
}
