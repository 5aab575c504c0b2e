//! Reading public keys out of the token.

use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use der::Decode;
use der::asn1::OctetStringRef;

use crate::domain::key::{Algorithm, KeyId, Material};
use crate::domain::public_key::PublicKey;
use crate::error::{Kind, Result};
use crate::token::open::OpenToken;

pub(super) fn public_key(token: &OpenToken, id: KeyId, algorithm: Algorithm) -> Result<PublicKey> {
    let material = algorithm.material();
    if material.is_secret_key() {
        return Err(Kind::Usage
            .because(format!("an {algorithm} key has no public part"))
            .advise("only pairs (rsa-*, ec-*, ed25519, x25519) have one"));
    }
    let object = token.only_key(&[ObjectClass::PUBLIC_KEY], id)?;
    match material {
        Material::Rsa { .. } => {
            let types = [AttributeType::Modulus, AttributeType::PublicExponent];
            let mut key = (Vec::new(), Vec::new());
            for attribute in token.attributes(object, &types)? {
                match attribute {
                    Attribute::Modulus(bytes) => key.0 = bytes,
                    Attribute::PublicExponent(bytes) => key.1 = bytes,
                    _ => {}
                }
            }
            Ok(PublicKey::Rsa { modulus: key.0, exponent: key.1 })
        }
        Material::P256 => Ok(PublicKey::P256(ec_point(token, object, 65)?)),
        Material::P384 => Ok(PublicKey::P384(ec_point(token, object, 97)?)),
        Material::P521 => Ok(PublicKey::P521(ec_point(token, object, 133)?)),
        Material::X25519 => Ok(PublicKey::X25519(ec_point(token, object, 32)?)),
        Material::Ed25519 | Material::Aes { .. } | Material::Hmac { .. } => {
            Ok(PublicKey::Ed25519(ec_point(token, object, 32)?))
        }
    }
}

/// CKA_EC_POINT without its OCTET STRING. Some tokens give the point bare; its length tells.
pub(super) fn ec_point(
    token: &OpenToken,
    object: cryptoki::object::ObjectHandle,
    length: usize,
) -> Result<Vec<u8>> {
    let attributes = token.attributes(object, &[AttributeType::EcPoint])?;
    let Some(Attribute::EcPoint(value)) = attributes.into_iter().next() else {
        return Err(Kind::Token.because("the token's public key has no point"));
    };
    if value.len() == length {
        return Ok(value);
    }
    match <&OctetStringRef>::from_der(&value) {
        Ok(point) if point.as_bytes().len() == length => Ok(point.as_bytes().to_vec()),
        _ => {
            Err(Kind::Token.because(format!("the token's public point has {} bytes", value.len())))
        }
    }
}
