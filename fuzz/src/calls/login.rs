//! Logins and PINs.

use pkcs11_sys as ck;

use super::model::{Account, Messages, Role};
use super::token::{ATTEMPTS, SO_PIN, USER_PIN};
use super::world::{ARGUMENTS_BAD, Codes, NOT_INITIALIZED, NOT_LOGGED_IN, OK, World};
use crate::functions::at;

const PIN_INCORRECT: u32 = ck::CKR_PIN_INCORRECT as u32;
const PIN_LEN_RANGE: u32 = ck::CKR_PIN_LEN_RANGE as u32;

/// A PIN as it is passed.
pub struct Said {
    pub address: usize,
    pub len: u64,
    /// `None` where the pointer and the length cannot be.
    pub pin: Option<Vec<u8>>,
}

impl World<'_> {
    /// The right PIN mostly.
    pub fn said(&mut self, right: Option<Vec<u8>>) -> Said {
        let pin = match self.input.byte() {
            0 => return Said { address: 0, len: 4, pin: None },
            1 => {
                let address = self.arena.buffer(4).address();
                return Said { address, len: u64::MAX, pin: None };
            }
            2 => Vec::new(),
            3 => vec![b'x'; 256],
            4..=20 => b"wrong pin".to_vec(),
            _ => right.unwrap_or_else(|| b"anything".to_vec()),
        };
        let buffer = self.arena.with(&pin);
        Said { address: buffer.address(), len: pin.len() as u64, pin: Some(pin) }
    }

    fn account(&mut self, role: Role) -> &mut Account {
        match role {
            Role::Officer => &mut self.model.officer,
            Role::User | Role::Public => &mut self.model.user,
        }
    }

    /// What a PIN is worth to an account.
    pub fn pin_codes(&mut self, role: Role, said: &Said) -> Codes {
        let account = self.account(role);
        let Some(pin) = &account.pin else {
            return Codes::just(ck::CKR_USER_PIN_NOT_INITIALIZED as u32)
                .and_if(said.pin.as_ref().is_some_and(Vec::is_empty), PIN_INCORRECT);
        };
        let locked = account.failures >= ATTEMPTS;
        let right = said.pin.as_ref() == Some(pin);
        Codes::none()
            .and_if(said.pin.is_none(), ARGUMENTS_BAD)
            .and_if(said.pin.is_some() && !right, PIN_INCORRECT)
            .and_if(locked, ck::CKR_PIN_LOCKED as u32)
    }

    /// Counts as the token does.
    pub fn tried(&mut self, role: Role, said: &Said, rv: u32) {
        let empty = said.pin.as_ref().is_none_or(Vec::is_empty);
        let account = self.account(role);
        match rv {
            OK => account.failures = 0,
            PIN_INCORRECT if !empty => {
                account.failures += 1;
                self.worn = true;
            }
            _ => {}
        }
    }

    /// Logs the user in, whoever is logged in already.
    pub fn try_login(&mut self) {
        let Some(session) = self.model.sessions.first().map(|session| session.handle) else {
            return;
        };
        let pin = self.arena.with(USER_PIN);
        let user = ck::CKU_USER as usize;
        self.call(at("C_Login"), &[session as usize, user, pin.address(), pin.len()]);
        self.arena.clear();
    }

    pub fn login_as(&mut self, role: Role) {
        let Some(session) = self.model.sessions.first().map(|session| session.handle) else {
            return;
        };
        let (user, pin) = match role {
            Role::Officer => (ck::CKU_SO, SO_PIN),
            _ => (ck::CKU_USER, USER_PIN),
        };
        let buffer = self.arena.with(pin);
        let arguments = [session as usize, user as usize, buffer.address(), pin.len()];
        let rv = self.call(at("C_Login"), &arguments);
        self.permit(at("C_Login"), rv, &Codes::just(OK));
        self.model.logged_in(role);
        self.arena.clear();
    }

    pub fn login(&mut self) {
        let session = self.some_session();
        let choice = self.input.byte();
        let (user, role) = match choice {
            0..=159 => (ck::CKU_USER, Role::User),
            160..=199 => (ck::CKU_SO, Role::Officer),
            200..=239 => (ck::CKU_CONTEXT_SPECIFIC, self.model.role),
            _ => (77, Role::User),
        };
        let pin = self.account(role).pin.clone();
        let said = self.said(pin);
        let named = choice & 15 == 15;
        let function = if named { at("C_LoginUser") } else { at("C_Login") };
        let arguments = [session as usize, user as usize, said.address, said.len as usize, 0, 0];
        let rv = self.call(function, &arguments[..if named { 6 } else { 4 }]);
        if let Some(codes) = self.refused(session) {
            return self.permit(function, rv, &codes);
        }
        let bad = Codes::none()
            .and_if(user == 77, ck::CKR_USER_TYPE_INVALID as u32)
            .and_if(said.pin.is_none(), ARGUMENTS_BAD);
        let is_context = user == ck::CKU_CONTEXT_SPECIFIC;
        let codes = match (bad.is_empty(), is_context) {
            (false, _) => bad,
            (true, true) => self.context_codes(session, &said),
            (true, false) => self.login_codes(role, &said),
        };
        self.permit(function, rv, &codes);
        self.tried(role, &said, rv);
        match (rv, is_context) {
            (OK, true) => {
                let open = self.model.session(session).expect("the call was OK");
                open.ops.iter_mut().flatten().for_each(|op| op.awaits = false);
            }
            (OK, false) => self.model.logged_in(role),
            _ => {}
        }
    }

    fn login_codes(&mut self, role: Role, said: &Said) -> Codes {
        let now = self.model.role;
        let read_only = self.model.sessions.iter().any(|session| !session.read_write);
        let codes = Codes::none()
            .and_if(now == role, ck::CKR_USER_ALREADY_LOGGED_IN as u32)
            .and_if(
                now != Role::Public && now != role,
                ck::CKR_USER_ANOTHER_ALREADY_LOGGED_IN as u32,
            )
            .and_if(
                now == Role::Public && role == Role::Officer && read_only,
                ck::CKR_SESSION_READ_ONLY_EXISTS as u32,
            );
        // Who may not log in is told so, and the PIN is not tried.
        if codes.is_empty() { self.pin_codes(role, said).or_ok() } else { codes }
    }

    fn context_codes(&mut self, session: u64, said: &Said) -> Codes {
        let role = self.model.role;
        let open = self.model.session(session).expect("looked for just now");
        let waits = open.ops.iter().flatten().any(|op| op.awaits);
        let unsure = open.messages.iter().any(|messages| *messages != Messages::None)
            || waits && role == Role::Public;
        let codes = match waits {
            true => self.pin_codes(role, said).or_ok(),
            false => Codes::just(NOT_INITIALIZED),
        };
        codes.or_row(unsure)
    }

    pub fn logout(&mut self) {
        let function = at("C_Logout");
        let session = self.some_session();
        let rv = self.call(function, &[session as usize]);
        let public = self.model.role == Role::Public;
        let codes = self
            .refused(session)
            .unwrap_or_else(|| Codes::none().and_if(public, NOT_LOGGED_IN).or_ok());
        self.permit(function, rv, &codes);
        if rv == OK {
            self.model.logged_out();
        }
    }

    pub fn init_pin(&mut self) {
        let function = at("C_InitPIN");
        let session = self.some_session();
        let said = self.said(Some(b"a new pin".to_vec()));
        let rv = self.call(function, &[session as usize, said.address, said.len as usize]);
        let officer = self.model.role == Role::Officer;
        let codes = self.refused(session).unwrap_or_else(|| {
            Codes::none()
                .and_if(said.pin.is_none(), ARGUMENTS_BAD)
                .and_if(!officer, NOT_LOGGED_IN)
                .and_if(said.is_too_long_or_short(), PIN_LEN_RANGE)
                .or_ok()
        });
        self.permit(function, rv, &codes);
        if rv == OK {
            self.model.user = Account { pin: said.pin, failures: 0 };
            self.worn = true;
        }
    }

    pub fn set_pin(&mut self) {
        let function = at("C_SetPIN");
        let session = self.some_session();
        let role = self.model.role;
        let pin = self.account(role).pin.clone();
        let (old, new) = (self.said(pin), self.said(Some(b"another pin".to_vec())));
        let arguments =
            [session as usize, old.address, old.len as usize, new.address, new.len as usize];
        let rv = self.call(function, &arguments);
        if let Some(codes) = self.refused(session) {
            return self.permit(function, rv, &codes);
        }
        let read_only = !self.model.session(session).expect("looked for just now").read_write;
        let unset = self.account(role).pin.is_none();
        let old_codes = match unset {
            // C_SetPIN does not list CKR_USER_PIN_NOT_INITIALIZED.
            true => Codes::just(PIN_INCORRECT).and_if(old.pin.is_none(), ARGUMENTS_BAD),
            false => self.pin_codes(role, &old),
        };
        let codes = old_codes
            .and_if(new.pin.is_none(), ARGUMENTS_BAD)
            .and_if(new.is_too_long_or_short(), PIN_LEN_RANGE)
            .and_if(read_only, ck::CKR_SESSION_READ_ONLY as u32)
            .or_ok();
        self.permit(function, rv, &codes);
        if !unset {
            self.tried(role, &old, rv);
        }
        if rv == OK {
            self.account(role).pin = new.pin;
            self.worn = true;
        }
    }
}

impl Said {
    fn is_too_long_or_short(&self) -> bool {
        self.pin.as_ref().is_some_and(|pin| !(4..=255).contains(&pin.len()))
    }
}
