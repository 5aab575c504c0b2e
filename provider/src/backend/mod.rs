//! Where keys live and where they are used. Everything above these traits is the same for every
//! backend.

pub mod bridge;
pub mod embedded;
mod material;
pub mod object;
pub mod operation;
mod origin;

use std::sync::Arc;

use crate::attribute::Attributes;
use crate::error::Result;
use crate::mechanism::{Function, Mechanism, MechanismSpec, MechanismType};
use crate::object::Wanted;

pub(crate) use material::MaterialKey;
pub use object::{Object, ObjectId, SessionIds, Snapshot};
pub use operation::{Check, Operation, Transform};
pub use origin::{Origin, Origins};

/// A source of slots: the embedded token, another PKCS#11 module, a remote service.
pub trait Backend: Send + Sync {
    /// The slots there are now, with their tokens, in ascending order of slot id. Tokens that were
    /// answered before are the same `Arc`s; another process may have made new ones meanwhile.
    fn tokens(&self) -> Result<Vec<(SlotId, Arc<dyn Token>)>>;
}

/// `manufacturerID` of our own tokens, slots and of the module.
pub const MANUFACTURER: &str = "Keyway";

/// A `CK_SLOT_ID`: stable across runs, below 2^31 because Java takes it as an int.
pub type SlotId = u32;

/// One token: accounts, objects, and the operations that need more than one key.
///
/// Roles and read-only sessions are the session layer's to check; attributes come completed and
/// checked against their rules. A token enforces what needs its own state: PINs, sealing, material.
pub trait Token: Send + Sync {
    fn info(&self) -> Result<TokenInfo>;
    /// Whether the slot has its token now. Only a slot of somebody else's module can be without.
    fn is_present(&self) -> bool {
        true
    }
    /// Whether everything is there without a login: the configuration holds the PIN.
    fn is_open(&self) -> bool {
        false
    }
    fn mechanisms(&self) -> &[&'static MechanismSpec];
    /// Who does what of a mechanism; `None` where all of it is the token's own.
    fn origins(&self, _row: &MechanismSpec) -> Option<Origins> {
        None
    }

    /// `C_InitToken`: checks the SO's PIN if there is one already, and destroys every object.
    fn initialize(&self, so_pin: Pin<'_>, label: &str) -> Result<()>;
    /// `C_InitPIN`, with the SO logged in.
    fn init_pin(&self, pin: Pin<'_>) -> Result<()>;
    /// `C_SetPIN`: needs no login.
    fn set_pin(&self, user: User, old: Pin<'_>, new: Pin<'_>) -> Result<()>;
    /// Checks the PIN under the lockout rule; for [`User::ContextSpecific`] nothing changes.
    fn login(&self, user: User, pin: Pin<'_>) -> Result<()>;
    fn logout(&self) -> Result<()>;
    /// Whether the token that was logged in to is gone: another process initialised it again, or
    /// took it away. Ends with the next login or logout.
    fn is_gone(&self) -> bool;

    /// The token objects that match `query`, without session objects.
    fn find(&self, query: &Attributes, view: View) -> Result<Vec<Found>>;
    /// A token object by identity; `None` if it is gone or not in `view`.
    fn object(&self, id: ObjectId, view: View) -> Result<Option<Arc<Object>>>;
    /// Brings a cached object up to date if another process changed the token: one load when
    /// nothing did. A destroyed object is marked so.
    fn refresh(&self, object: &Object) -> Result<()>;

    /// Makes an object from complete attributes, checking its material and adding what follows
    /// from it (`CKA_CHECK_VALUE`, `CKA_MODULUS_BITS`, ...); durable if `CKA_TOKEN` is true.
    fn create(&self, attributes: Attributes) -> Result<Arc<Object>>;
    /// As [`create`](Self::create), from an object whose material only the token may see.
    fn copy(&self, _original: &Snapshot, attributes: Attributes) -> Result<Arc<Object>> {
        self.create(attributes)
    }
    /// Puts `attributes` (all of them) in the place of the object's, if the object still is what
    /// `base` says: what somebody else changed meanwhile must not be undone.
    ///
    /// # Errors
    /// FunctionFailed if the object changed; its snapshot is then the newer one.
    fn update(&self, object: &Object, base: &Arc<Snapshot>, attributes: Attributes) -> Result<()>;
    /// Destroys the object and marks it so.
    fn destroy(&self, object: &Object) -> Result<()>;

    fn generate(&self, mechanism: &Mechanism<'_>, key: Attributes) -> Result<Arc<Object>>;
    /// The public and the private half, in this order; both or none.
    fn generate_pair(
        &self,
        mechanism: &Mechanism<'_>,
        public: Attributes,
        private: Attributes,
    ) -> Result<(Arc<Object>, Arc<Object>)>;

    /// Makes a key usable; called once per object, the result is shared.
    fn key(&self, attributes: &Attributes) -> Result<Arc<dyn Key>>;
    fn digest(&self, mechanism: &Mechanism<'_>) -> Result<Operation>;
    fn wrap(&self, mechanism: &Mechanism<'_>, with: &Snapshot, what: &Snapshot) -> Result<Vec<u8>>;
    fn unwrap(
        &self,
        mechanism: &Mechanism<'_>,
        with: &Snapshot,
        wrapped: &[u8],
        attributes: Attributes,
    ) -> Result<Arc<Object>>;
    /// The objects that are wanted, in their order; all or none.
    fn derive(
        &self,
        mechanism: &Mechanism<'_>,
        from: &Snapshot,
        wanted: Vec<Wanted>,
    ) -> Result<Vec<Arc<Object>>>;

    /// Notes that `key` is used, for a token that keeps a log: before the use begins, or before
    /// the caller sees what comes of it. Never fails a use that the token cannot note.
    fn note_use(&self, _key: &Object, _what: Use, _mechanism: MechanismType) {}

    fn random(&self, out: &mut [u8]) -> Result<()>;
    fn seed_random(&self, seed: &[u8]) -> Result<()>;
}

/// A usable key. Immutable, shared by every session that uses it.
pub trait Key: std::any::Any + Send + Sync {
    /// The same key behind a reference count of its own: a session keeps one, so that starting an
    /// operation writes no cache line that another session uses.
    fn lease(&self) -> Arc<dyn Key>;

    fn start(&self, function: Function, mechanism: &Mechanism<'_>) -> Result<Operation>;
}

/// What a key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Use {
    For(Function),
    /// It leaves the token, wrapped under this key; `None` for one that only memory holds.
    Wrapped(Option<ObjectId>),
}

/// A token object that matched: the session layer needs to know which handles end at logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub id: ObjectId,
    pub private: bool,
}

/// Whose PIN (`CK_USER_TYPE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    SecurityOfficer,
    User,
    ContextSpecific,
}

/// Which objects a caller may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Before login, and for the security officer.
    Public,
    All,
}

/// A PIN in the application's memory: never copied, never printed.
#[derive(Clone, Copy)]
pub struct Pin<'a>(pub &'a [u8]);

impl std::fmt::Debug for Pin<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pin")
    }
}

/// What `C_GetTokenInfo` needs to know of a token.
#[derive(Clone, Debug)]
pub struct TokenInfo {
    pub label: String,
    pub manufacturer: String,
    pub model: String,
    /// At most 16 characters; the same after `C_InitToken`.
    pub serial: String,
    /// Shortest and longest PIN in bytes.
    pub pin_lengths: (u64, u64),
    pub initialized: bool,
    pub user_pin_initialized: bool,
    pub write_protected: bool,
    pub so_pin: PinState,
    pub user_pin: PinState,
}

/// How close a PIN is to being locked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PinState {
    #[default]
    Fine,
    /// At least one wrong try since the last right one.
    CountLow,
    FinalTry,
    Locked,
}
