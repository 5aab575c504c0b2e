//! The embedded token: accounts, objects and keys over a store of sealed records.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::cache::Cache;
use super::identity::Identity;
use super::keys::Keys;
use super::pin::{Derivations, LENGTHS};
use super::root::outward;
use super::uses::Uses;
use crate::attribute::Attributes;
use crate::backend::bridge::RootKey;
use crate::backend::{
    Found, Key, MANUFACTURER, MaterialKey, Object, ObjectId, Operation, Pin, PinState, SessionIds,
    Snapshot, Token, TokenInfo, Use, User, View,
};
use crate::engine::random;
use crate::error::{Code, Error, Result};
use crate::mechanism::set::{self, Legacy};
use crate::mechanism::{Mechanism, MechanismSpec, MechanismType};
use crate::object::Wanted;
use crate::policy::Policy;
use crate::store::event::Nobody;
use crate::store::{
    Batch, Change, CommitError, Cost, Durability, Epoch, Event, Freshness, Role, Store, Witness,
};

/// A token whose keys are used in this process.
pub struct EmbeddedToken {
    pub(super) store: Arc<dyn Store>,
    pub(super) settings: Settings,
    /// The serial number that the token will have if it has none yet.
    pub(super) future_serial: String,
    known: RwLock<Option<Known>>,
    login: RwLock<Option<Arc<Keys>>>,
    /// Whether somebody else initialised the token while this process was logged in.
    replaced: AtomicBool,
    pub(super) cache: Cache,
    /// Serialises what puts a newer snapshot in place of an older one.
    pub(super) refreshing: Mutex<()>,
    /// Whether a key was destroyed whose ciphertext may still lie in the store's log.
    pub(super) remains: AtomicBool,
    pub(super) uses: Uses,
    pub(super) session_ids: SessionIds,
}

/// What the configuration says about every token.
#[derive(Clone)]
pub(super) struct Settings {
    /// For PINs that are set from now on.
    pub(super) cost: Cost,
    /// Wrong PINs in a row that lock an account.
    pub(super) attempts: u32,
    /// Shared by the tokens of a process.
    pub(super) derivations: Arc<Derivations>,
    pub(super) legacy: Legacy,
    pub(super) policy: Policy,
    pub(super) log_uses: bool,
    pub(super) root: Option<Arc<RootKey>>,
}

struct Known {
    identity: Arc<Identity>,
    /// The epoch at which it was last known to be current.
    seen: Epoch,
}

impl EmbeddedToken {
    pub(super) fn new(store: Arc<dyn Store>, settings: Settings) -> Result<Self> {
        Ok(Self {
            store,
            settings,
            future_serial: Identity::new_serial()?,
            known: RwLock::default(),
            login: RwLock::default(),
            replaced: AtomicBool::new(false),
            cache: Cache::new(),
            refreshing: Mutex::default(),
            remains: AtomicBool::new(false),
            uses: Uses::default(),
            session_ids: SessionIds::default(),
        })
    }

    /// Whether the token is initialised; one that cannot be read is, as far as anybody can tell.
    pub(super) fn is_initialized(&self) -> bool {
        self.identity().map_or(true, |identity| identity.is_some())
    }

    /// The token as it is now: one load when nothing was committed since the last look.
    pub(super) fn identity(&self) -> Result<Option<Arc<Identity>>> {
        if let Some(known) = &*self.known.read().unwrap_or_else(PoisonError::into_inner)
            && self.store.fresh(known.seen)? == Freshness::Current
        {
            return Ok(Some(known.identity.clone()));
        }
        let seen = self.store.epoch()?;
        let instance = self.store.instance()?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match (&mut *known, instance) {
            (None, None) => return Ok(None),
            (Some(known), Some(instance)) if known.identity.instance == instance => {
                known.seen = seen;
                return Ok(Some(known.identity.clone()));
            }
            (Some(_), _) => self.forget_instance(),
            (None, Some(_)) => {}
        }
        let record = self.store.token()?;
        *known = match &record {
            Some(record) => Some(Known { identity: Arc::new(Identity::read(record)?), seen }),
            None => None,
        };
        Ok(known.as_ref().map(|known| known.identity.clone()))
    }

    /// As [`identity`](Self::identity), of a token that has to be initialised.
    ///
    /// # Errors
    /// TokenNotRecognized.
    pub(super) fn initialized(&self) -> Result<Arc<Identity>> {
        self.identity()?
            .ok_or_else(|| Code::TokenNotRecognized.because("the token is not initialised"))
    }

    /// As [`initialized`](Self::initialized), of the token that was logged in to, if one was.
    ///
    /// # Errors
    /// TokenNotRecognized, DeviceRemoved if it is another one now.
    pub(super) fn unchanged(&self) -> Result<Arc<Identity>> {
        let identity = self.initialized();
        match self.is_gone() {
            true => Err(replaced()),
            false => identity,
        }
    }

    /// What the login unlocked, if there is one.
    pub(super) fn keys(&self) -> Option<Arc<Keys>> {
        self.login.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The keys of the logged-in user.
    ///
    /// # Errors
    /// DeviceRemoved if the token was initialised again meanwhile, else UserNotLoggedIn.
    pub(super) fn user_keys(&self) -> Result<Arc<Keys>> {
        self.keys().filter(|keys| keys.private.is_some()).ok_or_else(|| self.not_logged_in())
    }

    pub(super) fn set_login(&self, keys: Option<Arc<Keys>>) {
        *self.login.write().unwrap_or_else(PoisonError::into_inner) = keys;
        self.replaced.store(false, Ordering::Release);
        self.uses.forget();
    }

    pub(super) fn not_logged_in(&self) -> Error {
        match self.replaced.load(Ordering::Acquire) {
            true => replaced(),
            false => {
                Code::UserNotLoggedIn.because("the user is not logged in: call C_Login as CKU_USER")
            }
        }
    }

    /// One transaction on the token that `identity` describes, vouched for by the `keys` that
    /// whatever asks for it began with: the user may be logged out by now.
    ///
    /// # Errors
    /// FunctionFailed if somebody else changed the same thing first, DeviceRemoved if the token
    /// was initialised again.
    pub(super) fn commit(
        &self,
        identity: &Identity,
        keys: Option<Arc<Keys>>,
        changes: Vec<Change>,
        events: Vec<Event>,
    ) -> Result<Epoch> {
        self.try_commit(identity, keys, changes, events).map_err(|e| self.explain(e))
    }

    /// As [`commit`](Self::commit), for callers who know what to do about a conflict.
    pub(super) fn try_commit(
        &self,
        identity: &Identity,
        keys: Option<Arc<Keys>>,
        changes: Vec<Change>,
        events: Vec<Event>,
    ) -> Result<Epoch, CommitError> {
        let witness: Arc<dyn Witness> = match keys {
            Some(keys) => keys,
            None => Arc::new(Nobody),
        };
        self.commit_as(identity, changes, events, witness)
    }

    /// As [`try_commit`](Self::try_commit), with somebody else to vouch for it.
    pub(super) fn commit_as(
        &self,
        identity: &Identity,
        changes: Vec<Change>,
        events: Vec<Event>,
        witness: Arc<dyn Witness>,
    ) -> Result<Epoch, CommitError> {
        let instance = Some(identity.instance);
        let durability = Durability::Full;
        self.store.commit(Batch { instance, changes, events, witness, durability })
    }

    pub(super) fn explain(&self, error: CommitError) -> Error {
        match error {
            CommitError::Failed(error) => error,
            CommitError::Conflict => Code::FunctionFailed
                .because("somebody else changed it at the same moment: try again"),
            CommitError::Replaced => {
                self.forget_instance();
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = None;
                replaced()
            }
        }
    }

    /// The token is another one now: nothing that was opened of the old one may be used.
    fn forget_instance(&self) {
        let mut login = self.login.write().unwrap_or_else(PoisonError::into_inner);
        if login.take().is_some() {
            log::error!("{}", replaced());
            self.replaced.store(true, Ordering::Release);
        }
        drop(login);
        self.cache.drain().iter().for_each(|object| object.mark_destroyed());
    }
}

fn replaced() -> Error {
    Code::DeviceRemoved
        .because("the token was initialised again, or taken away: close its sessions and log in")
}

impl Token for EmbeddedToken {
    fn info(&self) -> Result<TokenInfo> {
        let identity = self.identity()?;
        let state = |role| Ok::<_, Error>(self.store.account(role)?.map(|a| self.pin_state(&a)));
        let (so_pin, user_pin) = match &identity {
            Some(_) => (state(Role::SecurityOfficer)?, state(Role::User)?),
            None => (None, None),
        };
        let named = |identity: &Arc<Identity>| (identity.label.clone(), identity.serial.clone());
        let blank = || (String::new(), self.future_serial.clone());
        let (label, serial) = identity.as_ref().map_or_else(blank, named);
        Ok(TokenInfo {
            label,
            manufacturer: MANUFACTURER.to_owned(),
            model: "embedded".to_owned(),
            serial,
            pin_lengths: (*LENGTHS.start() as u64, *LENGTHS.end() as u64),
            initialized: identity.is_some(),
            user_pin_initialized: user_pin.is_some(),
            write_protected: !self.store.writable()?,
            so_pin: so_pin.unwrap_or(PinState::Fine),
            user_pin: user_pin.unwrap_or(PinState::Fine),
        })
    }

    fn mechanisms(&self) -> &[&'static MechanismSpec] {
        set::offered(self.settings.legacy, self.settings.policy)
    }

    fn initialize(&self, so_pin: Pin<'_>, label: &str) -> Result<()> {
        self.initialize_token(so_pin, label).map_err(outward)
    }

    fn init_pin(&self, pin: Pin<'_>) -> Result<()> {
        self.set_user_pin(pin).map_err(outward)
    }

    fn set_pin(&self, user: User, old: Pin<'_>, new: Pin<'_>) -> Result<()> {
        self.change_pin(user, old, new).map_err(outward)
    }

    fn login(&self, user: User, pin: Pin<'_>) -> Result<()> {
        self.log_in(user, pin).map_err(outward)
    }

    fn logout(&self) -> Result<()> {
        self.log_out()
    }

    fn is_gone(&self) -> bool {
        self.replaced.load(Ordering::Acquire)
    }

    fn find(&self, query: &Attributes, view: View) -> Result<Vec<Found>> {
        self.find_objects(query, view)
    }

    fn object(&self, id: ObjectId, view: View) -> Result<Option<Arc<Object>>> {
        self.load(id, view)
    }

    fn refresh(&self, object: &Object) -> Result<()> {
        self.refresh_object(object)
    }

    fn create(&self, attributes: Attributes) -> Result<Arc<Object>> {
        self.create_object(attributes)
    }

    fn update(&self, object: &Object, base: &Arc<Snapshot>, attributes: Attributes) -> Result<()> {
        self.update_object(object, base, attributes)
    }

    fn destroy(&self, object: &Object) -> Result<()> {
        self.destroy_object(object)
    }

    fn generate(&self, mechanism: &Mechanism<'_>, key: Attributes) -> Result<Arc<Object>> {
        self.generate_key(mechanism, key)
    }

    fn generate_pair(
        &self,
        mechanism: &Mechanism<'_>,
        public: Attributes,
        private: Attributes,
    ) -> Result<(Arc<Object>, Arc<Object>)> {
        self.generate_key_pair(mechanism, public, private)
    }

    fn key(&self, attributes: &Attributes) -> Result<Arc<dyn Key>> {
        Ok(Arc::new(MaterialKey::import(attributes)?))
    }

    fn digest(&self, mechanism: &Mechanism<'_>) -> Result<Operation> {
        let spec = mechanism.spec;
        let start = spec.digest.ok_or_else(|| {
            Code::MechanismInvalid.because(format!("{} does not digest", spec.name()))
        })?;
        start()
    }

    fn wrap(&self, mechanism: &Mechanism<'_>, with: &Snapshot, what: &Snapshot) -> Result<Vec<u8>> {
        self.wrap_key(mechanism, with, what)
    }

    fn unwrap(
        &self,
        mechanism: &Mechanism<'_>,
        with: &Snapshot,
        wrapped: &[u8],
        attributes: Attributes,
    ) -> Result<Arc<Object>> {
        self.unwrap_key(mechanism, with, wrapped, attributes)
    }

    fn derive(
        &self,
        mechanism: &Mechanism<'_>,
        from: &Snapshot,
        wanted: Vec<Wanted>,
    ) -> Result<Vec<Arc<Object>>> {
        self.derive_keys(mechanism, from, wanted)
    }

    fn note_use(&self, key: &Object, what: Use, mechanism: MechanismType) {
        self.note_first_use(key, what, mechanism);
    }

    fn random(&self, out: &mut [u8]) -> Result<()> {
        random::fill(out)
    }

    fn seed_random(&self, seed: &[u8]) -> Result<()> {
        random::seed(seed);
        Ok(())
    }
}
