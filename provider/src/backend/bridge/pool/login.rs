//! Who is logged in at the inner token, also after a loss.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::super::healing::{absent, outward, outward_of_reading};
use super::{Pinned, Pool, State, locked};
use crate::backend::{Pin, User};
use crate::error::{Code, Result};
use crate::ffi::inner::InnerSession;
use crate::secret::Secret;

/// So many wrong PINs in a row end a login.
const WRONG: u32 = 3;

/// Whose PIN opens the token, also after a loss.
pub(super) struct Login {
    pub(super) user: User,
    /// Absent for the security officer: that login does not survive a loss.
    pin: Option<Secret>,
    /// Wrong ones in a row, of [`Pool::confirm`].
    wrong: u32,
}

impl Pool {
    /// `C_Login` at the inner token.
    ///
    /// # Errors
    /// What the inner token says of the PIN; FunctionFailed if somebody else in this process is
    /// logged in there, for then it does not look at the PIN.
    pub(in super::super) fn login(&self, user: User, pin: Pin<'_>) -> Result<()> {
        let mut state = self.state();
        self.dropped.store(false, Ordering::Release);
        self.connect(&mut state)?;
        let mut answer = locked(&state.anchor()).login(user, pin.0);
        if let Some(lost) = answer.as_ref().err().filter(|e| self.is_loss(e.code())) {
            self.open_anew(&mut state, lost)?;
            answer = locked(&state.anchor()).login(user, pin.0);
        }
        answer.map_err(|e| match e.code() {
            Code::UserAlreadyLoggedIn => Code::FunctionFailed.because(format!(
                "{}: another part of this program is logged in there, so the PIN cannot be checked",
                self.place
            )),
            _ => outward_of_reading(e),
        })?;
        let pin = (user == User::User).then(|| Secret::copy_of(pin.0));
        self.set_login(&mut state, Some(Login { user, pin, wrong: 0 }));
        Ok(())
    }

    /// Has the user logged in as soon as the token can be reached, with one try.
    pub(in super::super) fn expect(&self, pin: &Secret) {
        let mut state = self.state();
        self.dropped.store(false, Ordering::Release);
        let pin = Some(Secret::copy_of(pin.expose()));
        self.set_login(&mut state, Some(Login { user: User::User, pin, wrong: 0 }));
        self.disconnect(&mut state);
    }

    /// Whether this is the PIN that the token was opened with.
    pub(in super::super) fn knows(&self, pin: Pin<'_>) -> bool {
        use subtle::ConstantTimeEq;
        let state = self.state();
        let known = state.login.as_ref().and_then(|login| login.pin.as_ref());
        known.is_some_and(|known| known.expose().ct_eq(pin.0).into())
    }

    /// Checks a PIN that is given once more, for the use of a key that asks for it every time. After
    /// a few wrong ones the login is over: nobody tries them all here, past the inner token's count.
    ///
    /// # Errors
    /// PinIncorrect; UserNotLoggedIn if nobody is logged in with a PIN.
    pub(in super::super) fn confirm(&self, pin: Pin<'_>) -> Result<()> {
        let known = self.knows(pin);
        let mut state = self.state();
        let Some(login) = state.login.as_mut().filter(|login| login.pin.is_some()) else {
            return Err(Code::UserNotLoggedIn.because("there is no PIN to hold this against"));
        };
        if known {
            login.wrong = 0;
            return Ok(());
        }
        login.wrong += 1;
        if login.wrong == WRONG {
            log::warn!("{}: {WRONG} wrong PINs in a row, the login is over", self.place);
            self.set_login(&mut state, None);
            self.dropped.store(true, Ordering::Release);
            self.disconnect(&mut state);
        }
        Err(Code::PinIncorrect.because("another PIN than the one that opened the token"))
    }

    /// The login that an operation of such a key waits for at the inner token, in its session; the
    /// application's own was [`confirm`](Self::confirm)ed.
    ///
    /// # Errors
    /// UserNotLoggedIn without a PIN; what the inner token answers.
    pub(in super::super) fn authenticate(&self, session: &Pinned) -> Result<()> {
        let pin = {
            let state = self.state();
            let login = state.login.as_ref().and_then(|login| login.pin.as_ref());
            login.map(|pin| Secret::copy_of(pin.expose()))
        };
        let none = || Code::UserNotLoggedIn.because("the key wants a PIN, and none is kept");
        session.login(User::ContextSpecific, pin.ok_or_else(none)?.expose())
    }

    /// `C_Logout` at the inner token. The PIN is forgotten whatever it answers.
    pub(in super::super) fn logout(&self) {
        let mut state = self.state();
        self.dropped.store(false, Ordering::Release);
        let answer = match (&state.anchor, &state.login) {
            (Some((_, anchor)), Some(_)) => locked(anchor).logout(),
            _ => Ok(()),
        };
        self.set_login(&mut state, None);
        // The login ends with the last session.
        if let Err(e) = answer {
            log::warn!("{}: its sessions are closed for a logout: {e}", self.place);
            self.disconnect(&mut state);
        }
    }

    /// `C_SetPIN` at the inner token, of whoever is logged in.
    ///
    /// # Errors
    /// What the inner token says of the PINs.
    pub(in super::super) fn set_pin(self: &Arc<Self>, old: Pin<'_>, new: Pin<'_>) -> Result<()> {
        self.anchored(|session, _| session.set_pin(old.0, new.0))?;
        if let Some(login) = &mut self.state().login
            && login.pin.is_some()
        {
            login.pin = Some(Secret::copy_of(new.0));
        }
        Ok(())
    }

    /// Checks that the login is there that should be.
    ///
    /// # Errors
    /// What the inner token answers; UserNotLoggedIn.
    pub(in super::super) fn check_login(&self, session: &InnerSession) -> Result<()> {
        let there = logged_in(session.state()?).is_some();
        match self.with_login.load(Ordering::Acquire) && !there {
            true => Err(Code::UserNotLoggedIn.because("the login is not there any more")),
            false => Ok(()),
        }
    }

    /// The login of a session that was just opened: the one that was there before, or that of the
    /// configuration.
    ///
    /// # Errors
    /// DeviceRemoved for a PIN that is not right any more, which is not tried again: that would lock
    /// it.
    pub(super) fn log_in_again(&self, state: &mut State, anchor: &InnerSession) -> Result<()> {
        let Some(login) = &state.login else {
            let login = self.place.log_in(anchor).map_err(|e| {
                if self.is_loss(e.code()) {
                    state.breaker.failed();
                }
                absent(e)
            })?;
            if let Some((pin, _)) = login {
                self.set_login(state, Some(Login { user: User::User, pin: Some(pin), wrong: 0 }));
            }
            return Ok(());
        };
        let again = match &login.pin {
            Some(pin) => anchor.login(login.user, pin.expose()).inspect_err(|e| {
                self.place.remember_refused(pin, e.code());
            }),
            None => Err(Code::UserNotLoggedIn.because("the security officer's PIN is not kept")),
        };
        match again {
            Err(e) if e.code() == Code::UserAlreadyLoggedIn => Ok(()),
            Err(e) if self.is_loss(e.code()) => {
                state.breaker.failed();
                Err(outward(e))
            }
            Err(e) => {
                self.set_login(state, None);
                self.dropped.store(true, Ordering::Release);
                Err(Code::DeviceRemoved.because(format!("{}: the login is lost: {e}", self.place)))
            }
            Ok(()) => Ok(()),
        }
    }

    fn set_login(&self, state: &mut State, login: Option<Login>) {
        self.with_login.store(login.is_some(), Ordering::Release);
        state.login = login;
    }
}

/// Who is logged in, by a `CKS_` state.
pub(super) fn logged_in(state: u64) -> Option<User> {
    match state {
        1 | 3 => Some(User::User),
        4 => Some(User::SecurityOfficer),
        _ => None,
    }
}
