//! Login, logout and PINs.

use crate::backend::{Pin, User};
use crate::error::{Code, Result};
use crate::object::Role;
use crate::session::Session;

impl Session {
    /// `C_Login`.
    ///
    /// # Errors
    /// As [`Slot::login`](crate::slot::Slot::login); OperationNotInitialized for a
    /// context-specific login that no operation waits for.
    pub fn login(&mut self, user: User, pin: Pin<'_>) -> Result<()> {
        if user != User::ContextSpecific {
            return self.slot().login(user, pin);
        }
        let operation = self.active.iter().flatten().any(|active| active.awaits_login());
        if !operation && !self.message_awaits_login() {
            return Err(Code::OperationNotInitialized
                .because("no operation waits for a context-specific login"));
        }
        self.slot().token.login(user, pin)?;
        self.active.iter_mut().flatten().for_each(|active| active.authenticated());
        self.message_authenticated();
        Ok(())
    }

    /// `C_Logout`; the other sessions of the slot have yet to [`forget`](Self::forget_login).
    ///
    /// # Errors
    /// UserNotLoggedIn when nobody is.
    pub fn logout(&mut self) -> Result<()> {
        self.slot().logout()?;
        self.forget_login();
        Ok(())
    }

    /// Lets go of what a login that is over gave the session: keys, and operations under them.
    pub fn forget_login(&mut self) {
        let login = self.slot().login_word();
        if self.memo.as_ref().is_some_and(|memo| memo.login() != login) {
            self.memo = None;
        }
        self.active.iter_mut().flatten().for_each(|active| active.forget(login));
        self.forget_messages(login);
    }

    /// `C_InitPIN`.
    ///
    /// # Errors
    /// UserNotLoggedIn unless the security officer is, and what the token says of the PIN.
    pub fn init_pin(&mut self, pin: Pin<'_>) -> Result<()> {
        match self.slot().role() {
            Role::SecurityOfficer => self.slot().token.init_pin(pin),
            Role::Public | Role::User => {
                Err(Code::UserNotLoggedIn.because("C_InitPIN is the security officer's"))
            }
        }
    }

    /// `C_SetPIN`: the PIN of whoever is logged in, the user's when nobody is.
    ///
    /// # Errors
    /// SessionReadOnly, PinIncorrect also where no PIN is set yet (`C_SetPIN` does not list
    /// UserPinNotInitialized), and what the token says of the PINs.
    pub fn set_pin(&mut self, old: Pin<'_>, new: Pin<'_>) -> Result<()> {
        self.require_read_write()?;
        let user = match self.slot().role() {
            Role::SecurityOfficer => User::SecurityOfficer,
            Role::Public | Role::User => User::User,
        };
        self.slot().token.set_pin(user, old, new).map_err(|error| match error.code() {
            Code::UserPinNotInitialized => error.with_code(Code::PinIncorrect),
            _ => error,
        })
    }
}
