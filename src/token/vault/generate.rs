//! Generating keys and pairs in the token.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType};
use cryptoki_sys::CKM_EC_MONTGOMERY_KEY_PAIR_GEN;
use der::asn1::ObjectIdentifier;

use super::diffie_hellman::{curve_mechanism, curve_parameters};
use super::template::{private_key, public_key, secret_key};
use crate::domain::key::Material;
use crate::domain::public_key::{ED25519, SECP256R1, SECP384R1, SECP521R1, X25519};
use crate::error::{Kind, Result};
use crate::port::KeySpec;
use crate::token::error::raw_error;
use crate::token::open::OpenToken;

/// 65537, the public exponent of every RSA key.
pub(super) const EXPONENT: [u8; 3] = [1, 0, 1];

pub(super) fn generate(token: &OpenToken, spec: &KeySpec) -> Result<()> {
    match spec.algorithm.material() {
        Material::Aes { bytes } => generate_aes(token, spec, bytes),
        Material::Rsa { bits } => generate_rsa(token, spec, bits),
        Material::P256 => generate_ec(token, spec, &Mechanism::EccKeyPairGen, SECP256R1),
        Material::P384 => generate_ec(token, spec, &Mechanism::EccKeyPairGen, SECP384R1),
        Material::P521 => generate_ec(token, spec, &Mechanism::EccKeyPairGen, SECP521R1),
        Material::X25519 => generate_x25519(token, spec),
        Material::Hmac { bytes } => generate_hmac(token, spec, bytes),
        Material::Ed25519 => generate_ec(token, spec, &Mechanism::EccEdwardsKeyPairGen, ED25519),
    }
}

fn generate_aes(token: &OpenToken, spec: &KeySpec, bytes: usize) -> Result<()> {
    let mut template = secret_key(spec);
    template.push(Attribute::ValueLen(ulong(bytes)?));
    token
        .session()
        .generate_key(&Mechanism::AesKeyGen, &template)
        .map_err(|error| token.failed(&what(spec), error))?;
    Ok(())
}

/// A generic secret: every token computes every HMAC with one.
fn generate_hmac(token: &OpenToken, spec: &KeySpec, bytes: usize) -> Result<()> {
    let mut template = secret_key(spec);
    template.push(Attribute::KeyType(KeyType::GENERIC_SECRET));
    template.push(Attribute::ValueLen(ulong(bytes)?));
    token
        .session()
        .generate_key(&Mechanism::GenericSecretKeyGen, &template)
        .map_err(|error| token.failed(&what(spec), error))?;
    Ok(())
}

/// Past cryptoki, which has no mechanism for every way in which tokens make them.
fn generate_x25519(token: &OpenToken, spec: &KeySpec) -> Result<()> {
    let mechanism = curve_mechanism(token, X25519).ok_or_else(|| {
        Kind::Unsupported
            .because(format!("{}: the token makes no X25519 pairs", what(spec)))
            .advise("use another token or algorithm")
    })?;
    let mut public = public_key(spec);
    public.push(curve_parameters(X25519)?);
    if mechanism == CKM_EC_MONTGOMERY_KEY_PAIR_GEN {
        public.push(Attribute::KeyType(KeyType::EC_MONTGOMERY));
    }
    token
        .module()
        .raw()
        .generate_pair(token.session(), mechanism, &public, &private_key(spec))
        .map_err(|code| raw_error(&what(spec), code))
}

fn generate_rsa(token: &OpenToken, spec: &KeySpec, bits: usize) -> Result<()> {
    let mut public = public_key(spec);
    public.push(Attribute::ModulusBits(ulong(bits)?));
    public.push(Attribute::PublicExponent(EXPONENT.to_vec()));
    generate_pair(token, spec, &Mechanism::RsaPkcsKeyPairGen, &public)
}

fn generate_ec(
    token: &OpenToken,
    spec: &KeySpec,
    mechanism: &Mechanism<'_>,
    curve: ObjectIdentifier,
) -> Result<()> {
    let mut public = public_key(spec);
    public.push(curve_parameters(curve)?);
    if matches!(mechanism, Mechanism::EccEdwardsKeyPairGen) {
        public.push(Attribute::KeyType(KeyType::EC_EDWARDS));
    }
    generate_pair(token, spec, mechanism, &public)
}

fn generate_pair(
    token: &OpenToken,
    spec: &KeySpec,
    mechanism: &Mechanism<'_>,
    public: &[Attribute],
) -> Result<()> {
    token
        .session()
        .generate_key_pair(mechanism, public, &private_key(spec))
        .map_err(|error| token.failed(&what(spec), error))?;
    Ok(())
}

fn what(spec: &KeySpec) -> String {
    format!("cannot generate key {} ({})", spec.name, spec.algorithm)
}

pub(super) fn ulong(number: usize) -> Result<cryptoki::types::Ulong> {
    number.try_into().map_err(|_| Kind::Internal.because(format!("{number} is no CK_ULONG")))
}
