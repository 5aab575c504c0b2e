//! The embedded token's cryptography: safe code over `ffi::awslc`, one file a family.

pub mod aes;
pub mod aes_ctr;
pub mod digest;
pub mod gcm;
pub mod hmac;
pub mod kdf;
pub mod random;
pub mod secret;
#[cfg(test)]
mod testing;
pub mod wrap;

use std::sync::Arc;

use crate::attribute::{Attributes, ObjectClass};
use crate::error::{Code, Result};

/// Key material in the engine's own form, built once per object. Variants are added by family.
pub enum Material {
    Secret(secret::SecretKey),
}

impl Material {
    /// Imports the material of a key object into the engine.
    ///
    /// # Errors
    /// KeyTypeInconsistent for an object that is no key; AttributeValueInvalid for material that
    /// is not a valid key of its type.
    pub fn import(attributes: &Attributes) -> Result<Self> {
        match attributes.class() {
            Some(ObjectClass::SECRET_KEY) => {
                secret::SecretKey::import(attributes).map(Self::Secret)
            }
            class => Err(Code::KeyTypeInconsistent
                .because(format!("{class:?} {:?} cannot be used as a key", attributes.key_type()))),
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
    match attributes.class() {
        Some(ObjectClass::SECRET_KEY) => secret::complete(attributes),
        _ => Ok(()),
    }
}

/// The encoding of a key for wrapping: the value of a secret key, the PKCS#8 DER of a private key.
pub mod encoding {}

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
