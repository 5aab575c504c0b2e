//! One initialised module: its configuration, its slots, its sessions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::backend::bridge::BridgeBackend;
use crate::backend::embedded::EmbeddedBackend;
use crate::backend::{Backend, Pin, SlotId};
use crate::config::Config;
use crate::error::{Code, Result};
use crate::handle::Handle;
use crate::policy::{Policy, relaxation};
use crate::session::Session;
use crate::slab::{Guard, Slab};
use crate::slot::Slot;

/// What C_Initialize makes and C_Finalize takes away.
pub struct Module {
    /// `None` from C_Finalize on, which sets it before it closes what is open; whoever opens
    /// something looks afterwards, so what the one does not see the other does.
    backends: Mutex<Option<Backends>>,
    slots: Mutex<BTreeMap<SlotId, Arc<Slot>>>,
    sessions: &'static Slab<Session>,
    policy: Policy,
}

type Backends = Arc<[Box<dyn Backend>]>;

impl Module {
    /// The module that the configuration describes.
    pub fn new(config: &Config, sessions: &'static Slab<Session>) -> Self {
        relaxation::forget();
        let mut backends: Vec<Box<dyn Backend>> =
            vec![Box::new(EmbeddedBackend::new(config.embedded()))];
        if !config.bridges.is_empty() {
            backends.push(Box::new(BridgeBackend::new(&config.bridges)));
        }
        Self::over(backends, config.policy, sessions)
    }

    /// A module over backends of the caller's: tests and benches bring their own.
    pub fn over(
        backends: Vec<Box<dyn Backend>>,
        policy: Policy,
        sessions: &'static Slab<Session>,
    ) -> Self {
        let backends = Mutex::new(Some(backends.into()));
        Self { backends, slots: Mutex::default(), sessions, policy }
    }

    /// The slots there are now, in ascending order of id.
    ///
    /// # Errors
    /// What a backend answers when it cannot list its tokens; CryptokiNotInitialized when C_Finalize
    /// came meanwhile.
    pub fn slots(&self) -> Result<Vec<Arc<Slot>>> {
        let mut tokens = Vec::new();
        for backend in self.backends()?.iter() {
            tokens.extend(backend.tokens()?);
        }
        let mut known = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        self.backends()?;
        let mut slots = Vec::with_capacity(tokens.len());
        for (id, token) in tokens {
            let new = || Arc::new(Slot::new(id, token, self.policy));
            let slot = known.entry(id).or_insert_with(new);
            slots.push(slot.clone());
        }
        slots.sort_by_key(|slot| slot.id);
        Ok(slots)
    }

    /// # Errors
    /// SlotIdInvalid if there is no such slot.
    pub fn slot(&self, id: u64) -> Result<Arc<Slot>> {
        let known = SlotId::try_from(id).ok().and_then(|id| {
            self.slots.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
        });
        match known {
            Some(slot) => Ok(slot),
            None => self
                .slots()?
                .into_iter()
                .find(|slot| u64::from(slot.id) == id)
                .ok_or_else(|| Code::SlotIdInvalid.because(format!("there is no slot {id}"))),
        }
    }

    /// Exclusive use of a session, for the length of one call.
    ///
    /// # Errors
    /// SessionHandleInvalid for a handle that is not open.
    pub fn session(&self, handle: u64) -> Result<Guard<'_, Session>> {
        match self.sessions.get(Handle::from_raw(handle)) {
            Some(session) => Ok(session),
            None => Err(Code::SessionHandleInvalid.because(format!("session {handle:#x}"))),
        }
    }

    /// `C_OpenSession`.
    ///
    /// # Errors
    /// TokenNotRecognized for a token that is not initialised, TokenWriteProtected for a
    /// read-write session with one that cannot be written, SessionReadWriteSoExists,
    /// SessionCount when the table is full, CryptokiNotInitialized when C_Finalize came meanwhile.
    pub fn open_session(&self, slot: &Arc<Slot>, read_write: bool) -> Result<Handle> {
        let info = slot.token.info()?;
        if !info.initialized {
            return Err(Code::TokenNotRecognized.because(format!(
                "slot {} has no initialised token yet: `keyway token init` or C_InitToken",
                slot.id
            )));
        }
        if read_write && info.write_protected {
            return Err(Code::TokenWriteProtected
                .because(format!("token '{}' cannot be written by this user", info.label)));
        }
        let handle = self.sessions.insert(Session::new(slot.clone(), read_write));
        let handle =
            handle.ok_or_else(|| Code::SessionCount.because("the session table is full"))?;
        self.session(handle.raw())?.set_handle(handle);
        if let Err(e) = slot.open(handle, read_write) {
            self.sessions.remove(handle);
            return Err(e);
        }
        self.backends().inspect_err(|_| {
            // Unless C_Finalize did it.
            let _ = self.close_session(handle.raw());
        })?;
        Ok(handle)
    }

    fn backends(&self) -> Result<Backends> {
        let backends = self.backends.lock().unwrap_or_else(PoisonError::into_inner).clone();
        backends.ok_or_else(|| {
            Code::CryptokiNotInitialized
                .because("C_Finalize came during this call: call C_Initialize again")
        })
    }

    /// `C_Logout`. A session that another thread uses at this moment keeps its keys until its next
    /// call, which finds out.
    ///
    /// # Errors
    /// SessionHandleInvalid for a handle that is not open, UserNotLoggedIn when nobody is.
    pub fn logout(&self, handle: u64) -> Result<()> {
        let slot = {
            let mut session = self.session(handle)?;
            session.logout()?;
            session.slot().clone()
        };
        let others = slot.sessions();
        let idle = others.into_iter().filter_map(|other| self.sessions.idle(other));
        idle.for_each(|mut session| session.forget_login());
        Ok(())
    }

    /// `C_CloseSession`: waits for a call that uses the session in another thread.
    ///
    /// # Errors
    /// SessionHandleInvalid for a handle that is not open.
    pub fn close_session(&self, handle: u64) -> Result<()> {
        let handle = Handle::from_raw(handle);
        let session = self.sessions.remove(handle).ok_or_else(|| {
            Code::SessionHandleInvalid.because(format!("session {:#x}", handle.raw()))
        })?;
        session.slot().close(handle);
        Ok(())
    }

    /// `C_CloseAllSessions`: no error for one that another thread closes at the same moment.
    pub fn close_all_sessions(&self, slot: &Slot) {
        for handle in slot.sessions() {
            if self.sessions.remove(handle).is_some() {
                slot.close(handle);
            }
        }
    }

    /// Closes the sessions with tokens that were initialised again, or taken away, by somebody
    /// else: after the call that found out, their handles are invalid, and new sessions see the
    /// token as it is now.
    #[cold]
    pub fn close_gone(&self) {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for slot in slots.values().filter(|slot| slot.token.is_gone()) {
            self.close_all_sessions(slot);
        }
    }

    /// Ends everything that is open, in all slots: C_Finalize.
    pub fn close(&self) {
        *self.backends.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let slots = std::mem::take(&mut *self.slots.lock().unwrap_or_else(PoisonError::into_inner));
        for slot in slots.values() {
            self.close_all_sessions(slot);
        }
    }

    /// `C_InitToken`.
    ///
    /// # Errors
    /// SessionExists while this application has a session with the token, and what
    /// [`Token::initialize`](crate::backend::Token::initialize) answers.
    pub fn initialize_token(&self, slot: &Slot, so_pin: Pin<'_>, label: &str) -> Result<()> {
        slot.without_sessions(|| {
            slot.objects.clear();
            slot.token.initialize(so_pin, label)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_opens_while_c_finalize_closes_all_is_closed_too() {
        let directory = tempfile::tempdir().unwrap();
        let backend = EmbeddedBackend::cheap(directory.path());
        let sessions: &'static Slab<Session> = Box::leak(Box::default());
        let module = Module::over(vec![Box::new(backend)], Policy::Standard, sessions);
        let slot = module.slot(1).unwrap();
        module.initialize_token(&slot, Pin(b"12345678"), "module").unwrap();
        let open = module.open_session(&slot, true).unwrap();
        module.close();
        assert!(sessions.get(open).is_none());
        let late = module.open_session(&slot, true).unwrap_err();
        assert_eq!(late.code(), Code::CryptokiNotInitialized);
        assert_eq!(slot.sessions(), []);
        let Err(none) = module.slots() else { panic!("slots of a module that ended") };
        assert_eq!(none.code(), Code::CryptokiNotInitialized);
        // Nobody has the place of the late session.
        let next = sessions.insert(Session::new(slot.clone(), true)).unwrap();
        assert_eq!(next.index(), open.index());
    }
}
