//! The way of a key from outside into the token: wrapped for an ephemeral pair of the token, so that
//! the call that brings it carries no plain key.

use aes_kw::{KeyInit, KwpAes256};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki_sys::{
    CK_ATTRIBUTE_TYPE, CKA_COEFFICIENT, CKA_EC_PARAMS, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_MODULUS,
    CKA_PRIME_1, CKA_PRIME_2, CKA_PRIVATE_EXPONENT, CKA_PUBLIC_EXPONENT, CKA_VALUE,
    CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD,
};
use p256::ecdh::diffie_hellman;
use p256::elliptic_curve::sec1::ToSec1Point;
use zeroize::Zeroizing;

use super::TokenVault;
use super::diffie_hellman::{base_key, derive, derive_from_base};
use super::encapsulation::{forget, generate};
use super::public::ec_point;
use super::template::{guarded, session_object};
use crate::domain::hash::sha256;
use crate::domain::key::{Algorithm, KeyId};
use crate::error::{Kind, Result};
use crate::foreign::ForeignObject;
use crate::port::Vault;
use crate::token::error::raw_error;
use crate::token::raw::Wrapping;

/// Bytes of an uncompressed point on P-256.
const POINT: usize = 65;
/// Stands before what the wrapping key is derived from.
const LABEL: &[u8] = b"keyway import v1\0";
/// What holds the key itself and comes from what is wrapped.
const MATERIAL: [CK_ATTRIBUTE_TYPE; 10] = [
    CKA_VALUE,
    CKA_MODULUS,
    CKA_PUBLIC_EXPONENT,
    CKA_PRIVATE_EXPONENT,
    CKA_PRIME_1,
    CKA_PRIME_2,
    CKA_EXPONENT_1,
    CKA_EXPONENT_2,
    CKA_COEFFICIENT,
    CKA_EC_PARAMS,
];

/// Makes an object of the token from a key that is here, wrapped on the way: AES-256 with RFC 5649
/// under a key that an ephemeral pair of the token and one of ours agree on. All but what comes from
/// the key itself is as `object` says.
///
/// # Errors
/// The token lacks a part of it, or does not unwrap such a key.
pub(super) fn unwrap_into(
    vault: &TokenVault<'_>,
    object: &ForeignObject,
    plain: &[u8],
) -> Result<()> {
    let token = vault.token;
    let mechanism = [CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD];
    let mechanism = mechanism.into_iter().find(|mechanism| token.has(*mechanism));
    let mechanism = mechanism.ok_or_else(|| {
        Kind::Unsupported.because("the token has no AES key wrap with padding (RFC 5649)")
    })?;
    let own = vault.new_id()?;
    generate(token, own, Algorithm::EcP256)?;
    let agreed = agree(vault, own);
    let gone = forget(token, own);
    let Agreed { there, here } = agreed?;
    let template: Vec<_> =
        object.attributes().filter(|(name, _)| !MATERIAL.contains(name)).collect();
    let brought = wrapped(&here, plain).and_then(|wrapped| {
        token
            .module()
            .raw()
            .unwrap(token.session(), Wrapping::Bare(mechanism), there, &wrapped, &template)
            .map_err(|code| raw_error("cannot unwrap the key", code))
    });
    // A key that is in the token is not brought a second time: what cannot be forgotten goes with
    // the session.
    let _ = gone.and(token.destroy(there));
    brought.map(|_| ())
}

/// One wrapping key, there and here.
struct Agreed {
    there: ObjectHandle,
    here: Zeroizing<[u8; 32]>,
}

fn agree(vault: &TokenVault<'_>, own: KeyId) -> Result<Agreed> {
    let token = vault.token;
    let public = token.only_key(&[ObjectClass::PUBLIC_KEY], own)?;
    let theirs = ec_point(token, public, POINT)?;
    let secret = ephemeral(vault)?;
    let ours = secret.public_key().to_sec1_point(false);
    let data = sha256(&[LABEL, &theirs, ours.as_bytes()]);
    let theirs = p256::PublicKey::from_sec1_bytes(&theirs).map_err(|error| {
        Kind::Token.because("the token's ephemeral point is not on P-256").caused_by(error)
    })?;
    let shared = diffie_hellman(secret.to_nonzero_scalar(), theirs.as_affine());
    let here = derived(shared.raw_secret_bytes(), data)?;
    let mut template = session_object(vault.new_id()?).to_vec();
    template.extend(guarded());
    template.extend([
        Attribute::KeyType(KeyType::AES),
        Attribute::Unwrap(true),
        Attribute::Wrap(false),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
        Attribute::Derive(false),
    ]);
    let private = token.only_key(&[ObjectClass::PRIVATE_KEY], own)?;
    let base = derive(token, private, ours.as_bytes(), &base_key(vault.new_id()?))?;
    let there = derive_from_base(token, base, &data, template);
    token.destroy(base)?;
    Ok(Agreed { there: there?, here })
}

/// Our half of the agreement, from the token's generator.
fn ephemeral(vault: &TokenVault<'_>) -> Result<p256::SecretKey> {
    loop {
        let bytes = Zeroizing::new(vault.random(32)?);
        // All but one of 2^32 are below the order of the group.
        if let Ok(secret) = p256::SecretKey::from_slice(&bytes) {
            return Ok(secret);
        }
    }
}

/// What CKM_AES_CBC_ENCRYPT_DATA derives: AES-256-CBC of the data with IV 0.
fn derived(base: &[u8], data: [u8; 32]) -> Result<Zeroizing<[u8; 32]>> {
    let wrong = || Kind::Internal.because("a wrapping key of wrong length");
    let cipher = cbc::Encryptor::<aes::Aes256>::new_from_slices(base, &[0; 16]);
    let cipher = cipher.map_err(|_| wrong())?;
    let mut key = Zeroizing::new(data);
    cipher.encrypt_padded::<NoPadding>(&mut *key, data.len()).map_err(|_| wrong())?;
    Ok(key)
}

/// RFC 5649.
fn wrapped(key: &[u8; 32], plain: &[u8]) -> Result<Vec<u8>> {
    let wrong = || Kind::Internal.because("cannot wrap the key for its way into the token");
    let cipher = KwpAes256::new_from_slice(key).map_err(|_| wrong())?;
    let mut room = vec![0; plain.len().next_multiple_of(8) + 8];
    cipher.wrap_key(plain, &mut room).map(<[u8]>::to_vec).map_err(|_| wrong())
}
