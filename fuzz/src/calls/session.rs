//! C_Initialize and C_Finalize, C_InitToken, sessions.

use keyway_pkcs11::code::Code;
use pkcs11_sys as ck;

use super::model::{Account, Messages, Role, Session};
use super::token::SLOT;
use super::world::{ARGUMENTS_BAD, Codes, OK, World};
use crate::functions::{INITIALIZE, at};

pub const NOT_THERE: u32 = ck::CKR_CRYPTOKI_NOT_INITIALIZED as u32;
const MOST_SESSIONS: usize = 6;

impl World<'_> {
    pub fn install(&mut self) {
        if let Some(place) = &mut self.place {
            place.install();
        }
        self.model.initialized = true;
    }

    pub fn open(&mut self, read_write: bool) {
        let flags = ck::CKF_SERIAL_SESSION | if read_write { ck::CKF_RW_SESSION } else { 0 };
        self.open_with(SLOT, flags, false);
        self.arena.clear();
    }

    pub fn open_any(&mut self) {
        if self.model.sessions.len() >= MOST_SESSIONS {
            return self.close();
        }
        const ASYNC: u64 = 8;
        let choice = self.input.byte();
        let slot =
            if choice < 8 { [0, 2, u64::MAX, 1 << 32 | 1][usize::from(choice & 3)] } else { SLOT };
        let mut flags = if choice & 1 == 1 { ck::CKF_RW_SESSION } else { 0 };
        if choice < 240 {
            flags |= ck::CKF_SERIAL_SESSION;
        }
        if choice & 0x7e == 0x7e {
            flags |= ASYNC;
        }
        self.open_with(slot, flags, choice == 100);
    }

    fn open_with(&mut self, slot: u64, flags: u64, nowhere: bool) {
        let function = at("C_OpenSession");
        let place = self.arena.buffer(8);
        let address = if nowhere { 0 } else { place.address() };
        let rv = self.call(function, &[slot as usize, flags as usize, 0, 0, address]);
        let read_write = flags & ck::CKF_RW_SESSION != 0;
        let officer = self.model.role == Role::Officer;
        let codes = match self.model.initialized {
            false => Codes::just(NOT_THERE),
            true => Codes::none()
                .and_if(slot != SLOT, ck::CKR_SLOT_ID_INVALID as u32)
                .and_if(
                    flags & ck::CKF_SERIAL_SESSION == 0,
                    ck::CKR_SESSION_PARALLEL_NOT_SUPPORTED as u32,
                )
                .and_if(flags & 8 != 0, Code::SessionAsyncNotSupported as u32)
                .and_if(nowhere, ARGUMENTS_BAD)
                .and_if(officer && !read_write, ck::CKR_SESSION_READ_WRITE_SO_EXISTS as u32)
                .or_ok(),
        };
        self.permit(function, rv, &codes);
        if rv == OK && !nowhere {
            let handle = place.word(0);
            let fresh = self.model.session(handle).is_none();
            self.holds(fresh && handle != 0, "a session handle that no other session has");
            self.model.sessions.push(Session::new(handle, read_write));
            if let Some(pool) = self.pool {
                pool.add_session(handle);
            }
        }
    }

    pub fn close(&mut self) {
        let function = at("C_CloseSession");
        let session = self.some_session();
        let rv = self.call(function, &[session as usize]);
        let codes = self.refused(session).unwrap_or_else(|| Codes::just(OK));
        self.permit(function, rv, &codes);
        if rv == OK {
            self.model.closed(session);
        }
    }

    pub fn close_all(&mut self) {
        let function = at("C_CloseAllSessions");
        let slot = if self.input.once_in(8) { 7 } else { SLOT };
        let rv = self.call(function, &[slot as usize]);
        let codes = match (self.model.initialized, slot) {
            (false, _) => Codes::just(NOT_THERE),
            (true, SLOT) => Codes::just(OK),
            (true, _) => Codes::just(ck::CKR_SLOT_ID_INVALID as u32),
        };
        self.permit(function, rv, &codes);
        if rv == OK {
            self.all_closed();
        }
    }

    fn all_closed(&mut self) {
        let handles: Vec<u64> = self.model.sessions.iter().map(|session| session.handle).collect();
        handles.into_iter().for_each(|handle| self.model.closed(handle));
    }

    pub fn session_info(&mut self) {
        let function = at("C_GetSessionInfo");
        let session = self.some_session();
        let nowhere = self.input.once_in(8);
        let place = self.arena.buffer(32);
        let address = if nowhere { 0 } else { place.address() };
        let rv = self.call(function, &[session as usize, address]);
        let codes = self
            .refused(session)
            .unwrap_or_else(|| Codes::none().and_if(nowhere, ARGUMENTS_BAD).or_ok());
        self.permit(function, rv, &codes);
        let (role, pool) = (self.model.role, self.pool.is_some());
        if rv != OK || nowhere || pool {
            return;
        }
        let read_write = self.model.session(session).expect("the call was OK").read_write;
        let state = match (role, read_write) {
            (Role::Public, false) => ck::CKS_RO_PUBLIC_SESSION,
            (Role::User, false) => ck::CKS_RO_USER_FUNCTIONS,
            (Role::Public, true) => ck::CKS_RW_PUBLIC_SESSION,
            (Role::User, true) => ck::CKS_RW_USER_FUNCTIONS,
            (Role::Officer, _) => ck::CKS_RW_SO_FUNCTIONS,
        };
        self.holds(place.word(0) == SLOT && place.word(1) == state, "the state of the session");
    }

    pub fn cancel(&mut self) {
        const FLAGS: [u64; 12] = [
            ck::CKF_ENCRYPT,
            ck::CKF_DECRYPT,
            ck::CKF_DIGEST,
            ck::CKF_SIGN,
            ck::CKF_VERIFY,
            ck::CKF_SIGN_RECOVER,
            ck::CKF_VERIFY_RECOVER,
            ck::CKF_FIND_OBJECTS,
            ck::CKF_MESSAGE_ENCRYPT,
            ck::CKF_MESSAGE_DECRYPT,
            ck::CKF_MESSAGE_SIGN,
            ck::CKF_MESSAGE_VERIFY,
        ];
        let function = at("C_SessionCancel");
        let session = self.some_session();
        let flags = match self.input.byte() {
            choice @ 0..=239 => FLAGS[usize::from(choice) % FLAGS.len()],
            _ => self.input.word(),
        };
        let rv = self.call(function, &[session as usize, flags as usize]);
        let codes = self.refused(session).unwrap_or_else(|| Codes::just(OK));
        self.permit(function, rv, &codes);
        if rv != OK {
            return;
        }
        let Some(open) = self.model.session(session) else { return };
        for (class, flag) in FLAGS[..7].iter().enumerate() {
            if flags & flag != 0 {
                open.ops[class] = None;
            }
        }
        if flags & FLAGS[7] != 0 {
            open.finding = None;
        }
        for (class, flag) in [(0, FLAGS[8]), (1, FLAGS[9]), (3, FLAGS[10]), (4, FLAGS[11])] {
            if flags & flag != 0 {
                open.messages[class] = Messages::None;
            }
        }
    }

    pub fn init_token(&mut self) {
        if self.place.is_none() {
            return;
        }
        let function = at("C_InitToken");
        let pin = self.model.officer.pin.clone();
        let said = self.said(pin);
        let nowhere = self.input.once_in(8);
        let label = self.arena.with(&[b' '; 32]);
        let address = if nowhere { 0 } else { label.address() };
        let slot = if self.input.once_in(16) { 9 } else { SLOT };
        let arguments = [slot as usize, said.address, said.len as usize, address];
        let rv = self.call(function, &arguments);
        if !self.model.initialized {
            return self.permit(function, rv, &Codes::just(NOT_THERE));
        }
        let codes = Codes::none()
            .and_if(slot != SLOT, ck::CKR_SLOT_ID_INVALID as u32)
            .and_if(said.pin.is_none() || nowhere, ARGUMENTS_BAD)
            .and_if(!self.model.sessions.is_empty(), ck::CKR_SESSION_EXISTS as u32);
        let tried = codes.is_empty();
        let codes = match tried {
            true => self.pin_codes(Role::Officer, &said).or_ok(),
            false => codes,
        };
        self.permit(function, rv, &codes);
        if !tried {
            return;
        }
        self.tried(Role::Officer, &said, rv);
        self.lose_handles();
        if rv == OK {
            self.model.objects.clear();
            self.model.user = Account { pin: None, failures: 0 };
            self.worn = true;
        }
    }

    /// Token objects are found again, and have other handles then.
    fn lose_handles(&mut self) {
        for object in &mut self.model.objects {
            self.model.gone.push(object.handle);
            object.handle = 0;
        }
    }

    pub fn end_module(&mut self) {
        if let Some(pool) = self.pool {
            return pool.restart();
        }
        let function = at("C_Finalize");
        let reserved = self.input.once_in(4);
        let address = if reserved { self.arena.buffer(8).address() } else { 0 };
        let rv = self.call(function, &[address]);
        let codes = match self.model.initialized {
            false => Codes::just(NOT_THERE),
            true => Codes::none().and_if(reserved, ARGUMENTS_BAD).or_ok(),
        };
        self.permit(function, rv, &codes);
        if rv == OK {
            self.all_closed();
            self.lose_handles();
            self.saved.clear();
            self.model.initialized = false;
        }
    }

    pub fn start_module(&mut self) {
        if self.place.is_none() {
            return;
        }
        let choice = self.input.byte();
        let mut arguments = [0; 6];
        if choice & 3 == 3 {
            // One mutex function of the four, or a reserved pointer.
            arguments[if choice & 4 == 0 { 0 } else { 5 }] = 8;
        }
        let bad = arguments != [0; 6];
        let given = self.arena.words(&arguments, usize::from(choice >> 3 & 7));
        let address = if bad || choice & 0x40 == 0 { given.address() } else { 0 };
        let rv = self.call(INITIALIZE, &[address]);
        let codes = Codes::none()
            .and_if(bad, ARGUMENTS_BAD)
            .and_if(self.model.initialized, ck::CKR_CRYPTOKI_ALREADY_INITIALIZED as u32)
            .or_ok();
        self.permit(INITIALIZE, rv, &codes);
        if rv == OK {
            crate::leak::MODULES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            self.empty_directory();
            self.install();
        }
    }

    /// The module as C_Initialize makes it by the configuration, which has no token: one free slot.
    fn empty_directory(&mut self) {
        self.arena.clear();
        let (list, count) = (self.arena.buffer(8), self.arena.words(&[1], 0));
        let rv = self.call(at("C_GetSlotList"), &[0, list.address(), count.address()]);
        self.permit(at("C_GetSlotList"), rv, &Codes::just(OK));
        self.holds(count.word(0) == 1 && list.word(0) == 1, "the free slot");
        let place = self.arena.buffer(8);
        let flags = ck::CKF_SERIAL_SESSION as usize;
        let rv = self.call(at("C_OpenSession"), &[1, flags, 0, 0, place.address()]);
        let codes = Codes::just(ck::CKR_TOKEN_NOT_RECOGNIZED as u32);
        self.permit(at("C_OpenSession"), rv, &codes);
        let rv = self.call(at("C_Finalize"), &[0]);
        self.permit(at("C_Finalize"), rv, &Codes::just(OK));
    }

    /// Closes what is open; the module stands on if the token is as it was.
    pub fn clean(&mut self) {
        self.arena.clear();
        // Destroying them one by one takes longer than a new token does.
        self.worn |= self.model.objects.iter().any(|object| object.token);
        let Some(place) = &mut self.place else { return };
        place.standing = self.model.initialized && !self.worn && !place.last;
        let standing = place.standing;
        if self.model.initialized {
            let (function, argument) = match standing {
                true => (at("C_CloseAllSessions"), SLOT as usize),
                false => (at("C_Finalize"), 0),
            };
            let rv = self.call(function, &[argument]);
            self.permit(function, rv, &Codes::just(OK));
        }
    }
}
