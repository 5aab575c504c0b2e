//! The mechanisms that sequences know by heart, and their parameters.

use pkcs11_sys as ck;

use super::model::{Class, KeyKind};
use crate::input::Input;
use crate::memory::Arena;

/// What is known of a mechanism.
pub struct Mech {
    pub id: u64,
    pub params: Params,
    /// What it does, a bit for each [`Class`].
    classes: u8,
    keys: &'static [KeyKind],
    pub kind: Kind,
    /// Works in a single part only.
    pub single: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Params {
    None,
    Iv,
    Counter,
    Gcm,
    Length,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// So many bytes come out of any number of bytes.
    Fixed(usize),
    /// As [`Fixed`](Self::Fixed), as many as the parameter says.
    Truncated,
    /// Whole blocks of 16 bytes.
    Blocks,
    /// Whole blocks, the last one padded.
    Padded,
    /// As many out as in.
    Stream,
    /// As many out as in, and a tag of 16 bytes.
    Tagged,
    /// What comes out is not foretold.
    Other,
}

const CIPHER: u8 = bit(Class::Encrypt) | bit(Class::Decrypt);
const DIGEST: u8 = bit(Class::Digest);
const MAC: u8 = bit(Class::Sign) | bit(Class::Verify);
const HMAC_KEYS: &[KeyKind] = &[KeyKind::Generic];
const AES_KEYS: &[KeyKind] = &[KeyKind::Aes];
const EC_KEYS: &[KeyKind] = &[KeyKind::EcPrivate, KeyKind::EcPublic];

const fn bit(class: Class) -> u8 {
    1 << class as u8
}

const fn row(id: u64, classes: u8, keys: &'static [KeyKind], kind: Kind) -> Mech {
    Mech { id, params: Params::None, classes, keys, kind, single: false }
}

pub static MECHANISMS: &[Mech] = &[
    row(ck::CKM_SHA256_HMAC, MAC, HMAC_KEYS, Kind::Fixed(32)),
    row(ck::CKM_SHA256, DIGEST, &[], Kind::Fixed(32)),
    row(ck::CKM_AES_ECB, CIPHER, AES_KEYS, Kind::Blocks),
    Mech { params: Params::Iv, ..row(ck::CKM_AES_CBC, CIPHER, AES_KEYS, Kind::Blocks) },
    Mech { params: Params::Iv, ..row(ck::CKM_AES_CBC_PAD, CIPHER, AES_KEYS, Kind::Padded) },
    Mech { params: Params::Counter, ..row(ck::CKM_AES_CTR, CIPHER, AES_KEYS, Kind::Stream) },
    Mech { params: Params::Gcm, ..row(ck::CKM_AES_GCM, CIPHER, AES_KEYS, Kind::Tagged) },
    row(ck::CKM_AES_CMAC, MAC, AES_KEYS, Kind::Fixed(16)),
    row(ck::CKM_SHA_1, DIGEST, &[], Kind::Fixed(20)),
    row(ck::CKM_SHA384, DIGEST, &[], Kind::Fixed(48)),
    row(ck::CKM_SHA512, DIGEST, &[], Kind::Fixed(64)),
    row(ck::CKM_SHA3_256, DIGEST, &[], Kind::Fixed(32)),
    Mech {
        params: Params::Length,
        ..row(ck::CKM_SHA256_HMAC_GENERAL, MAC, HMAC_KEYS, Kind::Truncated)
    },
    Mech { single: true, ..row(ck::CKM_ECDSA, MAC, EC_KEYS, Kind::Other) },
    row(ck::CKM_ECDSA_SHA256, MAC, EC_KEYS, Kind::Fixed(64)),
    Mech { single: true, ..row(ck::CKM_AES_KEY_WRAP, CIPHER, AES_KEYS, Kind::Other) },
    // Known to the token, but no key of a sequence fits.
    row(
        ck::CKM_RSA_PKCS,
        CIPHER | MAC | bit(Class::SignRecover) | bit(Class::VerifyRecover),
        &[],
        Kind::Other,
    ),
    row(ck::CKM_AES_KEY_GEN, 0, &[], Kind::Other),
    row(0x7fff_fff0, 0, &[], Kind::Other),
];

impl Mech {
    pub fn does(&self, class: Class) -> bool {
        self.classes & bit(class) != 0
    }

    pub fn takes(&self, key: KeyKind) -> bool {
        self.keys.contains(&key)
    }

    /// Whether its signatures are MACs.
    pub fn keys_are_secret(&self) -> bool {
        self.takes(KeyKind::Aes) || self.takes(KeyKind::Generic)
    }
}

/// A `CK_MECHANISM` as it is passed.
pub struct Chosen {
    pub mech: &'static Mech,
    pub address: usize,
    /// What tells this parameter from others of the mechanism.
    pub param: u64,
    pub fits: Fits,
}

/// What the parameter is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fits {
    Yes,
    /// It may be refused.
    Perhaps,
    No,
}

/// Writes a mechanism with a parameter, mostly a good one that does what `class` does.
pub fn choose(input: &mut Input<'_>, arena: &mut Arena, class: Class) -> Chosen {
    let decision = input.byte();
    let at = usize::from(decision & 0x3f);
    let mech = if at >= 52 {
        &MECHANISMS[usize::from(input.byte()) % MECHANISMS.len()]
    } else {
        let does: Vec<&Mech> = MECHANISMS.iter().filter(|mech| mech.does(class)).collect();
        does[at % does.len()]
    };
    given(mech, decision, input, arena)
}

/// As [`choose`], mostly one that works on messages.
pub fn for_messages(input: &mut Input<'_>, arena: &mut Arena, class: Class) -> Chosen {
    if input.once_in(4) {
        return choose(input, arena, class);
    }
    let id = match class {
        Class::Encrypt | Class::Decrypt => ck::CKM_AES_GCM,
        _ => ck::CKM_AES_CMAC,
    };
    let mech = MECHANISMS.iter().find(|mech| mech.id == id).expect("in the table");
    let decision = input.byte();
    given(mech, decision, input, arena)
}

fn given(mech: &'static Mech, decision: u8, input: &mut Input<'_>, arena: &mut Arena) -> Chosen {
    let (parameter, param, fits) = parameter(mech, input, arena);
    let (pointer, len, fits) = match decision >> 6 {
        3 => match input.below(4) {
            // A length that no memory has.
            0 => (parameter.0, u64::MAX, Fits::No),
            // A length without a pointer.
            1 => (0, parameter.1 as u64 + 1, Fits::No),
            2 if parameter.1 > 0 && mech.params != Params::None => {
                (parameter.0, parameter.1 as u64 - 1, short(mech))
            }
            _ => (parameter.0, parameter.1 as u64, fits),
        },
        _ => (parameter.0, parameter.1 as u64, fits),
    };
    let off = if decision >> 6 == 2 { input.below(8) } else { 0 };
    let words = arena.words(&[mech.id, pointer as u64, len], off);
    Chosen { mech, address: words.address(), param, fits }
}

/// A parameter that lacks its last byte.
fn short(mech: &Mech) -> Fits {
    match mech.params {
        Params::None => Fits::Perhaps,
        _ => Fits::No,
    }
}

/// The address, the length, what tells it from others, and what it is worth.
fn parameter(mech: &Mech, input: &mut Input<'_>, arena: &mut Arena) -> ((usize, usize), u64, Fits) {
    let choice = input.byte();
    let seed = choice & 3;
    match mech.params {
        // What a mechanism without a parameter makes of one.
        Params::None if choice == 0xff => {
            let extra = arena.with(&[1; 16]);
            ((extra.address(), 16), 0, Fits::Perhaps)
        }
        Params::None => ((0, 0), 0, Fits::Yes),
        Params::Iv => {
            let iv = arena.with(&[seed; 16]);
            ((iv.address(), iv.len()), seed.into(), Fits::Yes)
        }
        Params::Counter => {
            let mut block = [0; 24];
            block[..8].copy_from_slice(&128_u64.to_ne_bytes());
            block[8..].fill(seed);
            let counter = arena.with(&block);
            ((counter.address(), counter.len()), seed.into(), Fits::Yes)
        }
        Params::Gcm => {
            let (iv, aad) = (arena.with(&[seed; 12]), arena.with(&[7; 5]));
            let (iv_len, tag, fits) = match choice >> 2 {
                63 => (input.word(), 128, Fits::Perhaps),
                62 => (12, u64::from(input.byte()), Fits::Perhaps),
                _ => (12, 128, Fits::Yes),
            };
            // Nothing is read beyond the buffer: a length that would is not passed.
            let iv_len = if iv_len <= 12 || iv_len > i64::MAX as u64 { iv_len } else { 12 };
            let words =
                [iv.address() as u64, iv_len, 96, aad.address() as u64, aad.len() as u64, tag];
            let params = arena.words(&words, 0);
            let param = u64::from(seed) | (iv_len & 0xff) << 8 | tag << 16;
            ((params.address(), params.len()), param, fits)
        }
        Params::Length => {
            let (len, fits) = match choice {
                0xfc.. => (input.word(), Fits::Perhaps),
                _ => ([4, 16, 32, 20][usize::from(seed)], Fits::Yes),
            };
            let params = arena.words(&[len], 0);
            ((params.address(), params.len()), len, fits)
        }
    }
}
