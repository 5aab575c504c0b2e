//! The module of this process: installed by C_Initialize, refused after a fork and at exit.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::error::{Code, Error, Result};
use crate::ffi::exit::exiting;
use crate::ffi::fork;
use crate::ffi::turn::Turn;
use crate::module::Module;
use crate::session::Session;
use crate::slab::Slab;

static CURRENT: AtomicPtr<Module> = AtomicPtr::new(ptr::null_mut());
/// C_Initialize and C_Finalize are at work one at a time.
static CHANGING: Turn = Turn::new();
static SESSIONS: AtomicPtr<Slab<Session>> = AtomicPtr::new(ptr::null_mut());

/// The module, if C_Initialize was called in this very process: one load for the module, one for
/// the page that a fork wipes.
#[inline]
pub(crate) fn current() -> Result<&'static Module> {
    let module = CURRENT.load(Ordering::Acquire);
    if module.is_null() || !fork::owned() || exiting() {
        return Err(not_initialized());
    }
    // SAFETY: only `initialize` stores here, from a leaked box that is never freed.
    Ok(unsafe { &*module })
}

/// Installs what `make` makes over the table of sessions, which outlives modules: a handle from
/// before C_Finalize finds nothing afterwards, and alternating for ever costs no memory.
///
/// What belonged to the parent of a fork is leaked: its locks may be held by threads that do not
/// exist here, so nothing may touch it, not even to drop it.
pub fn initialize(make: impl FnOnce(&'static Slab<Session>) -> Result<Module>) -> Result<()> {
    let _changing = CHANGING.take();
    let inherited = !fork::owned();
    if !CURRENT.load(Ordering::Acquire).is_null() && !inherited {
        return Err(Code::CryptokiAlreadyInitialized.into());
    }
    let module = Box::into_raw(Box::new(make(sessions(inherited))?));
    CURRENT.store(module, Ordering::Release);
    fork::claim();
    Ok(())
}

/// Takes the module away; calls that are inside it finish with what they have, which is why the
/// box itself, a few words without its slots, is never freed.
pub(crate) fn finalize() -> Result<()> {
    let _changing = CHANGING.take();
    let module = current()?;
    module.close();
    CURRENT.store(ptr::null_mut(), Ordering::Release);
    Ok(())
}

/// The table of sessions of this process, made at its first C_Initialize.
fn sessions(inherited: bool) -> &'static Slab<Session> {
    let known = SESSIONS.load(Ordering::Acquire);
    if !known.is_null() && !inherited {
        // SAFETY: stored below, from a leaked box that is never freed.
        return unsafe { &*known };
    }
    let fresh: &'static Slab<Session> = Box::leak(Box::default());
    SESSIONS.store(ptr::from_ref(fresh).cast_mut(), Ordering::Release);
    fresh
}

#[cold]
fn not_initialized() -> Error {
    Code::CryptokiNotInitialized.because("call C_Initialize first, also in a child after fork")
}
