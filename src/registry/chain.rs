//! The chain of a key's records: reading the newest, writing the next.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use super::sealed::{open, seal};
use super::store::{COMPLETING, RawRecord, RecordStore};
use crate::domain::hash::sha256;
use crate::domain::key::KeyName;
use crate::domain::record::{Body, KeyRecord};
use crate::error::{Kind, Result};
use crate::port::{Listing, Registry, Stored};

/// How often and how long to wait for a writer that is between adding and removing. One that takes
/// longer was interrupted, and the next writer goes on from what it left.
const SETTLING: (u32, Duration) = (10, Duration::from_millis(20));

/// How often to look for a record that is not there: mostly there is none.
const LOOKING: u32 = 3;

/// The records of keys in a store of records.
#[derive(Clone, Copy, Debug)]
pub struct Records<S> {
    pub(super) store: S,
}

/// An authentic record, with what decides between two.
struct Candidate {
    stored: Stored,
    tag: Vec<u8>,
    sealed: Vec<u8>,
}

/// What is there of one key.
#[derive(Default)]
struct Found {
    /// Authentic records, best first: highest revision, then lowest tag.
    candidates: Vec<Candidate>,
    problems: Vec<String>,
    /// The first problem that an interruption does not explain.
    forgery: Option<String>,
}

impl<S: RecordStore> Records<S> {
    /// The registry in a store.
    pub fn new(store: S) -> Self {
        Self { store }
    }

    /// What is there of a key. A record that is not authentic is read again for a while, since
    /// another process may not have written it completely, and so is none at all: SoftHSM2 may show
    /// neither of two of which one is just taking the other's place.
    fn find(&self, name: &KeyName) -> Result<Found> {
        let (times, pause) = COMPLETING;
        for reading in 1..times {
            let found = self.look(name)?;
            let is_absent = found.candidates.is_empty() && reading >= LOOKING;
            if found.problems.is_empty() && (!found.candidates.is_empty() || is_absent) {
                return Ok(found);
            }
            sleep(pause);
        }
        self.look(name)
    }

    fn look(&self, name: &KeyName) -> Result<Found> {
        self.sift(name.as_str(), self.store.read(Some(name))?)
    }

    /// What is there of every key, by what the records are labelled.
    fn find_all(&self) -> Result<BTreeMap<String, Found>> {
        let mut raw: BTreeMap<String, Vec<RawRecord>> = BTreeMap::new();
        for record in self.store.read(None)? {
            raw.entry(record.name.clone()).or_default().push(record);
        }
        let mut all = BTreeMap::new();
        for (name, raw) in raw {
            let found = self.sift(&name, raw)?;
            all.insert(name, found);
        }
        // As in `find`, but all of them are waited for together: they may be many.
        let (times, pause) = COMPLETING;
        for _ in 1..times {
            let unfinished = |(name, found): (&String, &Found)| {
                let waits = found.forgery.is_some() || found.candidates.is_empty();
                waits.then(|| name.parse::<KeyName>().ok()).flatten()
            };
            let unfinished: Vec<_> = all.iter().filter_map(unfinished).collect();
            if unfinished.is_empty() {
                break;
            }
            sleep(pause);
            for name in unfinished {
                all.insert(name.to_string(), self.look(&name)?);
            }
        }
        Ok(all)
    }

    /// Opens the records that carry a name and orders the authentic ones.
    fn sift(&self, name: &str, raw: Vec<RawRecord>) -> Result<Found> {
        let mut found = Found::default();
        for record in raw {
            match open(&self.store, &record.value) {
                Ok((body, tag)) if body.record.name().as_str() == name => {
                    let hash = sha256(&[&record.value]);
                    let stored = Stored { body, hash };
                    found.candidates.push(Candidate { stored, tag, sealed: record.value });
                }
                Ok((body, _)) => {
                    let (other, which) = (body.record.name(), fingerprint(&record.value));
                    found.forged(format!(
                        "key {name}: a record of key {other} is labelled so ({which})"
                    ));
                }
                Err(error) if matches!(error.kind(), Kind::NotAuthentic | Kind::Malformed) => {
                    found.forged(format!("key {name}: {error} ({})", fingerprint(&record.value)));
                }
                Err(error) => return Err(error),
            }
        }
        found.candidates.sort_by(|a, b| {
            let revision = |c: &Candidate| c.stored.body.revision;
            revision(b).cmp(&revision(a)).then_with(|| a.tag.cmp(&b.tag))
        });
        found.report_forks(name);
        found.report_broken_link(name);
        Ok(found)
    }

    /// As `find`, after every writer had its time to finish: a successor built on a record that
    /// then gives way would undo the one that won.
    fn find_settled(&self, name: &KeyName) -> Result<Found> {
        let (times, pause) = SETTLING;
        for _ in 0..times {
            let found = self.find(name)?;
            if found.candidates.len() <= 1 {
                return Ok(found);
            }
            sleep(pause);
        }
        self.find(name)
    }

    fn write(&self, name: &KeyName, sealed: &[u8]) -> Result<()> {
        self.store.write(name, sealed).map_err(|error| error.while_doing(format!("key {name}")))
    }

    /// The first record: whoever sees another's gives way, so that nobody who was told of success
    /// loses it.
    fn save_first(&self, name: &KeyName, sealed: &[u8]) -> Result<()> {
        if !self.store.read(Some(name))?.is_empty() {
            return Err(conflict(name));
        }
        self.write(name, sealed)?;
        let others = self.store.read(Some(name))?.iter().any(|record| record.value != sealed);
        if others {
            self.store.remove(name, sealed)?;
            return Err(conflict(name));
        }
        Ok(())
    }

    /// A later record: whoever removes the predecessor has won, since only one can.
    fn save_next(&self, name: &KeyName, previous: &Stored, sealed: &[u8]) -> Result<()> {
        let found = self.find_settled(name)?;
        let Some(predecessor) =
            found.candidates.first().filter(|newest| newest.stored.hash == previous.hash)
        else {
            return Err(conflict(name));
        };
        self.write(name, sealed)?;
        if !self.store.remove(name, &predecessor.sealed)? {
            self.store.remove(name, sealed)?;
            return Err(conflict(name));
        }
        // What an interrupted process left behind: older records, and one that lost.
        for leftover in &found.candidates[1..] {
            self.store.remove(name, &leftover.sealed)?;
        }
        Ok(())
    }
}

impl Found {
    fn forged(&mut self, problem: String) {
        self.forgery.get_or_insert_with(|| problem.clone());
        self.problems.push(problem);
    }

    /// Two authentic records of one revision: two processes wrote at once and one was stopped
    /// before it could give way.
    fn report_forks(&mut self, name: &str) {
        let Some(newest) = self.candidates.first() else { return };
        let revision = newest.stored.body.revision;
        let same = self.candidates.iter().filter(|c| c.stored.body.revision == revision).count();
        if same > 1 {
            self.problems.push(format!("key {name}: {same} records of revision {revision}"));
        }
    }

    /// A predecessor that is still there and is not the one that the newest record names.
    fn report_broken_link(&mut self, name: &str) {
        let Some(newest) = self.candidates.first() else { return };
        let body = &newest.stored.body;
        let mut predecessors = self
            .candidates
            .iter()
            .filter(|c| c.stored.body.revision + 1 == body.revision)
            .peekable();
        let linked = |c: &Candidate| Some(c.stored.hash) == body.previous;
        if predecessors.peek().is_some() && !predecessors.any(linked) {
            let revision = body.revision;
            self.problems.push(format!("key {name}: record {revision} follows another record"));
        }
    }
}

impl<S: RecordStore> Registry for Records<S> {
    fn load(&self, name: &KeyName) -> Result<Option<Stored>> {
        let found = self.find(name)?;
        match found.candidates.into_iter().next() {
            Some(candidate) => Ok(Some(candidate.stored)),
            None if found.problems.is_empty() => Ok(None),
            None => Err(Kind::NotAuthentic
                .because(found.problems.join("; "))
                .advise("somebody changed the record outside keyway: the key is not used")),
        }
    }

    fn list(&self) -> Result<Listing> {
        let mut listing = Listing::default();
        for (name, found) in self.find_all()? {
            if let (Some(what), Ok(name)) = (found.forgery, name.parse()) {
                listing.tampered.push((name, what));
            }
            listing.problems.extend(found.problems);
            listing.records.extend(found.candidates.into_iter().next().map(|c| c.stored));
        }
        Ok(listing)
    }

    fn save(&self, previous: Option<&Stored>, record: &KeyRecord) -> Result<Stored> {
        let revision = previous.map_or(1, |stored| stored.body.revision + 1);
        let body =
            Body { revision, previous: previous.map(|stored| stored.hash), record: record.clone() };
        let sealed = seal(&self.store, &body)?;
        match previous {
            None => self.save_first(record.name(), &sealed)?,
            Some(previous) => self.save_next(record.name(), previous, &sealed)?,
        }
        Ok(Stored { body, hash: sha256(&[&sealed]) })
    }
}

/// The beginning of a record's SHA-256, by which two findings are told apart.
fn fingerprint(value: &[u8]) -> String {
    let hash: String = sha256(&[value])[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("record {hash}")
}

fn conflict(name: &KeyName) -> crate::Error {
    Kind::Conflict
        .because(format!("another process changed key {name} at the same moment"))
        .advise("look at the key and try again: keyway key show")
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    use super::super::store::{Collection, Mac};
    use super::*;
    use crate::domain::key::{Algorithm, KeyId, Usage};
    use crate::domain::record::Origin;
    use crate::domain::time::Timestamp;

    type Shared = Rc<RefCell<Vec<RawRecord>>>;

    /// One process's view of records in memory, which runs something at its n-th access: another
    /// process at any moment.
    struct Memory<'a> {
        records: Shared,
        until: Cell<u32>,
        interruption: RefCell<Option<Box<dyn FnOnce() + 'a>>>,
    }

    impl<'a> Memory<'a> {
        fn new(records: &Shared) -> Self {
            let records = Rc::clone(records);
            Self { records, until: Cell::new(u32::MAX), interruption: RefCell::new(None) }
        }

        fn interrupted(records: &Shared, at: u32, by: impl FnOnce() + 'a) -> Self {
            let memory = Self::new(records);
            memory.until.set(at);
            *memory.interruption.borrow_mut() = Some(Box::new(by));
            memory
        }

        fn access(&self) {
            self.until.set(self.until.get().wrapping_sub(1));
            if self.until.get() == u32::MAX {
                let interruption = self.interruption.borrow_mut().take();
                interruption.into_iter().for_each(|run| run());
            }
        }
    }

    impl RecordStore for Memory<'_> {
        /// There is one only.
        fn collection(&self, _: Collection) -> Self {
            Self::new(&self.records)
        }

        fn read(&self, name: Option<&KeyName>) -> Result<Vec<RawRecord>> {
            self.access();
            let records = self.records.borrow();
            let wanted = |r: &&RawRecord| name.is_none_or(|name| r.name == name.as_str());
            Ok(records.iter().filter(wanted).cloned().collect())
        }

        fn write(&self, name: &KeyName, value: &[u8]) -> Result<()> {
            self.access();
            let record = RawRecord { name: name.as_str().to_owned(), value: value.to_vec() };
            self.records.borrow_mut().push(record);
            Ok(())
        }

        fn remove(&self, _: &KeyName, value: &[u8]) -> Result<bool> {
            self.access();
            let mut records = self.records.borrow_mut();
            let before = records.len();
            records.retain(|record| record.value != value);
            Ok(records.len() < before)
        }

        fn authenticate(&self, message: &[u8]) -> Result<Mac> {
            Ok(Mac { key: KeyId::new([0; 16]), tag: sha256(&[b"secret", message]).to_vec() })
        }

        fn is_authentic(&self, mac: &Mac, message: &[u8]) -> Result<bool> {
            Ok(mac.tag == sha256(&[b"secret", message]))
        }
    }

    fn name() -> KeyName {
        "k".parse().expect("a name")
    }

    fn id(number: u8) -> KeyId {
        KeyId::new([number; 16])
    }

    fn record(number: u8) -> KeyRecord {
        let (origin, now) = (Origin::Generated, Timestamp::from_unix(1));
        KeyRecord::new(name(), Algorithm::Aes256, Usage::Encrypt, origin, id(number), now)
            .expect("a record")
    }

    /// Rotates to a version of this identifier; answers whether that was acknowledged.
    fn rotate(memory: Memory<'_>, number: u8) -> bool {
        let registry = Records::new(memory);
        let stored = registry.load(&name()).expect("loaded").expect("there");
        let next = stored.record().rotated(id(number), Timestamp::from_unix(2)).expect("rotated");
        acknowledged(registry.save(Some(&stored), &next))
    }

    fn create(memory: Memory<'_>, number: u8) -> bool {
        acknowledged(Records::new(memory).save(None, &record(number)))
    }

    fn acknowledged(saved: Result<Stored>) -> bool {
        match saved {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), Kind::Conflict, "{error}");
                false
            }
        }
    }

    fn holds(records: &Shared, number: u8) -> bool {
        let stored = Records::new(Memory::new(records)).load(&name()).expect("loaded");
        stored.is_some_and(|s| s.record().versions().iter().any(|v| v.id == id(number)))
    }

    #[test]
    fn whatever_moment_two_writers_meet_no_acknowledged_change_is_lost() {
        for at in 0..12 {
            let records = Shared::default();
            assert!(create(Memory::new(&records), 1));
            let second = Cell::new(false);
            let other = || second.set(rotate(Memory::new(&records), 3));
            let first = rotate(Memory::interrupted(&records, at, other), 2);
            assert!(holds(&records, 1), "met at access {at}");
            assert!(!first || holds(&records, 2), "met at access {at}: the first is lost");
            assert!(!second.get() || holds(&records, 3), "met at access {at}: the second is lost");
            assert_eq!(records.borrow().len(), 1, "met at access {at}: something is left");
        }
    }

    /// What another process has written half of a record is no forgery: maintenance would take the
    /// key out of use for good.
    #[test]
    fn a_record_that_is_not_completely_written_is_waited_for() {
        let records = Shared::default();
        assert!(create(Memory::new(&records), 1));
        let whole = records.borrow()[0].value.clone();
        records.borrow_mut()[0].value.truncate(whole.len() / 2);
        let complete = || records.borrow_mut()[0].value.clone_from(&whole);
        let listing = Records::new(Memory::interrupted(&records, 2, complete)).list();
        let listing = listing.expect("listed");
        assert!(listing.tampered.is_empty() && listing.problems.is_empty(), "{listing:?}");
        assert_eq!(listing.records.len(), 1);
        records.borrow_mut()[0].value.pop();
        let listing = Records::new(Memory::new(&records)).list().expect("listed");
        assert_eq!((listing.tampered.len(), listing.records.len()), (1, 0), "{listing:?}");
    }

    #[test]
    fn whatever_moment_two_creators_meet_at_most_one_wins() {
        for at in 0..8 {
            let records = Shared::default();
            let second = Cell::new(false);
            let other = || second.set(create(Memory::new(&records), 2));
            let first = create(Memory::interrupted(&records, at, other), 1);
            assert!(!(first && second.get()), "met at access {at}");
            assert_eq!(holds(&records, 1), first, "met at access {at}");
            assert_eq!(holds(&records, 2), second.get(), "met at access {at}");
        }
    }
}
