//! The embedded token's cryptography: safe code over `ffi::awslc`, one file a family.

pub mod aes;
pub mod aes_ctr;
pub mod curve;
pub mod digest;
pub mod ec;
pub mod encoding;
pub mod gcm;
pub mod hmac;
pub mod kdf;
mod part;
pub mod random;
pub mod rsa;
pub mod rsa_crypt;
mod rsa_factor;
mod rsa_oaep;
mod rsa_pkcs1;
pub mod rsa_sign;
pub mod secret;
mod signature;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod wrap;

use std::sync::Arc;

use crate::attribute::{Attributes, KeyType, ObjectClass};
use crate::error::{Code, Result};

/// Key material in the engine's own form, built once per object. Variants are added by family.
pub enum Material {
    Secret(secret::SecretKey),
    Rsa(rsa::RsaKey),
    Ec(ec::EcKey),
}

impl Material {
    /// Imports the material of a key object into the engine.
    ///
    /// # Errors
    /// KeyTypeInconsistent for an object that is no key; AttributeValueInvalid for material that
    /// is not a valid key of its type.
    pub fn import(attributes: &Attributes) -> Result<Self> {
        use ObjectClass as C;
        match (attributes.class(), attributes.key_type()) {
            (Some(C::SECRET_KEY), _) => secret::SecretKey::import(attributes).map(Self::Secret),
            (Some(C::PUBLIC_KEY | C::PRIVATE_KEY), Some(KeyType::RSA)) => {
                rsa::RsaKey::import(attributes).map(Self::Rsa)
            }
            (Some(C::PUBLIC_KEY | C::PRIVATE_KEY), Some(KeyType::EC)) => {
                ec::EcKey::import(attributes).map(Self::Ec)
            }
            (class, key_type) => Err(Code::KeyTypeInconsistent
                .because(format!("{class:?} {key_type:?} cannot be used as a key"))),
        }
    }
}

/// Checks the material that an application brings (`C_CreateObject`, `C_UnwrapKey`, ...) and adds
/// the attributes that follow from it: `CKA_MODULUS_BITS`, `CKA_VALUE_LEN`, `CKA_CHECK_VALUE`,
/// `CKA_PUBLIC_KEY_INFO`, ... Objects that are no keys pass unchanged.
///
/// # Errors
/// AttributeValueInvalid for material that is not a valid key of its type, KeySizeRange for a size
/// that no mechanism takes, TemplateInconsistent for attributes that contradict each other.
pub fn complete(attributes: &mut Attributes) -> Result<()> {
    use ObjectClass as C;
    match (attributes.class(), attributes.key_type()) {
        (Some(C::SECRET_KEY), _) => secret::complete(attributes),
        (Some(C::PUBLIC_KEY | C::PRIVATE_KEY), Some(KeyType::RSA)) => rsa::complete(attributes),
        (Some(C::PUBLIC_KEY | C::PRIVATE_KEY), Some(KeyType::EC)) => ec::complete(attributes),
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
