//! Creating, copying, destroying, reading and changing objects.

use std::sync::Arc;

use crate::attribute::{AttributeType, Attributes, Template};
use crate::backend::{Found, Object, Snapshot};
use crate::error::{Code, Result};
use crate::handle::Handle;
use crate::object;
use crate::session::Session;

impl Session {
    /// `C_CreateObject`.
    ///
    /// # Errors
    /// As [`object::from_template`] and [`Token::create`](crate::backend::Token::create).
    pub fn create(&mut self, template: &Template<'_>) -> Result<Handle> {
        let attributes = object::from_template(template, self.caller())?;
        self.slot().policy.admit(&attributes)?;
        let object = self.slot().token.create(attributes)?;
        Ok(self.issue(object))
    }

    /// `C_CopyObject`.
    ///
    /// # Errors
    /// ObjectHandleInvalid, and as [`object::copied`].
    pub fn copy(&mut self, object: Handle, template: &Template<'_>) -> Result<Handle> {
        let original = self.current_object(object, Code::ObjectHandleInvalid)?.snapshot();
        let attributes = object::copied(&original.attributes, template, self.caller())?;
        self.slot().policy.admit(&attributes)?;
        let object = self.slot().token.copy(&original, attributes)?;
        Ok(self.issue(object))
    }

    /// `C_DestroyObject`.
    ///
    /// # Errors
    /// ObjectHandleInvalid, SessionReadOnly, and as [`object::destroyable`].
    pub fn destroy(&mut self, handle: Handle) -> Result<()> {
        let object = self.changeable(handle)?;
        object::destroyable(&object.snapshot().attributes, self.caller())?;
        self.remove(handle, &object)
    }

    /// Destroys an object that was found destroyable. If another thread's logout came since, the
    /// answer is the one after a logout: `C_DestroyObject` does not list UserNotLoggedIn.
    fn remove(&self, handle: Handle, object: &Object) -> Result<()> {
        self.slot().token.destroy(object).map_err(|error| match error.code() {
            Code::UserNotLoggedIn if object.snapshot().is_private() => {
                error.with_code(Code::ObjectHandleInvalid)
            }
            Code::UserNotLoggedIn => error.with_code(Code::ActionProhibited),
            _ => error,
        })?;
        self.slot().objects.remove(handle);
        Ok(())
    }

    /// `C_SetAttributeValue`.
    ///
    /// # Errors
    /// ObjectHandleInvalid, SessionReadOnly, and as [`object::modified`].
    pub fn modify(&mut self, handle: Handle, template: &Template<'_>) -> Result<()> {
        let object = self.changeable(handle)?;
        let caller = self.caller();
        self.change(&object, |now| object::modified(now, template, caller))
    }

    /// Changes an object by what it is now: if somebody else changes it at the same moment, by
    /// what it is then, so that no change undoes another.
    pub(super) fn change(
        &self,
        object: &Object,
        wanted: impl Fn(&Attributes) -> Result<Attributes>,
    ) -> Result<()> {
        loop {
            let base = object.snapshot();
            let attributes = wanted(&base.attributes)?;
            match self.slot().token.update(object, &base, attributes) {
                // Each turn of the loop is a change that somebody else made.
                Err(_) if !Arc::ptr_eq(&base, &object.snapshot()) => {}
                answer => return answer,
            }
        }
    }

    /// The object as it is now: `C_GetAttributeValue`, `C_GetObjectSize`.
    ///
    /// # Errors
    /// ObjectHandleInvalid.
    pub fn read(&self, handle: Handle) -> Result<Arc<Snapshot>> {
        Ok(self.current_object(handle, Code::ObjectHandleInvalid)?.snapshot())
    }

    /// The object, if this session may change it.
    fn changeable(&self, handle: Handle) -> Result<Arc<Object>> {
        let object = self.current_object(handle, Code::ObjectHandleInvalid)?;
        if object.is_token_object() {
            self.require_read_write()?;
        }
        Ok(object)
    }

    /// A handle for an object that this session made.
    pub(super) fn issue(&self, object: Arc<Object>) -> Handle {
        let snapshot = object.snapshot();
        match snapshot.attributes.is_true(AttributeType::TOKEN) {
            true => {
                let found = Found { id: object.id, private: snapshot.is_private() };
                self.slot().objects.issue_token(found)
            }
            false => self.slot().objects.issue_session(object, self.handle),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::{ObjectClass, Value};
    use crate::backend::embedded::EmbeddedBackend;
    use crate::backend::{Backend, Pin, User};
    use crate::policy::Policy;
    use crate::slot::Slot;

    const PIN: Pin<'_> = Pin(b"12345678");

    /// A data object that is what the attribute says.
    fn data(attribute: AttributeType) -> Attributes {
        Attributes::from_iter([
            (AttributeType::CLASS, Value::Number(ObjectClass::DATA.0)),
            (AttributeType::TOKEN, Value::Bool(true)),
            (AttributeType::DESTROYABLE, Value::Bool(true)),
            (attribute, Value::Bool(true)),
        ])
    }

    #[test]
    fn a_destruction_that_a_logout_overtakes_is_answered_as_after_it() {
        let directory = tempfile::tempdir().unwrap();
        let backend = EmbeddedBackend::cheap(directory.path());
        let (id, token) = backend.tokens().unwrap().pop().unwrap();
        token.initialize(PIN, "token").unwrap();
        let slot = Arc::new(Slot::new(id, token, Policy::Standard));
        let mut session = Session::new(slot.clone(), true);
        slot.login(User::SecurityOfficer, PIN).unwrap();
        session.init_pin(PIN).unwrap();
        slot.logout().unwrap();
        for (user, attribute, code) in [
            (User::SecurityOfficer, AttributeType::TRUSTED, Code::ActionProhibited),
            (User::User, AttributeType::PRIVATE, Code::ObjectHandleInvalid),
        ] {
            slot.login(user, PIN).unwrap();
            let handle = session.issue(slot.token.create(data(attribute)).unwrap());
            let object = session.changeable(handle).unwrap();
            slot.logout().unwrap();
            let answer = session.remove(handle, &object);
            assert_eq!(answer.unwrap_err().code(), code);
            assert!(!object.is_destroyed());
        }
    }
}
