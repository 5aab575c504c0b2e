//! The labels of destroyed objects, which the token's log keeps: what was done with a key can be
//! asked for by its name when the key is gone.

use super::keys::Keys;
use crate::attribute::{AttributeType, Attributes};
use crate::backend::ObjectId;
use crate::engine::random;
use crate::error::Result;
use crate::ffi::awslc::sealing::{self, KEY, NONCE};
use crate::secret::Secret;
use crate::store::detail::Name;

/// Begins what a sealed name authenticates.
const DOMAIN: &[u8] = b"KWYE\x01";
/// As many bytes of a label are kept.
const LENGTH: usize = 255;

/// The label of an object for the log, sealed where the object is private; `None` for an empty one,
/// and for a private one without the user's keys.
///
/// # Errors
/// DeviceError if the engine has no entropy.
pub(super) fn of(
    keys: Option<&Keys>,
    id: ObjectId,
    attributes: &Attributes,
) -> Result<Option<Name>> {
    let label = attributes.bytes(AttributeType::LABEL).unwrap_or_default();
    let label = &label[..label.len().min(LENGTH)];
    match keys {
        _ if label.is_empty() => Ok(None),
        _ if !attributes.is_true(AttributeType::PRIVATE) => Ok(Some(Name::Clear(label.to_vec()))),
        None => Ok(None),
        Some(keys) => {
            let Some(key) = key(keys, id)? else { return Ok(None) };
            let mut nonce = [0; NONCE];
            random::fill(&mut nonce)?;
            let mut sealed = nonce.to_vec();
            sealing::gcm_seal(&key, &nonce, &aad(id), label, &mut sealed)?;
            Ok(Some(Name::Sealed(sealed)))
        }
    }
}

/// Undoes [`of`]; `None` for what these keys did not seal.
pub(super) fn read(keys: &Keys, id: ObjectId, name: &Name) -> Option<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match name {
        Name::Clear(label) => Some(text(label)),
        Name::Sealed(sealed) => {
            let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
            let key = key(keys, id).ok()??;
            let label = sealing::gcm_open(&key, nonce, &aad(id), sealed).ok()??;
            Some(text(label.expose()))
        }
    }
}

/// A key for the name of this object alone.
fn key(keys: &Keys, id: ObjectId) -> Result<Option<Secret>> {
    let Some(private) = &keys.private else { return Ok(None) };
    let derive = |out: &mut [u8]| {
        sealing::hkdf_sha256(private.seal.expose(), b"keyway event name", &id.0, out)
    };
    Secret::wiped_on_fork(KEY, derive).map(Some)
}

fn aad(id: ObjectId) -> Vec<u8> {
    [DOMAIN, &id.0].concat()
}
