//! Sessions with an inner token: login, PINs, random numbers.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

use pkcs11_sys::{
    CK_RV, CK_SESSION_HANDLE, CK_SESSION_INFO, CK_ULONG, CKF_RW_SESSION, CKF_SERIAL_SESSION,
    CKU_CONTEXT_SPECIFIC, CKU_SO, CKU_USER,
};

use super::Library;
use super::exit::ending;
use super::life::Life;
use super::slots::wide;
use crate::backend::User;
use crate::error::Result;

/// A session with a token of another module; closed when dropped.
///
/// It goes from thread to thread, but no two threads use it at once: it has one operation running
/// at most. After a fork, and after [`Library::reinitialize`], everything on it answers
/// SessionHandleInvalid and nothing of it reaches the module.
pub struct InnerSession {
    library: Arc<Library>,
    life: &'static Life,
    slot: u64,
    handle: CK_SESSION_HANDLE,
    one_thread: PhantomData<Cell<()>>,
}

impl Library {
    /// C_OpenSession.
    ///
    /// # Errors
    /// What the module answers.
    pub fn open_session(self: &Arc<Self>, slot: u64, read_write: bool) -> Result<InnerSession> {
        let flags = CKF_SERIAL_SESSION | if read_write { CKF_RW_SESSION } else { 0 };
        let life = self.current()?;
        let mut handle = 0;
        self.call_in(life, "C_OpenSession", self.list().C_OpenSession, |function| {
            // SAFETY: the module's own function; no callback, and room for the handle.
            unsafe { function(slot as CK_ULONG, flags, ptr::null_mut(), None, &raw mut handle) }
        })?;
        let library = self.clone();
        Ok(InnerSession { library, life, slot, handle, one_thread: PhantomData })
    }
}

impl InnerSession {
    pub fn slot(&self) -> u64 {
        self.slot
    }

    pub fn library(&self) -> &Arc<Library> {
        &self.library
    }

    /// Which initialisation of the module it belongs to: see [`Library::life`].
    pub fn life(&self) -> u64 {
        self.life.number
    }

    /// The state of the session (`CKS_*`).
    ///
    /// # Errors
    /// What C_GetSessionInfo answers.
    pub fn state(&self) -> Result<u64> {
        // SAFETY: a C structure of integers.
        let mut info: CK_SESSION_INFO = unsafe { std::mem::zeroed() };
        let function = self.library.list().C_GetSessionInfo;
        self.call("C_GetSessionInfo", function, |function, session| {
            // SAFETY: the module's own function, with room for what it writes.
            unsafe { function(session, &raw mut info) }
        })?;
        Ok(wide(info.state))
    }

    /// C_Login, for the whole token; an empty PIN is given as none, for tokens with a keypad of
    /// their own (CKF_PROTECTED_AUTHENTICATION_PATH).
    ///
    /// # Errors
    /// What the module answers, UserAlreadyLoggedIn included.
    pub fn login(&self, user: User, pin: &[u8]) -> Result<()> {
        let user = match user {
            User::SecurityOfficer => CKU_SO,
            User::User => CKU_USER,
            User::ContextSpecific => CKU_CONTEXT_SPECIFIC,
        };
        self.call("C_Login", self.library.list().C_Login, |function, session| {
            let (pin, len) = given(pin);
            // SAFETY: the module's own function; the PIN is only read, and outlives the call.
            unsafe { function(session, user, pin, len) }
        })
    }

    /// # Errors
    /// What C_Logout answers.
    pub fn logout(&self) -> Result<()> {
        self.call("C_Logout", self.library.list().C_Logout, |function, session| {
            // SAFETY: the module's own function.
            unsafe { function(session) }
        })
    }

    /// C_InitPIN, with the security officer logged in.
    ///
    /// # Errors
    /// What the module answers.
    pub fn init_pin(&self, pin: &[u8]) -> Result<()> {
        self.call("C_InitPIN", self.library.list().C_InitPIN, |function, session| {
            let (pin, len) = given(pin);
            // SAFETY: the module's own function; the PIN is only read, and outlives the call.
            unsafe { function(session, pin, len) }
        })
    }

    /// C_SetPIN, of whoever is logged in, of the user if nobody is.
    ///
    /// # Errors
    /// What the module answers.
    pub fn set_pin(&self, old: &[u8], new: &[u8]) -> Result<()> {
        self.call("C_SetPIN", self.library.list().C_SetPIN, |function, session| {
            let ((old, old_len), (new, new_len)) = (given(old), given(new));
            // SAFETY: the module's own function; the PINs are only read, and outlive the call.
            unsafe { function(session, old, old_len, new, new_len) }
        })
    }

    /// Fills `out` from the token's generator.
    ///
    /// # Errors
    /// What C_GenerateRandom answers.
    pub fn random(&self, out: &mut [u8]) -> Result<()> {
        let function = self.library.list().C_GenerateRandom;
        self.call("C_GenerateRandom", function, |function, session| {
            // SAFETY: the module's own function, with room for as many bytes as it is asked for.
            unsafe { function(session, out.as_mut_ptr(), out.len() as CK_ULONG) }
        })
    }

    /// # Errors
    /// What C_SeedRandom answers.
    pub fn seed(&self, seed: &[u8]) -> Result<()> {
        self.call("C_SeedRandom", self.library.list().C_SeedRandom, |function, session| {
            // SAFETY: the module's own function; the seed is only read, and outlives the call.
            unsafe { function(session, seed.as_ptr().cast_mut(), seed.len() as CK_ULONG) }
        })
    }

    /// Calls a function on this session.
    #[inline]
    pub(super) fn call<F>(
        &self,
        name: &'static str,
        function: Option<F>,
        body: impl FnOnce(F, CK_SESSION_HANDLE) -> CK_RV,
    ) -> Result<()> {
        self.library.call_in(self.life, name, function, |function| body(function, self.handle))
    }
}

impl Drop for InnerSession {
    fn drop(&mut self) {
        if ending() {
            return;
        }
        let function = self.library.list().C_CloseSession;
        let closed = self.call("C_CloseSession", function, |function, session| {
            // SAFETY: the module's own function.
            unsafe { function(session) }
        });
        if let Err(error) = closed {
            log::debug!("{error}");
        }
    }
}

impl std::fmt::Debug for InnerSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InnerSession({:?}, slot {}, {:#x})", self.library, self.slot, self.handle)
    }
}

/// A PIN as the C interface takes it.
fn given(pin: &[u8]) -> (*mut u8, CK_ULONG) {
    match pin {
        [] => (ptr::null_mut(), 0),
        pin => (pin.as_ptr().cast_mut(), pin.len() as CK_ULONG),
    }
}
