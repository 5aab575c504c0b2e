//! Sessions with the inner token: lent for as long as a call or an operation needs one, opened
//! again and logged in again when they are lost.

mod login;
mod pinned;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use self::login::{Login, logged_in};
pub(super) use self::pinned::Pinned;
use super::breaker::Breaker;
use super::healing::{absent, is_of_the_token, outward, outward_of_reading};
use super::limits::Limits;
use super::link::{Link, Place};
use super::profile::Profile;
use crate::attribute::abi::UNAVAILABLE;
use crate::error::{Code, Error, Result};
use crate::ffi::inner::InnerSession;

/// How often work that may be done twice is done again after a loss.
const AGAIN: u32 = 2;

/// How often a caller that waits for a session looks whether the token has one more.
const LOOK: Duration = Duration::from_millis(100);

/// A session that is used by one caller at a time.
type Anchor = Arc<Mutex<InnerSession>>;

/// The sessions of one inner token.
pub(super) struct Pool {
    pub(super) place: Place,
    limits: Limits,
    state: Mutex<State>,
    /// Whether the state has a login, for callers that hold other locks: see `set_login`.
    with_login: AtomicBool,
    /// Whether a login ended that nobody ended; read while somebody waits for the token.
    dropped: AtomicBool,
    /// Grows whenever everything was lost: handles from before mean nothing. It changes under the
    /// state's lock.
    generation: AtomicU64,
    /// Somebody gave a session back.
    returned: Condvar,
}

struct State {
    /// The token as it was found last, with the session that holds the login and the session
    /// objects: a login ends with an application's last session.
    anchor: Option<(Link, Anchor)>,
    idle: Vec<(InnerSession, Instant)>,
    /// Sessions that exist, without the anchor.
    open: usize,
    login: Option<Login>,
    breaker: Breaker,
}

impl Pool {
    pub(super) fn new(place: Place, limits: Limits) -> Arc<Self> {
        let state = State {
            anchor: None,
            idle: Vec::new(),
            open: 0,
            login: None,
            breaker: Breaker::new(limits.failures, limits.pause),
        };
        let with_login = AtomicBool::new(false);
        let (state, returned) = (Mutex::new(state), Condvar::new());
        let generation = AtomicU64::new(1);
        let dropped = AtomicBool::new(false);
        Arc::new(Self { place, limits, state, with_login, dropped, generation, returned })
    }

    /// Runs `work` on a session. If it fails because the session, the login or the token was lost,
    /// it runs again on a new one: for work that may be done twice.
    ///
    /// # Errors
    /// What `work` answers; DeviceError or DeviceRemoved for a loss that could not be healed.
    pub(super) fn again<T>(self: &Arc<Self>, work: impl FnMut(&Pinned) -> Result<T>) -> Result<T> {
        self.keeping(work).map(|(answer, _)| answer)
    }

    /// As [`again`](Self::again), for the beginning of something that goes on in the session.
    ///
    /// # Errors
    /// As [`again`](Self::again).
    pub(super) fn keeping<T>(
        self: &Arc<Self>,
        work: impl FnMut(&Pinned) -> Result<T>,
    ) -> Result<(T, Pinned)> {
        self.keeping_of(|| self.pin().map(Some), work)?.ok_or_else(|| self.exhausted())
    }

    /// As [`again`](Self::again), for somebody who may hold a session, perhaps the last one: it does
    /// not wait for another. None when there is none.
    ///
    /// # Errors
    /// As [`again`](Self::again).
    pub(super) fn if_free<T>(
        self: &Arc<Self>,
        work: impl FnMut(&Pinned) -> Result<T>,
    ) -> Result<Option<T>> {
        let answer = self.keeping_of(|| self.pin_within(Duration::ZERO), work)?;
        Ok(answer.map(|(answer, _)| answer))
    }

    fn keeping_of<T>(
        &self,
        pin: impl Fn() -> Result<Option<Pinned>>,
        mut work: impl FnMut(&Pinned) -> Result<T>,
    ) -> Result<Option<(T, Pinned)>> {
        let mut turn = 0;
        loop {
            let Some(pinned) = pin()? else { return Ok(None) };
            let error = match work(&pinned) {
                Err(e) if self.is_lost(&e) => e,
                Err(e) => {
                    // Modules differ in whether an operation that failed still runs.
                    pinned.spoil();
                    return Err(self.outward_of_reading(e));
                }
                Ok(answer) => return Ok(Some((answer, pinned))),
            };
            pinned.spoil();
            if turn == AGAIN {
                return Err(self.outward_of_reading(error));
            }
            turn += 1;
            log::warn!("{}: lost, and opened again: {error}", self.place);
            self.heal(pinned.generation(), &error)?;
        }
    }

    /// As [`again`](Self::again), for work that must not be done twice: it is never repeated once
    /// it began, but the next caller finds a new session.
    ///
    /// # Errors
    /// As [`again`](Self::again).
    pub(super) fn once<T>(self: &Arc<Self>, work: impl FnOnce(&Pinned) -> Result<T>) -> Result<T> {
        let pinned = self.proved()?;
        work(&pinned).map_err(|error| {
            pinned.spoil();
            if self.is_lost(&error) {
                log::error!("{}: lost during a call that is not repeated: {error}", self.place);
                self.prepare(pinned.generation(), &error);
            }
            self.outward(error)
        })
    }

    /// For the next caller, after a loss that no session would tell it.
    pub(super) fn prepare(&self, generation: u64, lost: &Error) {
        if self.place.profile.reinitialize_on.contains(&lost.code())
            && let Err(e) = self.heal(generation, lost)
        {
            log::warn!("{}: {e}", self.place);
        }
    }

    /// A session for an operation that takes several calls.
    ///
    /// # Errors
    /// DeviceError when all are in use for as long as the limits say, and while the token cannot be
    /// reached.
    pub(super) fn pin(self: &Arc<Self>) -> Result<Pinned> {
        self.pin_within(self.limits.wait)?.ok_or_else(|| self.exhausted())
    }

    /// As [`pin`](Self::pin); None when all are in use for that long.
    fn pin_within(self: &Arc<Self>, wait: Duration) -> Result<Option<Pinned>> {
        let deadline = Instant::now() + wait;
        let (mut state, mut losses) = (self.state(), 0);
        loop {
            self.connect(&mut state)?;
            while let Some((session, since)) = state.idle.pop() {
                if self.limits.idle.is_none_or(|idle| since.elapsed() < idle) {
                    return Ok(Some(self.lend(session)));
                }
                state.open -= 1;
            }
            if state.open < self.most(&state) {
                match self.open(&mut state) {
                    Ok(session) => return Ok(Some(self.lend(session))),
                    Err(e) if self.is_lost(&e) && losses < AGAIN => {
                        losses += 1;
                        log::warn!("{}: lost, and opened again: {e}", self.place);
                        self.open_anew(&mut state, &e)?;
                        continue;
                    }
                    // Others in this process use the token as well, or a session is being closed.
                    Err(e) if e.code() == Code::SessionCount => {}
                    Err(e) => return Err(self.outward_of_reading(e)),
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let waited = self.returned.wait_timeout(state, left.min(LOOK));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn exhausted(&self) -> Error {
        Code::DeviceError.because(format!(
            "{}: all {} sessions were in use for {:?}: more `sessions` in the configuration, if the \
             token allows them",
            self.place,
            self.state().open,
            self.limits.wait
        ))
    }

    /// Whether the token answers, with its login.
    ///
    /// # Errors
    /// As [`pin`](Self::pin).
    pub(super) fn reach(self: &Arc<Self>) -> Result<()> {
        self.check_login(&*self.proved()?).map_err(|e| self.outward_of_reading(e))
    }

    /// The longest that the token is left alone.
    pub(super) fn pause(&self) -> Duration {
        self.limits.pause
    }

    /// A session that answered just now: for what cannot be done again.
    fn proved(self: &Arc<Self>) -> Result<Pinned> {
        for _ in 0..AGAIN {
            let pinned = self.pin()?;
            match self.check_login(&pinned) {
                Err(e) if self.is_lost(&e) => {
                    pinned.spoil();
                    log::warn!("{}: lost, and opened again: {e}", self.place);
                    self.heal(pinned.generation(), &e)?;
                }
                _ => return Ok(pinned),
            }
        }
        self.pin()
    }

    /// After a loss: whether only a session went, or login and token with it; then everything is
    /// opened again. Whoever comes second finds it done.
    ///
    /// # Errors
    /// DeviceError while the token cannot be reached, DeviceRemoved for a login that is over.
    pub(super) fn heal(&self, generation: u64, lost: &Error) -> Result<()> {
        let mut state = self.state();
        if self.generation() != generation {
            return Ok(());
        }
        let told = !self.place.profile.reinitialize_on.contains(&lost.code());
        let alive = told
            && state.anchor.as_ref().is_some_and(|(_, anchor)| {
                let wanted = state.login.as_ref().map(|login| login.user);
                locked(anchor).state().is_ok_and(|now| logged_in(now) == wanted)
            });
        match alive {
            // What lies idle is as old as what was lost.
            true => {
                state.open -= state.idle.len();
                state.idle.clear();
                self.connect(&mut state)
            }
            false => self.open_anew(&mut state, lost),
        }
    }

    /// Opens everything again after a loss, with a new C_Initialize where the module needs one.
    ///
    /// # Errors
    /// As [`heal`](Self::heal).
    fn open_anew(&self, state: &mut State, lost: &Error) -> Result<()> {
        let before = state.anchor.as_ref().map(|(link, anchor)| {
            let life = locked(anchor).life();
            (link.library.clone(), life)
        });
        self.disconnect(state);
        if let Some((library, life)) = before
            && self.place.profile.reinitialize_on.contains(&lost.code())
        {
            log::info!("{}: its module is initialised again", self.place);
            library.reinitialize(life).map_err(|e| {
                state.breaker.failed();
                absent(e)
            })?;
        }
        self.connect(state)
    }

    /// Whether an error says that the session, the login or the token is lost.
    pub(super) fn is_lost(&self, error: &Error) -> bool {
        match error.code() {
            Code::UserNotLoggedIn => self.with_login.load(Ordering::Acquire),
            code => self.is_loss(code),
        }
    }

    /// An answer of the inner module as the application may see it. To somebody who is logged in
    /// here, that nobody is logged in there is a trouble of the device: logging in again is no way
    /// out for him.
    fn outward(&self, error: Error) -> Error {
        match error.code() {
            Code::UserNotLoggedIn if self.is_lost(&error) => error.with_code(Code::DeviceError),
            _ => outward(error),
        }
    }

    /// As [`outward`](Self::outward), for what changes nothing.
    pub(super) fn outward_of_reading(&self, error: Error) -> Error {
        outward_of_reading(self.outward(error))
    }

    /// Whether a code says that the session or the token is lost, for this module.
    fn is_loss(&self, code: Code) -> bool {
        let Profile { lost_on, reinitialize_on, .. } = &*self.place.profile;
        is_of_the_token(code) || lost_on.contains(&code) || reinitialize_on.contains(&code)
    }

    /// Changes when handles of objects became invalid.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether a login ended that nobody ended.
    pub(super) fn is_dropped(&self) -> bool {
        self.dropped.load(Ordering::Acquire)
    }

    /// Runs `work` on the session that lives as long as the token is reached: session objects made
    /// there live as long.
    ///
    /// # Errors
    /// As [`once`](Self::once).
    pub(super) fn anchored<T>(
        self: &Arc<Self>,
        work: impl FnOnce(&InnerSession, u64) -> Result<T>,
    ) -> Result<T> {
        drop(self.proved()?);
        let (anchor, generation) = {
            let mut state = self.state();
            self.connect(&mut state)?;
            (state.anchor(), self.generation())
        };
        let answer = work(&locked(&anchor), generation);
        answer.inspect_err(|e| self.prepare(generation, e)).map_err(|e| self.outward(e))
    }

    /// Closes every session that nobody uses: C_InitToken wants none.
    pub(super) fn release(&self) {
        self.disconnect(&mut self.state());
    }

    /// The token as it was found last.
    ///
    /// # Errors
    /// As [`pin`](Self::pin).
    pub(super) fn link(&self) -> Result<Link> {
        let mut state = self.state();
        self.connect(&mut state)?;
        Ok(state.link().clone())
    }

    fn lend(self: &Arc<Self>, session: InnerSession) -> Pinned {
        Pinned::new(self.clone(), session, self.generation())
    }

    /// Finds the token and logs in, if that is not so already.
    fn connect(&self, state: &mut State) -> Result<()> {
        if state.anchor.is_some() {
            return Ok(());
        }
        state.breaker.admit().map_err(|left| {
            Code::DeviceError
                .because(format!("{}: failing, left alone for another {left:?}", self.place))
        })?;
        let found = self.place.find().and_then(|link| {
            let anchor = link.open()?;
            Ok((link, anchor))
        });
        let (link, anchor) = found.map_err(|e| {
            state.breaker.failed();
            absent(e)
        })?;
        self.log_in_again(state, &anchor)?;
        state.breaker.fine();
        state.anchor = Some((link, Arc::new(Mutex::new(anchor))));
        Ok(())
    }

    fn disconnect(&self, state: &mut State) {
        state.anchor = None;
        state.open -= state.idle.len();
        state.idle.clear();
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Another session. A token that began anew since the last look gives one as well, with other
    /// objects behind the handles and nobody logged in.
    fn open(&self, state: &mut State) -> Result<InnerSession> {
        let session = state.link().open()?;
        let (now, wanted) =
            (logged_in(session.state()?), state.login.as_ref().map(|login| login.user));
        if now != wanted {
            return Err(Code::DeviceError.because("a new session does not have the login any more"));
        }
        // An anchor that is in use will tell whoever uses it.
        let anchor = state.anchor();
        if let Ok(anchor) = anchor.try_lock() {
            anchor.state()?;
        }
        state.open += 1;
        Ok(session)
    }

    /// Asks what needs no session, and once more after a loss.
    ///
    /// # Errors
    /// As [`again`](Self::again).
    pub(super) fn ask<T>(&self, work: impl Fn(&Link) -> Result<T>) -> Result<T> {
        let generation = self.generation();
        let answer = match work(&self.link()?) {
            Err(e) if self.is_lost(&e) => {
                log::warn!("{}: lost, and opened again: {e}", self.place);
                self.heal(generation, &e)?;
                work(&self.link()?)
            }
            answer => answer,
        };
        answer.map_err(|e| self.outward_of_reading(e))
    }

    /// Sessions that may exist beside the anchor.
    fn most(&self, state: &State) -> usize {
        let offered = match state.link().token.max_sessions {
            0 | UNAVAILABLE => usize::MAX,
            most => most as usize,
        };
        self.limits.sessions.min(offered).saturating_sub(1).max(1)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// # Panics
    /// Before `connect`.
    fn link(&self) -> &Link {
        &self.anchor.as_ref().expect("connected").0
    }

    fn anchor(&self) -> Anchor {
        self.anchor.as_ref().expect("connected").1.clone()
    }
}

fn locked(anchor: &Anchor) -> MutexGuard<'_, InnerSession> {
    anchor.lock().unwrap_or_else(PoisonError::into_inner)
}
