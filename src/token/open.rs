//! An open token: a session with a logged-in user.

use std::sync::Arc;

use cryptoki::error::RvError;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};

use super::error::{code, token_error};
use super::module::Module;
use super::pin::Pin;
use super::slot::choose;
use crate::domain::key::KeyId;
use crate::error::{Kind, Result};

/// A read-write session on a token, logged in as the user. Closed on drop.
#[derive(Debug)]
pub struct OpenToken {
    module: Arc<Module>,
    session: Session,
    label: String,
    serial: String,
    mechanisms: Vec<u64>,
}

impl OpenToken {
    /// Opens the token with this label, or the only one there is, and logs in.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is no such token, [`Kind::Usage`] when there are several,
    /// [`Kind::Pin`] when the PIN is refused.
    pub fn open(module: Arc<Module>, label: Option<&str>, pin: &Pin) -> Result<Self> {
        module.until_settled(|| Self::open_once(&module, label, pin))
    }

    fn open_once(module: &Arc<Module>, label: Option<&str>, pin: &Pin) -> Result<Self> {
        let module = Arc::clone(module);
        let (slot, info) = choose(&module, label)?;
        let (label, serial) = (info.label().to_owned(), info.serial_number().to_owned());
        let failed = |error| token_error(&format!("cannot log in to token {label}"), error);
        let session = module.context().open_rw_session(slot).map_err(failed)?;
        match session.login(UserType::User, Some(pin.auth())) {
            Ok(()) => {}
            // Login is per token: another session of this process was first.
            Err(error) if matches!(code(&error), Some(RvError::UserAlreadyLoggedIn)) => {}
            Err(error) => return Err(failed(error)),
        }
        let mechanisms = module.mechanisms(slot.id())?;
        Ok(Self { module, session, label, serial, mechanisms })
    }

    /// The token's label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The token's serial number.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn module(&self) -> &Module {
        &self.module
    }

    /// Whether the token has a mechanism.
    pub(super) fn has(&self, mechanism: u64) -> bool {
        self.mechanisms.contains(&mechanism)
    }

    pub(super) fn find(&self, template: &[Attribute]) -> Result<Vec<ObjectHandle>> {
        self.session.find_objects(template).map_err(|error| self.failed("cannot search", error))
    }

    /// Every object of this class with this identifier.
    pub(super) fn find_key(&self, class: ObjectClass, id: KeyId) -> Result<Vec<ObjectHandle>> {
        self.find(&[Attribute::Class(class), Attribute::Id(id.as_bytes().to_vec())])
    }

    /// The one object of one of these classes with this identifier.
    pub(super) fn only_key(&self, classes: &[ObjectClass], id: KeyId) -> Result<ObjectHandle> {
        let mut found = Vec::new();
        for class in classes {
            found.extend(self.find_key(*class, id)?);
        }
        match found.as_slice() {
            [object] => Ok(*object),
            [] => Err(Kind::NotFound
                .because(format!("there is no key object with identifier {id}"))
                .advise("it was destroyed by another program, or this is another token")),
            several => Err(Kind::NotAuthentic
                .because(format!("there are {} key objects with identifier {id}", several.len()))
                .advise("none of them is used; remove the copy that does not belong")),
        }
    }

    /// Those of the attributes that the object has. One that another process destroyed after it
    /// was found has none.
    pub(super) fn attributes(
        &self,
        object: ObjectHandle,
        types: &[AttributeType],
    ) -> Result<Vec<Attribute>> {
        match self.session.get_attributes(object, types) {
            Err(error) if matches!(code(&error), Some(RvError::ObjectHandleInvalid)) => {
                Ok(Vec::new())
            }
            answer => answer.map_err(|error| self.failed("cannot read an object", error)),
        }
    }

    pub(super) fn destroy(&self, object: ObjectHandle) -> Result<()> {
        self.session
            .destroy_object(object)
            .map_err(|error| self.failed("cannot destroy an object", error))
    }

    /// An error of a call on this token.
    pub(super) fn failed(&self, what: &str, error: cryptoki::error::Error) -> crate::Error {
        token_error(what, error)
    }
}
