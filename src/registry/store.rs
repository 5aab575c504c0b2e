//! What the registry needs of the token: bytes under a name, and a key to authenticate them.

use std::time::Duration;

use crate::domain::key::{KeyId, KeyName};
use crate::error::Result;
use crate::port::Book;

/// How often and how long to wait for what another process has not written completely: SoftHSM2
/// shows objects before they have their values.
pub const COMPLETING: (u32, Duration) = (10, Duration::from_millis(20));

/// A record as it was found: nothing in it is to be trusted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRecord {
    /// The key's name in the object's label.
    pub name: String,
    /// The sealed record.
    pub value: Vec<u8>,
}

/// A sort of records. Each has names of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    /// Keys.
    Keys,
    /// What stands in a book of the ledger.
    Book(Book),
}

/// An authentication tag and the key that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mac {
    /// The key's identifier.
    pub key: KeyId,
    /// HMAC-SHA-256.
    pub tag: Vec<u8>,
}

/// Immutable records and a key that never leaves the token.
pub trait RecordStore {
    /// The same store's records of another sort.
    fn collection(&self, collection: Collection) -> Self
    where
        Self: Sized;

    /// Every record, or those of one key, in no order.
    ///
    /// # Errors
    /// The token failed.
    fn read(&self, name: Option<&KeyName>) -> Result<Vec<RawRecord>>;

    /// Adds a record.
    ///
    /// # Errors
    /// The token failed.
    fn write(&self, name: &KeyName, value: &[u8]) -> Result<()>;

    /// Removes a record. Of several processes that remove the same one, one gets `true`.
    ///
    /// # Errors
    /// The token failed and the record is still there.
    fn remove(&self, name: &KeyName, value: &[u8]) -> Result<bool>;

    /// Authenticates a message; the first use makes the key.
    ///
    /// # Errors
    /// The token failed.
    fn authenticate(&self, message: &[u8]) -> Result<Mac>;

    /// Whether the tag is that of the message under the key that it names.
    ///
    /// # Errors
    /// The token failed.
    fn is_authentic(&self, mac: &Mac, message: &[u8]) -> Result<bool>;
}
