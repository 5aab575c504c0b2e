//! Functions that make keys of nothing, of other keys, or of bytes.

use pkcs11_sys as ck;

use super::object::MOST_OBJECTS;
use super::template::P256;
use super::world::{Codes, OK, World};
use crate::functions::at;

impl World<'_> {
    pub fn generate(&mut self) {
        if self.model.objects.len() >= MOST_OBJECTS {
            return self.destroy();
        }
        let session = self.some_session();
        let choice = self.input.byte();
        let id = [ck::CKM_AES_KEY_GEN, ck::CKM_GENERIC_SECRET_KEY_GEN][usize::from(choice & 1)];
        let mechanism = self.arena.words(&[id, 0, 0], 0).address();
        if choice & 6 == 6 {
            let template = self.wild();
            let codes = self.refused(session).unwrap_or_else(Codes::any);
            return self.make(at("C_GenerateKey"), session, &[mechanism], template, codes);
        }
        let (token, private) = (choice & 0x38 == 0x38, choice & 0x40 == 0);
        let flags = [token.into(), private.into(), 1_u8];
        let [token_flag, private_flag, yes] = flags.each_ref().map(std::slice::from_ref);
        let template = self.template(&[
            (ck::CKA_TOKEN, token_flag),
            (ck::CKA_PRIVATE, private_flag),
            (ck::CKA_VALUE_LEN, &32_u64.to_ne_bytes()),
            (ck::CKA_SIGN, yes),
            (ck::CKA_VERIFY, yes),
        ]);
        let codes = self.maker_codes(session, token, private);
        self.make(at("C_GenerateKey"), session, &[mechanism], template, codes);
    }

    pub fn generate_pair(&mut self) {
        if self.model.objects.len() >= MOST_OBJECTS || !self.input.once_in(4) {
            return self.destroy();
        }
        let function = at("C_GenerateKeyPair");
        let session = self.some_session();
        let choice = self.input.byte();
        let (token, private, always) = (choice & 7 == 7, choice & 8 == 0, choice & 16 != 0);
        let flags = [token.into(), private.into(), (always && private).into(), 1_u8];
        let [token_flag, private_flag, always_flag, yes] =
            flags.each_ref().map(std::slice::from_ref);
        let mechanism = self.arena.words(&[ck::CKM_EC_KEY_PAIR_GEN, 0, 0], 0).address();
        let public = self.template(&[
            (ck::CKA_TOKEN, token_flag),
            (ck::CKA_EC_PARAMS, P256),
            (ck::CKA_VERIFY, yes),
        ]);
        let private_half = self.template(&[
            (ck::CKA_TOKEN, token_flag),
            (ck::CKA_PRIVATE, private_flag),
            (ck::CKA_SIGN, yes),
            (ck::CKA_ALWAYS_AUTHENTICATE, always_flag),
        ]);
        let handles = self.arena.buffer(16);
        let rv = self.call(
            function,
            &[
                session as usize,
                mechanism,
                public.address,
                public.count as usize,
                private_half.address,
                private_half.count as usize,
                handles.address(),
                handles.address() + 8,
            ],
        );
        let codes = self.maker_codes(session, token, private);
        self.permit(function, rv, &codes);
        if rv == OK {
            let handles = [handles.word(0), handles.word(1)];
            self.arena.clear();
            handles.into_iter().for_each(|handle| self.adopt(handle, session));
        }
    }

    pub fn wrap(&mut self) {
        let function = at("C_WrapKey");
        let (session, with, key) = (self.some_session(), self.some_object(), self.some_object());
        let mechanism = self.arena.words(&[ck::CKM_AES_KEY_WRAP_KWP, 0, 0], 0).address();
        let mut none = super::buffers::Data { address: 0, len: 0, bytes: None };
        let room = self.room(Some(40), &mut none);
        let rv = self.call(
            function,
            &[
                session as usize,
                mechanism,
                with as usize,
                key as usize,
                room.address,
                room.len_address,
            ],
        );
        let there = self.model.object(with).is_some() && self.model.object(key).is_some();
        let codes = self.refused(session).unwrap_or_else(Codes::any);
        self.permit(function, rv, &codes);
        self.holds(there || rv != OK, "only keys that are there wrap");
        if rv == OK && !room.is_query() {
            self.wrapped = room.bytes(room.told() as usize);
        }
    }

    pub fn unwrap(&mut self) {
        if self.model.objects.len() >= MOST_OBJECTS {
            return self.destroy();
        }
        let (session, with) = (self.some_session(), self.some_object());
        let mechanism = self.arena.words(&[ck::CKM_AES_KEY_WRAP_KWP, 0, 0], 0).address();
        let wrapped = match self.input.once_in(3) {
            true => self.data(),
            false => self.given(self.wrapped.clone()),
        };
        let template = self.wild();
        let codes = self.refused(session).unwrap_or_else(Codes::any);
        let before = [mechanism, with as usize, wrapped.address, wrapped.len as usize];
        self.make(at("C_UnwrapKey"), session, &before, template, codes);
    }

    pub fn derive(&mut self) {
        if self.model.objects.len() >= MOST_OBJECTS {
            return self.destroy();
        }
        let (session, base) = (self.some_session(), self.some_object());
        let ids = [ck::CKM_XOR_BASE_AND_DATA, ck::CKM_CONCATENATE_BASE_AND_DATA];
        let id = self.input.of(&ids);
        let data = self.data();
        let params = self.arena.words(&[data.address as u64, data.len], 0);
        let mechanism = self.arena.words(&[id, params.address() as u64, 16], 0).address();
        let template = self.wild();
        let codes = self.refused(session).unwrap_or_else(Codes::any);
        let before = [mechanism, base as usize];
        self.make(at("C_DeriveKey"), session, &before, template, codes);
    }
}
