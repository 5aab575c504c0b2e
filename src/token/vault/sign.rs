//! Signing and verifying in the token.

use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::ObjectClass;
use cryptoki_sys::CK_ULONG;

use crate::domain::hash::{sha256, sha384, sha512};
use crate::domain::key::KeyId;
use crate::domain::signature::{SignatureScheme, ecdsa_from_der, ecdsa_to_der};
use crate::error::{Kind, Result};
use crate::token::error::is_bad_signature;
use crate::token::open::OpenToken;

/// Bytes of PSS salt: as many as the hash has.
const PSS_SALT: CK_ULONG = 32;

pub(super) fn sign(
    token: &OpenToken,
    id: KeyId,
    scheme: SignatureScheme,
    message: &[u8],
) -> Result<Vec<u8>> {
    let key = token.only_key(&[class(scheme, ObjectClass::PRIVATE_KEY)], id)?;
    let signature = token
        .session()
        .sign(&mechanism(scheme), key, &to_be_signed(scheme, message))
        .map_err(|error| token.failed("cannot sign", error))?;
    match half(scheme) {
        Some(_) => ecdsa_to_der(&signature),
        None => Ok(signature),
    }
}

pub(super) fn verify(
    token: &OpenToken,
    id: KeyId,
    scheme: SignatureScheme,
    message: &[u8],
    signature: &[u8],
) -> Result<bool> {
    let key = token.only_key(&[class(scheme, ObjectClass::PUBLIC_KEY)], id)?;
    let signature = match half(scheme).map(|half| ecdsa_from_der(signature, half)) {
        None => signature.to_vec(),
        Some(Ok(raw)) => raw,
        Some(Err(error)) if error.kind() == Kind::NotAuthentic => return Ok(false),
        Some(Err(error)) => return Err(error),
    };
    let data = to_be_signed(scheme, message);
    match token.session().verify(&mechanism(scheme), key, &data, &signature) {
        Ok(()) => Ok(true),
        Err(error) if is_bad_signature(&error) => Ok(false),
        Err(error) => Err(token.failed("cannot verify", error)),
    }
}

/// Which object works: one half of a pair, or the one secret key.
fn class(scheme: SignatureScheme, half: ObjectClass) -> ObjectClass {
    match scheme.is_mac() {
        true => ObjectClass::SECRET_KEY,
        false => half,
    }
}

/// ECDSA is given the digest: not every token hashes for it.
fn to_be_signed(scheme: SignatureScheme, message: &[u8]) -> Vec<u8> {
    match scheme {
        SignatureScheme::EcdsaP256 => sha256(&[message]).to_vec(),
        SignatureScheme::EcdsaP384 => sha384(message).to_vec(),
        SignatureScheme::EcdsaP521 => sha512(message).to_vec(),
        _ => message.to_vec(),
    }
}

/// Bytes of r and of s, for ECDSA.
fn half(scheme: SignatureScheme) -> Option<usize> {
    match scheme {
        SignatureScheme::EcdsaP256 => Some(32),
        SignatureScheme::EcdsaP384 => Some(48),
        SignatureScheme::EcdsaP521 => Some(66),
        _ => None,
    }
}

fn mechanism(scheme: SignatureScheme) -> Mechanism<'static> {
    match scheme {
        SignatureScheme::RsaPss => Mechanism::Sha256RsaPkcsPss(PkcsPssParams {
            hash_alg: MechanismType::SHA256,
            mgf: PkcsMgfType::MGF1_SHA256,
            s_len: PSS_SALT.into(),
        }),
        SignatureScheme::RsaPkcs1 => Mechanism::Sha256RsaPkcs,
        SignatureScheme::EcdsaP256 | SignatureScheme::EcdsaP384 | SignatureScheme::EcdsaP521 => {
            Mechanism::Ecdsa
        }
        SignatureScheme::Ed25519 => {
            Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519))
        }
        SignatureScheme::HmacSha256 => Mechanism::Sha256Hmac,
        SignatureScheme::HmacSha384 => Mechanism::Sha384Hmac,
        SignatureScheme::HmacSha512 => Mechanism::Sha512Hmac,
    }
}
