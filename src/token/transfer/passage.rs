//! The way of a key from one token into another: wrapped for a pair of the target that lives as
//! long as the session, by CKM_RSA_AES_KEY_WRAP where both tokens have it, else under an AES key of
//! the source that itself goes over by RSA-OAEP.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki_sys::{
    CK_ATTRIBUTE_TYPE, CK_MECHANISM_TYPE, CK_RV, CK_ULONG, CKA_DECRYPT, CKA_ENCRYPT,
    CKA_EXTRACTABLE, CKA_KEY_TYPE, CKA_MODULUS, CKA_PRIVATE, CKA_PUBLIC_EXPONENT, CKA_SENSITIVE,
    CKA_SIGN, CKA_TOKEN, CKA_UNWRAP, CKA_VERIFY, CKA_WRAP, CKK_AES, CKK_RSA, CKM_AES_KEY_WRAP,
    CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD, CKM_RSA_AES_KEY_WRAP, CKM_RSA_PKCS_OAEP,
    CKO_PUBLIC_KEY, CKO_SECRET_KEY,
};

use super::source::{Found, value};
use super::{bare, material};
use crate::domain::envelope::OaepHash;
use crate::error::{Error, Kind, Result};
use crate::foreign::ForeignObject;
use crate::token::error::{raw_code, raw_error};
use crate::token::open::OpenToken;
use crate::token::raw::Wrapping;

/// Bits of the pair in the target.
const BITS: CK_ULONG = 3072;
/// Bytes of the AES key in between.
const KEY: CK_ULONG = 32;
/// 65537.
const EXPONENT: [u8; 3] = [1, 0, 1];
/// The best hash for OAEP first; SoftHSM2 2.6.1 knows SHA-1 only.
const HASHES: [OaepHash; 2] = [OaepHash::Sha256, OaepHash::Sha1];

/// By what the source wraps and the target unwraps. RFC 5649 first, which carries any key; the same
/// has two numbers. RFC 3394 carries secret keys of whole blocks.
const KEY_WRAPS: [(CK_MECHANISM_TYPE, CK_MECHANISM_TYPE); 5] = [
    (CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_KWP),
    (CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP_PAD),
    (CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD),
    (CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP_KWP),
    (CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP),
];

/// Keys of both tokens' sessions, gone with them, and what can be done with them.
pub(super) struct Passage {
    routes: Vec<Route>,
}

/// One way over.
#[derive(Clone, Copy)]
struct Route {
    wrapping: Wrapping,
    /// The key of the source that wraps.
    by: ObjectHandle,
    unwrapping: Wrapping,
    /// The key of the target that unwraps.
    with: ObjectHandle,
}

/// A key on its way.
pub(super) enum Carried {
    /// Wrapped, and how to unwrap it.
    Wrapped { unwrapping: Wrapping, with: ObjectHandle, bytes: Vec<u8> },
    /// Itself, with every attribute that it is created with.
    Clear(ForeignObject),
}

impl Passage {
    /// Makes the keys of the passage.
    ///
    /// # Errors
    /// The tokens have no way in common, or refuse a part of it.
    pub fn open(source: &OpenToken, target: &OpenToken) -> Result<Self> {
        let both = |mechanism| source.has(mechanism) && target.has(mechanism);
        let wraps: Vec<_> = KEY_WRAPS
            .into_iter()
            .filter(|(wrap, unwrap)| source.has(*wrap) && target.has(*unwrap))
            .collect();
        let by_key = both(CKM_RSA_PKCS_OAEP) && !wraps.is_empty();
        if !by_key && !both(CKM_RSA_AES_KEY_WRAP) {
            return Err(no_way());
        }
        let (public, private) = transport(target)?;
        let by = hand_over(source, target, public)?;
        let mut routes = Vec::new();
        for hash in HASHES.into_iter().filter(|_| both(CKM_RSA_AES_KEY_WRAP)) {
            let wrapping = Wrapping::RsaAes(hash);
            routes.push(Route { wrapping, by, unwrapping: wrapping, with: private });
        }
        if by_key {
            let (by, with) = match share_key(source, target, by, private) {
                Ok(keys) => keys,
                Err(error) if routes.is_empty() => return Err(error),
                Err(_) => return Ok(Self { routes }),
            };
            routes.extend(wraps.into_iter().map(|(wrap, unwrap)| Route {
                wrapping: Wrapping::Bare(wrap),
                by,
                unwrapping: Wrapping::Bare(unwrap),
                with,
            }));
        }
        Ok(Self { routes })
    }

    /// Wraps a key on the first way on which the target takes it.
    ///
    /// # Errors
    /// Why the first way did not carry it, when none does.
    pub fn carry(
        &self,
        source: &OpenToken,
        target: &OpenToken,
        found: &Found,
    ) -> std::result::Result<Carried, String> {
        let mut failure = None;
        for Route { wrapping, by, unwrapping, with } in self.routes.iter().copied() {
            let wrapped = source.module().raw().wrap(source.session(), wrapping, by, found.handle);
            let bytes = match wrapped {
                Ok(bytes) => bytes,
                Err(code) => {
                    failure.get_or_insert_with(|| {
                        format!("the source does not wrap it: {}", raw_code(code))
                    });
                    continue;
                }
            };
            let carried = Carried::Wrapped { unwrapping, with, bytes };
            match carried.make(target, &material::probe(&found.object)) {
                Ok(probe) => {
                    target.destroy(probe).map_err(|error| error.to_string())?;
                    return Ok(carried);
                }
                Err(code) => {
                    failure.get_or_insert_with(|| {
                        format!("the target does not unwrap it: {}", raw_code(code))
                    });
                }
            }
        }
        Err(failure.unwrap_or_else(|| no_way().to_string()))
    }
}

impl Carried {
    /// Makes an object of the target, by one call.
    ///
    /// # Errors
    /// The target's return code.
    pub fn make(
        &self,
        target: &OpenToken,
        template: &ForeignObject,
    ) -> std::result::Result<ObjectHandle, CK_RV> {
        let raw = target.module().raw();
        match self {
            Self::Wrapped { unwrapping, with, bytes } => {
                raw.unwrap(target.session(), *unwrapping, *with, bytes, &bare(template))
            }
            Self::Clear(key) => {
                let mut whole = bare(template);
                let is_material = |name: &CK_ATTRIBUTE_TYPE| {
                    material::PUBLIC.contains(name) || material::SECRET.contains(name)
                };
                whole.extend(key.attributes().filter(|(name, _)| is_material(name)));
                raw.create(target.session(), &whole)
            }
        }
    }
}

fn no_way() -> Error {
    Kind::Unsupported.because(
        "the two tokens have no wrapping mechanism in common (CKM_RSA_AES_KEY_WRAP, or \
         CKM_RSA_PKCS_OAEP and CKM_AES_KEY_WRAP or its padded forms); make a new key",
    )
}

/// A pair of the target's session that only unwraps and never leaves.
fn transport(target: &OpenToken) -> Result<(ObjectHandle, ObjectHandle)> {
    let public = [
        Attribute::Token(false),
        Attribute::Private(false),
        Attribute::ModulusBits(BITS.into()),
        Attribute::PublicExponent(EXPONENT.to_vec()),
        Attribute::Wrap(true),
        Attribute::Encrypt(false),
        Attribute::Verify(false),
    ];
    let private = [
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Unwrap(true),
        Attribute::Decrypt(false),
        Attribute::Sign(false),
    ];
    target
        .session()
        .generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private)
        .map_err(|error| target.failed("cannot make a transport pair", error))
}

/// Puts the public half of the target's pair into the source, where it wraps.
fn hand_over(source: &OpenToken, target: &OpenToken, public: ObjectHandle) -> Result<ObjectHandle> {
    let mut wrapping = ForeignObject::new(CKO_PUBLIC_KEY);
    wrapping.number(CKA_KEY_TYPE, CKK_RSA);
    for name in [CKA_MODULUS, CKA_PUBLIC_EXPONENT] {
        let part = value(target, public, name).ok_or_else(|| {
            Kind::Token.because("the target does not show the public half of its transport pair")
        })?;
        wrapping.bytes(name, &part);
    }
    wrapping.flags(&[
        (CKA_TOKEN, false),
        (CKA_PRIVATE, false),
        (CKA_WRAP, true),
        (CKA_ENCRYPT, false),
        (CKA_VERIFY, false),
    ]);
    let template: Vec<_> = wrapping.attributes().collect();
    let made = source.module().raw().create(source.session(), &template);
    made.map_err(|code| raw_error("the source takes no key to wrap with", code))
}

/// One AES key of both tokens: made in the source, where it wraps, and unwrapped in the target,
/// where it unwraps.
fn share_key(
    source: &OpenToken,
    target: &OpenToken,
    transport: ObjectHandle,
    private: ObjectHandle,
) -> Result<(ObjectHandle, ObjectHandle)> {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        // It leaves the source once, under the target's key.
        Attribute::Extractable(true),
        Attribute::ValueLen(KEY.into()),
        Attribute::Wrap(true),
        Attribute::Unwrap(false),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
    ];
    let key = source
        .session()
        .generate_key(&Mechanism::AesKeyGen, &template)
        .map_err(|error| source.failed("the source makes no wrapping key", error))?;
    let mut there = ForeignObject::new(CKO_SECRET_KEY);
    there.number(CKA_KEY_TYPE, CKK_AES);
    there.flags(&[
        (CKA_TOKEN, false),
        (CKA_PRIVATE, true),
        (CKA_SENSITIVE, true),
        (CKA_EXTRACTABLE, false),
        (CKA_UNWRAP, true),
        (CKA_WRAP, false),
        (CKA_ENCRYPT, false),
        (CKA_DECRYPT, false),
        (CKA_SIGN, false),
    ]);
    let there: Vec<_> = there.attributes().collect();
    let mut failure = no_way();
    for hash in HASHES {
        let (from, to) = (source.module().raw(), target.module().raw());
        let over = from
            .wrap(source.session(), Wrapping::Oaep(hash), transport, key)
            .map_err(|code| raw_error("the source does not wrap by OAEP", code))
            .and_then(|wrapped| {
                to.unwrap(target.session(), Wrapping::Oaep(hash), private, &wrapped, &there)
                    .map_err(|code| raw_error("the target does not unwrap by OAEP", code))
            });
        match over {
            Ok(with) => return Ok((key, with)),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
