//! Who is logged in at several tokens: the PIN of C_Login goes to each that has none of its own, and
//! none that a token refused is given to it again without being asked for.

use super::changes::TWICE;
use super::member::Member;
use super::set::{Set, is_lost};
use crate::backend::{Pin, PinState, Token, User};
use crate::error::{Code, Error, Result};
use crate::secret::Secret;

impl Set {
    /// Whether nobody has to log in.
    pub(super) fn is_open(&self) -> bool {
        self.members.iter().all(Member::is_open)
    }

    /// The tokens that C_Login and C_SetPIN are for.
    fn asking(&self) -> impl Iterator<Item = &Member> {
        let all = self.is_open();
        self.members.iter().filter(move |member| all || !member.is_open())
    }

    /// `C_Login`. The first token that can be reached says whether the PIN is right: a wrong one is
    /// counted there alone. Others that refuse it are left out.
    ///
    /// # Errors
    /// What the first token says; DeviceError for the security officer if a token cannot be reached
    /// or refuses: what he does has to be done on each.
    pub(super) fn login(&self, user: User, pin: Pin<'_>) -> Result<()> {
        if user == User::ContextSpecific || self.is_open() {
            return self.any(|at| self.members[at].token.login(user, pin));
        }
        let secret = Secret::copy_of(pin.0);
        let (mut decided, mut away, mut failure) = (false, Vec::new(), None);
        for member in self.asking() {
            member.leave_out(false);
            if decided && let Some(why) = self.risk(member, user, &secret) {
                member.leave_out(true);
                log::warn!("{member}: left out: {why}");
                continue;
            }
            match member.token.login(user, pin) {
                Ok(()) => decided = true,
                Err(e) if is_lost(e.code()) => {
                    away.push(member);
                    failure = failure.or(Some(e));
                }
                Err(e) => {
                    member.inner.pool.place.remember_refused(&secret, e.code());
                    if !decided {
                        self.asking().for_each(|member| member.leave_out(false));
                        return Err(e);
                    }
                    member.leave_out(true);
                    log::warn!("{member}: left out: it refuses the PIN that another took: {e}");
                }
            }
        }
        if !decided {
            return Err(failure.unwrap_or_else(|| Code::DeviceError.into()));
        }
        match user {
            User::SecurityOfficer => self.login_is_complete(&away),
            _ => {
                away.into_iter().for_each(|member| expect(member, &secret));
                Ok(())
            }
        }
    }

    /// Why a token is better not asked whether it takes a PIN that another one took.
    fn risk(&self, member: &Member, user: User, pin: &Secret) -> Option<&'static str> {
        if member.inner.pool.place.was_refused(pin) {
            return Some(REFUSED);
        }
        if self.is_twice(member) {
            return Some(TWICE);
        }
        let info = member.token.info().ok()?;
        let state = match user {
            User::SecurityOfficer => info.so_pin,
            User::User | User::ContextSpecific => info.user_pin,
        };
        let warned = "a wrong PIN was given to it since the last right one, and another could lock it: \
                      log in to it alone with the right one";
        (state != PinState::Fine).then_some(warned)
    }

    /// What the security officer does has to be done on every token.
    fn login_is_complete(&self, away: &[&Member]) -> Result<()> {
        let missing = away.first().copied().or_else(|| self.asking().find(|it| it.is_out()));
        let Some(missing) = missing else { return Ok(()) };
        let error = Code::DeviceError.because(format!(
            "the security officer logs in to every token of the slot, and {missing} cannot be \
             reached or refuses the PIN"
        ));
        self.logout();
        Err(error)
    }

    /// `C_Logout`.
    pub(super) fn logout(&self) {
        for member in &self.members {
            if let Err(e) = member.token.logout() {
                log::warn!("{member}: {e}");
            }
            member.leave_out(false);
        }
        self.table().remove_private();
    }

    /// `C_InitPIN`: on every token.
    ///
    /// # Errors
    /// DeviceError if one cannot be reached; what they answer.
    pub(super) fn init_pin(&self, pin: Pin<'_>) -> Result<()> {
        self.reach_all("no PIN is set")?;
        let mut done: Vec<&Member> = Vec::new();
        for member in self.asking() {
            member.token.init_pin(pin).map_err(|e| half_done(&done, member, e))?;
            done.push(member);
        }
        Ok(())
    }

    /// `C_SetPIN`: on every token, or on none.
    ///
    /// # Errors
    /// As [`init_pin`](Self::init_pin).
    pub(super) fn set_pin(&self, user: User, old: Pin<'_>, new: Pin<'_>) -> Result<()> {
        self.reach_all("no PIN is changed")?;
        let mut done: Vec<&Member> = Vec::new();
        for member in self.asking() {
            let Err(error) = member.token.set_pin(user, old, new) else {
                done.push(member);
                continue;
            };
            done.retain(|member| match member.token.set_pin(user, new, old) {
                Ok(()) => false,
                Err(e) => {
                    log::error!("{member}: keeps the new PIN: {e}");
                    true
                }
            });
            return Err(half_done(&done, member, error));
        }
        Ok(())
    }
}

const REFUSED: &str = "it refused this PIN before, and is not asked again";

/// Has a token that is away logged in when it is back.
fn expect(member: &Member, pin: &Secret) {
    match member.inner.pool.place.was_refused(pin) {
        true => {
            member.leave_out(true);
            log::warn!("{member}: left out: {REFUSED}");
        }
        false => {
            log::warn!("{member}: cannot be reached; it is logged in when it can");
            member.inner.pool.expect(pin);
        }
    }
}

fn half_done(done: &[&Member], failing: &Member, error: Error) -> Error {
    if !done.is_empty() {
        let done: Vec<_> = done.iter().map(ToString::to_string).collect();
        log::error!(
            "{failing}: the PIN is as it was, and new on {}: set them alike: {error}",
            done.join(", ")
        );
    }
    error
}
