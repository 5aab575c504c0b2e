//! Message-based functions: many messages under one key.

use pkcs11_sys as ck;

use super::mechanism::{self, Fits, Kind};
use super::model::{Class, Messages, Session};
use super::world::{
    ACTIVE, ARGUMENTS_BAD, Codes, NOT_INITIALIZED, NOT_LOGGED_IN, OK, TOO_SMALL, World,
};
use crate::functions::at;

const CLASSES: [Class; 4] = [Class::Encrypt, Class::Decrypt, Class::Sign, Class::Verify];
const INIT: [usize; 4] = [
    at("C_MessageEncryptInit"),
    at("C_MessageDecryptInit"),
    at("C_MessageSignInit"),
    at("C_MessageVerifyInit"),
];
const WHOLE: [usize; 4] =
    [at("C_EncryptMessage"), at("C_DecryptMessage"), at("C_SignMessage"), at("C_VerifyMessage")];
const BEGIN: [usize; 4] = [
    at("C_EncryptMessageBegin"),
    at("C_DecryptMessageBegin"),
    at("C_SignMessageBegin"),
    at("C_VerifyMessageBegin"),
];
const NEXT: [usize; 4] = [
    at("C_EncryptMessageNext"),
    at("C_DecryptMessageNext"),
    at("C_SignMessageNext"),
    at("C_VerifyMessageNext"),
];
const FINAL: [usize; 4] = [
    at("C_MessageEncryptFinal"),
    at("C_MessageDecryptFinal"),
    at("C_MessageSignFinal"),
    at("C_MessageVerifyFinal"),
];

impl World<'_> {
    pub fn message(&mut self, kind: usize) {
        let which = usize::from(self.input.byte() & 3);
        let class = CLASSES[which] as usize;
        let runs = |session: &Session| session.messages[class] != Messages::None;
        if kind > 3 && !self.model.sessions.iter().any(runs) && !self.input.once_in(4) {
            self.message_init(which);
            self.arena.clear();
        }
        match kind {
            0..=3 => self.message_init(kind),
            4..=6 => self.message_whole(which),
            7..=8 => self.message_begin(which),
            9..=11 => self.message_next(which),
            _ => self.message_final(which),
        }
    }

    fn message_init(&mut self, which: usize) {
        let (function, class) = (INIT[which], CLASSES[which]);
        let session = self.some_session();
        let chosen = match self.input.once_in(16) {
            true => None,
            false => Some(mechanism::for_messages(&mut self.input, self.arena, class)),
        };
        let key = self.some_key(chosen.as_ref(), class);
        let address = chosen.as_ref().map_or(0, |chosen| chosen.address);
        let rv = self.call(function, &[session as usize, address, key as usize]);
        if let Some(codes) = self.refused(session) {
            return self.permit(function, rv, &codes);
        }
        let before = self.state(session, class);
        let Some(chosen) = chosen else {
            let missing = match class {
                Class::Encrypt => ck::CKR_MECHANISM_INVALID as u32,
                _ => ARGUMENTS_BAD,
            };
            let codes = match before {
                Messages::None => Codes::just(missing),
                Messages::Unsure => Codes::just(OK).and(missing),
                _ => Codes::just(OK),
            };
            self.permit(function, rv, &codes);
            return self.set_state(session, class, Messages::None);
        };
        let known = matches!(chosen.mech.kind, Kind::Tagged) || chosen.mech.id == ck::CKM_AES_CMAC;
        let unused = matches!(class, Class::Encrypt | Class::Decrypt);
        let codes = Codes::none()
            .and_if(!chosen.mech.does(class) || !known, ck::CKR_MECHANISM_INVALID as u32)
            .and_if(chosen.fits == Fits::No, ck::CKR_MECHANISM_PARAM_INVALID as u32)
            .and_if(before != Messages::None, ACTIVE);
        let codes = self.key_codes(codes, class, &chosen, key).or_ok();
        // Nothing of the parameter is used where messages have parameters of their own.
        let codes = codes
            .and_if(chosen.fits == Fits::Perhaps, ck::CKR_MECHANISM_PARAM_INVALID as u32)
            .and_if(before == Messages::Unsure, OK)
            .and_if(chosen.fits == Fits::No && unused, OK)
            .and_if(!known && chosen.mech.does(class), OK);
        self.permit(function, rv, &codes);
        if rv == OK {
            let login = self.model.login;
            let now = match self.model.object(key) {
                Some(key) => {
                    let login = key.private.then_some(login);
                    Messages::Idle { key: key.serial, login }
                }
                None => Messages::Unsure,
            };
            self.set_state(session, class, now);
        }
    }

    fn state(&mut self, session: u64, class: Class) -> Messages {
        match self.model.session(session) {
            Some(open) => open.messages[class as usize],
            None => Messages::None,
        }
    }

    fn set_state(&mut self, session: u64, class: Class, state: Messages) {
        if let Some(open) = self.model.session(session) {
            open.messages[class as usize] = state;
        }
    }

    /// What the state of the process says of a call. `running` is what the call goes on with.
    fn message_codes(&mut self, session: u64, class: Class, running: bool) -> Codes {
        if let Some(codes) = self.refused(session) {
            return codes;
        }
        let login = self.model.login;
        let (key, since, is_running) = match self.state(session, class) {
            Messages::None => return Codes::just(NOT_INITIALIZED),
            Messages::Unsure => return Codes::any(),
            Messages::Idle { key, login } => (key, login, false),
            Messages::Running { key, login } => (key, login, true),
        };
        let lapsed = since.is_some_and(|word| word != login);
        let gone = self.model.by_serial(key).is_none();
        Codes::none()
            .and_if(lapsed, NOT_LOGGED_IN)
            .and_if(lapsed || gone || running && !is_running, NOT_INITIALIZED)
            .and_if(!running && is_running, ACTIVE)
    }

    /// `CK_GCM_MESSAGE_PARAMS`; nothing for signatures.
    fn message_param(&mut self, class: Class) -> (usize, usize) {
        if matches!(class, Class::Sign | Class::Verify) {
            return (0, usize::from(self.input.once_in(16)) * 8);
        }
        let choice = self.input.byte();
        let (iv, tag) = (self.arena.with(&[choice & 3; 12]), self.arena.buffer(16));
        let generator = if choice & 0x18 == 0x18 { u64::from(choice >> 5) } else { 0 };
        let fixed = if generator > 0 { 32 } else { 0 };
        let iv_address = if choice == 0xff { 0 } else { iv.address() as u64 };
        let words = [iv_address, 12, fixed, generator, tag.address() as u64, 128];
        let params = self.arena.words(&words, 0);
        (params.address(), if choice == 0xfe { 47 } else { 48 })
    }

    fn message_whole(&mut self, which: usize) {
        let (function, class) = (WHOLE[which], CLASSES[which]);
        let session =
            self.session_where(|session| session.messages[class as usize] != Messages::None);
        let (param, param_len) = self.message_param(class);
        let mut data = self.data();
        let mut arguments = vec![session as usize, param, param_len];
        if which < 2 {
            arguments.extend([0, 0]);
        }
        let room = self.room(Some(data.bytes.as_ref().map_or(0, Vec::len)), &mut data);
        arguments.extend([data.address, data.len as usize]);
        match class {
            Class::Verify => {
                let signature = self.data();
                arguments.extend([signature.address, signature.len as usize]);
            }
            _ => arguments.extend([room.address, room.len_address]),
        }
        let rv = self.call(function, &arguments);
        let codes = self.message_codes(session, class, false);
        let free = codes.is_empty();
        self.permit(function, rv, &codes.or_row(free));
        self.holds(!free || rv != ACTIVE, "no message is running");
        self.after_trouble(session, class, rv);
    }

    /// What ends a process beside its Final.
    fn after_trouble(&mut self, session: u64, class: Class, rv: u32) {
        if rv == NOT_INITIALIZED || rv == NOT_LOGGED_IN {
            let state = match self.state(session, class) {
                Messages::None => Messages::None,
                _ => Messages::Unsure,
            };
            self.set_state(session, class, state);
        }
    }

    fn message_begin(&mut self, which: usize) {
        let (function, class) = (BEGIN[which], CLASSES[which]);
        let session =
            self.session_where(|session| session.messages[class as usize] != Messages::None);
        let (param, param_len) = self.message_param(class);
        let mut arguments = vec![session as usize, param, param_len];
        if which < 2 {
            let aad = self.data();
            arguments.extend([aad.address, aad.len as usize]);
        }
        let rv = self.call(function, &arguments);
        let codes = self.message_codes(session, class, false);
        let free = codes.is_empty();
        self.permit(function, rv, &codes.or_row(free));
        match (rv, self.state(session, class)) {
            (OK, Messages::Idle { key, login }) => {
                self.set_state(session, class, Messages::Running { key, login });
            }
            _ => self.after_trouble(session, class, rv),
        }
    }

    fn message_next(&mut self, which: usize) {
        let (function, class) = (NEXT[which], CLASSES[which]);
        let session =
            self.session_where(|session| session.messages[class as usize] != Messages::None);
        let (param, param_len) = self.message_param(class);
        let mut data = self.data();
        let room = self.room(Some(data.bytes.as_ref().map_or(0, Vec::len)), &mut data);
        let last = self.input.once_in(3);
        let mut arguments =
            vec![session as usize, param, param_len, data.address, data.len as usize];
        match class {
            Class::Verify if last => {
                let signature = self.data();
                arguments.extend([signature.address, signature.len as usize]);
            }
            Class::Sign if last => arguments.extend([room.address, room.len_address]),
            Class::Sign | Class::Verify => arguments.extend([0, 0]),
            _ => {
                let flags = if last { ck::CKF_END_OF_MESSAGE as usize } else { 0 };
                arguments.extend([room.address, room.len_address, flags]);
            }
        }
        let rv = self.call(function, &arguments);
        let codes = self.message_codes(session, class, true);
        let free = codes.is_empty();
        self.permit(function, rv, &codes.or_row(free));
        let login = self.model.login;
        let now = match (self.state(session, class), rv) {
            (Messages::Idle { login: since, .. }, _) if since.is_some_and(|word| word != login) => {
                Messages::Unsure
            }
            (state @ (Messages::None | Messages::Idle { .. }), NOT_INITIALIZED) if !free => state,
            (Messages::None, _) => Messages::None,
            (state, TOO_SMALL) => state,
            (Messages::Running { key, login }, OK) if !last => Messages::Running { key, login },
            _ => Messages::Unsure,
        };
        self.set_state(session, class, now);
    }

    fn message_final(&mut self, which: usize) {
        let (function, class) = (FINAL[which], CLASSES[which]);
        let session =
            self.session_where(|session| session.messages[class as usize] != Messages::None);
        let rv = self.call(function, &[session as usize]);
        let login = self.model.login;
        let codes = match (self.refused(session), self.state(session, class)) {
            (Some(codes), _) => codes,
            (None, Messages::None) => Codes::just(NOT_INITIALIZED),
            (None, Messages::Unsure) => {
                Codes::just(OK).and(NOT_INITIALIZED).and(ACTIVE).and(NOT_LOGGED_IN)
            }
            (
                None,
                Messages::Idle { login: since, .. } | Messages::Running { login: since, .. },
            ) if since.is_some_and(|word| word != login) => {
                Codes::just(NOT_LOGGED_IN).and(NOT_INITIALIZED)
            }
            (None, Messages::Idle { .. }) => Codes::just(OK),
            (None, Messages::Running { .. }) => Codes::just(ACTIVE),
        };
        self.permit(function, rv, &codes);
        if [OK, NOT_INITIALIZED, NOT_LOGGED_IN].contains(&rv) {
            self.set_state(session, class, Messages::None);
        }
    }
}
