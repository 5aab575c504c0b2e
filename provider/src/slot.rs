//! A slot as this application uses it: its token, its login state, its sessions, its objects.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use once_cell::sync::OnceCell;

use crate::backend::{Object, Pin, SlotId, Token, User, View};
use crate::error::{Code, Result};
use crate::handle::Handle;
use crate::object::Role;
use crate::policy::Policy;
use crate::secret::Secret;
use crate::session::objects::{ObjectTable, Target};

/// One slot with its token.
pub struct Slot {
    pub id: SlotId,
    pub token: Arc<dyn Token>,
    pub objects: ObjectTable,
    pub policy: Policy,
    /// Who is logged in (the two lowest bits) and how often that changed: what a session
    /// remembered under another word is stale.
    word: AtomicU64,
    state: Mutex<State>,
    /// What authenticates saved operation states.
    seal: OnceCell<Secret>,
}

#[derive(Default)]
struct State {
    /// The open sessions; whether each is read-write.
    sessions: HashMap<Handle, bool>,
}

/// How many sessions of an application are open (`CK_TOKEN_INFO`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionCount {
    pub all: usize,
    pub read_write: usize,
}

impl Slot {
    pub fn new(id: SlotId, token: Arc<dyn Token>, policy: Policy) -> Self {
        Self {
            id,
            token,
            objects: ObjectTable::default(),
            policy,
            word: AtomicU64::new(0),
            state: Mutex::default(),
            seal: OnceCell::new(),
        }
    }

    /// Changes with every login and logout.
    pub fn login_word(&self) -> u64 {
        self.word.load(Ordering::Acquire)
    }

    /// The key that authenticates operation states saved here: random, of this slot in this
    /// process, so that no other token's states and none of another run are taken for its own.
    ///
    /// # Errors
    /// As [`Token::random`].
    pub fn seal(&self) -> Result<&Secret> {
        self.seal.get_or_try_init(|| Secret::try_with(32, |key| self.token.random(key)))
    }

    /// Who the application is to the token: the user without a login, where none is needed.
    pub fn role(&self) -> Role {
        match self.logged_in() {
            Role::Public if self.token.is_open() => Role::User,
            role => role,
        }
    }

    /// Whom C_Login let in.
    fn logged_in(&self) -> Role {
        match self.login_word() & 3 {
            0 => Role::Public,
            1 => Role::User,
            _ => Role::SecurityOfficer,
        }
    }

    /// Which objects the application sees now.
    pub fn view(&self) -> View {
        match self.role() {
            Role::User => View::All,
            Role::Public | Role::SecurityOfficer => View::Public,
        }
    }

    pub fn session_count(&self) -> SessionCount {
        let state = self.state();
        let read_write = state.sessions.values().filter(|read_write| **read_write).count();
        SessionCount { all: state.sessions.len(), read_write }
    }

    /// Counts a new session in.
    ///
    /// # Errors
    /// SessionReadWriteSoExists for a read-only session while the SO is logged in.
    pub fn open(&self, handle: Handle, read_write: bool) -> Result<()> {
        let mut state = self.state();
        if !read_write && self.role() == Role::SecurityOfficer {
            return Err(Code::SessionReadWriteSoExists
                .because("the security officer is logged in: only read-write sessions"));
        }
        state.sessions.insert(handle, read_write);
        Ok(())
    }

    /// Counts a session out: its objects die with it, and the last one to close logs out.
    pub fn close(&self, handle: Handle) {
        let mut state = self.state();
        if state.sessions.remove(&handle).is_none() {
            return;
        }
        self.objects.close_session(handle);
        if state.sessions.is_empty()
            && self.logged_in() != Role::Public
            && let Err(e) = self.end_login()
        {
            log::error!("logging out with the last session of slot {}: {e}", self.id);
        }
    }

    /// The handles of the open sessions.
    pub fn sessions(&self) -> Vec<Handle> {
        self.state().sessions.keys().copied().collect()
    }

    /// `C_Login` for the user and the SO. The role is looked at before the PIN, so that a second
    /// login costs no try.
    ///
    /// # Errors
    /// UserAlreadyLoggedIn, UserAnotherAlreadyLoggedIn, SessionReadOnlyExists, and what
    /// [`Token::login`] answers.
    pub fn login(&self, user: User, pin: Pin<'_>) -> Result<()> {
        let state = self.state();
        let (role, bits) = match user {
            User::SecurityOfficer => (Role::SecurityOfficer, 2),
            User::User | User::ContextSpecific => (Role::User, 1),
        };
        match self.logged_in() {
            Role::Public => {}
            now if now == role => return Err(Code::UserAlreadyLoggedIn.into()),
            _ => return Err(Code::UserAnotherAlreadyLoggedIn.into()),
        }
        if role == Role::SecurityOfficer && state.sessions.values().any(|read_write| !read_write) {
            return Err(Code::SessionReadOnlyExists
                .because("close the read-only sessions before the SO logs in"));
        }
        self.token.login(user, pin)?;
        self.set_role(bits);
        Ok(())
    }

    /// # Errors
    /// UserNotLoggedIn when nobody is.
    pub fn logout(&self) -> Result<()> {
        let _state = self.state();
        match self.logged_in() {
            Role::Public => Err(Code::UserNotLoggedIn.because("nobody is logged in")),
            Role::User | Role::SecurityOfficer => self.end_login(),
        }
    }

    /// Runs `change` while no session is open and none can be opened.
    ///
    /// # Errors
    /// SessionExists if one is, and what `change` answers.
    pub fn without_sessions(&self, change: impl FnOnce() -> Result<()>) -> Result<()> {
        let state = self.state();
        if !state.sessions.is_empty() {
            return Err(Code::SessionExists.because("close every session first"));
        }
        change()
    }

    /// The object behind a handle, if it is there and the application may see it now.
    ///
    /// # Errors
    /// What the token answers when it cannot read the object.
    pub fn object(&self, handle: Handle) -> Result<Option<Arc<Object>>> {
        match self.objects.target(handle) {
            None => Ok(None),
            Some(Target::Session { object, .. }) => {
                let hidden = self.view() == View::Public && object.snapshot().is_private();
                Ok((!hidden && !object.is_destroyed()).then_some(object))
            }
            Some(Target::Token { id, .. }) => {
                let object = match self.token.object(id, self.view()) {
                    // Another thread's logout came between: the object is hidden now.
                    Err(e) if e.code() == Code::UserNotLoggedIn => None,
                    object => object?,
                };
                if object.is_none() {
                    self.objects.remove(handle);
                }
                Ok(object)
            }
        }
    }

    /// Private objects go first, so that nobody finds them under the new word.
    fn end_login(&self) -> Result<()> {
        self.set_role(0);
        self.objects.close_private();
        self.token.logout()
    }

    fn set_role(&self, bits: u64) {
        let count = (self.word.load(Ordering::Relaxed) >> 2) + 1;
        self.word.store(count << 2 | bits, Ordering::Release);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
