//! What goes on beside plain operations: keys that are digested, two operations over the same data,
//! saved states, random bytes.

use pkcs11_sys as ck;

use super::buffers::Data;
use super::model::{Class, KeyKind, Messages, Part, Session};
use super::world::{ARGUMENTS_BAD, Codes, NOT_INITIALIZED, OK, Saved, TOO_SMALL, World};
use crate::functions::at;

impl World<'_> {
    pub fn digest_key(&mut self) {
        let function = at("C_DigestKey");
        let (session, key) = (self.session_with(Class::Digest), self.some_object());
        let rv = self.call(function, &[session as usize, key as usize]);
        let codes = match self.drive_codes(Class::Digest, Part::Update, session) {
            Ok(codes) => codes,
            Err(codes) => return self.permit(function, rv, &codes),
        };
        let indigestible = ck::CKR_KEY_INDIGESTIBLE as u32;
        let codes = match self.model.object(key) {
            None => codes.and(ck::CKR_KEY_HANDLE_INVALID as u32),
            Some(object) => match object.kind {
                KeyKind::None => codes.and(ck::CKR_KEY_HANDLE_INVALID as u32),
                KeyKind::EcPublic | KeyKind::EcPrivate => codes.and(indigestible),
                _ if object.hidden => codes.and(indigestible),
                KeyKind::Vague => codes.or_row(true),
                KeyKind::Aes | KeyKind::Generic => codes.or_ok(),
            },
        };
        self.permit(function, rv, &codes);
        let unknown = Data { address: 0, len: 0, bytes: None };
        self.drove(Class::Digest, Part::Update, session, &unknown, rv, false);
    }

    /// Two operations that take the same data.
    pub fn dual(&mut self, kind: usize) {
        const DUAL: [(usize, Class, Class); 4] = [
            (at("C_DigestEncryptUpdate"), Class::Encrypt, Class::Digest),
            (at("C_DecryptDigestUpdate"), Class::Decrypt, Class::Digest),
            (at("C_SignEncryptUpdate"), Class::Encrypt, Class::Sign),
            (at("C_DecryptVerifyUpdate"), Class::Decrypt, Class::Verify),
        ];
        let (function, cipher, other) = DUAL[kind];
        let both = |session: &Session| {
            session.ops[cipher as usize].is_some() && session.ops[other as usize].is_some()
        };
        if !self.model.sessions.iter().any(both) {
            for class in [cipher, other] {
                self.init(class);
                self.arena.clear();
            }
        }
        let session = self.session_where(both);
        let mut data = self.data();
        let size = self.foretold(cipher, Part::Update, session, &data);
        let room = self.room(size.len(), &mut data);
        let arguments =
            [session as usize, data.address, data.len as usize, room.address, room.len_address];
        let rv = self.call(function, &arguments);
        let both = [cipher, other].map(|class| self.drive_codes(class, Part::Update, session));
        let [Ok(first), Ok(second)] = both else {
            // An operation that runs goes on where the other one does not run.
            let ([Err(codes), _] | [_, Err(codes)]) = both else { unreachable!("one is missing") };
            return self.permit(function, rv, &codes);
        };
        let bad = data.bytes.is_none() || room.is_bad();
        let codes = first.and_all(second).and_if(bad, ARGUMENTS_BAD);
        let permitted = if codes.is_empty() { size.codes(&room) } else { codes };
        self.permit(function, rv, &permitted);
        self.told(&size, &room, rv);
        let heard = match cipher {
            Class::Encrypt => Data { bytes: data.bytes.clone(), ..data },
            _ if rv == OK && !room.is_query() => {
                Data { bytes: Some(room.bytes(room.told() as usize)), ..data }
            }
            _ => Data { bytes: None, ..data },
        };
        self.drove(cipher, Part::Update, session, &data, rv, room.is_query());
        self.drove(other, Part::Update, session, &heard, rv, room.is_query());
    }

    pub fn save_state(&mut self) {
        let function = at("C_GetOperationState");
        let session = self.session_with(Class::Digest);
        let mut none = Data { address: 0, len: 0, bytes: None };
        let room = self.room(None, &mut none);
        let rv = self.call(function, &[session as usize, room.address, room.len_address]);
        if let Some(codes) = self.refused(session) {
            return self.permit(function, rv, &codes);
        }
        let role = self.model.role;
        let open = self.model.session(session).expect("looked for just now");
        let sure = |messages: &Messages| {
            matches!(messages, Messages::Idle { .. } | Messages::Running { .. })
        };
        let keyed = [0, 1, 3, 4].iter().any(|class: &usize| open.ops[*class].is_some())
            || open.messages.iter().any(sure);
        let unsure = open.messages.contains(&Messages::Unsure);
        let unsaveable = ck::CKR_STATE_UNSAVEABLE as u32;
        let (digest, standing) = (open.ops[2].clone(), (role, open.read_write));
        let codes = Codes::none()
            .and_if(room.is_bad(), ARGUMENTS_BAD)
            .and_if(keyed, unsaveable)
            .and_if(digest.is_none(), NOT_INITIALIZED);
        let codes = match codes.is_empty() {
            true => Codes::just(OK).and(unsaveable).and_if(!room.is_query(), TOO_SMALL),
            false => codes,
        };
        let codes = codes.and_if(unsure, unsaveable);
        self.permit(function, rv, &codes);
        if rv == OK
            && !room.is_query()
            && let Some(op) = digest
        {
            if self.saved.len() >= 4 {
                self.saved.remove(0);
            }
            self.saved.push(Saved { blob: room.bytes(room.told() as usize), standing, op });
        }
    }

    pub fn restore_state(&mut self) {
        let function = at("C_SetOperationState");
        let session = self.some_session();
        let choice = self.input.byte();
        let index = usize::from(choice & 3);
        let known = self.saved.get(index).filter(|_| choice < 220);
        let saved = known.map(|saved| (saved.blob.clone(), saved.standing, saved.op.clone()));
        let data = match &saved {
            Some((blob, ..)) => self.given(blob.clone()),
            None => self.data(),
        };
        let key = if choice & 0x30 == 0x30 { self.some_object() } else { 0 };
        let rv = self
            .call(function, &[session as usize, data.address, data.len as usize, key as usize, 0]);
        if let Some(codes) = self.refused(session) {
            return self.permit(function, rv, &codes);
        }
        let role = self.model.role;
        let open = self.model.session(session).expect("looked for just now");
        let fits = saved.filter(|(_, standing, _)| *standing == (role, open.read_write));
        let codes = Codes::none()
            .and_if(data.bytes.is_none(), ARGUMENTS_BAD)
            .and_if(data.bytes.is_some() && fits.is_none(), ck::CKR_SAVED_STATE_INVALID as u32)
            .and_if(key != 0, ck::CKR_KEY_NOT_NEEDED as u32)
            .or_ok();
        if rv == OK
            && let Some((_, _, op)) = fits
        {
            open.ops = Default::default();
            open.ops[2] = Some(op);
            open.messages = [Messages::None; 7];
            open.finding = None;
        }
        self.permit(function, rv, &codes);
    }

    pub fn random(&mut self) {
        let session = self.some_session();
        let seeds = self.input.once_in(4);
        let data = self.data();
        let function = if seeds { at("C_SeedRandom") } else { at("C_GenerateRandom") };
        let rv = self.call(function, &[session as usize, data.address, data.len as usize]);
        let codes = self
            .refused(session)
            .unwrap_or_else(|| Codes::none().and_if(data.bytes.is_none(), ARGUMENTS_BAD).or_ok());
        self.permit(function, rv, &codes);
    }
}
