//! Templates and mechanism parameters as the C boundary reads them: any mechanism of the token with
//! structures of any content, any attributes for every function that takes some.

use pkcs11_sys as ck;

use super::world::World;
use super::{Medium, on_stage};
use crate::functions::at;
use crate::input::Input;

/// Any attributes for everything that takes a template.
pub fn templates(bytes: &[u8]) {
    on_stage(Medium::Memory, |arena, place| {
        let mut world = World::new(Input::new(bytes), arena, Some(place));
        world.begin();
        while !world.input.is_empty() {
            match world.input.below(8) {
                0..=2 => world.create(),
                3 => world.copy(),
                4 => world.set_attributes(),
                5 => world.get_attributes(),
                6 => world.generate(),
                _ => {
                    world.find_init();
                    world.arena.clear();
                    world.find_final();
                }
            }
            world.arena.clear();
        }
        world.end()
    });
}

/// The structures of parameters, a letter a word: `n` a number, `p` a pointer, `l` a length, `h` an
/// object handle, `i` sixteen bytes, `b` two flags of a byte each in a word, `e` a small number of
/// repetitions.
const LAYOUTS: [&str; 15] = [
    "", "n", "i", "ni", "plnpln", "plpln", "nplpln", "plpl", "nnnpl", "nnn", "nlplp", "nnlp",
    "blp", "ipl", "pl",
];
/// `CK_PKCS5_PBKD2_PARAMS2` and `CK_HKDF_PARAMS`.
const LONG: [&str; 2] = ["nplenplpl", "bnnplhpl"];

/// The bytes behind each pointer.
const BEHIND: usize = 64;

/// The structure that belongs to a mechanism: pointers stand where pointers are expected.
fn layout(id: u64, choice: u8) -> &'static str {
    match id {
        ck::CKM_AES_GCM | ck::CKM_AES_GMAC => LAYOUTS[4 + usize::from(choice & 1)],
        ck::CKM_AES_CCM => LAYOUTS[6],
        ck::CKM_CHACHA20_POLY1305 => LAYOUTS[7],
        ck::CKM_RSA_PKCS_OAEP => LAYOUTS[8],
        ck::CKM_RSA_PKCS_PSS
        | ck::CKM_SHA1_RSA_PKCS_PSS
        | ck::CKM_SHA224_RSA_PKCS_PSS
        | ck::CKM_SHA256_RSA_PKCS_PSS
        | ck::CKM_SHA384_RSA_PKCS_PSS
        | ck::CKM_SHA512_RSA_PKCS_PSS => LAYOUTS[9],
        ck::CKM_ECDH1_DERIVE | ck::CKM_ECDH1_COFACTOR_DERIVE => LAYOUTS[10],
        ck::CKM_ECDH_AES_KEY_WRAP => LAYOUTS[11],
        ck::CKM_EDDSA => LAYOUTS[12],
        ck::CKM_AES_CBC_ENCRYPT_DATA => LAYOUTS[13],
        ck::CKM_AES_ECB_ENCRYPT_DATA
        | ck::CKM_XOR_BASE_AND_DATA
        | ck::CKM_CONCATENATE_BASE_AND_DATA
        | ck::CKM_CONCATENATE_DATA_AND_BASE => LAYOUTS[14],
        ck::CKM_AES_CTR => LAYOUTS[3],
        ck::CKM_PKCS5_PBKD2 => LONG[0],
        ck::CKM_HKDF_DERIVE | ck::CKM_HKDF_DATA => LONG[1],
        // No pointers: any bytes will do.
        _ => LAYOUTS[usize::from(choice) % 4],
    }
}

/// Mechanisms whose structures hold structures, which have tests of their own: a wild pointer in
/// them would be this program's mistake.
fn is_deep(id: u64) -> bool {
    let tls = matches!(id, 0x370..=0x387 | 0x3d0..=0x3ef | 0x56 | 0x57);
    let sp800_108 = matches!(id, 0x3ac..=0x3ae);
    tls || sp800_108 || id == ck::CKM_RSA_AES_KEY_WRAP
}

/// What takes too long to do often.
fn is_slow(id: u64) -> bool {
    [
        ck::CKM_RSA_PKCS_KEY_PAIR_GEN,
        ck::CKM_RSA_X9_31_KEY_PAIR_GEN,
        ck::CKM_DSA_PARAMETER_GEN,
        ck::CKM_DH_PKCS_PARAMETER_GEN,
    ]
    .contains(&id)
}

pub fn parameters(bytes: &[u8]) {
    on_stage(Medium::Memory, |arena, place| {
        let mut world = World::new(Input::new(bytes), arena, Some(place));
        world.begin();
        let mechanisms = world.mechanisms();
        while !world.input.is_empty() {
            world.parameter(&mechanisms);
            world.arena.clear();
            // What began ends, so that the next one may begin.
            let all = ck::CKF_ENCRYPT
                | ck::CKF_DECRYPT
                | ck::CKF_DIGEST
                | ck::CKF_SIGN
                | ck::CKF_VERIFY
                | ck::CKF_SIGN_RECOVER
                | ck::CKF_VERIFY_RECOVER
                | ck::CKF_MESSAGE_ENCRYPT
                | ck::CKF_MESSAGE_DECRYPT
                | ck::CKF_MESSAGE_SIGN
                | ck::CKF_MESSAGE_VERIFY;
            let session = world.first_session() as usize;
            world.call(at("C_SessionCancel"), &[session, all as usize]);
        }
        world.end()
    });
}

impl World<'_> {
    fn first_session(&self) -> u64 {
        self.model.sessions.first().map_or(0, |session| session.handle)
    }

    /// Every mechanism of the token.
    fn mechanisms(&mut self) -> Vec<u64> {
        let list = self.arena.buffer(4096);
        let count = self.arena.words(&[512], 0);
        let function = at("C_GetMechanismList");
        let slot = super::token::SLOT as usize;
        self.call(function, &[slot, list.address(), count.address()]);
        let found = count.word(0) as usize;
        let all = (0..found).map(|at| list.word(at)).filter(|id| !is_deep(*id) && !is_slow(*id));
        let all = all.collect();
        self.arena.clear();
        all
    }

    fn structure(&mut self, layout: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for letter in layout.chars() {
            let choice = self.input.byte();
            let word = match letter {
                'n' if choice < 0xe0 => u64::from(choice),
                'n' => self.input.word(),
                'e' => u64::from(choice & 15),
                'l' if choice == 0xff => u64::MAX,
                'l' if choice == 0xfe => 1 << 63,
                'l' => u64::from(choice) % (BEHIND as u64 + 1),
                'h' => self.some_object(),
                'b' => u64::from(choice & 3) | u64::from(choice >> 6) << 8,
                'p' if choice >= 0xf0 => 0,
                'p' => {
                    let content = self.input.take(usize::from(choice & 0x1f)).to_vec();
                    let behind = self.arena.buffer(BEHIND);
                    behind.fill(&content);
                    behind.address() as u64
                }
                _ => {
                    bytes.extend([choice; 16]);
                    continue;
                }
            };
            bytes.extend(word.to_ne_bytes());
        }
        bytes
    }

    fn parameter(&mut self, mechanisms: &[u64]) {
        let choice = self.input.byte();
        let id = mechanisms[usize::from(self.input.byte()) % mechanisms.len()];
        let layout = layout(id, choice);
        let structure = self.structure(layout);
        let params = self.arena.with(&structure);
        let len = match choice >> 5 {
            7 if !structure.is_empty() => structure.len() as u64 - 1,
            // The structure of GCM without its last word is another one.
            6 if structure.len() > 8 && structure.len() != 48 => structure.len() as u64 - 8,
            5 if choice & 7 == 0 => u64::MAX,
            _ => structure.len() as u64,
        };
        let address = if choice & 0x1f == 0x1f { 0 } else { params.address() };
        let mechanism = self.arena.words(&[id, address as u64, len], 0).address();
        self.with_mechanism(mechanism);
    }

    /// Any function that takes a mechanism.
    fn with_mechanism(&mut self, mechanism: usize) {
        let session = self.first_session() as usize;
        let (key, other) = (self.some_object() as usize, self.some_object() as usize);
        let choice = self.input.byte();
        match choice % 16 {
            0..=6 => {
                let function = super::world::INIT[usize::from(choice % 16)];
                let taken = if function == at("C_DigestInit") { 2 } else { 3 };
                let rv = self.call(function, &[session, mechanism, key][..taken]);
                if rv == 0 {
                    self.drive_once(usize::from(choice % 16), session);
                }
            }
            7 => {
                let function =
                    [at("C_MessageEncryptInit"), at("C_MessageSignInit")][usize::from(choice >> 7)];
                self.call(function, &[session, mechanism, key]);
            }
            8..=9 => {
                let (out, len) = (self.arena.buffer(512), self.arena.words(&[512], 0));
                let arguments = [session, mechanism, key, other, out.address(), len.address()];
                self.call(at("C_WrapKey"), &arguments);
            }
            10..=11 => {
                let wrapped = self.data();
                let template = self.wild();
                let place = self.arena.buffer(8).address();
                let arguments = [
                    session,
                    mechanism,
                    key,
                    wrapped.address,
                    wrapped.len as usize,
                    template.address,
                    template.count as usize,
                    place,
                ];
                self.call(at("C_UnwrapKey"), &arguments);
            }
            12 => {
                let template = self.wild();
                let place = self.arena.buffer(8).address();
                let (address, count) = (template.address, template.count as usize);
                self.call(at("C_GenerateKey"), &[session, mechanism, address, count, place]);
            }
            _ => {
                let template = self.wild();
                let place = self.arena.buffer(8).address();
                let (address, count) = (template.address, template.count as usize);
                self.call(at("C_DeriveKey"), &[session, mechanism, key, address, count, place]);
            }
        }
    }

    /// One call on what began.
    fn drive_once(&mut self, class: usize, session: usize) {
        let function = super::world::WHOLE[class];
        let data = self.data();
        let rest = match function == at("C_Verify") {
            true => {
                let signature = self.data();
                [signature.address, signature.len as usize]
            }
            false => {
                let (out, len) = (self.arena.buffer(2048), self.arena.words(&[2048], 0));
                [out.address(), len.address()]
            }
        };
        self.call(function, &[session, data.address, data.len as usize, rest[0], rest[1]]);
    }
}
