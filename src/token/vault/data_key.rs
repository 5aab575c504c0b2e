//! Data keys: made in the token, wrapped by an RSA key, gone with the session.

use cryptoki::error::RvError;
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};

use super::cipher::{damaged, is_refused_ciphertext};
use super::template::session_object;
use crate::domain::envelope::OaepHash;
use crate::domain::key::KeyId;
use crate::error::Result;
use crate::token::error::code;
use crate::token::open::OpenToken;
use cryptoki_sys::CK_ULONG;

/// Bytes of a data key.
const LENGTH: CK_ULONG = 32;

/// Makes a data key and wraps it.
pub(super) fn make(token: &OpenToken, id: KeyId, wrap_with: KeyId) -> Result<(OaepHash, Vec<u8>)> {
    let wrapping = token.only_key(&[ObjectClass::PUBLIC_KEY], wrap_with)?;
    let mut template = session_object(id).to_vec();
    template.extend([
        Attribute::ValueLen(LENGTH.into()),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        // It leaves the token once, under the RSA key.
        Attribute::Extractable(true),
        Attribute::Encrypt(true),
        Attribute::Decrypt(false),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
    ]);
    let key = token
        .session()
        .generate_key(&Mechanism::AesKeyGen, &template)
        .map_err(|error| token.failed("cannot make a data key", error))?;
    wrap(token, wrapping, key).map_err(|error| token.failed("cannot wrap the data key", error))
}

/// Wraps a key with RSA-OAEP, with the best hash that the token has.
pub(super) fn wrap(
    token: &OpenToken,
    wrapping: ObjectHandle,
    key: ObjectHandle,
) -> cryptoki::error::Result<(OaepHash, Vec<u8>)> {
    let attempt = |hash| token.session().wrap_key(&oaep(hash, &[]), wrapping, key);
    match attempt(OaepHash::Sha256) {
        Ok(wrapped) => Ok((OaepHash::Sha256, wrapped)),
        Err(error) if lacks_hash(&error) => {
            attempt(OaepHash::Sha1).map(|wrapped| (OaepHash::Sha1, wrapped))
        }
        Err(error) => Err(error),
    }
}

/// What tokens answer that know OAEP with SHA-1 only. SoftHSM2 says ARGUMENTS_BAD.
pub(super) fn lacks_hash(error: &cryptoki::error::Error) -> bool {
    matches!(
        code(error),
        Some(RvError::ArgumentsBad | RvError::MechanismParamInvalid | RvError::MechanismInvalid)
    )
}

/// Unwraps a data key for this session.
pub(super) fn open(
    token: &OpenToken,
    id: KeyId,
    unwrap_with: KeyId,
    hash: OaepHash,
    wrapped: &[u8],
) -> Result<()> {
    let unwrapping = token.only_key(&[ObjectClass::PRIVATE_KEY], unwrap_with)?;
    let mut template = session_object(id).to_vec();
    template.extend([
        Attribute::KeyType(KeyType::AES),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(false),
        Attribute::Decrypt(true),
    ]);
    match token.session().unwrap_key(&oaep(hash, &[]), unwrapping, wrapped, &template) {
        Ok(_) => Ok(()),
        Err(error) if is_refused_ciphertext(&error) => Err(damaged()),
        Err(error) => Err(token.failed("cannot unwrap the data key", error)),
    }
}

pub(super) fn oaep(hash: OaepHash, label: &[u8]) -> Mechanism<'_> {
    let (digest, mask) = match hash {
        OaepHash::Sha1 => (MechanismType::SHA1, PkcsMgfType::MGF1_SHA1),
        OaepHash::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
    };
    let label = match label {
        [] => PkcsOaepSource::empty(),
        label => PkcsOaepSource::data_specified(label),
    };
    Mechanism::RsaPkcsOaep(PkcsOaepParams::new(digest, mask, label))
}
