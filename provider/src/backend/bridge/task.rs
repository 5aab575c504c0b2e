//! One operation of the inner module, as often as it takes: the calls behind `operation` and
//! `supplied`, and what may be done again after a loss.
//!
//! Init and the one-shot call after it may be done twice, on another session: nothing came out
//! before. After a part was handed in nothing is repeated.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::key::Shared;
use super::pool::Pinned;
use crate::error::{Code, Error, Result};
use crate::ffi::inner::Call;
use crate::mechanism::params::kept::Kept;
use crate::mechanism::{Function, MechanismType, Params};
use crate::secret::Secret;

/// What the inner token is to do with a key of its own.
pub(super) struct Task {
    pub(super) key: Arc<Shared>,
    pub(super) function: Function,
    id: MechanismType,
    params: Kept,
}

impl Task {
    /// # Errors
    /// GeneralError for parameters of no operation on data.
    pub(super) fn new(
        key: &Arc<Shared>,
        function: Function,
        id: MechanismType,
        params: &Params<'_>,
    ) -> Result<Self> {
        Ok(Self { key: key.clone(), function, id, params: Kept::new(params)? })
    }

    /// Init and one-shot, which may be done again.
    ///
    /// # Errors
    /// What the inner token answers; DeviceError or DeviceRemoved for a loss that cannot be healed.
    pub(super) fn whole(&self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.again(|session| one_shot(session, self.function, input, output))
    }

    /// As [`whole`](Self::whole), for a number of `size` bytes, of which the inner token may leave
    /// out zeros in front.
    ///
    /// # Errors
    /// As [`whole`](Self::whole).
    pub(super) fn number(&self, input: &[u8], size: usize) -> Result<Secret> {
        number(size, |out| self.whole(input, out))
    }

    /// How long the output of the one-shot call is at most.
    ///
    /// # Errors
    /// As [`whole`](Self::whole).
    pub(super) fn size(&self, input: usize) -> Result<usize> {
        // Lengths depend on lengths.
        let input = vec![0; input];
        self.again(|session| {
            let size = session.size(self.function, &input);
            session.spoil();
            size
        })
    }

    fn again<T>(&self, mut work: impl FnMut(&Pinned) -> Result<T>) -> Result<T> {
        let pool = &self.key.inner.pool;
        let answer = pool.again(|session| {
            self.init(session)?;
            // Modules differ in whether an operation that failed still runs.
            work(session).inspect_err(|_| session.spoil()).map_err(|e| self.damaged(e))
        });
        answer.map_err(|e| self.told(e))
    }

    fn init(&self, session: &Pinned) -> Result<()> {
        let handle = self.key.inner.objects.handle(session, self.key.id)?;
        let call = Call { id: self.id, params: &self.params.params(), keys: &[] };
        session.start(self.function, &call, handle)?;
        if self.key.always_authenticates() {
            let pool = &self.key.inner.pool;
            return pool.authenticate(session).inspect_err(|_| session.spoil());
        }
        Ok(())
    }

    /// The inner module's answer as the application may see it.
    fn told(&self, error: Error) -> Error {
        match error.code() {
            Code::ObjectHandleInvalid => error.with_code(Code::KeyHandleInvalid),
            // Whatever it means by that, the application's operation is another one.
            Code::OperationNotInitialized | Code::OperationActive | Code::BufferTooSmall => {
                error.with_code(Code::FunctionFailed)
            }
            _ => self.key.inner.pool.outward_of_reading(error),
        }
    }

    /// What a module says in words of its own of data that it cannot decrypt.
    fn damaged(&self, error: Error) -> Error {
        let profile = &self.key.inner.pool.place.profile;
        match self.function == Function::Decrypt && profile.damaged_on.contains(&error.code()) {
            true => error.with_code(Code::EncryptedDataInvalid),
            false => error,
        }
    }

    /// Whether Init may be called again later: what opaque parameters point to is the application's
    /// for the time of its own Init only.
    fn is_repeatable(&self) -> bool {
        !matches!(self.params.params(), Params::Opaque([_, ..]))
    }
}

/// A task between its Init and its end, with the session that is pinned for it.
pub(super) struct Running {
    task: Task,
    /// There as long as the inner token's own operation goes on.
    session: Option<Pinned>,
    parts: u64,
}

impl Running {
    /// Calls Init.
    ///
    /// # Errors
    /// As [`Task::whole`].
    pub(super) fn begin(task: Task) -> Result<Self> {
        let pool = &task.key.inner.pool;
        let begun = pool.keeping(|session| task.init(session));
        let ((), session) = begun.map_err(|e| task.told(e))?;
        Ok(Self { task, session: Some(session), parts: 0 })
    }

    pub(super) fn task(&self) -> &Task {
        &self.task
    }

    pub(super) fn is_in_parts(&self) -> bool {
        self.parts > 0
    }

    /// How long the output of the one-shot call is at most; the inner token may take no parts
    /// after this.
    ///
    /// # Errors
    /// What the inner token answers.
    pub(super) fn size(&self, input: usize) -> Result<usize> {
        match &self.session {
            Some(session) => {
                session.size(self.task.function, &vec![0; input]).map_err(|e| self.task.told(e))
            }
            None => self.task.size(input),
        }
    }

    /// All of the input; may be asked again.
    ///
    /// # Errors
    /// As [`Task::whole`].
    pub(super) fn whole(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let function = self.task.function;
        self.at_once(|session| one_shot(session, function, input, output))
    }

    /// As [`Task::number`].
    ///
    /// # Errors
    /// As [`Task::whole`].
    pub(super) fn number(&mut self, input: &[u8], size: usize) -> Result<Secret> {
        number(size, |out| self.whole(input, out))
    }

    /// As [`whole`](Self::whole), for a verification.
    ///
    /// # Errors
    /// As [`Task::whole`], SignatureInvalid, SignatureLenRange.
    pub(super) fn verify(&mut self, input: &[u8], signature: &[u8]) -> Result<()> {
        self.at_once(|session| session.verify(input, signature))
    }

    /// A part of the input.
    ///
    /// # Errors
    /// What the inner token answers; DeviceError for a loss.
    pub(super) fn part(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.parts += 1;
        let function = self.task.function;
        let answer = self.in_parts(|session| {
            with_room(output, output_room(input), |room| session.part(function, input, room))
        });
        answer.inspect_err(|_| self.session = None)
    }

    /// A part of what is verified.
    ///
    /// # Errors
    /// As [`part`](Self::part).
    pub(super) fn verify_part(&mut self, input: &[u8]) -> Result<()> {
        self.parts += 1;
        self.in_parts(|session| session.verify_part(input)).inspect_err(|_| self.session = None)
    }

    /// The end of the parts.
    ///
    /// # Errors
    /// As [`part`](Self::part).
    pub(super) fn end(&mut self, output: &mut [u8]) -> Result<usize> {
        let function = self.task.function;
        let answer = self.in_parts(|session| {
            with_room(output, output_room(&[]), |room| session.end(function, room))
        });
        self.session = None;
        answer
    }

    /// The end of the parts that are verified.
    ///
    /// # Errors
    /// As [`part`](Self::part), SignatureInvalid, SignatureLenRange.
    pub(super) fn verify_end(&mut self, signature: &[u8]) -> Result<()> {
        let answer = self.in_parts(|session| session.verify_end(signature));
        self.session = None;
        answer
    }

    fn at_once<T>(&mut self, mut work: impl FnMut(&Pinned) -> Result<T>) -> Result<T> {
        let Some(session) = self.session.take() else { return self.task.again(work) };
        let pool = &self.task.key.inner.pool;
        let lost = match work(&session) {
            Err(e) if pool.is_lost(&e) => e,
            // Modules differ in whether an operation that failed still runs.
            answer => {
                let answer = answer.inspect_err(|_| session.spoil());
                return answer.map_err(|e| self.task.told(self.task.damaged(e)));
            }
        };
        session.spoil();
        let generation = session.generation();
        drop(session);
        if !self.task.is_repeatable() {
            let story =
                format!("the parameters of the lost operation cannot be given again: {lost}");
            return Err(Code::DeviceError.because(story));
        }
        log::warn!("{}: lost between Init and the call, done again: {lost}", pool.place);
        pool.heal(generation, &lost)?;
        self.task.again(work).map_err(|error| match error.code() {
            // The application's own Init found the key.
            Code::KeyHandleInvalid => error.with_code(Code::DeviceError),
            _ => error,
        })
    }

    fn in_parts<T>(&self, work: impl FnOnce(&Pinned) -> Result<T>) -> Result<T> {
        let over = || Code::OperationNotInitialized.because("the inner operation is over");
        let session = self.session.as_ref().ok_or_else(over)?;
        let pool = &self.task.key.inner.pool;
        work(session).map_err(|error| {
            // Modules differ in whether an operation that failed still runs.
            session.spoil();
            if !pool.is_lost(&error) {
                return self.task.told(self.task.damaged(error));
            }
            log::error!(
                "{}: {:?} with {:?} is lost after {} parts, which are not repeated: {error}",
                pool.place,
                self.task.function,
                self.task.id,
                self.parts
            );
            pool.prepare(session.generation(), &error);
            error.with_code(Code::DeviceError)
        })
    }
}

/// An operation that is given up still runs in its session.
impl Drop for Running {
    fn drop(&mut self) {
        if let Some(session) = &self.session {
            session.spoil();
        }
    }
}

/// A number of `size` bytes, with the zeros that were left out in front.
fn number(size: usize, write: impl FnOnce(&mut [u8]) -> Result<usize>) -> Result<Secret> {
    Secret::try_with(size, |out| {
        let len = write(out)?;
        out.copy_within(..len, size - len);
        out[..size - len].fill(0);
        Ok(())
    })
}

fn one_shot(
    session: &Pinned,
    function: Function,
    input: &[u8],
    output: &mut [u8],
) -> Result<usize> {
    match session.whole(function, input, output) {
        Err(e) if e.code() == Code::BufferTooSmall => {
            let needed = session.size(function, input)?;
            with_room_of(output, needed, |room| session.whole(function, input, room))
        }
        answer => answer,
    }
}

/// Modules want room for the longest output that there could be.
fn output_room(input: &[u8]) -> usize {
    input.len() + 64
}

/// Calls with the output's own room, and with more if the module wants it.
fn with_room(
    output: &mut [u8],
    more: usize,
    mut call: impl FnMut(&mut [u8]) -> Result<usize>,
) -> Result<usize> {
    match call(output) {
        Err(e) if e.code() == Code::BufferTooSmall => {
            let size = output.len() + more;
            with_room_of(output, size, call)
        }
        answer => answer,
    }
}

fn with_room_of(
    output: &mut [u8],
    size: usize,
    call: impl FnOnce(&mut [u8]) -> Result<usize>,
) -> Result<usize> {
    let mut room = Zeroizing::new(vec![0; size]);
    let len = call(&mut room)?;
    match output.get_mut(..len) {
        Some(output) => {
            output.copy_from_slice(&room[..len]);
            Ok(len)
        }
        None => Err(Code::DeviceError
            .because(format!("the inner module wrote {len} bytes, {} were due", output.len()))),
    }
}
