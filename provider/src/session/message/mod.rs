//! Message-based processes: many messages under one key, each an operation of its own.
//!
//! What goes wrong with a message ends that message and not the process. A process ends with its
//! Final function, with an Init without a mechanism, with `C_SessionCancel`, with the login under
//! which a private key was chosen, and when the key may not be used any more: every message is a use
//! of the key and is refused where an Init function would refuse it.

mod seal;
mod sign;

use std::sync::Arc;

use crate::backend::{Key, Operation};
use crate::error::{Code, Error, Result};
use crate::ffi::params::RawParams;
use crate::ffi::transfer::Written;
use crate::handle::Handle;
use crate::mechanism::message::ReadMessage;
use crate::mechanism::nonce::Nonces;
use crate::mechanism::params::kept::Kept;
use crate::mechanism::{Mechanism, MechanismSpec, Messages};
use crate::session::Session;
use crate::session::active::{Class, lapsed};
use crate::session::memo::Used;

pub use seal::Message;

/// A process between its Init and its Final.
pub struct Process {
    spec: &'static MechanismSpec,
    key: Handle,
    /// The key as the last message that began found it.
    used: Used,
    kind: Kind,
    /// The login under which a private key was chosen.
    login: Option<u64>,
    always_authenticate: bool,
    /// `CKA_ALWAYS_AUTHENTICATE`: the next message waits for a context-specific login.
    awaits_login: bool,
    running: Option<Running>,
}

enum Kind {
    Sealing(ReadMessage, Nonces),
    Signing(Kept),
}

/// A message between its Begin and its end.
struct Running {
    operation: Operation,
    /// Length of the tag beside the data, in bytes.
    tag: usize,
}

impl Session {
    /// `C_MessageEncryptInit` and its like. Nothing of the parameter of a mechanism whose messages
    /// have parameters of their own is used.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn message_init(
        &mut self,
        class: Class,
        spec: &'static MechanismSpec,
        params: RawParams<'_>,
        key: Handle,
    ) -> Result<()> {
        if self.messages[class as usize].is_some() {
            return Err(Code::OperationActive.because(format!("{class:?} of messages is running")));
        }
        let function = class.function();
        let kind = match spec.messages {
            Messages::Sealed(read) if spec.takes_messages(function) => {
                Kind::Sealing(read, Nonces::default())
            }
            Messages::Signed if spec.takes_messages(function) => {
                Kind::Signing(Kept::new(&(spec.params)(params)?)?)
            }
            _ => {
                let story = format!("{} does not {function:?} messages", spec.name());
                return Err(Code::MechanismInvalid.because(story));
            }
        };
        let memo = self.usable(key, function, spec)?;
        if let Kind::Signing(kept) = &kind {
            // What speaks against the key or the parameter is said now and not at each message.
            let mechanism = Mechanism { spec, params: kept.params(), keys: Vec::new() };
            memo.key.start(function, &mechanism)?;
        }
        let private = memo.snapshot.is_private();
        let always_authenticate = private && memo.snapshot.usage.always_authenticate;
        let login = private.then(|| memo.login());
        let used = memo.used();
        if memo.snapshot.usage.must_record(function) {
            self.latch(key, function, spec)?;
        }
        self.note_use(function, spec);
        self.messages[class as usize] = Some(Box::new(Process {
            spec,
            key,
            used,
            kind,
            login,
            always_authenticate,
            awaits_login: always_authenticate,
            running: None,
        }));
        Ok(())
    }

    /// `C_MessageEncryptFinal` and its like.
    ///
    /// # Errors
    /// OperationNotInitialized, OperationActive in the middle of a message, which goes on.
    pub fn message_final(&mut self, class: Class) -> Result<()> {
        self.process(class)?.require_between_messages()?;
        self.message_end(class);
        Ok(())
    }

    /// Ends the process, if one runs (an Init with a NULL mechanism, `C_SessionCancel`); says whether
    /// one did.
    pub fn message_end(&mut self, class: Class) -> bool {
        self.messages[class as usize].take().is_some()
    }

    /// Whether a message waits for a context-specific login.
    pub(super) fn message_awaits_login(&self) -> bool {
        self.messages.iter().flatten().any(|process| process.awaits_login)
    }

    /// The context-specific login came.
    pub(super) fn message_authenticated(&mut self) {
        self.messages.iter_mut().flatten().for_each(|process| process.awaits_login = false);
    }

    /// Lets go of messages under private keys that were chosen under another login.
    pub(super) fn forget_messages(&mut self, login: u64) {
        let lapsed = |process: &&mut Box<Process>| process.login.is_some_and(|word| word != login);
        self.messages
            .iter_mut()
            .flatten()
            .filter(lapsed)
            .for_each(|process| process.running = None);
    }

    /// The running process, which a logout ends if its key is private.
    fn process(&mut self, class: Class) -> Result<&mut Process> {
        let word = self.slot().login_word();
        let running = &mut self.messages[class as usize];
        if running.as_ref().is_some_and(|running| running.login.is_some_and(|then| then != word)) {
            *running = None;
            return Err(lapsed(class));
        }
        running.as_deref_mut().ok_or_else(|| not_running(class))
    }

    /// The process, where a message may start in it, and its key.
    ///
    /// # Errors
    /// As [`message_ready`](Self::message_ready).
    fn next_message(&mut self, class: Class) -> Result<(&mut Process, Arc<dyn Key>)> {
        let process = self.process(class)?;
        process.require_between_messages()?;
        if process.awaits_login {
            return Err(Code::UserNotLoggedIn
                .because("CKA_ALWAYS_AUTHENTICATE: a context-specific login comes first"));
        }
        let (handle, spec) = (process.key, process.spec);
        let memo = self.usable(handle, class.function(), spec);
        match memo.map(|memo| (memo.used(), memo.key.clone())) {
            Ok((used, key)) => {
                let process = self.process(class)?;
                process.used = used;
                Ok((process, key))
            }
            Err(e) => {
                self.message_end(class);
                Err(withdrawn(e))
            }
        }
    }

    /// Whether a message may start.
    ///
    /// # Errors
    /// OperationNotInitialized (also where the key may not be used any more, which ends the
    /// process), OperationActive in the middle of a message, UserNotLoggedIn.
    pub fn message_ready(&mut self, class: Class) -> Result<()> {
        self.next_message(class).map(drop)
    }

    /// Ends the message that has begun because of what is wrong with the next part of it; answers
    /// that, or that none has begun.
    pub fn message_refused(&mut self, class: Class, error: Error) -> Error {
        self.take_message(class).map_or_else(|none| none, |_| error)
    }

    /// The message that has begun, taken out of its process: whoever keeps it puts it back.
    fn take_message(&mut self, class: Class) -> Result<Running> {
        let process = self.process(class)?;
        let (used, running) = (process.used, process.running.take());
        let running = running.ok_or_else(|| {
            Code::OperationNotInitialized.because(format!("{class:?}: no message has begun"))
        })?;
        if let Err(e) = self.still_usable(used, class.function()) {
            self.message_end(class);
            return Err(e);
        }
        Ok(running)
    }

    /// Puts back what [`take_message`](Self::take_message) took, unless it is over.
    fn keep_message(
        &mut self,
        class: Class,
        running: Running,
        written: Result<Written>,
    ) -> Result<Written> {
        let written = written?;
        if !matches!(written, Written::Done(_)) {
            self.process(class)?.running = Some(running);
        }
        Ok(written)
    }
}

impl Process {
    fn require_between_messages(&self) -> Result<()> {
        match self.running {
            None => Ok(()),
            Some(_) => Err(Code::OperationActive.because("a message has begun and not ended")),
        }
    }

    fn require_parts(&self) -> Result<()> {
        match self.spec.takes_messages_in_parts() {
            true => Ok(()),
            false => Err(Code::OperationNotInitialized.because("messages come in one part only")),
        }
    }

    /// A message was begun: the next one needs its own login.
    fn used(&mut self) {
        self.awaits_login = self.always_authenticate;
    }
}

/// The key was destroyed or may not do it any more: functions that take no key do not list what an
/// Init function would answer.
#[cold]
fn withdrawn(error: Error) -> Error {
    match error.code() {
        Code::KeyHandleInvalid
        | Code::KeyTypeInconsistent
        | Code::KeyFunctionNotPermitted
        | Code::MechanismInvalid => error.with_code(Code::OperationNotInitialized),
        _ => error,
    }
}

#[cold]
fn not_running(class: Class) -> Error {
    Code::OperationNotInitialized.because(format!("no {class:?} of messages is running"))
}
