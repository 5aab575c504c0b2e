//! Wrapping any key under an RSA or EC key (specification sections "RSA AES KEY WRAP" and "ECDH AES
//! KEY WRAP" to "ECDH Montgomery AES KEY WRAP"): the key under a temporary AES key with RFC 5649, and
//! in front of it what leads to that AES key.

use std::sync::Arc;

use crate::engine::agreement;
use crate::engine::curve::encode_point;
use crate::engine::secret::SecretKey;
use crate::engine::wrap::{self, Form};
use crate::engine::{Lease, Material, ec, montgomery, random, rsa_crypt};
use crate::error::{Code, Error, Result};
use crate::mechanism::Params;
use crate::mechanism::params::ec::EcKdf;
use crate::mechanism::params::hybrid::{EcdhAesWrap, RsaAesWrap};
use crate::secret::Secret;

/// CKM_RSA_AES_KEY_WRAP: the AES key under OAEP, then the wrapped key.
///
/// # Errors
/// KeyTypeInconsistent for another key than the public half of an RSA key; KeySizeRange for an RSA
/// key too short for the hash.
pub fn rsa_wrap(key: &Lease, params: &Params<'_>, encoding: &[u8]) -> Result<Vec<u8>> {
    let params = rsa_params(params)?;
    let aes = random::secret(params.size)?;
    let mut wrapped = rsa_crypt::wrap(key, &params.oaep(), aes.expose())?;
    wrapped.extend(kwp_wrap(aes, encoding)?);
    Ok(wrapped)
}

/// # Errors
/// KeyTypeInconsistent for another key than the private half of an RSA key; WrappedKeyLenRange,
/// WrappedKeyInvalid, which is all that a changed wrapping tells.
pub fn rsa_unwrap(key: &Lease, params: &Params<'_>, wrapped: &[u8]) -> Result<Secret> {
    let params = rsa_params(params)?;
    let size = rsa_crypt::modulus_size(key)?;
    let (front, rest) = split(wrapped, size)?;
    let aes = rsa_crypt::unwrap(key, &params.oaep(), front)?;
    match aes.len() == params.size {
        true => kwp_unwrap(aes, rest),
        false => Err(Code::WrappedKeyInvalid.because("the temporary key has another length")),
    }
}

/// CKM_ECDH_AES_KEY_WRAP, CKM_ECDH_COF_AES_KEY_WRAP and CKM_ECDH_X_AES_KEY_WRAP: the public half of
/// a pair made for this one key, then the wrapped key. The cofactor of every curve here that has a
/// mechanism with it is 1.
///
/// # Errors
/// KeyTypeInconsistent for another key than the public half of an EC or Montgomery key; KeySizeRange
/// for a curve too small for the AES key.
pub fn ecdh_wrap(key: &Lease, params: &Params<'_>, encoding: &[u8]) -> Result<Vec<u8>> {
    let params = ecdh_params(params)?;
    let (point, shared) = match **key {
        Material::Montgomery(_) => montgomery::transport(key)?,
        _ => ec::transport(key).and_then(|(point, shared)| Ok((encode_point(&point)?, shared)))?,
    };
    let wrapped = kwp_wrap(temporary(params, shared)?, encoding)?;
    Ok([point, wrapped].concat())
}

/// The point may also stand there bare, as older programs put it for CKM_ECDH_AES_KEY_WRAP: what
/// follows it is whole semiblocks, so that its length tells.
///
/// # Errors
/// KeyTypeInconsistent for another key than the private half of an EC or Montgomery key;
/// WrappedKeyLenRange, WrappedKeyInvalid.
pub fn ecdh_unwrap(key: &Lease, params: &Params<'_>, wrapped: &[u8]) -> Result<Secret> {
    let params = ecdh_params(params)?;
    let (shared, rest) = match **key {
        Material::Montgomery(_) => {
            let (point, rest) = split(wrapped, montgomery::POINT)?;
            (montgomery::shared(key, point), rest)
        }
        _ => {
            let bare = ec::point_size(key)?;
            let encoded = encode_point(&vec![0; bare])?.len();
            let fits = |size: &usize| {
                wrapped.len() > *size && (wrapped.len() - size).is_multiple_of(wrap::SEMIBLOCK)
            };
            let size = [encoded, bare].into_iter().find(fits).unwrap_or(encoded);
            let (point, rest) = split(wrapped, size)?;
            (ec::shared(key, point), rest)
        }
    };
    let shared = shared.map_err(|error| match error.code() {
        Code::MechanismParamInvalid => error.with_code(Code::WrappedKeyInvalid),
        _ => error,
    })?;
    kwp_unwrap(temporary(params, shared)?, rest)
}

/// "gets the first ulAESKeyBits bits of the derived key to be the temporary AES key".
fn temporary(params: &EcdhAesWrap<'_>, shared: Secret) -> Result<Secret> {
    if !matches!(params.kdf, EcKdf::Null) {
        return agreement::finish(&params.kdf, shared, Some(params.size));
    }
    match shared.expose().get(..params.size) {
        Some(first) => Ok(Secret::copy_of(first)),
        None => Err(Code::KeySizeRange.because(format!(
            "{} bytes of shared secret for an AES key of {}",
            shared.len(),
            params.size
        ))),
    }
}

fn split(wrapped: &[u8], at: usize) -> Result<(&[u8], &[u8])> {
    wrapped.split_at_checked(at).ok_or_else(|| {
        Code::WrappedKeyLenRange.because(format!("{} bytes are nothing wrapped", wrapped.len()))
    })
}

fn kwp_wrap(aes: Secret, encoding: &[u8]) -> Result<Vec<u8>> {
    wrap::wrap(Form::Kwp, &lease(aes), &Params::None, encoding)
}

fn kwp_unwrap(aes: Secret, wrapped: &[u8]) -> Result<Secret> {
    wrap::unwrap(Form::Kwp, &lease(aes), &Params::None, wrapped)
}

fn lease(aes: Secret) -> Lease {
    Lease::new(Arc::new(Material::Secret(SecretKey::new(Arc::new(aes)))))
}

fn rsa_params<'a, 'b>(params: &'b Params<'a>) -> Result<&'b RsaAesWrap<'a>> {
    match params {
        Params::RsaAesWrap(params) => Ok(params),
        _ => Err(needs("CK_RSA_AES_KEY_WRAP_PARAMS")),
    }
}

fn ecdh_params<'a, 'b>(params: &'b Params<'a>) -> Result<&'b EcdhAesWrap<'a>> {
    match params {
        Params::EcdhAesWrap(params) => Ok(params),
        _ => Err(needs("CK_ECDH_AES_KEY_WRAP_PARAMS")),
    }
}

fn needs(structure: &str) -> Error {
    Code::MechanismParamInvalid.because(format!("{structure} is needed"))
}
