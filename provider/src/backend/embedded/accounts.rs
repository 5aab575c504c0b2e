//! PINs: initialising the token, setting PINs, logging in under the lockout rule.
//!
//! A try is counted on the disk *before* it is known whether the PIN is right; otherwise whoever
//! ends the process at the right moment tries for free (a right PIN answers at once, so one that
//! does not need never be waited for). Putting the counter back after a right PIN need not reach
//! the disk: if a power cut undoes it, the account is one try closer to its lock, until the next
//! right PIN. So a login costs one derivation and one flush.
//!
//! Derivations take long and run before the lock is taken; the lock keeps counting, unwrapping and
//! putting back together, so that any number of processes with the right PIN never see each
//! other's counted tries.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::identity::Identity;
use super::keys::{self, Keys};
use super::pin::LENGTHS;
use super::root::{Root, Rooted, Through};
use super::token::EmbeddedToken;
use crate::backend::{Pin, PinState, User};
use crate::engine::random;
use crate::error::{Code, Error, Result};
use crate::secret::Secret;
use crate::store::event::{EventKind, Nobody};
use crate::store::{Account, Batch, Change, Cost, Durability, Event, Instance, Role};

/// A PIN stretched, with what it takes to do that again.
pub(super) struct Stretched {
    kek: Secret,
    salt: [u8; 16],
    cost: Cost,
    /// The version of the token record whose root it goes with.
    record: u64,
}

impl EmbeddedToken {
    pub(super) fn pin_state(&self, account: &Account) -> PinState {
        match self.settings.attempts.saturating_sub(account.failures) {
            0 => PinState::Locked,
            _ if account.failures == 0 => PinState::Fine,
            1 => PinState::FinalTry,
            _ => PinState::CountLow,
        }
    }

    /// `C_InitToken`.
    pub(super) fn initialize_token(&self, pin: Pin<'_>, label: &str) -> Result<()> {
        let old = self.identity()?;
        match &old {
            // One that has no root yet gets it now.
            Some(old) => {
                let through = Through { required: false, ..self.through() };
                drop(self.prove(old, Role::SecurityOfficer, pin, None, through)?);
            }
            // The function cannot return CKR_PIN_LEN_RANGE.
            None => length(pin).map_err(|e| e.with_code(Code::PinIncorrect))?,
        }
        self.make_anew(old.as_deref(), pin, label)
    }

    /// As [`initialize_token`](Self::initialize_token), whatever became of the security officer's
    /// PIN, with both PINs: who owns the file could remove it as well.
    ///
    /// # Errors
    /// PinLenRange; SessionExists while somebody else has the token open.
    pub(crate) fn initialize_by_force(
        &self,
        so_pin: Pin<'_>,
        user_pin: Pin<'_>,
        label: &str,
    ) -> Result<()> {
        length(so_pin)?;
        length(user_pin)?;
        if self.store.in_use()? {
            return Err(Code::SessionExists
                .because("another program has the token open: see who with `fuser -v`, end it"));
        }
        let old = self.initialized()?;
        self.make_anew(Some(&old), so_pin, label)?;
        self.log_in(User::SecurityOfficer, so_pin)?;
        self.set_user_pin(user_pin)?;
        self.log_out()
    }

    /// A new token in the place of `old`; only the serial number stays.
    fn make_anew(&self, old: Option<&Identity>, pin: Pin<'_>, label: &str) -> Result<()> {
        let serial = old.map_or(&self.future_serial, |old| &old.serial);
        let version = self.store.token()?.map_or(0, |record| record.version);
        let mut identity = Identity::generate(label, serial)?;
        let root = self.configured_root().map(|key| Root::make(key, identity.instance));
        let (root, secret) = root.transpose()?.unzip();
        identity.root = root;
        let master = keys::new_master()?;
        let role = Role::SecurityOfficer;
        let rooted = Rooted { secret, version: version + 1 };
        let stretched = self.stretch(pin, role, identity.instance, &rooted)?;
        let account = stretched.account(role, 1, &master)?;
        let keys = Keys::of(role, master, identity.instance)?;
        let token = identity.write(version + 1, &keys)?;
        let batch = Batch {
            instance: old.map(|old| old.instance),
            changes: vec![
                Change::Clear,
                Change::PutAccount { account, expected: 0 },
                Change::PutToken { token, expected: version },
            ],
            events: vec![Event::of_role(EventKind::TokenInitialized, role)],
            witness: Arc::new(keys),
            durability: Durability::Full,
        };
        self.set_login(None);
        self.store.commit(batch).map_err(|e| self.explain(e))?;
        // The master key and every object are gone from the tables; let the log forget them too.
        self.forget();
        self.initialized().map(drop)
    }

    /// `C_InitPIN`: the security officer holds the master key.
    pub(super) fn set_user_pin(&self, pin: Pin<'_>) -> Result<()> {
        let identity = self.initialized()?;
        let keys = self.keys().ok_or_else(|| self.not_logged_in())?;
        let master = keys.master().ok_or_else(|| self.not_logged_in())?;
        length(pin)?;
        let rooted = self.rooted(self.through())?;
        let stretched = self.stretch(pin, Role::User, identity.instance, &rooted)?;
        {
            let _alone = self.store.exclusive()?;
            self.still(&stretched)?;
            let version = self.store.account(Role::User)?.map_or(0, |account| account.version);
            let account = stretched.account(Role::User, version + 1, master)?;
            let change = Change::PutAccount { account, expected: version };
            let event = Event::of_role(EventKind::PinChanged, Role::User);
            self.commit(&identity, Some(keys.clone()), vec![change], vec![event])?;
        }
        self.forget();
        Ok(())
    }

    /// `C_SetPIN`.
    pub(super) fn change_pin(&self, user: User, old: Pin<'_>, new: Pin<'_>) -> Result<()> {
        let identity = self.initialized()?;
        let role = self.role(user);
        length(new)?;
        if !self.store.writable()? {
            return Err(Code::TokenWriteProtected.because("the PIN of a read-only token"));
        }
        let rooted = self.rooted(self.through())?;
        let stretched = self.stretch(new, role, identity.instance, &rooted)?;
        self.prove(&identity, role, old, Some(&stretched), self.through())?;
        self.forget();
        Ok(())
    }

    /// `C_Login`.
    pub(crate) fn log_in(&self, user: User, pin: Pin<'_>) -> Result<()> {
        let missing = |e: Error| match e.code() {
            Code::TokenNotRecognized => e.with_code(Code::UserPinNotInitialized),
            _ => e,
        };
        let identity = self.initialized().map_err(missing)?;
        let role = self.role(user);
        let master = self.prove(&identity, role, pin, None, self.through())?;
        if user == User::ContextSpecific {
            return Ok(());
        }
        let keys = Arc::new(Keys::of(role, copy(&master)?, identity.instance)?);
        self.verify_set(&identity, &keys)?;
        self.strengthen(&identity, &keys, pin, &master);
        self.set_login(Some(keys));
        self.verify_opened();
        if role == Role::User {
            self.attest();
        }
        Ok(())
    }

    /// The keys behind a PIN, for whoever looks at the token without logging in.
    ///
    /// # Errors
    /// PinIncorrect, PinLocked, UserPinNotInitialized; TokenNotPresent without the token's root.
    pub(super) fn unlock(
        &self,
        identity: &Identity,
        user: User,
        pin: Pin<'_>,
    ) -> Result<Arc<Keys>> {
        let role = self.role(user);
        let master = self.prove(identity, role, pin, None, self.through())?;
        Keys::of(role, master, identity.instance).map(Arc::new)
    }

    /// `C_Logout`.
    pub(super) fn log_out(&self) -> Result<()> {
        self.append_uses();
        self.set_login(None);
        self.cache.forget_private();
        if self.remains.swap(false, Ordering::AcqRel) {
            self.forget();
        }
        Ok(())
    }

    /// Wraps the master key anew if the configuration asks for a dearer derivation than the one
    /// with which the PIN, now known, was stored. If that fails, the next login tries again.
    fn strengthen(&self, identity: &Identity, keys: &Arc<Keys>, pin: Pin<'_>, master: &Secret) {
        let role = keys.role;
        let done = || -> Result<()> {
            let Some(before) = self.store.account(role)? else { return Ok(()) };
            let (wanted, has) = (self.settings.cost, before.cost);
            let weaker = has.kibibytes < wanted.kibibytes || has.passes < wanted.passes;
            if !weaker || !self.store.writable()? {
                return Ok(());
            }
            let rooted = self.rooted(self.through())?;
            let stretched = self.stretch(pin, role, identity.instance, &rooted)?;
            let _alone = self.store.exclusive()?;
            self.still(&stretched)?;
            match self.store.account(role)? {
                Some(account) if account.salt == before.salt => {
                    let stronger = stretched.account(role, account.version + 1, master)?;
                    let stronger = Account { failures: account.failures, ..stronger };
                    let change =
                        Change::PutAccount { account: stronger, expected: account.version };
                    let stored = self.commit_as(identity, vec![change], vec![], keys.clone());
                    stored.map(drop).map_err(|e| self.explain(e))
                }
                _ => Ok(()),
            }
        };
        if let Err(e) = done() {
            log::warn!("the {role:?} PIN keeps its old, cheaper derivation: {e}");
        }
    }

    /// Old ciphertext and wrapped keys must not linger in the log. What cannot be erased now is
    /// with the next checkpoint.
    pub(super) fn forget(&self) {
        if let Err(e) = self.store.forget() {
            log::warn!("the token's log still holds what was destroyed: {e}");
        }
    }

    /// The master key, if the PIN is right; `new` then takes its place in the same transaction
    /// that puts the counter back. Without the root no try is counted, for nothing can be tried.
    pub(super) fn prove(
        &self,
        identity: &Identity,
        role: Role,
        pin: Pin<'_>,
        new: Option<&Stretched>,
        through: Through<'_>,
    ) -> Result<Secret> {
        if pin.0.is_empty() {
            return Err(Code::PinIncorrect.because("an empty PIN"));
        }
        // Somebody may set the PIN between its derivation and the lock; not for ever.
        for _ in 0..8 {
            let before = self.unlocked_account(role)?;
            let Account { salt, cost, .. } = before;
            let rooted = self.rooted(through)?;
            let kek = self.derive(pin, (salt, cost), role, identity.instance, &rooted)?;
            if !self.store.writable()? {
                // Who cannot write holds the file, and can try PINs on a copy of it anyway.
                let master = keys::unwrap(&kek, &before.wrapped)?;
                return master.ok_or_else(|| wrong(role));
            }
            let _alone = self.store.exclusive()?;
            let account = self.unlocked_account(role)?;
            if account.salt == salt && self.is_record(rooted.version)? {
                new.map_or(Ok(()), |new| self.still(new))?;
                return self.count_and_unwrap(identity, account, &kek, new);
            }
        }
        Err(Code::FunctionFailed.because("the PIN is being changed again and again"))
    }

    /// Under the login lock: count, unwrap, put back.
    fn count_and_unwrap(
        &self,
        identity: &Identity,
        account: Account,
        kek: &Secret,
        new: Option<&Stretched>,
    ) -> Result<Secret> {
        let role = account.role;
        let counted = Account {
            version: account.version + 1,
            failures: account.failures + 1,
            ..account.clone()
        };
        self.count(identity, &counted, account.version, Durability::Full)?;
        let Some(master) = keys::unwrap(kek, &account.wrapped)? else {
            let event = Event::of_role(EventKind::LoginFailed, role);
            let batch = Batch {
                instance: Some(identity.instance),
                changes: Vec::new(),
                events: vec![event],
                witness: Arc::new(Nobody),
                durability: Durability::Lazy,
            };
            self.store.commit(batch).map_err(|e| self.explain(e))?;
            let left = self.settings.attempts.saturating_sub(counted.failures);
            log::warn!("a wrong {role:?} PIN: {left} tries left");
            return Err(wrong(role));
        };
        let version = counted.version + 1;
        match new {
            None => {
                let reset = Account { version, failures: 0, ..account };
                self.count(identity, &reset, counted.version, Durability::Lazy)?;
            }
            Some(new) => {
                let account = new.account(role, version, &master)?;
                let keys = Arc::new(Keys::of(role, copy(&master)?, identity.instance)?);
                let mut changes = self.adoption(identity, &keys)?;
                changes.insert(0, Change::PutAccount { account, expected: counted.version });
                let event = Event::of_role(EventKind::PinChanged, role);
                let stored = self.commit_as(identity, changes, vec![event], keys);
                stored.map_err(|e| self.explain(e))?;
            }
        }
        Ok(master)
    }

    /// Stores an account whose counter of tries moved.
    fn count(
        &self,
        identity: &Identity,
        account: &Account,
        expected: u64,
        durability: Durability,
    ) -> Result<()> {
        let batch = Batch {
            instance: Some(identity.instance),
            changes: vec![Change::PutAccount { account: account.clone(), expected }],
            events: Vec::new(),
            witness: Arc::new(Nobody),
            durability,
        };
        self.store.commit(batch).map(drop).map_err(|e| self.explain(e))
    }

    fn unlocked_account(&self, role: Role) -> Result<Account> {
        let account = self.store.account(role)?;
        let account = account.ok_or_else(|| {
            Code::UserPinNotInitialized.because(format!("no {role:?} PIN is set"))
        })?;
        match self.pin_state(&account) {
            PinState::Locked => Err(Code::PinLocked.because(match role {
                Role::User => "the user PIN is locked: the security officer can set a new one",
                Role::SecurityOfficer => {
                    "the SO PIN is locked: the token can only be initialised again, offline"
                }
            })),
            _ => Ok(account),
        }
    }

    /// A key-encryption key for a PIN that is being set.
    pub(super) fn stretch(
        &self,
        pin: Pin<'_>,
        role: Role,
        instance: Instance,
        rooted: &Rooted,
    ) -> Result<Stretched> {
        let cost = self.settings.cost;
        let mut salt = [0; 16];
        random::fill(&mut salt)?;
        let kek = self.derive(pin, (salt, cost), role, instance, rooted)?;
        Ok(Stretched { kek, salt, cost, record: rooted.version })
    }

    fn derive(
        &self,
        pin: Pin<'_>,
        (salt, cost): ([u8; 16], Cost),
        role: Role,
        instance: Instance,
        rooted: &Rooted,
    ) -> Result<Secret> {
        let root = rooted.secret.as_ref();
        self.settings.derivations.derive(pin.0, &salt, cost, (role, instance), root)
    }

    /// Under the login lock: whether the root that a new PIN goes with is still the token's.
    fn still(&self, new: &Stretched) -> Result<()> {
        match self.is_record(new.record)? {
            true => Ok(()),
            false => Err(Code::FunctionFailed
                .because("the token's root was changed at the same moment: try again")),
        }
    }

    /// Whose PIN is meant: the context-specific one is that of whoever is logged in.
    fn role(&self, user: User) -> Role {
        match user {
            User::SecurityOfficer => Role::SecurityOfficer,
            User::User => Role::User,
            User::ContextSpecific => self.keys().map_or(Role::User, |keys| keys.role),
        }
    }
}

impl Stretched {
    /// An account that wraps `master` under this PIN.
    pub(super) fn account(&self, role: Role, version: u64, master: &Secret) -> Result<Account> {
        let wrapped = keys::wrap(&self.kek, master)?;
        Ok(Account { role, version, cost: self.cost, salt: self.salt, wrapped, failures: 0 })
    }
}

fn length(pin: Pin<'_>) -> Result<()> {
    match LENGTHS.contains(&pin.0.len()) {
        true => Ok(()),
        false => Err(Code::PinLenRange.because(format!(
            "a PIN has {} to {} bytes, this one {}",
            LENGTHS.start(),
            LENGTHS.end(),
            pin.0.len()
        ))),
    }
}

pub(super) fn copy(master: &Secret) -> Result<Secret> {
    Secret::wiped_on_fork(master.len(), |room| {
        room.copy_from_slice(master.expose());
        Ok(())
    })
}

fn wrong(role: Role) -> Error {
    Code::PinIncorrect.because(format!("the {role:?} PIN is wrong"))
}
