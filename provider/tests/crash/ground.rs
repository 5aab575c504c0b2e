//! The ground of one operation: what lies there before, where it runs, what it may lead to.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyway_pkcs11::backend::embedded::{EmbeddedBackend, EmbeddedConfig};
use keyway_pkcs11::backend::{Backend, Pin, Token, User};
use keyway_pkcs11::store::{Cost, EventRecord};
use tempfile::TempDir;

use crate::check::{self, Expected, World};
use crate::harness::place::copy;
use crate::operations::{Operation, USER};
use crate::replay::{self, Entry, Note};
use crate::server::{Ended, Server};

pub const CHEAP: Cost = Cost { kibibytes: 8, passes: 1, lanes: 1 };

/// Tokens whose PINs cost nothing to check.
pub fn config(tokens: &Path) -> EmbeddedConfig {
    EmbeddedConfig { pin_cost: CHEAP, ..EmbeddedConfig::new(tokens) }
}

/// The token of slot 1, as a process that starts now sees it.
pub fn open(directory: &Path) -> Result<Arc<dyn Token>, String> {
    let tokens = EmbeddedBackend::new(config(&directory.join("tokens"))).tokens();
    let first = tokens.map_err(|e| e.to_string())?.into_iter().find(|row| row.0 == 1);
    first.map(|row| row.1).ok_or_else(|| "no slot 1".to_owned())
}

/// Contents by name below a directory; directories end in `/`.
pub type Files = BTreeMap<String, Vec<u8>>;

pub struct Ground {
    pub operation: &'static Operation,
    area: TempDir,
    /// How the token is before, and its events.
    before: World,
    events: Vec<EventRecord>,
    /// The files as the last run found them, with their inodes.
    pub start: Vec<(String, u64, Vec<u8>)>,
    survivor: Option<Arc<dyn Token>>,
}

impl Ground {
    pub fn new(server: &mut Server, operation: &'static Operation) -> Self {
        // Memory, where there is some: nothing here needs a disk that really keeps what it is told.
        let memory = Path::new("/dev/shm");
        let area = match tempfile::Builder::new().prefix("keyway-crash-").tempdir_in(memory) {
            Ok(area) => area,
            Err(_) => tempfile::tempdir().expect("a directory"),
        };
        server.prepare(operation, &area.path().join("base"));
        copy(&area.path().join("base"), &area.path().join("work"));
        let look = area.path().join("work");
        let (before, events) = check::look(&look, &[], operation).unwrap_or_else(|why| {
            panic!("{}: before it begins: {why}", operation.name);
        });
        Self { operation, area, before, events, start: Vec::new(), survivor: None }
    }

    pub fn work(&self) -> PathBuf {
        self.area.path().join("work")
    }

    /// Runs the operation on a fresh copy of the ground, stopped at a point or not at all (0);
    /// perhaps while this process has the token open and is logged in.
    pub fn run(
        &mut self,
        server: &mut Server,
        stop: usize,
        mode: u32,
        with_survivor: bool,
    ) -> Ended {
        self.survivor = None;
        let work = self.work();
        fs::remove_dir_all(&work).expect("removed");
        copy(&self.area.path().join("base"), &work);
        self.start = files(&work, |path, bytes| (fs::metadata(path).expect("a file").ino(), bytes));
        if with_survivor && self.operation.others {
            let token = open(&work).expect("a token");
            token.login(User::User, Pin(USER.as_bytes())).expect("logged in");
            self.survivor = Some(token);
        }
        let journal = self.area.path().join("journal");
        server.run(self.operation, &work, &journal, stop, mode)
    }

    /// What the last run wrote.
    pub fn journal(&self) -> Vec<Entry> {
        replay::read(&self.area.path().join("journal"))
    }

    /// What lies there now.
    pub fn files(&self) -> Files {
        files(&self.work(), |_, bytes| (0, bytes)).into_iter().map(|row| (row.0, row.2)).collect()
    }

    /// Puts other files there.
    pub fn put(&self, files: &Files) {
        let work = self.work();
        fs::remove_dir_all(&work).expect("removed");
        fs::create_dir(&work).expect("made");
        for (name, bytes) in files {
            match name.strip_suffix('/') {
                Some(directory) => fs::create_dir(work.join(directory)).expect("made"),
                None => fs::write(work.join(name), bytes).expect("written"),
            }
        }
    }

    /// Checks what the last run left.
    pub fn check(&mut self) -> Result<(), String> {
        let notes = replay::notes(&self.journal());
        let survivor = self.survivor.take();
        let mut expected = self.expected(&notes, false);
        if let Some(survivor) = survivor {
            check::survive(&*survivor, &mut expected)?;
        }
        check::check(&self.work(), &expected, self.operation)
    }

    /// Checks what lies there after a power cut that came behind these notes.
    pub fn check_image(&self, notes: &[Note]) -> Result<(), String> {
        check::check(&self.work(), &self.expected(notes, true), self.operation)
    }

    /// Every acknowledged step is there; one that was begun may be.
    fn expected(&self, notes: &[Note], power_cut: bool) -> Expected {
        let done: Vec<_> = notes.iter().filter(|note| note.end).map(|note| note.step).collect();
        let mut begun: Vec<_> =
            notes.iter().filter(|note| !note.end).map(|note| note.step).collect();
        begun.retain(|step| !done.contains(step));
        let mut certain = self.before.clone();
        done.iter().for_each(|step| (self.operation.effect)(&mut certain, *step));
        let mut worlds = vec![certain];
        for step in begun {
            for mut world in worlds.clone() {
                (self.operation.effect)(&mut world, step);
                worlds.push(world);
            }
        }
        if power_cut {
            // Uses of keys since the last flush may be lost.
            worlds.iter_mut().for_each(|world| drop(world.remove(check::USES)));
        }
        let epoch = notes.iter().map(|note| note.epoch).max();
        Expected {
            worlds,
            acknowledged: done.len(),
            events: if self.operation.history { self.events.clone() } else { Vec::new() },
            epoch: epoch.filter(|_| !power_cut).unwrap_or(0),
        }
    }
}

/// All files and directories below one, each after the directory that it is in.
fn files(
    directory: &Path,
    with: impl Fn(&Path, Vec<u8>) -> (u64, Vec<u8>) + Copy,
) -> Vec<(String, u64, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            all.push((format!("{name}/"), 0, Vec::new()));
            let below = files(&path, with);
            all.extend(below.into_iter().map(|row| (format!("{name}/{}", row.0), row.1, row.2)));
        } else {
            let (inode, bytes) = with(&path, fs::read(&path).expect("a file"));
            all.push((name, inode, bytes));
        }
    }
    all
}
