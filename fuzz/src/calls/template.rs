//! Templates: arrays of `CK_ATTRIBUTE` with what applications put there, and what they must not.

use keyway_pkcs11::attribute::AttributeType;
use pkcs11_sys as ck;

use super::world::World;
use crate::memory::Buffer;

/// A template as it is passed.
#[derive(Clone, Copy)]
pub struct Given {
    pub address: usize,
    pub count: u64,
}

/// P-256 as `CKA_EC_PARAMS`.
pub const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// What a wild template may name: booleans, numbers, bytes, and templates in templates.
const BOOLS: &[u64] = &[
    ck::CKA_TOKEN,
    ck::CKA_PRIVATE,
    ck::CKA_SENSITIVE,
    ck::CKA_EXTRACTABLE,
    ck::CKA_ENCRYPT,
    ck::CKA_DECRYPT,
    ck::CKA_SIGN,
    ck::CKA_VERIFY,
    ck::CKA_WRAP,
    ck::CKA_UNWRAP,
    ck::CKA_DERIVE,
    ck::CKA_MODIFIABLE,
    ck::CKA_COPYABLE,
    ck::CKA_DESTROYABLE,
    ck::CKA_TRUSTED,
    ck::CKA_WRAP_WITH_TRUSTED,
    ck::CKA_ALWAYS_AUTHENTICATE,
    ck::CKA_LOCAL,
];
const NUMBERS: &[u64] = &[
    ck::CKA_CLASS,
    ck::CKA_KEY_TYPE,
    ck::CKA_CERTIFICATE_TYPE,
    ck::CKA_VALUE_LEN,
    ck::CKA_MODULUS_BITS,
    ck::CKA_VALUE_BITS,
    ck::CKA_CERTIFICATE_CATEGORY,
    ck::CKA_KEY_GEN_MECHANISM,
    AttributeType::KEYWAY_STATE.0,
    0x4242_4242,
];
const BYTES: &[u64] = &[
    ck::CKA_LABEL,
    ck::CKA_ID,
    ck::CKA_VALUE,
    ck::CKA_APPLICATION,
    ck::CKA_OBJECT_ID,
    ck::CKA_SUBJECT,
    ck::CKA_EC_PARAMS,
    ck::CKA_EC_POINT,
    ck::CKA_START_DATE,
    ck::CKA_END_DATE,
    ck::CKA_CHECK_VALUE,
    ck::CKA_UNIQUE_ID,
    ck::CKA_MODULUS,
    ck::CKA_PUBLIC_EXPONENT,
    ck::CKA_PUBLIC_KEY_INFO,
    ck::CKA_ALLOWED_MECHANISMS,
    ck::CKA_PRIME,
    ck::CKA_BASE,
];
pub const NESTED: [u64; 3] =
    [ck::CKA_WRAP_TEMPLATE, ck::CKA_UNWRAP_TEMPLATE, ck::CKA_DERIVE_TEMPLATE];

impl World<'_> {
    /// These attributes and nothing else.
    pub fn template(&mut self, attributes: &[(u64, &[u8])]) -> Given {
        let values = self.values(attributes);
        self.array(&values, 0)
    }

    fn values(&mut self, attributes: &[(u64, &[u8])]) -> Vec<(u64, u64, u64)> {
        let all: Vec<u8> = attributes.iter().flat_map(|row| row.1.iter().copied()).collect();
        let buffer = self.arena.with(&all);
        let mut at = buffer.address() as u64;
        let place = |(id, value): &(u64, &[u8])| {
            let row = (*id, at, value.len() as u64);
            at += row.2;
            row
        };
        attributes.iter().map(place).collect()
    }

    fn array(&mut self, rows: &[(u64, u64, u64)], off: usize) -> Given {
        let words: Vec<u64> = rows.iter().flat_map(|row| [row.0, row.1, row.2]).collect();
        let array = self.arena.words(&words, off);
        Given { address: array.address(), count: rows.len() as u64 }
    }

    /// Any attributes with any values, mostly such that something comes of it.
    pub fn wild(&mut self) -> Given {
        let shape = self.input.byte();
        if shape >= 0xf8 {
            let address = self.arena.buffer(24).address();
            return match shape {
                0xf8 => Given { address: 0, count: 1 },
                0xf9 => Given { address, count: u64::MAX },
                0xfa => Given { address, count: 1 << 40 },
                _ => Given { address: 0, count: 0 },
            };
        }
        let mut rows = self.start(shape >> 5);
        for _ in 0..shape & 7 {
            let row = self.attribute(0);
            rows.push(row);
        }
        self.array(&rows, usize::from(shape >> 3 & 3))
    }

    /// What most templates begin with, so that they describe something.
    fn start(&mut self, kind: u8) -> Vec<(u64, u64, u64)> {
        let word = |number: u64| number.to_ne_bytes();
        let secret = word(ck::CKO_SECRET_KEY);
        match kind {
            0 => self.values(&[(ck::CKA_CLASS, &secret), (ck::CKA_KEY_TYPE, &word(ck::CKK_AES))]),
            1 => self.values(&[
                (ck::CKA_CLASS, &secret),
                (ck::CKA_KEY_TYPE, &word(ck::CKK_GENERIC_SECRET)),
                (ck::CKA_VALUE, &[5; 32]),
            ]),
            2 => self.values(&[(ck::CKA_CLASS, &word(ck::CKO_DATA))]),
            3 => self.values(&[
                (ck::CKA_CLASS, &word(ck::CKO_CERTIFICATE)),
                (ck::CKA_CERTIFICATE_TYPE, &word(ck::CKC_X_509)),
            ]),
            4 => self.values(&[
                (ck::CKA_CLASS, &word(ck::CKO_PUBLIC_KEY)),
                (ck::CKA_KEY_TYPE, &word(ck::CKK_EC)),
                (ck::CKA_EC_PARAMS, P256),
            ]),
            _ => Vec::new(),
        }
    }

    fn attribute(&mut self, depth: u8) -> (u64, u64, u64) {
        let choice = self.input.byte();
        let index = usize::from(choice >> 3);
        let (id, value): (u64, Vec<u8>) = match choice & 7 {
            0..=2 => (BOOLS[index % BOOLS.len()], vec![self.input.below(3) as u8]),
            3 => {
                let number = match self.input.byte() {
                    small @ 0..=239 => u64::from(small),
                    _ => self.input.word(),
                };
                (NUMBERS[index % NUMBERS.len()], number.to_ne_bytes().to_vec())
            }
            4 if depth == 0 => return self.nested(NESTED[index % NESTED.len()]),
            4 | 5 => (BYTES[index % BYTES.len()], self.input.take(index).to_vec()),
            6 => {
                let len = usize::from(self.input.byte());
                (BYTES[index % BYTES.len()], vec![choice; len])
            }
            _ => return self.crooked(index),
        };
        let buffer = self.arena.with(&value);
        (id, buffer.address() as u64, value.len() as u64)
    }

    /// A pointer and a length that do not go together.
    fn crooked(&mut self, index: usize) -> (u64, u64, u64) {
        let id =
            [BOOLS[index % BOOLS.len()], NUMBERS[index % NUMBERS.len()], ck::CKA_VALUE][index % 3];
        let buffer = self.arena.buffer(32).address() as u64;
        match self.input.below(5) {
            0 => (id, 0, 8),
            1 => (id, buffer, u64::MAX),
            2 => (id, buffer, 1 << 63),
            3 => (id, buffer, 7),
            _ => (id, 0, 0),
        }
    }

    fn nested(&mut self, id: u64) -> (u64, u64, u64) {
        let count = self.input.below(4);
        match count {
            3 => return (id, 0, 24),
            2 => return (id, self.arena.buffer(23).address() as u64, 23),
            _ => {}
        }
        let rows: Vec<_> = (0..count).map(|_| self.attribute(1)).collect();
        let array = self.array(&rows, 0);
        (id, array.address as u64, rows.len() as u64 * 24)
    }

    /// An array for C_GetAttributeValue: types, and room for their values.
    pub fn questions(&mut self) -> (Given, Vec<Option<Buffer>>) {
        let count = self.input.below(6);
        let mut rooms = Vec::new();
        let mut rows = Vec::new();
        for _ in 0..count {
            let choice = self.input.byte();
            let lists: [&[u64]; 4] = [BOOLS, NUMBERS, BYTES, &NESTED];
            let list = lists[usize::from(choice & 3)];
            let id = list[usize::from(choice >> 2) % list.len()];
            let (room, len) = match self.input.byte() {
                kind @ 0..=199 => {
                    let len = [1, 8, 0, 24, 32, 100, 600][usize::from(kind) % 7];
                    let room = self.arena.buffer(len);
                    // The pointers of a nested array have to be good, so they are NULL.
                    room.fill(&vec![0; len]);
                    (Some(room), len as u64)
                }
                200 => (Some(self.arena.buffer(8)), u64::MAX),
                other => (None, u64::from(other)),
            };
            rows.push((id, room.map_or(0, |room| room.address() as u64), len));
            rooms.push(room);
        }
        (self.array(&rows, 0), rooms)
    }
}
