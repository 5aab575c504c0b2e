//! Running operations: how they go on, and the one place that ends them.
//!
//! The rules are those of "Conventions for functions returning output" and of the function
//! chapters: any error but CKR_BUFFER_TOO_SMALL ends an operation; a size query keeps it, and also
//! settles whether it is a single-part or a multi-part one.

use crate::backend::{Operation, Transform};
use crate::error::{Code, Error, Result};
use crate::ffi::transfer::{Output, Written};
use crate::mechanism::{Function, MechanismSpec};
use crate::session::Session;
use crate::session::memo::Used;

/// The kinds of operation that a session runs side by side, one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Encrypt,
    Decrypt,
    Digest,
    Sign,
    Verify,
    SignRecover,
    VerifyRecover,
}

impl Class {
    pub const COUNT: usize = 7;

    /// What the operation does with its key.
    pub fn function(self) -> Function {
        match self {
            Self::Encrypt => Function::Encrypt,
            Self::Decrypt => Function::Decrypt,
            Self::Digest => Function::Digest,
            Self::Sign => Function::Sign,
            Self::Verify => Function::Verify,
            Self::SignRecover => Function::SignRecover,
            Self::VerifyRecover => Function::VerifyRecover,
        }
    }
}

/// Which of its functions drives the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `C_Sign`, `C_Encrypt`, ...
    Whole,
    /// `C_SignUpdate`, ...
    Update,
    /// `C_SignFinal`, ...
    Final,
}

/// An operation between its Init and its end.
pub struct Active {
    /// `None` once a logout took the key away: the next call learns why it cannot go on.
    operation: Option<Operation>,
    mode: Mode,
    spec: &'static MechanismSpec,
    /// The login under which a private key was chosen; no other may go on with it.
    login: Option<u64>,
    /// `CKA_ALWAYS_AUTHENTICATE`: waits for a context-specific login.
    awaits_login: bool,
    /// The key that it uses; what becomes of the key becomes of the operation.
    key: Option<Used>,
}

/// How an operation was driven so far; the numbers are those of a saved state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Fresh = 0,
    Multi = 1,
    /// The size of its one-shot output was asked for.
    Single = 2,
}

impl Active {
    pub fn new(operation: Operation, spec: &'static MechanismSpec) -> Self {
        let operation = Some(operation);
        Self { operation, mode: Mode::Fresh, spec, login: None, awaits_login: false, key: None }
    }

    /// An operation that was saved as it was driven so.
    pub(super) fn driven(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// What can be saved of it.
    pub(super) fn save(&self) -> Option<Vec<u8>> {
        match &self.operation {
            Some(Operation::Transform(transform)) => transform.save(),
            Some(Operation::Check(_)) | None => None,
        }
    }

    /// The mechanism that it was started with.
    pub fn spec(&self) -> &'static MechanismSpec {
        self.spec
    }

    /// Ties the operation to the login word under which its private key was chosen.
    pub fn under_login(mut self, word: u64, always_authenticate: bool) -> Self {
        self.login = Some(word);
        self.awaits_login = always_authenticate;
        self
    }

    /// Ties the operation to the state of its key.
    pub(super) fn of_key(mut self, key: Used) -> Self {
        self.key = Some(key);
        self
    }

    /// Whether a context-specific login is what the operation waits for.
    pub fn awaits_login(&self) -> bool {
        self.awaits_login
    }

    /// The context-specific login came.
    pub fn authenticated(&mut self) {
        self.awaits_login = false;
    }

    fn enter(&mut self, part: Part) -> Result<()> {
        let mode = match part {
            Part::Whole => Mode::Single,
            Part::Update | Part::Final => Mode::Multi,
        };
        if part == Part::Update && self.spec.single_part {
            return Err(Code::OperationNotInitialized
                .because("the mechanism works in a single part only: no multi-part operation"));
        }
        if self.mode != Mode::Fresh && self.mode != mode {
            return Err(Code::OperationActive.because(match self.mode {
                Mode::Multi => "a multi-part operation cannot go on with a one-shot call",
                _ => "an operation whose one-shot size was asked for takes no parts",
            }));
        }
        self.mode = mode;
        Ok(())
    }

    /// Feeds a digest, a signature or a verification.
    pub(super) fn absorb(&mut self, input: &[u8]) -> Result<()> {
        match &mut self.operation {
            Some(Operation::Transform(transform)) => transform.update(input, &mut []).map(drop),
            Some(Operation::Check(check)) => check.update(input),
            None => Err(Code::OperationNotInitialized.into()),
        }
    }

    pub(super) fn transform(&mut self) -> Result<&mut dyn Transform> {
        match &mut self.operation {
            Some(Operation::Transform(transform)) => Ok(transform.as_mut()),
            Some(Operation::Check(_)) | None => Err(Code::OperationNotInitialized.into()),
        }
    }

    /// Lets go of a private key, if it was chosen under another login than this one.
    pub(super) fn forget(&mut self, login: u64) {
        if self.login.is_some_and(|word| word != login) {
            self.operation = None;
        }
    }
}

impl Session {
    /// # Errors
    /// OperationNotInitialized unless one of the class runs, which goes on.
    pub(super) fn require_one(&self, class: Class) -> Result<()> {
        match self.active[class as usize] {
            Some(_) => Ok(()),
            None => Err(not_running(class)),
        }
    }

    /// # Errors
    /// OperationActive while one of the class runs, which goes on.
    pub(super) fn require_none(&self, class: Class) -> Result<()> {
        match self.active[class as usize] {
            None => Ok(()),
            Some(_) => Err(Code::OperationActive
                .because(format!("{class:?} is running already in this session"))),
        }
    }

    /// Ends the operation of a class, if one runs (an Init with a NULL mechanism).
    ///
    /// # Errors
    /// ArgumentsBad when none runs: then the NULL was no wish to cancel.
    pub fn cancel(&mut self, class: Class) -> Result<()> {
        match self.active[class as usize].take() {
            Some(_) => Ok(()),
            None => Err(Code::ArgumentsBad.because("pMechanism is NULL and no operation runs")),
        }
    }

    /// Ends what runs of a class, if anything does (`C_SessionCancel`).
    pub fn end(&mut self, class: Class) {
        self.active[class as usize] = None;
    }

    /// Drives an operation that has output. `arguments` are the caller's buffers, or why they
    /// cannot be used, which ends the operation like any error.
    ///
    /// # Errors
    /// OperationNotInitialized, OperationActive, UserNotLoggedIn after a logout (where the function
    /// lists it, else OperationNotInitialized), and what the operation answers.
    pub fn transform(
        &mut self,
        class: Class,
        part: Part,
        arguments: Result<(&[u8], Output<'_>)>,
    ) -> Result<Written> {
        let mut active = self.take(class, part)?;
        let (input, output) = arguments?;
        let transform = active.transform()?;
        let needed = transform.output_size(input.len(), part != Part::Update)?;
        let written = match (output.room(needed), part) {
            (Err(short), _) => short,
            (Ok(buffer), Part::Update) => Written::Part(transform.update(input, buffer)?),
            (Ok(buffer), Part::Whole | Part::Final) => {
                Written::Done(transform.finish(input, buffer)?)
            }
        };
        if !matches!(written, Written::Done(_)) {
            self.resume(class, active);
        }
        Ok(written)
    }

    /// Feeds a multi-part digest, signature or verification.
    ///
    /// # Errors
    /// As [`transform`](Self::transform).
    pub fn absorb(&mut self, class: Class, input: Result<&[u8]>) -> Result<()> {
        let mut active = self.take(class, Part::Update)?;
        active.absorb(input?)?;
        self.resume(class, active);
        Ok(())
    }

    /// Ends a verification with its verdict.
    ///
    /// # Errors
    /// As [`transform`](Self::transform), SignatureInvalid and SignatureLenRange.
    pub fn verify(&mut self, part: Part, arguments: Result<(&[u8], &[u8])>) -> Result<()> {
        let mut active = self.take(Class::Verify, part)?;
        let (input, signature) = arguments?;
        match &mut active.operation {
            Some(Operation::Check(check)) => check.finish(input, signature),
            Some(Operation::Transform(_)) | None => Err(Code::OperationNotInitialized.into()),
        }
    }

    /// Takes the operation out of the session: whoever keeps it puts it back, so every way out
    /// that does not, ends it.
    pub(super) fn take(&mut self, class: Class, part: Part) -> Result<Active> {
        let mut active = self.active[class as usize].take().ok_or_else(|| not_running(class))?;
        if active.login.is_some_and(|word| word != self.slot().login_word()) {
            return Err(lapsed(class));
        }
        if active.awaits_login {
            return Err(Code::UserNotLoggedIn
                .because("CKA_ALWAYS_AUTHENTICATE: a context-specific login comes first"));
        }
        if let Some(used) = active.key {
            self.still_usable(used, class.function())?;
        }
        active.enter(part)?;
        Ok(active)
    }

    /// Puts back what [`take`](Self::take) took: the operation goes on.
    pub(super) fn resume(&mut self, class: Class, active: Active) {
        self.active[class as usize] = Some(active);
    }
}

/// The functions that mostly take public keys do not list CKR_USER_NOT_LOGGED_IN.
#[cold]
pub(super) fn lapsed(class: Class) -> Error {
    let code = match class {
        Class::Decrypt | Class::Sign | Class::SignRecover => Code::UserNotLoggedIn,
        Class::Encrypt | Class::Verify | Class::VerifyRecover | Class::Digest => {
            Code::OperationNotInitialized
        }
    };
    code.because("the login under which the operation began is over")
}

#[cold]
fn not_running(class: Class) -> Error {
    Code::OperationNotInitialized.because(format!("no {class:?} operation is running"))
}
