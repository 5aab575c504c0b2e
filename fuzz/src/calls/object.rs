//! Objects, searches, and the functions that make keys.

use keyway_pkcs11::attribute::AttributeType;
use keyway_pkcs11::lifecycle::state::State;
use pkcs11_sys as ck;

use super::model::{Class, KeyKind, Object};
use super::template::{Given, P256};
use super::world::{ARGUMENTS_BAD, Codes, NOT_LOGGED_IN, OK, TOO_SMALL, World};
use crate::functions::at;

const READ_ONLY: u32 = ck::CKR_SESSION_READ_ONLY as u32;
const NO_OBJECT: u32 = ck::CKR_OBJECT_HANDLE_INVALID as u32;
/// More objects than that, and making one destroys one instead.
pub const MOST_OBJECTS: usize = 24;

/// What adopting asks of an object, and how many bytes each may have.
const ASKED: [(u64, usize); 24] = [
    (ck::CKA_CLASS, 8),
    (ck::CKA_KEY_TYPE, 8),
    (ck::CKA_TOKEN, 1),
    (ck::CKA_PRIVATE, 1),
    (ck::CKA_ENCRYPT, 1),
    (ck::CKA_DECRYPT, 1),
    (ck::CKA_SIGN, 1),
    (ck::CKA_VERIFY, 1),
    (ck::CKA_SIGN_RECOVER, 1),
    (ck::CKA_VERIFY_RECOVER, 1),
    (ck::CKA_WRAP, 1),
    (ck::CKA_UNWRAP, 1),
    (ck::CKA_EXTRACTABLE, 1),
    (ck::CKA_SENSITIVE, 1),
    (ck::CKA_DESTROYABLE, 1),
    (ck::CKA_TRUSTED, 1),
    (ck::CKA_ALWAYS_AUTHENTICATE, 1),
    (ck::CKA_UNIQUE_ID, 64),
    (ck::CKA_VALUE_LEN, 8),
    (ck::CKA_ALLOWED_MECHANISMS, 2048),
    (ck::CKA_START_DATE, 8),
    (ck::CKA_END_DATE, 8),
    (AttributeType::KEYWAY_STATE.0, 8),
    (ck::CKA_EC_PARAMS, 256),
];

/// The answers to [`ASKED`], empty where there is none.
pub struct Answers(Vec<Vec<u8>>);

impl Answers {
    pub fn of(&self, id: u64) -> &[u8] {
        let at = ASKED.iter().position(|row| row.0 == id).expect("asked for");
        &self.0[at]
    }

    fn is_true(&self, id: u64) -> bool {
        self.of(id) == [1]
    }

    fn number(&self, id: u64) -> Option<u64> {
        self.of(id).try_into().ok().map(u64::from_ne_bytes)
    }

    fn kind(&self) -> KeyKind {
        let (class, key_type) = (self.number(ck::CKA_CLASS), self.number(ck::CKA_KEY_TYPE));
        let len = self.number(ck::CKA_VALUE_LEN).unwrap_or(0);
        // The first use of a key that wraps and decrypts decides what it is for.
        let latched = self.is_true(ck::CKA_WRAP) || self.is_true(ck::CKA_UNWRAP);
        let limited = !self.of(ck::CKA_ALLOWED_MECHANISMS).is_empty()
            || !self.of(ck::CKA_START_DATE).is_empty()
            || !self.of(ck::CKA_END_DATE).is_empty()
            || self.number(AttributeType::KEYWAY_STATE.0) != Some(State::Active as u64);
        match (class, key_type) {
            (Some(ck::CKO_SECRET_KEY | ck::CKO_PRIVATE_KEY | ck::CKO_PUBLIC_KEY), _) if limited => {
                KeyKind::Vague
            }
            (Some(ck::CKO_SECRET_KEY), Some(ck::CKK_AES)) if !latched => KeyKind::Aes,
            (Some(ck::CKO_SECRET_KEY), Some(ck::CKK_GENERIC_SECRET)) if len >= 16 => {
                KeyKind::Generic
            }
            (Some(class @ (ck::CKO_PRIVATE_KEY | ck::CKO_PUBLIC_KEY)), Some(ck::CKK_EC))
                if self.of(ck::CKA_EC_PARAMS) == P256 =>
            {
                match class {
                    ck::CKO_PRIVATE_KEY => KeyKind::EcPrivate,
                    _ => KeyKind::EcPublic,
                }
            }
            (Some(ck::CKO_SECRET_KEY | ck::CKO_PRIVATE_KEY | ck::CKO_PUBLIC_KEY), _) => {
                KeyKind::Vague
            }
            _ => KeyKind::None,
        }
    }

    fn usage(&self) -> u8 {
        let usages = [
            (Class::Encrypt, ck::CKA_ENCRYPT),
            (Class::Decrypt, ck::CKA_DECRYPT),
            (Class::Sign, ck::CKA_SIGN),
            (Class::Verify, ck::CKA_VERIFY),
            (Class::SignRecover, ck::CKA_SIGN_RECOVER),
            (Class::VerifyRecover, ck::CKA_VERIFY_RECOVER),
        ];
        let set = usages.iter().filter(|(_, id)| self.is_true(*id));
        set.fold(0, |bits, (class, _)| bits | 1 << *class as u8)
    }
}

/// What a structured template is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Aes,
    Generic,
    Data,
}

impl World<'_> {
    /// Keys to begin with: session objects of the first session.
    pub fn kit(&mut self, variant: u8) {
        let Some(session) = self.model.sessions.first().map(|session| session.handle) else {
            return;
        };
        for what in [What::Aes, What::Generic] {
            self.structured(session, what, false, variant & 1 == 0);
            self.arena.clear();
        }
        if variant & 2 != 0 {
            self.structured(session, What::Data, false, false);
            self.arena.clear();
        }
    }

    pub fn create(&mut self) {
        if self.model.objects.len() >= MOST_OBJECTS {
            return self.destroy();
        }
        let session = self.some_session();
        let choice = self.input.byte();
        let what = match choice & 3 {
            0 => What::Aes,
            1 => What::Generic,
            2 => What::Data,
            _ => return self.create_wild(session),
        };
        self.structured(session, what, choice & 4 != 0 && choice & 0x30 == 0, choice & 8 != 0);
    }

    /// An object whose template nothing speaks against.
    fn structured(&mut self, session: u64, what: What, token: bool, private: bool) {
        let function = at("C_CreateObject");
        let word = |number: u64| number.to_ne_bytes();
        let (class, key_type) = match what {
            What::Aes => (word(ck::CKO_SECRET_KEY), word(ck::CKK_AES)),
            What::Generic => (word(ck::CKO_SECRET_KEY), word(ck::CKK_GENERIC_SECRET)),
            What::Data => (word(ck::CKO_DATA), [0; 8]),
        };
        let flags = [token.into(), private.into(), 1_u8, 0_u8];
        let [token_flag, private_flag, yes, no] = flags.each_ref().map(std::slice::from_ref);
        let value = [self.model.serial as u8; 32];
        let usage: [u64; 2] = match what {
            What::Aes => [ck::CKA_ENCRYPT, ck::CKA_DECRYPT],
            What::Generic | What::Data => [ck::CKA_DERIVE, ck::CKA_DERIVE],
        };
        let mut rows: Vec<(u64, &[u8])> = vec![
            (ck::CKA_CLASS, &class),
            (ck::CKA_TOKEN, token_flag),
            (ck::CKA_PRIVATE, private_flag),
            (ck::CKA_VALUE, &value),
        ];
        if what != What::Data {
            rows.extend([(ck::CKA_KEY_TYPE, &key_type[..]), (ck::CKA_SIGN, yes)]);
            rows.extend([(ck::CKA_VERIFY, yes), (usage[0], yes)]);
            rows.extend([(ck::CKA_SENSITIVE, no), (ck::CKA_EXTRACTABLE, yes)]);
        }
        if what == What::Aes {
            rows.push((usage[1], yes));
        }
        let template = self.template(&rows);
        let codes = self.maker_codes(session, token, private);
        self.make(function, session, &[], template, codes);
    }

    fn create_wild(&mut self, session: u64) {
        let template = self.wild();
        let codes = self.refused(session).unwrap_or_else(Codes::any);
        self.make(at("C_CreateObject"), session, &[], template, codes);
    }

    /// Who may make what: token objects take a read-write session, private ones the user.
    pub fn maker_codes(&mut self, session: u64, token: bool, private: bool) -> Codes {
        if let Some(codes) = self.refused(session) {
            return codes;
        }
        let is_user = self.is_user();
        let open = self.model.session(session).expect("looked for just now");
        Codes::none()
            .and_if(token && !open.read_write, READ_ONLY)
            .and_if(private && !is_user, NOT_LOGGED_IN)
            .or_ok()
    }

    /// Calls a function that makes an object of a template: session, `before`, template, handle.
    pub fn make(
        &mut self,
        function: usize,
        session: u64,
        before: &[usize],
        template: Given,
        codes: Codes,
    ) {
        let nowhere = self.input.once_in(32);
        let place = self.arena.buffer(8);
        let handle_address = if nowhere { 0 } else { place.address() };
        let mut arguments = vec![session as usize];
        arguments.extend(before);
        arguments.extend([template.address, template.count as usize, handle_address]);
        let rv = self.call(function, &arguments);
        let refused = self.refused(session).is_some();
        let codes = match nowhere && !refused {
            true if codes.permits_only(OK) => Codes::just(ARGUMENTS_BAD),
            true => codes.and(ARGUMENTS_BAD),
            false => codes,
        };
        self.permit(function, rv, &codes);
        if rv == OK && !nowhere {
            self.adopt(place.word(0), session);
        }
    }

    /// Learns what a new object is.
    pub fn adopt(&mut self, handle: u64, owner: u64) {
        self.publish_object(handle);
        self.holds(
            handle != 0 && self.model.objects.iter().all(|object| object.handle != handle),
            "a handle that no other object has",
        );
        let Some(answers) = self.ask(handle, owner) else { return };
        self.model.serial += 1;
        let serial = self.model.serial;
        let object = described(serial, handle, owner, &answers);
        self.worn |= object.token && (!object.destroyable || object.trusted);
        self.model.objects.push(object);
    }

    /// What the object says of itself; nothing if it is not there.
    pub fn ask(&mut self, handle: u64, session: u64) -> Option<Answers> {
        let function = at("C_GetAttributeValue");
        let room: usize = ASKED.iter().map(|row| row.1).sum();
        let values = self.arena.buffer(room);
        let mut words = Vec::with_capacity(ASKED.len() * 3);
        let mut offset = 0;
        for (id, len) in ASKED {
            words.extend([id, (values.address() + offset) as u64, len as u64]);
            offset += len;
        }
        let array = self.arena.words(&words, 0);
        let arguments = [session as usize, handle as usize, array.address(), ASKED.len()];
        let rv = self.call(function, &arguments);
        if rv == NO_OBJECT || self.pool.is_some() {
            return None;
        }
        let codes = Codes::just(OK).and(ck::CKR_ATTRIBUTE_TYPE_INVALID as u32);
        self.permit(function, rv, &codes.and(TOO_SMALL));
        let bytes = values.bytes();
        let mut offset = 0;
        let mut answers = Vec::with_capacity(ASKED.len());
        for (at, (_, len)) in ASKED.iter().enumerate() {
            let told = array.word(at * 3 + 2);
            let there = if told > *len as u64 { 0 } else { told as usize };
            answers.push(bytes[offset..offset + there].to_vec());
            offset += len;
        }
        Some(Answers(answers))
    }

    pub fn copy(&mut self) {
        if self.model.objects.len() >= MOST_OBJECTS {
            return self.destroy();
        }
        let (session, object) = (self.some_session(), self.some_object());
        let template = self.wild();
        let codes = self.object_codes(session, object);
        self.make(at("C_CopyObject"), session, &[object as usize], template, codes);
    }

    /// Anything, if session and object are there, else not OK.
    fn object_codes(&mut self, session: u64, object: u64) -> Codes {
        match self.refused(session) {
            Some(codes) => codes,
            None if self.model.object(object).is_none() => Codes::just(NO_OBJECT)
                .and(ARGUMENTS_BAD)
                .and(ck::CKR_ATTRIBUTE_VALUE_INVALID as u32),
            None => Codes::any(),
        }
    }

    pub fn destroy(&mut self) {
        let (session, handle) = (self.some_session(), self.some_object());
        self.destroy_with(session, handle);
    }

    pub fn destroy_with(&mut self, session: u64, handle: u64) {
        let function = at("C_DestroyObject");
        let rv = self.call(function, &[session as usize, handle as usize]);
        let officer = self.model.role == super::model::Role::Officer;
        let codes = match (self.refused(session), self.model.object(handle).cloned()) {
            (Some(codes), _) => codes,
            (None, None) => Codes::just(NO_OBJECT),
            (None, Some(object)) => {
                let open = self.model.session(session).expect("looked for just now");
                Codes::none()
                    .and_if(object.token && !open.read_write, READ_ONLY)
                    .and_if(
                        !object.destroyable || object.trusted && !officer,
                        ck::CKR_ACTION_PROHIBITED as u32,
                    )
                    .or_ok()
            }
        };
        self.permit(function, rv, &codes);
        if rv == OK {
            self.model.destroyed(handle);
        }
    }

    pub fn get_attributes(&mut self) {
        let function = at("C_GetAttributeValue");
        let (session, handle) = (self.some_session(), self.some_object());
        let (template, rooms) = self.questions();
        let arguments =
            [session as usize, handle as usize, template.address, template.count as usize];
        let rv = self.call(function, &arguments);
        let codes = match (self.refused(session), self.model.object(handle)) {
            (Some(codes), _) => codes,
            (None, None) => Codes::just(NO_OBJECT),
            (None, Some(_)) => Codes::just(OK)
                .and(ck::CKR_ATTRIBUTE_SENSITIVE as u32)
                .and(ck::CKR_ATTRIBUTE_TYPE_INVALID as u32)
                .and(TOO_SMALL),
        };
        self.permit(function, rv, &codes);
        self.holds(rv != OK || rooms.len() as u64 == template.count, "every question is answered");
    }

    pub fn set_attributes(&mut self) {
        let function = at("C_SetAttributeValue");
        let (session, handle) = (self.some_session(), self.some_object());
        let template = self.wild();
        let arguments =
            [session as usize, handle as usize, template.address, template.count as usize];
        let rv = self.call(function, &arguments);
        let codes = self.object_codes(session, handle);
        self.permit(function, rv, &codes);
        if rv != OK {
            return;
        }
        let Some(before) = self.model.object(handle).cloned() else { return };
        let Some(open) = self.model.session(session) else { return };
        let allowed = open.read_write || !before.token;
        self.holds(allowed, "a read-only session changes no token object");
        self.arena.clear();
        let Some(answers) = self.ask(handle, session) else { return };
        let now = described(before.serial, handle, before.owner, &answers);
        self.worn |= now.token && (!now.destroyable || now.trusted);
        self.model.objects.retain(|object| object.serial != before.serial);
        self.model.objects.push(now);
    }

    pub fn object_size(&mut self) {
        let function = at("C_GetObjectSize");
        let (session, handle) = (self.some_session(), self.some_object());
        let nowhere = self.input.once_in(8);
        let address = if nowhere { 0 } else { self.arena.buffer(8).address() };
        let rv = self.call(function, &[session as usize, handle as usize, address]);
        let codes = self.refused(session).unwrap_or_else(|| {
            Codes::none()
                .and_if(self.model.object(handle).is_none(), NO_OBJECT)
                .and_if(nowhere, ARGUMENTS_BAD)
                .or_ok()
        });
        self.permit(function, rv, &codes);
    }
}

fn described(serial: u32, handle: u64, owner: u64, answers: &Answers) -> Object {
    Object {
        serial,
        handle,
        unique: answers.of(ck::CKA_UNIQUE_ID).to_vec(),
        kind: answers.kind(),
        private: answers.is_true(ck::CKA_PRIVATE),
        token: answers.is_true(ck::CKA_TOKEN),
        owner,
        usage: answers.usage(),
        hidden: answers.is_true(ck::CKA_SENSITIVE) || !answers.is_true(ck::CKA_EXTRACTABLE),
        destroyable: answers.is_true(ck::CKA_DESTROYABLE),
        trusted: answers.is_true(ck::CKA_TRUSTED),
        always_authenticate: answers.is_true(ck::CKA_ALWAYS_AUTHENTICATE),
    }
}
