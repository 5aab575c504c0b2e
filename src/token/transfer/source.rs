//! The objects of a token, as far as its module shows them.

use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki_sys::{
    CK_ATTRIBUTE_TYPE, CK_ULONG, CKA_AC_ISSUER, CKA_ALLOWED_MECHANISMS, CKA_ALWAYS_AUTHENTICATE,
    CKA_ALWAYS_SENSITIVE, CKA_APPLICATION, CKA_ATTR_TYPES, CKA_CERTIFICATE_CATEGORY,
    CKA_CERTIFICATE_TYPE, CKA_CHECK_VALUE, CKA_CLASS, CKA_COPYABLE, CKA_DECRYPT, CKA_DERIVE,
    CKA_DERIVE_TEMPLATE, CKA_DESTROYABLE, CKA_ENCRYPT, CKA_END_DATE, CKA_EXTRACTABLE,
    CKA_HASH_OF_ISSUER_PUBLIC_KEY, CKA_HASH_OF_SUBJECT_PUBLIC_KEY, CKA_ID, CKA_ISSUER,
    CKA_KEY_TYPE, CKA_LABEL, CKA_LOCAL, CKA_MODIFIABLE, CKA_NAME_HASH_ALGORITHM,
    CKA_NEVER_EXTRACTABLE, CKA_OBJECT_ID, CKA_OWNER, CKA_PRIVATE, CKA_SENSITIVE, CKA_SERIAL_NUMBER,
    CKA_SIGN, CKA_SIGN_RECOVER, CKA_START_DATE, CKA_SUBJECT, CKA_TRUSTED, CKA_UNWRAP,
    CKA_UNWRAP_TEMPLATE, CKA_URL, CKA_VALUE, CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_WRAP,
    CKA_WRAP_TEMPLATE, CKA_WRAP_WITH_TRUSTED, CKO_CERTIFICATE, CKO_DATA, CKO_PRIVATE_KEY,
    CKO_PUBLIC_KEY, CKO_SECRET_KEY,
};
use zeroize::Zeroizing;

use super::material::PUBLIC;
use crate::error::Result;
use crate::foreign::ForeignObject;
use crate::token::open::OpenToken;
use crate::token::record_store::is_record;

/// What every object has.
const STORAGE: &[CK_ATTRIBUTE_TYPE] =
    &[CKA_LABEL, CKA_PRIVATE, CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE];
const DATA: &[CK_ATTRIBUTE_TYPE] = &[CKA_APPLICATION, CKA_OBJECT_ID, CKA_VALUE];
const CERTIFICATE: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_CERTIFICATE_TYPE,
    CKA_CERTIFICATE_CATEGORY,
    CKA_ID,
    CKA_SUBJECT,
    CKA_ISSUER,
    CKA_SERIAL_NUMBER,
    CKA_VALUE,
    CKA_URL,
    CKA_HASH_OF_SUBJECT_PUBLIC_KEY,
    CKA_HASH_OF_ISSUER_PUBLIC_KEY,
    CKA_NAME_HASH_ALGORITHM,
    CKA_OWNER,
    CKA_AC_ISSUER,
    CKA_ATTR_TYPES,
    CKA_START_DATE,
    CKA_END_DATE,
];
const KEY: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_KEY_TYPE,
    CKA_ID,
    CKA_SUBJECT,
    CKA_START_DATE,
    CKA_END_DATE,
    CKA_ENCRYPT,
    CKA_DECRYPT,
    CKA_SIGN,
    CKA_SIGN_RECOVER,
    CKA_VERIFY,
    CKA_VERIFY_RECOVER,
    CKA_WRAP,
    CKA_UNWRAP,
    CKA_DERIVE,
    CKA_ALLOWED_MECHANISMS,
];
/// What only private and secret keys have.
const GUARDED: &[CK_ATTRIBUTE_TYPE] =
    &[CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_WRAP_WITH_TRUSTED, CKA_ALWAYS_AUTHENTICATE];

/// Attributes that need not be said when they are false, or true: some tokens do not know them. Of
/// what a key may do everything is said: SoftHSM2 permits more where nothing is.
const FALSE_ANYWAY: &[CK_ATTRIBUTE_TYPE] = &[CKA_WRAP_WITH_TRUSTED, CKA_ALWAYS_AUTHENTICATE];
const TRUE_ANYWAY: &[CK_ATTRIBUTE_TYPE] = &[CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE];

/// What people call them.
macro_rules! named {
    ($($name:ident),+ $(,)?) => { [$(($name, stringify!($name))),+] };
}
const WORDS: [(CK_ATTRIBUTE_TYPE, &str); 38] = named![
    CKA_LABEL,
    CKA_PRIVATE,
    CKA_MODIFIABLE,
    CKA_COPYABLE,
    CKA_DESTROYABLE,
    CKA_APPLICATION,
    CKA_OBJECT_ID,
    CKA_VALUE,
    CKA_CERTIFICATE_TYPE,
    CKA_CERTIFICATE_CATEGORY,
    CKA_ID,
    CKA_SUBJECT,
    CKA_ISSUER,
    CKA_SERIAL_NUMBER,
    CKA_URL,
    CKA_HASH_OF_SUBJECT_PUBLIC_KEY,
    CKA_HASH_OF_ISSUER_PUBLIC_KEY,
    CKA_NAME_HASH_ALGORITHM,
    CKA_OWNER,
    CKA_AC_ISSUER,
    CKA_ATTR_TYPES,
    CKA_START_DATE,
    CKA_END_DATE,
    CKA_KEY_TYPE,
    CKA_ENCRYPT,
    CKA_DECRYPT,
    CKA_SIGN,
    CKA_SIGN_RECOVER,
    CKA_VERIFY,
    CKA_VERIFY_RECOVER,
    CKA_WRAP,
    CKA_UNWRAP,
    CKA_DERIVE,
    CKA_ALLOWED_MECHANISMS,
    CKA_SENSITIVE,
    CKA_EXTRACTABLE,
    CKA_WRAP_WITH_TRUSTED,
    CKA_ALWAYS_AUTHENTICATE,
];

/// The name of an attribute.
pub(super) fn word(name: CK_ATTRIBUTE_TYPE) -> String {
    let known = WORDS.iter().find(|(known, _)| *known == name);
    known.map_or_else(|| format!("{name:#x}"), |(_, word)| (*word).to_owned())
}

/// What a token says of a key itself and takes from nobody.
const OWN_WORDS: [(CK_ATTRIBUTE_TYPE, &str); 3] = [
    (CKA_LOCAL, "CKA_LOCAL"),
    (CKA_ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE"),
    (CKA_NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE"),
];
/// Templates that bind what a key wraps, unwraps or derives.
const BINDING: [(CK_ATTRIBUTE_TYPE, &str); 3] = [
    (CKA_WRAP_TEMPLATE, "CKA_WRAP_TEMPLATE"),
    (CKA_UNWRAP_TEMPLATE, "CKA_UNWRAP_TEMPLATE"),
    (CKA_DERIVE_TEMPLATE, "CKA_DERIVE_TEMPLATE"),
];

/// The order in which objects go over: what everybody may read first, so that an interruption
/// leaves no private key whose certificate is missing.
const ORDER: [CK_ULONG; 5] =
    [CKO_DATA, CKO_CERTIFICATE, CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_SECRET_KEY];

/// What stands between a key and another token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// It is no private or secret key: everything is shown.
    Shown,
    /// The token would show its value to who asks, and wrap it.
    Readable,
    /// It leaves the token wrapped only.
    Wrappable,
    /// It does not leave the token, and why.
    Bound(String),
}

/// An object of the source.
pub(super) struct Found {
    pub handle: ObjectHandle,
    /// What it shows of itself that another token takes; of a guarded key nothing that is secret.
    pub object: ForeignObject,
    /// CKA_CHECK_VALUE of a secret key.
    pub check_value: Option<Zeroizing<Vec<u8>>>,
    pub guard: Guard,
}

impl Found {
    /// Whether it is of a class whose objects any token may hold.
    pub(super) fn is_for_any_token(&self) -> bool {
        self.object.class().is_some_and(|class| ORDER.contains(&class))
    }
}

/// The objects that stay in a token, in the order in which they go over.
pub(super) fn read(token: &OpenToken) -> Result<Vec<Found>> {
    let handles = token.find(&[Attribute::Token(true)])?;
    let mut found: Vec<Found> = handles.into_iter().map(|handle| read_one(token, handle)).collect();
    found.sort_by_key(|found| ORDER.iter().position(|class| Some(*class) == found.object.class()));
    Ok(found)
}

/// An attribute, unless the object has none or does not show it.
pub(super) fn value(
    token: &OpenToken,
    object: ObjectHandle,
    name: CK_ATTRIBUTE_TYPE,
) -> Option<Zeroizing<Vec<u8>>> {
    token.module().raw().attribute(token.session(), object, name).ok()
}

/// What a public key shows that tells it from others.
pub(super) fn public_part(token: &OpenToken, handle: ObjectHandle) -> ForeignObject {
    let mut object = ForeignObject::new(CKO_PUBLIC_KEY);
    for name in [CKA_KEY_TYPE].into_iter().chain(PUBLIC).chain([CKA_VALUE]) {
        add(&mut object, name, value(token, handle, name));
    }
    object
}

/// An object, as its token shows it.
pub(super) fn read_one(token: &OpenToken, handle: ObjectHandle) -> Found {
    let of = |name| value(token, handle, name);
    let is = |name| of(name).is_some_and(|value| value.as_slice() == [1]);
    let class = of(CKA_CLASS).and_then(|value| value.as_slice().try_into().ok());
    let class = class.map(CK_ULONG::from_ne_bytes).unwrap_or(CK_ULONG::MAX);
    let mut object = ForeignObject::new(class);
    for name in STORAGE.iter().chain(names(class)) {
        add(&mut object, *name, of(*name));
    }
    if class == CKO_PUBLIC_KEY || class == CKO_PRIVATE_KEY {
        for name in PUBLIC {
            // The point of a private key is no attribute that it could be created with.
            if class == CKO_PUBLIC_KEY || name != cryptoki_sys::CKA_EC_POINT {
                add(&mut object, name, of(name));
            }
        }
    }
    if class == CKO_PUBLIC_KEY {
        add(&mut object, CKA_VALUE, of(CKA_VALUE));
    }
    let guarded = class == CKO_PRIVATE_KEY || class == CKO_SECRET_KEY;
    for name in GUARDED.iter().filter(|_| guarded) {
        add(&mut object, *name, of(*name));
    }
    let own: Vec<_> =
        OWN_WORDS.iter().filter(|(name, _)| is(*name)).map(|(_, word)| *word).collect();
    if !own.is_empty() {
        object.losses.push(format!("{}: only the token that made a key says so", own.join(", ")));
    }
    if is(CKA_TRUSTED) {
        object
            .losses
            .push("CKA_TRUSTED: only the new token's security officer can say so".to_owned());
    }
    object.obstacle = obstacle(&object, of);
    let check_value = (class == CKO_SECRET_KEY).then(|| of(CKA_CHECK_VALUE)).flatten();
    let guard = if guarded { guard(&object) } else { Guard::Shown };
    Found { handle, object, check_value: check_value.filter(|value| !value.is_empty()), guard }
}

fn names(class: CK_ULONG) -> &'static [CK_ATTRIBUTE_TYPE] {
    match class {
        CKO_DATA => DATA,
        CKO_CERTIFICATE => CERTIFICATE,
        _ => KEY,
    }
}

fn add(object: &mut ForeignObject, name: CK_ATTRIBUTE_TYPE, value: Option<Zeroizing<Vec<u8>>>) {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return };
    let is_default = match value.as_slice() {
        [0] => FALSE_ANYWAY.contains(&name),
        [1] => TRUE_ANYWAY.contains(&name),
        // CK_CERTIFICATE_CATEGORY_UNSPECIFIED
        number => name == CKA_CERTIFICATE_CATEGORY && number.iter().all(|byte| *byte == 0),
    };
    if !is_default {
        object.bytes(name, &value);
    }
}

fn obstacle(
    object: &ForeignObject,
    of: impl Fn(CK_ATTRIBUTE_TYPE) -> Option<Zeroizing<Vec<u8>>>,
) -> Option<String> {
    match object.class() {
        Some(CKO_DATA) if object.get(CKA_APPLICATION).is_some_and(is_record) => Some(
            "a record of keyway is sealed for its own token; make the key anew: keyway key create"
                .to_owned(),
        ),
        Some(class) if ORDER.contains(&class) => BINDING
            .iter()
            .find(|(name, _)| of(*name).is_some_and(|value| !value.is_empty()))
            .map(|(_, word)| {
                format!("its {word} limits what it wraps or derives, which would be lost; make a new key")
            }),
        Some(class) => Some(format!("objects of class {class:#x} belong to their token")),
        None => Some("the source shows no CKA_CLASS".to_owned()),
    }
}

fn guard(object: &ForeignObject) -> Guard {
    let says = |name, word: bool| object.get(name) == Some(&[u8::from(word)][..]);
    if !says(CKA_EXTRACTABLE, true) {
        return Guard::Bound(
            "CKA_EXTRACTABLE is false: the source never lets it out; make a new key, or move it with \
             the tools of the source's maker"
                .to_owned(),
        );
    }
    match (says(CKA_SENSITIVE, false), says(CKA_WRAP_WITH_TRUSTED, true)) {
        (true, _) => Guard::Readable,
        (false, false) => Guard::Wrappable,
        (false, true) => Guard::Bound(
            "CKA_WRAP_WITH_TRUSTED: the source wraps it only for keys that its security officer \
             trusts; make a new key, or have him wrap it for one of the target's"
                .to_owned(),
        ),
    }
}
