//! A registry that writes every change into a journal before it makes it.

use crate::domain::key::KeyName;
use crate::domain::record::{KeyRecord, Version};
use crate::error::Result;
use crate::port::{Book, Journal, Ledger, Listing, Page, Registry, Stored};

/// A registry with a journal, if there is one.
#[derive(Clone, Debug)]
pub struct Journaled<R, J> {
    /// Where the records are.
    pub registry: R,
    /// Where it is written down what became of them.
    pub journal: Option<J>,
}

impl<R: Ledger, J: Journal> Journaled<R, J> {
    /// Writes a line and then does what it says.
    fn told<T>(&self, name: &KeyName, what: &str, run: impl FnOnce(&R) -> Result<T>) -> Result<T> {
        let Some(journal) = &self.journal else { return run(&self.registry) };
        // The line comes first: no change is without one. What then fails gets another line.
        journal.append(name, what)?;
        run(&self.registry).or_else(|error| {
            journal.append(name, &format!("that was not done: {error}"))?;
            Err(error)
        })
    }
}

impl<R: Ledger, J: Journal> Ledger for Journaled<R, J> {
    fn read(&self, book: Book, name: Option<&KeyName>) -> Result<Page> {
        self.registry.read(book, name)
    }

    fn add(&self, book: Book, name: &KeyName, entry: &[u8]) -> Result<()> {
        self.told(name, &format!("added to the book {book:?}"), |r| r.add(book, name, entry))
    }

    fn remove(&self, book: Book, name: &KeyName) -> Result<()> {
        self.told(name, &format!("removed from the book {book:?}"), |r| r.remove(book, name))
    }
}

impl<R: Registry, J: Journal> Registry for Journaled<R, J> {
    fn load(&self, name: &KeyName) -> Result<Option<Stored>> {
        self.registry.load(name)
    }

    fn list(&self) -> Result<Listing> {
        self.registry.list()
    }

    fn save(&self, previous: Option<&Stored>, record: &KeyRecord) -> Result<Stored> {
        let what = change(previous.map(Stored::record), record);
        self.told(record.name(), &what, |registry| registry.save(previous, record))
    }
}

/// What a new record changes, in words.
fn change(before: Option<&KeyRecord>, after: &KeyRecord) -> String {
    let Some(before) = before else {
        let (algorithm, usage) = (after.algorithm(), after.usage());
        return format!("created: {algorithm}, to {usage}, {}", state(after.latest()));
    };
    let mut changes = Vec::new();
    for version in after.versions() {
        let old = before.versions().iter().find(|old| old.number == version.number);
        let number = version.number;
        match old {
            None => changes.push(format!("version {number} made: {}", state(version))),
            Some(old) if old.recovery != version.recovery => {
                changes.push(format!("version {number}: {}", recovery(version)));
            }
            Some(old) if old.state != version.state => {
                changes.push(format!("version {number}: {} -> {}", old.state, state(version)));
            }
            Some(old) if !old.blocked && version.blocked => {
                changes.push(format!("version {number}: the token refuses it to everybody"));
            }
            Some(old) if !old.recoverable && version.recoverable => {
                changes.push(format!("version {number}: its flags on the token are cleared"));
            }
            Some(_) => {}
        }
    }
    match (before.suspicion(), after.suspicion()) {
        (None, None) => {}
        (before, Some(after)) if before != Some(after) => {
            changes.push(format!("suspected: {}", after.evidence));
        }
        (Some(_), None) => changes.push("suspicion dropped".to_owned()),
        _ => {}
    }
    if let Some(at) = after.terms().destroy_at.filter(|at| before.terms().destroy_at != Some(*at)) {
        changes.push(format!("to be destroyed at {at}"));
    }
    if changes.is_empty() {
        return "the record was written again".to_owned();
    }
    changes.join("; ")
}

fn recovery(version: &Version) -> String {
    let told = version.recovery.as_ref().map(|recovery| {
        let why = recovery.why.as_deref().unwrap_or("no reason was given");
        format!("recovered on the word of {}: {why}; {}", recovery.by.name(), version.state)
    });
    told.unwrap_or_else(|| state(version))
}

fn state(version: &Version) -> String {
    match version.reason {
        Some(reason) => format!("{} ({reason})", version.state),
        None => version.state.to_string(),
    }
}
