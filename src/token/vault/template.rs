//! What a key object may do, from what the key is for.

use cryptoki::object::{Attribute, ObjectClass};

use crate::domain::key::{KeyId, Usage};
use crate::port::KeySpec;

/// The classes of objects that a key version can have.
pub(super) const KEY_CLASSES: [ObjectClass; 3] =
    [ObjectClass::SECRET_KEY, ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY];

/// The classes that hold what has to be kept.
pub(super) const PROTECTED_CLASSES: [ObjectClass; 2] =
    [ObjectClass::SECRET_KEY, ObjectClass::PRIVATE_KEY];

/// A token object under the key's name.
fn stored(spec: &KeySpec) -> Vec<Attribute> {
    vec![
        Attribute::Token(true),
        Attribute::Label(spec.name.as_str().as_bytes().to_vec()),
        Attribute::Id(spec.id.as_bytes().to_vec()),
    ]
}

/// Never readable, only after a login.
pub(super) fn guarded() -> [Attribute; 3] {
    [Attribute::Private(true), Attribute::Sensitive(true), Attribute::Extractable(false)]
}

/// Never readable, and wrapped only with a key that the security officer trusts: nobody who has
/// just the PIN can have it for a key of his own.
fn guarded_but_shared() -> [Attribute; 4] {
    [
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(true),
        Attribute::WrapWithTrusted(true),
    ]
}

/// A secret key of the token, with every usage flag said.
pub(super) fn secret_key(spec: &KeySpec) -> Vec<Attribute> {
    let (encrypts, wraps) = (spec.usage == Usage::Encrypt, spec.usage == Usage::Wrap);
    let authenticates = spec.usage == Usage::Mac;
    let mut template = stored(spec);
    match spec.shareable {
        false => template.extend(guarded()),
        true => template.extend(guarded_but_shared()),
    }
    template.extend([
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Encrypt(encrypts),
        Attribute::Decrypt(encrypts),
        Attribute::Wrap(wraps),
        Attribute::Unwrap(wraps),
        Attribute::Sign(authenticates),
        Attribute::Verify(authenticates),
        Attribute::Derive(false),
    ]);
    template
}

/// The private half. One that encrypts may unwrap, too: the data key of `rsa-oaep`.
pub(super) fn private_key(spec: &KeySpec) -> Vec<Attribute> {
    let mut template = stored(spec);
    template.extend(guarded());
    template.extend([
        Attribute::Sign(spec.usage == Usage::Sign),
        Attribute::Decrypt(spec.usage == Usage::Encrypt),
        Attribute::Unwrap(matches!(spec.usage, Usage::Encrypt | Usage::Wrap)),
        Attribute::Derive(spec.usage == Usage::Agree),
    ]);
    template
}

/// The public half: readable without a login, so that everybody can verify and encrypt to it.
pub(super) fn public_key(spec: &KeySpec) -> Vec<Attribute> {
    let mut template = stored(spec);
    template.extend([
        Attribute::Private(false),
        Attribute::Verify(spec.usage == Usage::Sign),
        Attribute::Encrypt(spec.usage == Usage::Encrypt),
        Attribute::Wrap(matches!(spec.usage, Usage::Encrypt | Usage::Wrap)),
    ]);
    template
}

/// An object of this session only: gone when the session ends.
pub(super) fn session_object(id: KeyId) -> [Attribute; 3] {
    [
        Attribute::Token(false),
        Attribute::Id(id.as_bytes().to_vec()),
        Attribute::Class(ObjectClass::SECRET_KEY),
    ]
}
