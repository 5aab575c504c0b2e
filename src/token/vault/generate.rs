//! Generating keys and pairs in the token.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType};
use der::Encode;
use der::asn1::ObjectIdentifier;

use super::template::{private_key, public_key, secret_key};
use crate::domain::key::Material;
use crate::domain::public_key::{ED25519, SECP256R1, SECP384R1};
use crate::error::{Kind, Result};
use crate::port::KeySpec;
use crate::token::open::OpenToken;

/// 65537, the public exponent of every RSA key.
const EXPONENT: [u8; 3] = [1, 0, 1];

pub(super) fn generate(token: &OpenToken, spec: &KeySpec) -> Result<()> {
    match spec.algorithm.material() {
        Material::Aes { bytes } => generate_aes(token, spec, bytes),
        Material::Rsa { bits } => generate_rsa(token, spec, bits),
        Material::P256 => generate_ec(token, spec, &Mechanism::EccKeyPairGen, SECP256R1),
        Material::P384 => generate_ec(token, spec, &Mechanism::EccKeyPairGen, SECP384R1),
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
    let parameters = curve
        .to_der()
        .map_err(|error| Kind::Internal.because("cannot encode the curve").caused_by(error))?;
    let mut public = public_key(spec);
    public.push(Attribute::EcParams(parameters));
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

fn ulong(number: usize) -> Result<cryptoki::types::Ulong> {
    number.try_into().map_err(|_| Kind::Internal.because(format!("{number} is no CK_ULONG")))
}
