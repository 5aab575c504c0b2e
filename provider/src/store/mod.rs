//! Where sealed records lie: bytes and versions, no policy, no keys.

pub mod detail;
pub mod event;
pub(crate) mod fields;
pub(crate) mod gate;
pub mod memory;
pub mod set;
pub mod sqlite;
mod transaction;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::backend::ObjectId;
use crate::error::{Error, Result};
use crate::ffi::awslc::sealing;

pub use detail::{Facts, Used, Who};
pub use event::{Event, EventKind, EventRecord, Witness};
pub use set::{Delta, Head, Loose, Member, Stamp, Survey};

/// A medium for the records of one token.
pub trait Store: Send + Sync {
    /// What describes the token; `None` while it is not initialised.
    fn token(&self) -> Result<Option<TokenRecord>>;
    /// The instance of the token alone: what tells whether somebody initialised it again.
    fn instance(&self) -> Result<Option<Instance>>;
    fn account(&self, role: Role) -> Result<Option<Account>>;

    fn get(&self, id: ObjectId) -> Result<Option<Record>>;
    /// The version of one record: all that a cached object is compared with.
    fn version(&self, id: ObjectId) -> Result<Option<u64>>;
    /// For each set of tags, at least one each, the records that have all of them, as of one moment;
    /// in time that follows the rarest tag, if that comes first.
    fn find(&self, sets: &[Vec<Tag>]) -> Result<Vec<Vec<ObjectId>>>;
    /// The objects that were made, changed or destroyed without a login since the last one.
    fn loose(&self) -> Result<Vec<Loose>>;
    /// Every record in ascending order of id, for checks; what is committed meanwhile may be in it
    /// or not.
    fn scan(&self, each: &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<()>;
    /// The events from `first` on, in order, at most `limit`.
    fn events(&self, first: u64, limit: usize) -> Result<Vec<EventRecord>>;
    /// The set of rows and what vouches for it, all of one moment; `None` if there are more than
    /// `limit` objects.
    fn survey(&self, limit: u64) -> Result<Option<Survey>>;

    /// Makes all of the changes, or none, and appends their events.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if a version is not the expected one, [`CommitError::Replaced`]
    /// if the token is not the instance that the batch is for.
    fn commit(&self, batch: Batch) -> Result<Epoch, CommitError>;

    /// The epoch now; read it before what it vouches for.
    fn epoch(&self) -> Result<Epoch>;
    /// Whether anything may have changed since `seen`. One load when nothing did.
    fn fresh(&self, seen: Epoch) -> Result<Freshness>;

    /// Whether commits are possible.
    fn writable(&self) -> Result<bool>;
    /// Keeps every other holder of this lock out, on this machine, until the guard is dropped or
    /// its process dies: for the lockout counter.
    fn exclusive(&self) -> Result<Box<dyn Exclusive + '_>>;
    /// Whether anybody else has it open: another process, or another store in this one.
    fn in_use(&self) -> Result<bool>;
    /// What is wrong with the medium itself, whatever its records say.
    fn inspect(&self) -> Result<Vec<String>>;
    /// Erases what earlier commits left in the medium's log, as far as other readers allow.
    fn forget(&self) -> Result<()>;
}

/// The guard of [`Store::exclusive`].
pub trait Exclusive {}

/// A counter that every commit moves: equal and even means that nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch(pub u64);

/// The answer to "is what I read at this epoch still current?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    Current,
    /// Read again, and remember this epoch for what you read then. It is odd while a commit is
    /// under way, and an odd one is never current.
    Changed(Epoch),
}

/// A truncated HMAC of (attribute, value): searchable without being readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub [u8; 16]);

/// Made anew whenever the token is initialised.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Instance(pub [u8; 16]);

/// How the body of a record is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Form {
    /// Sealed under a key that a login of the user unlocks.
    Private = 1,
    /// Sealed under a key that lies in the token record: `CKA_PRIVATE` is false.
    Open = 2,
    /// In clear, with a MAC.
    Public = 3,
    /// In clear, without a MAC: written without a login.
    Unattested = 4,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub id: ObjectId,
    /// 1 when created, one more at each change.
    pub version: u64,
    pub form: Form,
    pub tags: Vec<Tag>,
    pub body: Vec<u8>,
}

/// What is stored of a token once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    pub version: u64,
    pub instance: Instance,
    /// Readable before login: label, serial number, the keys of what is not private.
    pub clear: Vec<u8>,
    /// Sealed under the master key, and `clear` authenticated with it.
    pub sealed: Vec<u8>,
}

/// Whose PIN an account holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    SecurityOfficer = 1,
    User = 2,
}

impl Role {
    /// The role of this number.
    pub fn of(number: u8) -> Option<Self> {
        [Self::SecurityOfficer, Self::User].into_iter().find(|role| *role as u8 == number)
    }
}

/// The master key wrapped under a PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub role: Role,
    pub version: u64,
    pub cost: Cost,
    pub salt: [u8; 16],
    pub wrapped: Vec<u8>,
    /// Tries since the last right one.
    pub failures: u32,
}

impl Account {
    /// Tells damage, not attackers: the counter moves without a login, so nothing can vouch for it.
    pub(crate) fn checksum(&self) -> [u8; 16] {
        let Self { role, version, cost, salt, wrapped, failures } = self;
        let Cost { kibibytes, passes, lanes } = cost;
        let numbers = [*kibibytes, *passes, *lanes, *failures].map(u32::to_be_bytes);
        let sum = sealing::sha256(&[
            b"KWYA\x01",
            &[*role as u8],
            &version.to_be_bytes(),
            numbers.as_flattened(),
            salt,
            wrapped,
        ]);
        let mut checksum = [0; 16];
        checksum.copy_from_slice(&sum[..16]);
        checksum
    }
}

/// What an Argon2id derivation costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub kibibytes: u32,
    pub passes: u32,
    pub lanes: u32,
}

#[cfg(test)]
impl Cost {
    pub const CHEAP: Self = Self { kibibytes: 8, passes: 1, lanes: 1 };
}

/// What is to be done in one transaction.
pub struct Batch {
    /// The instance that the token must still be; `None` for one that must not exist yet.
    pub instance: Option<Instance>,
    pub changes: Vec<Change>,
    pub events: Vec<Event>,
    pub witness: Arc<dyn Witness>,
    pub durability: Durability,
}

/// Whether a commit must survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// On the disk when the commit returns.
    Full,
    /// Atomic and visible at once, on the disk with the next full commit.
    Lazy,
    /// As lazy, and given up soon where somebody else is writing: for what can be told later.
    Offhand,
}

impl Durability {
    /// What a transaction for both has to be.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Full, _) | (_, Self::Full) => Self::Full,
            (Self::Lazy, _) | (_, Self::Lazy) => Self::Lazy,
            (Self::Offhand, Self::Offhand) => Self::Offhand,
        }
    }
}

/// One change; `expected` is the version that must be stored now, 0 for none.
#[derive(Clone, Debug)]
pub enum Change {
    Put {
        record: Record,
        expected: u64,
    },
    Remove {
        id: ObjectId,
        expected: u64,
    },
    PutAccount {
        account: Account,
        expected: u64,
    },
    PutToken {
        token: TokenRecord,
        expected: u64,
    },
    /// Removes every record and every account.
    Clear,
    /// Vouches for the set of rows as it is now, and makes the index over the tags anew.
    Adopt,
    /// Accepts that an object was destroyed without a login.
    Settle {
        id: ObjectId,
    },
}

/// Why nothing was committed.
#[derive(Debug)]
pub enum CommitError {
    /// Somebody else changed it first: read again and try again.
    Conflict,
    /// The token was initialised again.
    Replaced,
    Failed(Error),
}

impl CommitError {
    /// The same, for another batch of the same transaction.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Conflict => Self::Conflict,
            Self::Replaced => Self::Replaced,
            Self::Failed(error) => Self::Failed(error.code().because(error.to_string())),
        }
    }
}

impl From<Error> for CommitError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Form {
    /// The form with this number.
    pub fn from_raw(raw: u8) -> Option<Self> {
        [Self::Private, Self::Open, Self::Public, Self::Unattested]
            .into_iter()
            .find(|form| *form as u8 == raw)
    }
}
