//! Slots, what is left of older versions, and what this version does not have.

use pkcs11_sys as ck;

use super::session::NOT_THERE;
use super::token::SLOT;
use super::world::{ARGUMENTS_BAD, Codes, OK, TOO_SMALL, World};
use crate::functions::at;

impl World<'_> {
    pub fn slots(&mut self) {
        let choice = self.input.byte();
        let there = self.model.initialized;
        let slot = if choice & 0x70 == 0x70 { 5 } else { SLOT };
        let bad_slot = there && slot != SLOT;
        let nowhere = choice & 0x0e == 0x0e;
        let kind = usize::from(choice) % 6;
        if kind == 0 {
            return self.slot_list(nowhere);
        }
        let place = self.arena.buffer(256);
        let address = if nowhere { 0 } else { place.address() };
        let (function, arguments) = match kind {
            1 => (at("C_GetSlotInfo"), vec![slot as usize, address]),
            2 => (at("C_GetTokenInfo"), vec![slot as usize, address]),
            3 => (at("C_GetMechanismList"), vec![slot as usize, 0, address]),
            4 => {
                let id = super::mechanism::MECHANISMS[usize::from(choice) % 18].id;
                (at("C_GetMechanismInfo"), vec![slot as usize, id as usize, address])
            }
            _ => (at("C_GetInfo"), vec![address]),
        };
        let rv = self.call(function, &arguments);
        let codes = match there {
            false => Codes::just(NOT_THERE),
            true => Codes::none()
                .and_if(bad_slot && kind != 5, ck::CKR_SLOT_ID_INVALID as u32)
                .and_if(nowhere, ARGUMENTS_BAD)
                .or_ok(),
        };
        self.permit(function, rv, &codes);
        if rv == OK && kind == 2 {
            let open = self.model.sessions.len() as u64;
            let writers = self.model.sessions.iter().filter(|open| open.read_write).count() as u64;
            let counts = place.word(14) == open && place.word(16) == writers;
            self.holds(counts, "the number of sessions");
        }
    }

    fn slot_list(&mut self, nowhere: bool) {
        let function = at("C_GetSlotList");
        let choice = self.input.byte();
        let room = u64::from(choice & 3);
        let list = self.arena.buffer(room as usize * 8);
        let count = self.arena.words(&[room], 0);
        let query = choice & 4 == 0;
        let arguments = [
            usize::from(choice >> 7),
            if query { 0 } else { list.address() },
            if nowhere { 0 } else { count.address() },
        ];
        let rv = self.call(function, &arguments);
        let codes = match (self.model.initialized, nowhere) {
            (false, _) => Codes::just(NOT_THERE),
            (true, true) => Codes::just(ARGUMENTS_BAD),
            (true, false) => Codes::just(if room == 0 && !query { TOO_SMALL } else { OK }),
        };
        self.permit(function, rv, &codes);
        if [OK, TOO_SMALL].contains(&rv) {
            self.holds(count.word(0) == 1, "one slot");
        }
    }

    /// What is left of older versions of the standard, and waiting for what never comes.
    pub fn relics(&mut self) {
        let session = self.some_session();
        let choice = self.input.byte();
        let function =
            [at("C_GetFunctionStatus"), at("C_CancelFunction"), at("C_WaitForSlotEvent")]
                [usize::from(choice) % 3];
        if function == at("C_WaitForSlotEvent") {
            let flags = ck::CKF_DONT_BLOCK as usize;
            let rv = self.call(function, &[flags, 0, usize::from(choice >> 7)]);
            let codes = match (self.model.initialized, choice >> 7) {
                (false, _) => Codes::just(NOT_THERE),
                (true, 0) => Codes::just(ck::CKR_NO_EVENT as u32),
                (true, _) => Codes::just(ARGUMENTS_BAD),
            };
            return self.permit(function, rv, &codes);
        }
        let rv = self.call(function, &[session as usize]);
        let codes = self
            .refused(session)
            .unwrap_or_else(|| Codes::just(ck::CKR_FUNCTION_NOT_PARALLEL as u32));
        self.permit(function, rv, &codes);
    }

    /// Functions that this version does not have: arguments are not looked at.
    pub fn unsupported(&mut self) {
        const FIRST: usize = at("C_EncapsulateKey");
        let function = FIRST + self.input.below(12);
        let session = self.some_session() as usize;
        let mut arguments = vec![0; crate::functions::FUNCTIONS[function].1.len()];
        arguments[0] = session;
        let rv = self.call(function, &arguments);
        let codes = match self.model.initialized {
            false => Codes::just(NOT_THERE),
            true => Codes::just(ck::CKR_FUNCTION_NOT_SUPPORTED as u32),
        };
        self.permit(function, rv, &codes);
    }
}
