//! An open token: a session with a logged-in user.

use std::mem::forget;
use std::path::Path;
use std::sync::Arc;

use cryptoki::error::RvError;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::{Limit, TokenInfo};

use super::error::{code, token_error};
use super::module::Module;
use super::pin::Pin;
use super::slot::choose;
use crate::domain::key::KeyId;
use crate::error::{Kind, Result};
use crate::local::bridge;
use crate::port::Block;

/// A read-write session on a token, logged in as the user. Closed on drop.
#[derive(Debug)]
pub struct OpenToken {
    module: Arc<Module>,
    life: u64,
    slot: u64,
    session: Session,
    label: String,
    serial: String,
    most_sessions: Option<usize>,
    changes_alone: bool,
    mechanisms: Vec<u64>,
    /// A public object of the session, with a label that no other has.
    mark: Option<(ObjectHandle, [u8; 16])>,
}

/// What became of a session meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is open and the user is logged in.
    Usable,
    /// It is open, but somebody logged the user out, or the token does not answer.
    Unusable,
    /// It is not open, or not known to be the one that was opened.
    Gone,
}

impl OpenToken {
    /// Opens the token with this label, or the only one there is, and logs in.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is no such token, [`Kind::Usage`] when there are several,
    /// [`Kind::Pin`] when the PIN is refused.
    pub fn open(module: Arc<Module>, label: Option<&str>, pin: &Pin) -> Result<Self> {
        module.until_settled(|| {
            let token = Self::connect(&module, label)?;
            token.log_in(pin)?;
            Ok(token)
        })
    }

    /// Opens a session with the token and leaves the login as it is: it is one for all sessions of
    /// this process.
    ///
    /// # Errors
    /// As [`OpenToken::open`], but for the PIN.
    pub(super) fn connect(module: &Arc<Module>, name: Option<&str>) -> Result<Self> {
        let life = module.life();
        let (slot, info) = choose(module, name)?;
        let (label, serial) = (info.label().to_owned(), info.serial_number().to_owned());
        let session = module.context().open_rw_session(slot).map_err(|error| {
            token_error(&format!("cannot open a session with token {label}"), error)
        })?;
        let mechanisms = module.mechanisms(slot.id())?;
        let most_sessions = most_sessions(&info);
        let changes_alone = info.model().starts_with("SoftHSM");
        Ok(Self {
            module: Arc::clone(module),
            life,
            slot: slot.id(),
            session,
            label,
            serial,
            most_sessions,
            changes_alone,
            mechanisms,
            mark: None,
        })
    }

    /// Logs the user in.
    ///
    /// # Errors
    /// [`Kind::Pin`] when the PIN is refused.
    pub(super) fn log_in(&self, pin: &Pin) -> Result<()> {
        match self.session.login(UserType::User, Some(pin.auth())) {
            Ok(()) => Ok(()),
            // Login is per token: another session of this process was first.
            Err(error) if matches!(code(&error), Some(RvError::UserAlreadyLoggedIn)) => Ok(()),
            Err(error) => {
                Err(token_error(&format!("cannot log in to token {}", self.label), error))
            }
        }
    }

    /// Marks the session as ours, so that [`OpenToken::standing`] tells it from another one with the
    /// same handle. A token that takes no data objects goes without.
    pub(super) fn mark(&mut self) {
        let mut name = [0; 16];
        if self.session.generate_random_slice(&mut name).is_err() {
            return;
        }
        let template = [
            Attribute::Class(ObjectClass::DATA),
            Attribute::Token(false),
            Attribute::Private(false),
            Attribute::Label(name.to_vec()),
        ];
        self.mark = self.session.create_object(&template).ok().map(|object| (object, name));
    }

    /// What the token says of the session now.
    pub(super) fn standing(&self) -> Standing {
        let Ok(info) = self.session.get_session_info() else { return Standing::Gone };
        if self.life != self.module.life() || !self.is_marked() {
            return Standing::Gone;
        }
        // SoftHSM2 shows an empty token and no error when its files are gone, but for this call.
        let there = || self.module.context().get_token_info(info.slot_id()).is_ok();
        match info.session_state() {
            SessionState::RwUser if there() => Standing::Usable,
            _ => Standing::Unusable,
        }
    }

    fn is_marked(&self) -> bool {
        let Some((object, name)) = &self.mark else { return true };
        let label = self.session.get_attributes(*object, &[AttributeType::Label]);
        label.is_ok_and(|label| label == [Attribute::Label(name.to_vec())])
    }

    /// Forgets a session that is [`Standing::Gone`] without closing it: its handle may be another
    /// session's by now.
    pub(super) fn abandon(self) {
        forget(self.session);
    }

    /// Whether an object may only be made or changed while no other thread looks at the token:
    /// SoftHSM2 answers CKR_GENERAL_ERROR at times when another thread searches at the moment.
    pub(super) fn changes_alone(&self) -> bool {
        self.changes_alone
    }

    /// How many sessions the token lets an application have; `None` without a limit.
    pub(super) fn most_sessions(&self) -> Option<usize> {
        self.most_sessions
    }

    /// How far a state reaches that the slot holds its keys to: one of ours that bridges to another
    /// token knows states, and that token knows none.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub(super) fn reach_of_states(&self) -> Result<Block> {
        Ok(match bridge::is_in(self.module_path(), self.slot)? {
            true => Block::ThroughKeyway,
            false => Block::Final,
        })
    }

    /// The token's label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The token's serial number.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The slot that it is in.
    pub fn slot(&self) -> u64 {
        self.slot
    }

    /// Where the token's module lies.
    pub fn module_path(&self) -> &Path {
        self.module.path()
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

    /// Destroys an object. That another process was faster is no error.
    pub(super) fn destroy(&self, object: ObjectHandle) -> Result<()> {
        match self.session.destroy_object(object) {
            Err(_) if self.attributes(object, &[AttributeType::Class])?.is_empty() => Ok(()),
            Err(error) => Err(self.failed("cannot destroy an object", error)),
            Ok(()) => Ok(()),
        }
    }

    /// An error of a call on this token.
    pub(super) fn failed(&self, what: &str, error: cryptoki::error::Error) -> crate::Error {
        token_error(what, error)
    }
}

/// The smaller of the limits for sessions and for read-write sessions (CK_TOKEN_INFO).
fn most_sessions(info: &TokenInfo) -> Option<usize> {
    [info.max_session_count(), info.max_rw_session_count()]
        .into_iter()
        .filter_map(|limit| match limit {
            Limit::Max(most) => usize::try_from(most).ok(),
            Limit::Unavailable | Limit::Infinite => None,
        })
        .min()
}
