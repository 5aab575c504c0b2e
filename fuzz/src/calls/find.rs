//! Searches: what they find is what is there.

use pkcs11_sys as ck;

use super::model::{Finding, Object};
use super::template::Given;
use super::world::{ACTIVE, ARGUMENTS_BAD, Codes, NOT_INITIALIZED, OK, World};
use crate::functions::at;

impl World<'_> {
    pub fn find_init(&mut self) {
        let function = at("C_FindObjectsInit");
        let session = self.some_session();
        let all = !self.input.once_in(3);
        let template = if all { Given { address: 0, count: 0 } } else { self.wild() };
        let rv =
            self.call(function, &[session as usize, template.address, template.count as usize]);
        let (visible, login) = (self.model.visible(), self.model.login);
        let codes = match self.refused(session) {
            Some(codes) => codes,
            None => {
                let open = self.model.session(session).expect("looked for just now");
                let running = open.finding.is_some();
                if rv == OK {
                    open.finding = Some(Finding { left: all.then_some(visible), login });
                }
                match (all, running) {
                    (true, true) => Codes::just(ACTIVE),
                    (true, false) => Codes::just(OK),
                    (false, true) => Codes::just(ACTIVE)
                        .and(ARGUMENTS_BAD)
                        .and(ck::CKR_ATTRIBUTE_VALUE_INVALID as u32)
                        .and(ck::CKR_ATTRIBUTE_TYPE_INVALID as u32),
                    (false, false) => Codes::any(),
                }
            }
        };
        self.permit(function, rv, &codes);
    }

    pub fn find(&mut self) {
        let function = at("C_FindObjects");
        let session = self.session_where(|session| session.finding.is_some());
        let choice = self.input.byte();
        let room = [0, 1, 2, 8, 64][usize::from(choice) % 5];
        let (list, count) = (self.arena.buffer(room * 8), self.arena.buffer(8));
        let (no_list, no_count) = (choice >= 250, choice == 249);
        let arguments = [
            session as usize,
            if no_list { 0 } else { list.address() },
            room,
            if no_count { 0 } else { count.address() },
        ];
        let rv = self.call(function, &arguments);
        if let Some(codes) = self.refused(session) {
            return self.permit(function, rv, &codes);
        }
        let open = self.model.session(session).expect("looked for just now");
        let codes = Codes::none()
            .and_if(no_count || no_list && room > 0, ARGUMENTS_BAD)
            .and_if(open.finding.is_none(), NOT_INITIALIZED)
            .or_ok();
        self.permit(function, rv, &codes);
        if rv == OK && self.pool.is_none() {
            let found = count.word(0) as usize;
            self.holds(found <= room, "no more handles than there is room");
            let handles: Vec<u64> = (0..found).map(|at| list.word(at)).collect();
            self.found(session, room, &handles);
        }
    }

    fn found(&mut self, session: u64, room: usize, handles: &[u64]) {
        let login = self.model.login;
        let open = self.model.session(session).expect("the call was OK");
        let finding = open.finding.as_mut().expect("the call was OK");
        let left = finding.left.filter(|_| finding.login == login);
        finding.left = left.map(|left| left.saturating_sub(handles.len()));
        if let Some(left) = left {
            let expected = left.min(room);
            let what = format!("{} of {left} objects found", handles.len());
            self.holds(handles.len() == expected, &what);
        }
        for handle in handles {
            let known = self.model.object(*handle).is_some() || self.model.gone.contains(handle);
            if !known {
                self.recognise(*handle, session);
            }
        }
    }

    /// A handle that the model does not know: of an object that lost its handle at a logout.
    fn recognise(&mut self, handle: u64, session: u64) {
        self.arena.clear();
        let Some(answers) = self.ask(handle, session) else {
            // Destroyed since the search began.
            return self.model.gone.push(handle);
        };
        let unique = answers.of(ck::CKA_UNIQUE_ID);
        let lost = |object: &&mut Object| object.handle == 0 && object.unique == unique;
        match self.model.objects.iter_mut().find(lost) {
            Some(object) => object.handle = handle,
            None => self.holds(false, "somebody made the object that was found"),
        }
    }

    pub fn find_final(&mut self) {
        let function = at("C_FindObjectsFinal");
        let session = self.session_where(|session| session.finding.is_some());
        let rv = self.call(function, &[session as usize]);
        let codes = self.refused(session).unwrap_or_else(|| {
            let open = self.model.session(session).expect("looked for just now");
            let ran = open.finding.take().is_some();
            Codes::just(if ran { OK } else { NOT_INITIALIZED })
        });
        self.permit(function, rv, &codes);
    }
}
