//! Which key an operation may use, and the memory of the key used last.

use std::sync::Arc;

use crate::attribute::ObjectClass;
use crate::backend::{Key, Object, Snapshot, Use};
use crate::error::{Code, Error, Result};
use crate::handle::Handle;
use crate::mechanism::{Function, MechanismSpec};
use crate::session::Session;
use crate::session::latch::excluded;

/// The key a session used last, and the state of the world in which it was looked up: as long as
/// handle, login word, object version and the store's epoch are the same, nothing is looked up.
pub struct Memo {
    handle: Handle,
    object: Arc<Object>,
    version: u64,
    login: u64,
    pub(super) snapshot: Arc<Snapshot>,
    /// Behind a reference count of the session's own.
    pub(super) key: Arc<dyn Key>,
    /// The mechanism under which each function was noted last.
    noted: [Option<&'static MechanismSpec>; Function::ALL.len()],
}

impl Memo {
    pub(super) fn object(&self) -> &Arc<Object> {
        &self.object
    }

    pub(super) fn login(&self) -> u64 {
        self.login
    }

    /// Whether the session has yet to note this use of the key.
    fn is_new(&self, function: Function, spec: &'static MechanismSpec) -> bool {
        !self.noted[function as usize].is_some_and(|noted| std::ptr::eq(noted, spec))
    }

    /// The key, for an operation to name it by.
    pub(super) fn used(&self) -> Used {
        Used { handle: self.handle, version: self.version }
    }
}

/// The key of a running operation, and the version of the object that was allowed to begin it.
#[derive(Clone, Copy)]
pub struct Used {
    handle: Handle,
    version: u64,
}

/// What a bad key is called, which depends on the role it was to play.
#[derive(Clone, Copy)]
pub(super) struct Blame {
    pub handle: Code,
    pub key_type: Code,
}

impl Blame {
    pub(super) fn of(function: Function) -> Self {
        match function {
            Function::Wrap => Self {
                handle: Code::WrappingKeyHandleInvalid,
                key_type: Code::WrappingKeyTypeInconsistent,
            },
            Function::Unwrap => Self {
                handle: Code::UnwrappingKeyHandleInvalid,
                key_type: Code::UnwrappingKeyTypeInconsistent,
            },
            _ => Self { handle: Code::KeyHandleInvalid, key_type: Code::KeyTypeInconsistent },
        }
    }
}

impl Session {
    /// The key behind `handle`, if `function` may be done with it under this mechanism. Key type
    /// comes before usage, as conformance suites expect.
    ///
    /// # Errors
    /// The handle and type codes of [`Blame`], KeyFunctionNotPermitted for usage attributes, state,
    /// dates and the role latch, KeySizeRange for signing with a key that only legacy takes,
    /// MechanismInvalid for a mechanism outside CKA_ALLOWED_MECHANISMS, and what building the key
    /// answers.
    pub(super) fn usable(
        &mut self,
        handle: Handle,
        function: Function,
        spec: &'static MechanismSpec,
    ) -> Result<&Memo> {
        let blame = Blame::of(function);
        if !self.remembers(handle)? {
            self.memo = None;
            self.memo = Some(self.look_up(handle, blame)?);
        }
        let memo = self.memo.as_ref().expect("set just above");
        check_usage(&memo.snapshot, function, spec, blame)?;
        memo.snapshot.usage.lifecycle.admit(function, self.slot.policy)?;
        match memo.snapshot.usage.roles.exclude(function) {
            Some(other) if self.slot().policy.latches() => Err(excluded(function, other)),
            _ => Ok(memo),
        }
    }

    /// Whether an operation that began with this key may go on: whoever holds one that was begun
    /// before the key was compromised must get nothing out of it afterwards.
    ///
    /// # Errors
    /// OperationNotInitialized if the key is gone, or its state or the day does not allow `function`
    /// any more: the functions that go on with an operation list nothing closer.
    pub(super) fn still_usable(&self, used: Used, function: Function) -> Result<()> {
        let policy = self.slot().policy;
        if let Some(memo) = self.memo.as_ref().filter(|memo| memo.handle == used.handle) {
            let current = self.slot().token.refresh(&memo.object).is_ok()
                && memo.object.version() == used.version;
            if current && memo.version == used.version {
                return ended(memo.snapshot.usage.lifecycle.admit(function, policy));
            }
        }
        let object = self.current_object(used.handle, Code::OperationNotInitialized)?;
        ended(object.snapshot().usage.lifecycle.admit(function, policy))
    }

    /// Tells the token that the key used last is used for `function`, unless it was told so
    /// already: then this is one comparison.
    #[inline]
    pub(super) fn note_use(&mut self, function: Function, spec: &'static MechanismSpec) {
        if self.memo.as_ref().is_some_and(|memo| memo.is_new(function, spec)) {
            self.note_first_use(function, spec);
        }
    }

    #[cold]
    fn note_first_use(&mut self, function: Function, spec: &'static MechanismSpec) {
        if let Some(memo) = &mut self.memo {
            memo.noted[function as usize] = Some(spec);
            self.slot.token.note_use(&memo.object, Use::For(function), spec.id);
        }
    }

    /// An object that is there and visible, brought up to date.
    pub(super) fn current_object(&self, handle: Handle, otherwise: Code) -> Result<Arc<Object>> {
        let gone = || otherwise.because(format!("there is no object {handle:?}"));
        let object = self.slot().object(handle)?.ok_or_else(gone)?;
        match self.slot().token.refresh(&object) {
            // Another thread's logout came between: the object is hidden now.
            Err(e) if e.code() == Code::UserNotLoggedIn => return Err(gone()),
            fresh => fresh?,
        }
        match object.is_destroyed() {
            false => Ok(object),
            true => {
                self.slot().objects.remove(handle);
                Err(gone())
            }
        }
    }

    fn remembers(&self, handle: Handle) -> Result<bool> {
        let Some(memo) = &self.memo else { return Ok(false) };
        if memo.handle != handle || memo.login != self.slot().login_word() {
            return Ok(false);
        }
        self.slot().token.refresh(&memo.object)?;
        Ok(memo.version == memo.object.version())
    }

    #[cold]
    fn look_up(&self, handle: Handle, blame: Blame) -> Result<Memo> {
        let login = self.slot().login_word();
        let object = self.current_object(handle, blame.handle)?;
        let version = object.version();
        let snapshot = object.snapshot();
        // "a valid handle for an object which is not a key" (CKR_KEY_HANDLE_INVALID).
        if !snapshot.attributes.class().is_some_and(ObjectClass::is_key) {
            return Err(blame.handle.because("the object is no key"));
        }
        let key = snapshot.key(&*self.slot().token).map_err(|e| blamed(e, blame))?.lease();
        let noted = Default::default();
        Ok(Memo { handle, object, version, login, snapshot, key, noted })
    }
}

fn check_usage(
    snapshot: &Snapshot,
    function: Function,
    spec: &'static MechanismSpec,
    blame: Blame,
) -> Result<()> {
    let key_type = snapshot.key_type()?;
    if !spec.works_on(key_type) {
        return Err(blame
            .key_type
            .because(format!("a key of type {key_type:?} does not go with {}", spec.name())));
    }
    if !snapshot.usage.permits(function) {
        return Err(Code::KeyFunctionNotPermitted
            .because(format!("the key's attributes do not permit {function:?}")));
    }
    let signs = matches!(function, Function::Sign | Function::SignRecover);
    if signs && snapshot.usage.is_short(spec.legacy_below) {
        return Err(Code::KeySizeRange.because(format!(
            "signing with a key of less than {} bits takes legacy = true in the configuration",
            spec.legacy_below
        )));
    }
    if !snapshot.usage.allows(spec.id) {
        return Err(Code::MechanismInvalid
            .because(format!("CKA_ALLOWED_MECHANISMS of the key does not name {}", spec.name())));
    }
    Ok(())
}

/// The answer to an operation whose key may no longer be used.
fn ended(admitted: Result<()>) -> Result<()> {
    admitted.map_err(|error| {
        log::warn!("an operation ends: {error}");
        error.with_code(Code::OperationNotInitialized)
    })
}

/// A key that no mechanism here uses gets the code of the role it was to play.
fn blamed(error: Error, blame: Blame) -> Error {
    match error.code() {
        Code::KeyTypeInconsistent => error.with_code(blame.key_type),
        _ => error,
    }
}
