//! What a power cut could leave: the journal of a run, replayed with losses.
//!
//! On the disk is for certain what was written to a file before its last completed flush, and what
//! became of names before the last flush of their directory. Of what came later, any part may be
//! there: some writes and not others, whatever their order; of one write some sectors; and in
//! sectors that were being written anything at all. Changes of names reach the disk in their order
//! (as in the journals of ext4, XFS and Btrfs), and independently of what the files hold. SQLite's
//! own crash tests assume the same (`src/test6.c` there).

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use crate::ground::{Files, Ground};

/// Kinds of `shim.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Create,
    Write,
    Truncate,
    Sync,
    SyncDirectory,
    Rename,
    Link,
    Unlink,
    Mkdir,
    Rmdir,
    Mapped,
    Note,
}

const KINDS: [Kind; 12] = [
    Kind::Create,
    Kind::Write,
    Kind::Truncate,
    Kind::Sync,
    Kind::SyncDirectory,
    Kind::Rename,
    Kind::Link,
    Kind::Unlink,
    Kind::Mkdir,
    Kind::Rmdir,
    Kind::Mapped,
    Kind::Note,
];

/// One entry of a journal.
#[derive(Clone, Debug)]
pub struct Entry {
    pub kind: Kind,
    inode: u64,
    /// Where a write begins, how long a file is now, how many points there were.
    pub offset: u64,
    bytes: Vec<u8>,
}

/// That a step was begun, or acknowledged with the epoch at that moment.
#[derive(Clone, Copy, Debug)]
pub struct Note {
    pub step: usize,
    pub end: bool,
    pub epoch: u64,
}

impl Entry {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("names are UTF-8")
    }

    fn note(&self) -> Option<Note> {
        let words: Vec<&str> = match self.kind {
            Kind::Note => self.text().split(' ').collect(),
            _ => return None,
        };
        let number = |at: usize| words[at].parse::<u64>().expect("a number");
        let end = match words[0] {
            "begin" => false,
            "end" => true,
            _ => return None,
        };
        Some(Note { step: number(1) as usize, end, epoch: number(2) })
    }

    /// Whether this directory is flushed; the one that is watched has no name.
    pub fn flushes_directory(&self, name: &str) -> bool {
        self.kind == Kind::SyncDirectory && self.text() == name
    }

    pub fn is_acknowledgement(&self) -> bool {
        self.note().is_some_and(|note| note.end)
    }
}

/// Reads a journal; the last entry of a process that was stopped may be cut off.
pub fn read(path: &Path) -> Vec<Entry> {
    let bytes = fs::read(path).expect("a journal");
    let (mut rest, mut entries) = (&bytes[..], Vec::new());
    while let Some((head, after)) = rest.split_at_checked(24) {
        let word = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().expect("4 bytes"));
        let long = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().expect("8 bytes"));
        let Some((bytes, after)) = after.split_at_checked(word(4) as usize) else { break };
        let kind = KINDS[word(0) as usize - 1];
        entries.push(Entry { kind, inode: long(8), offset: long(16), bytes: bytes.to_vec() });
        rest = after;
    }
    entries
}

pub fn notes(journal: &[Entry]) -> Vec<Note> {
    journal.iter().filter_map(Entry::note).collect()
}

/// How many points a whole run has.
pub fn points(journal: &[Entry]) -> usize {
    let last = journal.iter().rfind(|entry| entry.kind == Kind::Note);
    last.expect("the last note").offset as usize
}

/// What is lost, by a seed: 0 everything that may be, 1 nothing, any other a part.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    seed: u64,
    state: u64,
}

impl Loss {
    pub fn of(seed: u64) -> Self {
        Self { seed, state: seed.wrapping_mul(0x2545_f491_4f6c_dd1d) }
    }

    /// SplitMix64.
    fn next(&mut self, below: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    /// How many of the changes of names that are not certain are on the disk.
    fn names(&mut self, pending: usize) -> usize {
        match self.seed {
            0 => 0,
            1 => pending,
            _ => self.next(pending as u64 + 1) as usize,
        }
    }
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

#[derive(Clone, Default)]
struct File {
    certain: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone)]
enum Naming {
    Add(String, usize),
    Remove(String),
    Rename(String, String),
}

/// The size of a sector: what is written in one piece.
const SECTOR: u64 = 512;
/// What stands for a directory among the files.
const DIRECTORY: usize = usize::MAX;

impl File {
    fn settle(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            apply(&mut self.certain, &change);
        }
    }

    /// The contents that a power cut leaves.
    fn left(&self, loss: &mut Loss) -> Vec<u8> {
        let (mut bytes, count) = (self.certain.clone(), self.pending.len() as u64);
        let first = loss.next(count + 1);
        for (n, change) in self.pending.iter().enumerate() {
            let kept = match loss.seed % 8 {
                _ if loss.seed == 0 => false,
                _ if loss.seed == 1 => true,
                // The first ones; the first ones and the next one torn; any.
                0 | 2 => (n as u64) < first,
                3 => (n as u64) <= first,
                _ => loss.next(2) == 0,
            };
            let torn = match loss.seed % 8 {
                3 => n as u64 == first,
                4 | 5 => true,
                _ => false,
            };
            match change {
                Change::Write(at, data) if torn && loss.seed > 1 => {
                    tear(&mut bytes, *at, data, loss);
                }
                change if kept => apply(&mut bytes, change),
                _ => {}
            }
        }
        bytes
    }
}

/// Some sectors of a write; where the seed says so, noise in others.
fn tear(bytes: &mut Vec<u8>, at: u64, data: &[u8], loss: &mut Loss) {
    let mut from = 0;
    while from < data.len() {
        let room = SECTOR - (at + from as u64) % SECTOR;
        let to = data.len().min(from + room as usize);
        let piece = match loss.next(4) {
            0 | 1 => data[from..to].to_vec(),
            2 if loss.seed % 8 == 5 => (from..to).map(|_| loss.next(256) as u8).collect(),
            _ => Vec::new(),
        };
        if !piece.is_empty() {
            apply(bytes, &Change::Write(at + from as u64, piece));
        }
        from = to;
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => bytes.resize(*length as usize, 0),
        Change::Write(at, data) => {
            let (at, end) = (*at as usize, *at as usize + data.len());
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[at..end].copy_from_slice(data);
        }
    }
}

/// The directory of a name.
fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// A disk during a run.
#[derive(Clone, Default)]
pub struct Disk {
    files: Vec<File>,
    inodes: HashMap<u64, usize>,
    /// As programs see them, and as a power cut leaves them before `namings`.
    names: BTreeMap<String, usize>,
    certain: BTreeMap<String, usize>,
    namings: Vec<Naming>,
}

impl Disk {
    /// The disk before the last run of a ground, all of it certain.
    pub fn before(ground: &Ground) -> Self {
        let mut disk = Self::default();
        for (name, inode, bytes) in &ground.start {
            let file = match name.strip_suffix('/') {
                Some(_) => DIRECTORY,
                None => {
                    disk.files.push(File { certain: bytes.clone(), pending: Vec::new() });
                    disk.inodes.insert(*inode, disk.files.len() - 1);
                    disk.files.len() - 1
                }
            };
            disk.names.insert(name.trim_end_matches('/').to_owned(), file);
        }
        disk.certain = disk.names.clone();
        disk
    }

    /// What a power cut behind these entries leaves.
    pub fn image(&self, journal: &[Entry], mut loss: Loss) -> Files {
        let mut disk = self.clone();
        journal.iter().for_each(|entry| disk.replay(entry));
        let kept = loss.names(disk.namings.len());
        for naming in std::mem::take(&mut disk.namings).into_iter().take(kept) {
            rename(&mut disk.certain, naming);
        }
        let names = disk.certain.clone();
        disk.contents(&names, |file| file.left(&mut loss))
    }

    /// What programs see behind these entries.
    pub fn whole(&self, journal: &[Entry]) -> Files {
        let mut disk = self.clone();
        journal.iter().for_each(|entry| disk.replay(entry));
        disk.files.iter_mut().for_each(File::settle);
        let names = disk.names.clone();
        disk.contents(&names, |file| file.certain.clone())
    }

    /// Files by name, without those whose directory is not there.
    fn contents(
        &self,
        names: &BTreeMap<String, usize>,
        mut read: impl FnMut(&File) -> Vec<u8>,
    ) -> Files {
        let reachable = |mut name: &str| loop {
            name = parent(name);
            match name {
                "" => break true,
                name if !names.contains_key(name) => break false,
                _ => {}
            }
        };
        let mut files = Files::new();
        for (name, file) in names.iter().filter(|(name, _)| reachable(name)) {
            match *file {
                DIRECTORY => files.insert(format!("{name}/"), Vec::new()),
                file => files.insert(name.clone(), read(&self.files[file])),
            };
        }
        files
    }

    fn file(&mut self, entry: &Entry) -> &mut File {
        let at = self.inodes.get(&entry.inode).expect("a file that the journal knows");
        &mut self.files[*at]
    }

    fn name(&mut self, naming: Naming) {
        rename(&mut self.names, naming.clone());
        self.namings.push(naming);
    }

    fn replay(&mut self, entry: &Entry) {
        let text = || {
            let (one, other) = entry.text().split_once('\n').expect("two names");
            (one.to_owned(), other.to_owned())
        };
        match entry.kind {
            Kind::Create => {
                self.files.push(File::default());
                self.inodes.insert(entry.inode, self.files.len() - 1);
                self.name(Naming::Add(entry.text().to_owned(), self.files.len() - 1));
            }
            Kind::Write | Kind::Mapped => {
                let change = Change::Write(entry.offset, entry.bytes.clone());
                self.file(entry).pending.push(change);
            }
            Kind::Truncate => {
                let change = Change::Length(entry.offset);
                self.file(entry).pending.push(change);
            }
            Kind::Sync => self.file(entry).settle(),
            Kind::SyncDirectory => self.sync_directory(entry.text()),
            Kind::Rename => self.name(Naming::Rename(text().0, text().1)),
            Kind::Link => {
                let file = self.names[&text().0];
                self.name(Naming::Add(text().1, file));
            }
            Kind::Unlink | Kind::Rmdir => self.name(Naming::Remove(text().0)),
            Kind::Mkdir => self.name(Naming::Add(text().0, DIRECTORY)),
            Kind::Note => {}
        }
    }

    fn sync_directory(&mut self, directory: &str) {
        for naming in std::mem::take(&mut self.namings) {
            let (Naming::Add(name, _) | Naming::Remove(name) | Naming::Rename(_, name)) = &naming;
            match parent(name) == directory {
                true => rename(&mut self.certain, naming),
                false => self.namings.push(naming),
            }
        }
    }
}

/// # Errors
/// Where the files differ.
pub fn same(one: &Files, other: &Files) -> Result<(), String> {
    if one.keys().ne(other.keys()) {
        let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
        return Err(format!("files {:?} and {:?}", names(one), names(other)));
    }
    for ((name, one), other) in one.iter().zip(other.values()) {
        if one.len() != other.len() {
            return Err(format!("{name} has {} bytes and {}", one.len(), other.len()));
        }
        if let Some(at) = one.iter().zip(other).position(|(one, other)| one != other) {
            return Err(format!("{name} differs at {at}"));
        }
    }
    Ok(())
}

fn rename(names: &mut BTreeMap<String, usize>, naming: Naming) {
    match naming {
        Naming::Add(name, file) => drop(names.insert(name, file)),
        Naming::Remove(name) => drop(names.remove(&name)),
        Naming::Rename(from, to) => {
            if let Some(file) = names.remove(&from) {
                names.insert(to, file);
            }
        }
    }
}
