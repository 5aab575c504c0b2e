//! A key whose material is here: the engine behind the mechanism table.

use std::sync::Arc;

use crate::attribute::{Attributes, KeyType};
use crate::backend::{Key, Operation};
use crate::engine::{Lease, Material};
use crate::error::{Code, Result};
use crate::mechanism::{Function, Mechanism, MechanismSpec};

/// Material and the key type that the mechanism rows are asked about.
pub(crate) struct MaterialKey {
    lease: Lease,
    key_type: KeyType,
}

impl MaterialKey {
    /// # Errors
    /// KeyTypeInconsistent for an object that is no key; what the engine says of the material.
    pub(crate) fn import(attributes: &Attributes) -> Result<Self> {
        let material = Material::import(attributes)?;
        let key_type = attributes.key_type();
        let key_type =
            key_type.ok_or_else(|| Code::KeyTypeInconsistent.because("the object is no key"))?;
        Ok(Self { lease: Lease::new(Arc::new(material)), key_type })
    }

    /// The material, for a mechanism that works on keys of this type.
    ///
    /// # Errors
    /// KeyTypeInconsistent.
    pub(crate) fn lease_for(&self, spec: &MechanismSpec) -> Result<&Lease> {
        match spec.keys.contains(&self.key_type) {
            true => Ok(&self.lease),
            false => Err(Code::KeyTypeInconsistent.because(format!(
                "{} does not work on {:?}",
                spec.name(),
                self.key_type
            ))),
        }
    }
}

impl Key for MaterialKey {
    fn lease(&self) -> Arc<dyn Key> {
        Arc::new(Self { lease: self.lease.renew(), key_type: self.key_type })
    }

    fn start(&self, function: Function, mechanism: &Mechanism<'_>) -> Result<Operation> {
        let spec = mechanism.spec;
        let start = spec.start(function).ok_or_else(|| {
            Code::MechanismInvalid.because(format!("{} does not {function:?}", spec.name()))
        })?;
        start(self.lease_for(spec)?, &mechanism.params)
    }
}
