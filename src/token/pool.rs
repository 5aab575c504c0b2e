//! A pool of sessions with one token, logged in once, and opened again after they were lost.
//!
//! Login is one for all sessions of a process, and ends with the last of them: so the pool keeps what
//! it opened. It never calls C_Logout, which would end the login of others in the process as well.

use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::module::Module;
use super::open::{OpenToken, Standing};
use super::pin::{Pin, PinSource};
use crate::error::{Error, Kind, Result};

/// How large a pool is, and how long to wait for it.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// The most sessions that are open at once; a token's own limit goes before it. At least 1.
    pub sessions: usize,
    /// How long a caller waits for a session when all of them are in use.
    pub wait: Duration,
}

/// Sessions with one token, lent to one thread each.
#[derive(Debug)]
pub struct Pool {
    module: Arc<Module>,
    name: Option<String>,
    label: String,
    serial: String,
    pin: PinSource,
    most: usize,
    wait: Duration,
    /// Whether a change needs the token to itself.
    changes_alone: bool,
    state: Mutex<State>,
    returned: Condvar,
}

/// What a session is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// No key is changed. What encrypts may count a message, and rotate after the last.
    Use,
    /// Objects of the token are made, changed or destroyed.
    Change,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<OpenToken>,
    lent: usize,
    /// Whether a change has the token to itself, and how many wait for that.
    changing: bool,
    waiting_changes: usize,
    /// How often the pool logged in: whoever used a session across two of them may have seen a
    /// token without its private objects in between.
    logins: u64,
    /// The PIN that the token refused last. It is not tried again: too many wrong ones lock it.
    wrong: Option<Arc<Pin>>,
    /// The process that the sessions belong to. A child of fork has none.
    process: u32,
}

/// A session of the pool, for as long as this value lives.
#[derive(Debug)]
pub struct Lease<'p> {
    pool: &'p Pool,
    token: Option<OpenToken>,
    alone: bool,
    logins: u64,
    process: u32,
}

/// Whether a session was what it was for as long as it was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// From the beginning to the end.
    Whole,
    /// It was closed, logged out or cut off meanwhile.
    Lost,
}

impl Pool {
    /// Opens a token by its label or PKCS#11 URI, or the only one there is, with a first session.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is no such token, [`Kind::Usage`] when there are several or the
    /// pool would be empty, [`Kind::Pin`] when the PIN is refused.
    pub fn open(
        module: Arc<Module>,
        name: Option<&str>,
        pin: PinSource,
        sizes: Sizes,
    ) -> Result<Self> {
        if sizes.sessions == 0 {
            return Err(Kind::Usage.because("a pool needs at least one session"));
        }
        module.revive()?;
        let mut state = State { process: process::id(), ..State::default() };
        let first = state.connect(&module, name, &pin)?;
        let (label, serial) = (first.label().to_owned(), first.serial().to_owned());
        let most = first.most_sessions().unwrap_or(usize::MAX).clamp(1, sizes.sessions);
        let changes_alone = first.changes_alone();
        state.idle.push(first);
        Ok(Self {
            changes_alone,
            module,
            name: name.map(str::to_owned),
            label,
            serial,
            pin,
            most,
            wait: sizes.wait,
            state: Mutex::new(state),
            returned: Condvar::new(),
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

    /// The most sessions that are open at once.
    pub fn most_sessions(&self) -> usize {
        self.most
    }

    /// Lends a session that is open and logged in: an idle one, a new one, or one that is given back
    /// in time.
    ///
    /// # Errors
    /// [`Kind::Busy`] when none is given back in time; what is missing when none can be opened.
    pub fn lend(&self, intent: Intent) -> Result<Lease<'_>> {
        // A wait that no clock reaches has no end.
        let deadline = Instant::now().checked_add(self.wait);
        let alone = self.changes_alone && intent == Intent::Change;
        let mut state = self.state();
        loop {
            if state.admits(alone)
                && let Some(token) = self.take(&mut state)?
            {
                state.lent += 1;
                state.changing = alone;
                let State { logins, process, .. } = *state;
                return Ok(Lease { pool: self, token: Some(token), alone, logins, process });
            }
            state.waiting_changes += usize::from(alone);
            state = self.wait(state, deadline);
            state.waiting_changes -= usize::from(alone);
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                // Who let a change go before may go now.
                self.returned.notify_all();
                return Err(self.busy(&state));
            }
        }
    }

    /// An idle session or a new one, if there may be one.
    fn take(&self, state: &mut State) -> Result<Option<OpenToken>> {
        if let Some(token) = state.take_usable() {
            return Ok(Some(token));
        }
        // What still runs on a session of the module's life before has to come back first: the new
        // sessions may get the same handles.
        let settled = state.lent == 0 || self.module.is_initialised();
        if !settled || state.lent >= self.most {
            return Ok(None);
        }
        match self.connect(state) {
            Err(error) if error.kind() == Kind::Busy && state.lent > 0 => Ok(None),
            connected => connected.map(Some),
        }
    }

    fn connect(&self, state: &mut State) -> Result<OpenToken> {
        let name = self.name.as_deref();
        let connected =
            self.module.revive().and_then(|()| state.connect(&self.module, name, &self.pin));
        let token = connected.map_err(|error| self.unopened(error))?;
        if token.serial() != self.serial {
            let (old, new) = (&self.serial, token.serial());
            return Err(Kind::Token
                .because(format!(
                    "the token is another one: its serial number was {old} and is {new}"
                ))
                .advise("put the first one back, or open the new one by itself"));
        }
        Ok(token)
    }

    fn unopened(&self, error: Error) -> Error {
        match error.kind() {
            Kind::NotFound | Kind::Token => error
                .while_doing("no session can be opened")
                .advise("put the token back where it was: the next call opens it again"),
            _ => error,
        }
    }

    fn wait<'s>(
        &self,
        state: MutexGuard<'s, State>,
        until: Option<Instant>,
    ) -> MutexGuard<'s, State> {
        let Some(until) = until else {
            return self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        let left = until.saturating_duration_since(Instant::now());
        self.returned.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
    }

    fn busy(&self, state: &State) -> Error {
        let why = match state.changing || state.waiting_changes > 0 {
            true => "a change of keys, which this token does alone, did not end".to_owned(),
            false => format!("all {} sessions are in use and none became free", state.lent),
        };
        Kind::Busy
            .because(format!("{why} within {:?}", self.wait))
            .advise("allow more sessions or a longer wait, or use fewer threads at once")
    }

    /// The sessions. Those of the parent process are not ours.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let process = process::id();
        if state.process != process {
            state.idle.drain(..).for_each(OpenToken::abandon);
            let logins = state.logins;
            *state = State { process, logins, ..State::default() };
        }
        state
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.state().discard();
    }
}

impl State {
    /// Whether somebody who needs the token alone, or not, may have a session now.
    fn admits(&self, alone: bool) -> bool {
        match alone {
            true => self.lent == 0,
            // Who waits for a change goes before who only uses.
            false => !self.changing && self.waiting_changes == 0,
        }
    }

    /// Opens a session, and logs in where no other session of this process is. A module that is
    /// about to settle is asked again, whoever knows the PIN is not.
    fn connect(
        &mut self,
        module: &Arc<Module>,
        name: Option<&str>,
        source: &PinSource,
    ) -> Result<OpenToken> {
        let mut asked = None;
        module.until_settled(|| self.try_connect(module, name, source, &mut asked))?
    }

    /// The inner error is final: it is not the module's.
    fn try_connect(
        &mut self,
        module: &Arc<Module>,
        name: Option<&str>,
        source: &PinSource,
        asked: &mut Option<Arc<Pin>>,
    ) -> Result<Result<OpenToken>> {
        let mut token = OpenToken::connect(module, name)?;
        token.mark();
        if token.standing() == Standing::Usable {
            return Ok(Ok(token));
        }
        // Before the login: who sees it has to see this, too.
        self.logins += 1;
        let pin = match asked.take().map_or_else(|| source.pin(), Ok) {
            Ok(pin) => Arc::clone(asked.insert(pin)),
            Err(error) => return Ok(Err(error)),
        };
        if self.wrong.as_ref().is_some_and(|wrong| wrong.expose() == pin.expose()) {
            return Err(Kind::Pin
                .because("the token refused this PIN before, and it is not tried again")
                .advise("give another PIN where this one came from, or open the token anew"));
        }
        match token.log_in(&pin) {
            Ok(()) => {
                self.wrong = None;
                Ok(Ok(token))
            }
            Err(error) => {
                // A login that failed for another reason says nothing of the PIN.
                if error.kind() == Kind::Pin {
                    self.wrong = Some(pin);
                }
                Err(error)
            }
        }
    }

    fn take_usable(&mut self) -> Option<OpenToken> {
        while let Some(token) = self.idle.pop() {
            match token.standing() {
                Standing::Usable => return Some(token),
                Standing::Unusable => drop(token),
                Standing::Gone => token.abandon(),
            }
        }
        None
    }

    /// Closes every session that is not in use.
    fn discard(&mut self) {
        for token in self.idle.drain(..) {
            match token.standing() {
                Standing::Gone => token.abandon(),
                Standing::Usable | Standing::Unusable => drop(token),
            }
        }
    }
}

impl Lease<'_> {
    /// The token, in a session that nobody else uses.
    pub fn token(&self) -> &OpenToken {
        self.token.as_ref().expect("it is there until the lease ends")
    }

    /// Gives the session back. `failed` is the error of what was done with it.
    pub fn end(mut self, failed: Option<&Error>) -> Ending {
        let cut_off = failed.is_some_and(Error::is_session_lost);
        self.give_back(failed.is_some(), cut_off)
    }

    fn give_back(&mut self, failed: bool, cut_off: bool) -> Ending {
        let Some(token) = self.token.take() else { return Ending::Lost };
        let standing = token.standing();
        let mut state = self.pool.state();
        let ours = state.process == self.process;
        let whole = ours && standing == Standing::Usable && state.logins == self.logins;
        if ours {
            state.lent -= 1;
            state.changing &= !self.alone;
        }
        match standing {
            _ if !ours => token.abandon(),
            Standing::Gone => token.abandon(),
            Standing::Unusable => drop(token),
            // What failed may have left a key in the session, which goes with it. The last session
            // stays: the login would go as well.
            Standing::Usable if failed && state.lent + state.idle.len() > 0 => drop(token),
            Standing::Usable => state.idle.push(token),
        }
        if cut_off {
            // What became of this session becomes of the others.
            state.discard();
        }
        self.pool.returned.notify_all();
        if whole && !cut_off { Ending::Whole } else { Ending::Lost }
    }
}

impl Drop for Lease<'_> {
    /// After a panic an operation may be left half done on the session, which is closed for that.
    fn drop(&mut self) {
        if self.token.is_some() {
            self.give_back(true, true);
        }
    }
}
