//! An object as sessions share it: an identity, an immutable snapshot that changes swap, a key.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use once_cell::sync::OnceCell;

use crate::attribute::{AttributeType, Attributes};
use crate::backend::{Key, Token};
use crate::engine::random;
use crate::error::{Code, Error, Result};
use crate::object::usage::Usage;

/// The identity of an object in its token, for its whole life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 16]);

impl ObjectId {
    /// A new one.
    ///
    /// # Errors
    /// DeviceError if the engine has no entropy.
    pub fn random() -> Result<Self> {
        let mut id = [0; 16];
        random::fill(&mut id)?;
        Ok(Self(id))
    }

    /// In hexadecimal digits, as `CKA_UNIQUE_ID` has it.
    pub fn digits(&self) -> [u8; 32] {
        let mut digits = [0; 32];
        hex::encode_to_slice(self.0, &mut digits).expect("two digits a byte");
        digits
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Identities of session objects, which nobody outside this process sees: a random number of the
/// process and a count. A draw for each would take a tenth of the time that making an AES key does.
#[derive(Default)]
pub struct SessionIds {
    process: OnceCell<[u8; 8]>,
    count: AtomicU64,
}

impl SessionIds {
    /// # Errors
    /// DeviceError if the engine has no entropy.
    pub fn draw(&self) -> Result<ObjectId> {
        let process = self.process.get_or_try_init(|| {
            let mut process = [0; 8];
            random::fill(&mut process)?;
            Ok::<_, Error>(process)
        })?;
        let mut id = [0; 16];
        id[..8].copy_from_slice(process);
        id[8..].copy_from_slice(&self.count.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Ok(ObjectId(id))
    }
}

/// A token object or session object.
pub struct Object {
    pub id: ObjectId,
    state: RwLock<Arc<Snapshot>>,
    /// Bumped by every change and by destruction; what a session remembered is then stale.
    version: AtomicU64,
    destroyed: AtomicBool,
    /// The store's epoch at which the snapshot was last known to be current.
    seen: AtomicU64,
}

/// What an object was between two changes.
pub struct Snapshot {
    pub attributes: Attributes,
    pub usage: Usage,
    /// The version of the record in the store; 0 for a session object.
    pub stored_version: u64,
    /// Shared by the snapshots of an object that stays sensitive, or readable: no attribute that
    /// makes a key can change.
    key: Arc<OnceCell<Arc<dyn Key>>>,
}

impl Object {
    /// `seen` is the store's epoch read before the record was.
    pub fn new(id: ObjectId, attributes: Attributes, stored_version: u64, seen: u64) -> Self {
        let usage = Usage::of(&attributes);
        let snapshot = Snapshot { attributes, usage, stored_version, key: Arc::default() };
        Self {
            id,
            state: RwLock::new(Arc::new(snapshot)),
            version: AtomicU64::new(1),
            destroyed: AtomicBool::new(false),
            seen: AtomicU64::new(seen),
        }
    }

    /// The object as it is now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts new attributes in place.
    pub fn replace(&self, attributes: Attributes, stored_version: u64) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        *state = Arc::new(state.changed(attributes, stored_version));
        self.version.fetch_add(1, Ordering::Release);
    }

    /// As [`replace`](Self::replace), for an object that only memory holds: `false` if it is no
    /// longer what `base` says.
    pub fn replace_if(&self, base: &Arc<Snapshot>, attributes: Attributes) -> bool {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let unchanged = Arc::ptr_eq(&state, base);
        if unchanged {
            *state = Arc::new(state.changed(attributes, base.stored_version));
            self.version.fetch_add(1, Ordering::Release);
        }
        unchanged
    }

    /// Marks the object as gone: every session that remembered it finds out at its next use.
    pub fn mark_destroyed(&self) {
        self.destroyed.store(true, Ordering::Release);
        self.version.fetch_add(1, Ordering::Release);
    }

    pub fn is_destroyed(&self) -> bool {
        self.destroyed.load(Ordering::Acquire)
    }

    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::Acquire)
    }

    pub fn set_seen(&self, epoch: u64) {
        self.seen.store(epoch, Ordering::Release);
    }

    pub fn is_token_object(&self) -> bool {
        self.snapshot().attributes.is_true(AttributeType::TOKEN)
    }
}

impl Snapshot {
    fn changed(&self, attributes: Attributes, stored_version: u64) -> Self {
        let usage = Usage::of(&attributes);
        // A key knows whether it is sensitive: derivations that cut it into pieces ask it.
        let sensitive = |attributes: &Attributes| attributes.is_true(AttributeType::SENSITIVE);
        let key = match sensitive(&attributes) == sensitive(&self.attributes) {
            true => self.key.clone(),
            false => Arc::default(),
        };
        Self { attributes, usage, stored_version, key }
    }

    /// The key of this object, built at its first use and shared from then on.
    ///
    /// # Errors
    /// What [`Token::key`] answers; the next use tries again.
    pub fn key(&self, token: &dyn Token) -> Result<&Arc<dyn Key>> {
        self.key.get_or_try_init(|| token.key(&self.attributes))
    }

    /// Whether a store has it, and not memory alone.
    pub fn is_stored(&self) -> bool {
        self.stored_version != 0
    }

    pub fn is_private(&self) -> bool {
        self.attributes.is_true(AttributeType::PRIVATE)
    }

    /// # Errors
    /// KeyTypeInconsistent for an object that is no key.
    pub fn key_type(&self) -> Result<crate::attribute::KeyType> {
        let key_type = self.attributes.key_type();
        key_type.ok_or_else(|| Code::KeyTypeInconsistent.because("the object is no key"))
    }
}
