//! The embedded token's cryptography: safe code over `ffi::awslc`, one file a family.

pub mod aead;
pub mod aes;
pub mod aes_ctr;
pub mod aes_mac;
pub mod aes_stealing;
mod agreement;
mod blocks;
pub mod certificate;
pub mod combine;
pub mod curve;
pub mod des;
pub mod dh;
mod dh_group;
pub mod digest;
pub mod dsa;
pub mod ec;
pub mod edwards;
pub mod encoding;
pub mod gcm;
pub mod hmac;
pub mod hybrid_wrap;
pub mod kdf;
mod mac;
pub mod montgomery;
mod part;
pub mod random;
pub mod rsa;
pub mod rsa_crypt;
mod rsa_factor;
mod rsa_oaep;
pub(crate) mod rsa_outline;
mod rsa_pkcs1;
pub mod rsa_raw;
pub mod rsa_recover;
pub mod rsa_sign;
pub mod secret;
pub(crate) mod signature;
pub mod sp800_108;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod wrap;

use std::sync::Arc;

use crate::attribute::{Attributes, KeyType, ObjectClass};
use crate::error::{Code, Error, Result};

/// Key material in the engine's own form, built once per object. Variants are added by family.
#[allow(clippy::large_enum_variant, reason = "each lies in an Arc of its own")]
pub enum Material {
    Secret(secret::SecretKey),
    Rsa(rsa::RsaKey),
    Ec(ec::EcKey),
    Edwards(edwards::EdwardsKey),
    Montgomery(montgomery::MontgomeryKey),
    Dh(dh::DhKey),
    Dsa(dsa::DsaKey),
}

impl Material {
    /// Imports the material of a key object into the engine.
    ///
    /// # Errors
    /// KeyTypeInconsistent for an object that is no key; AttributeValueInvalid for material that
    /// is not a valid key of its type.
    pub fn import(attributes: &Attributes) -> Result<Self> {
        let (class, key_type) = (attributes.class(), attributes.key_type());
        match (class, key_type) {
            (Some(ObjectClass::SECRET_KEY), _) => {
                secret::SecretKey::import(attributes).map(Self::Secret)
            }
            (Some(ObjectClass::PUBLIC_KEY | ObjectClass::PRIVATE_KEY), Some(key_type)) => {
                Self::import_half(key_type, attributes)
            }
            _ => Err(no_key(class, key_type)),
        }
    }

    fn import_half(key_type: KeyType, attributes: &Attributes) -> Result<Self> {
        match key_type {
            KeyType::RSA => rsa::RsaKey::import(attributes).map(Self::Rsa),
            KeyType::EC => ec::EcKey::import(attributes).map(Self::Ec),
            KeyType::EC_EDWARDS => edwards::EdwardsKey::import(attributes).map(Self::Edwards),
            KeyType::EC_MONTGOMERY => {
                montgomery::MontgomeryKey::import(attributes).map(Self::Montgomery)
            }
            KeyType::DH => dh::DhKey::import(attributes).map(Self::Dh),
            KeyType::DSA => dsa::DsaKey::import(attributes).map(Self::Dsa),
            _ => Err(no_key(attributes.class(), Some(key_type))),
        }
    }
}

#[cold]
fn no_key(class: Option<ObjectClass>, key_type: Option<KeyType>) -> Error {
    Code::KeyTypeInconsistent.because(format!("{class:?} {key_type:?} cannot be used as a key"))
}

/// Checks the material that an application brings (`C_CreateObject`, `C_UnwrapKey`, ...) and adds
/// the attributes that follow from it: `CKA_MODULUS_BITS`, `CKA_VALUE_LEN`, `CKA_CHECK_VALUE`,
/// `CKA_PUBLIC_KEY_INFO`, ... Objects with nothing to compute pass unchanged.
///
/// # Errors
/// AttributeValueInvalid for material that is not a valid key of its type or has a size that no
/// mechanism takes (`C_CreateObject` does not list KeySizeRange), DomainParamsInvalid or
/// CurveNotSupported for its group or curve, TemplateIncomplete for material that is not there,
/// TemplateInconsistent for attributes that contradict each other.
pub fn complete(attributes: &mut Attributes) -> Result<()> {
    match (attributes.class(), attributes.key_type()) {
        (Some(ObjectClass::CERTIFICATE), _) => certificate::complete(attributes),
        (Some(ObjectClass::SECRET_KEY), _) => secret::complete(attributes),
        (Some(ObjectClass::DOMAIN_PARAMETERS), Some(KeyType::DSA)) => {
            dsa::complete_parameters(attributes)
        }
        (Some(ObjectClass::PUBLIC_KEY | ObjectClass::PRIVATE_KEY), Some(key_type)) => {
            match key_type {
                KeyType::RSA => rsa::complete(attributes),
                KeyType::EC => ec::complete(attributes),
                KeyType::EC_EDWARDS => edwards::complete(attributes),
                KeyType::EC_MONTGOMERY => montgomery::complete(attributes),
                KeyType::DH => dh::complete(attributes),
                KeyType::DSA => dsa::complete(attributes),
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// A session's own reference to shared material: cloning it, as every operation does, touches a
/// reference count that no other session touches.
#[derive(Clone)]
pub struct Lease(Arc<Shared>);

struct Shared(Arc<Material>);

impl Lease {
    pub fn new(material: Arc<Material>) -> Self {
        Self(Arc::new(Shared(material)))
    }

    /// The same material behind a reference count of its own.
    pub fn renew(&self) -> Self {
        Self::new(self.0.0.clone())
    }
}

impl std::ops::Deref for Lease {
    type Target = Material;
    fn deref(&self) -> &Material {
        &self.0.0
    }
}
