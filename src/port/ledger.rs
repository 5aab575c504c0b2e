//! Entries that are written once and never changed.

use crate::domain::key::KeyName;
use crate::error::Result;

/// A book of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Book {
    /// Authorities, by name.
    Authorities,
    /// Certificates that they issued, by serial number.
    Issued,
    /// Certificates that they revoked, by serial number.
    Revoked,
    /// Revocation lists that they made.
    Lists,
    /// How many messages the versions of keys have encrypted, by identifier and count.
    Messages,
    /// Versions of keys that were shared, by version and recipient.
    Given,
    /// Versions of keys that were received, by version.
    Taken,
    /// Keys of whose records none is authentic, by name, and why.
    Outlaws,
}

/// What stands in a book.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The authentic entries with their names, by name.
    pub entries: Vec<(KeyName, Vec<u8>)>,
    /// What was found and is not trusted.
    pub problems: Vec<Problem>,
}

/// An entry that is not trusted.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The name on it, whoever wrote that.
    pub name: String,
    /// What is wrong, in words.
    pub what: String,
}

impl Page {
    /// What of the page is under names that start with one of these.
    pub fn starting(mut self, starts: &[String]) -> Self {
        let concerned = |name: &str| starts.iter().any(|start| name.starts_with(start));
        self.entries.retain(|(name, _)| concerned(name.as_str()));
        self.problems.retain(|problem| concerned(&problem.name));
        self
    }

    /// What is wrong, in one line.
    pub fn wrong(&self) -> String {
        let what: Vec<_> = self.problems.iter().map(|problem| problem.what.as_str()).collect();
        what.join("; ")
    }
}

/// Books of authenticated entries, one a name.
pub trait Ledger {
    /// Every entry of a book, or the one of this name.
    ///
    /// # Errors
    /// The token failed.
    fn read(&self, book: Book, name: Option<&KeyName>) -> Result<Page>;

    /// Adds an entry.
    ///
    /// # Errors
    /// [`crate::Kind::Exists`] when there is one of this name, [`crate::Kind::Conflict`] when
    /// another process adds one at the same moment: read again and retry.
    fn add(&self, book: Book, name: &KeyName, entry: &[u8]) -> Result<()>;

    /// Removes what stands under a name.
    ///
    /// # Errors
    /// The token failed.
    fn remove(&self, book: Book, name: &KeyName) -> Result<()>;
}
