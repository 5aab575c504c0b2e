//! Keys that come from mechanisms: generated, wrapped, unwrapped, derived.

use std::any::Any;
use std::sync::Arc;

use super::token::EmbeddedToken;
use crate::attribute::{AttributeType, Attributes, ObjectClass, Value};
use crate::backend::MaterialKey;
use crate::backend::{Object, Snapshot};
use crate::engine::{self, Lease, encoding};
use crate::error::{Code, Error, Result};
use crate::mechanism::{Mechanism, MechanismSpec};
use crate::object::{self, Wanted};
use crate::secret::Secret;

impl EmbeddedToken {
    /// `C_GenerateKey`.
    pub(super) fn generate_key(
        &self,
        mechanism: &Mechanism<'_>,
        mut key: Attributes,
    ) -> Result<Arc<Object>> {
        let spec = mechanism.spec;
        let generate = spec.generate.ok_or_else(|| lacks(spec, "generate a key"))?;
        self.unchanged()?;
        let material = generate(&mechanism.params, &key)?;
        merge(&mut key, material);
        self.make_one(key)
    }

    /// `C_GenerateKeyPair`: both halves in one transaction.
    pub(super) fn generate_key_pair(
        &self,
        mechanism: &Mechanism<'_>,
        mut public: Attributes,
        mut private: Attributes,
    ) -> Result<(Arc<Object>, Arc<Object>)> {
        let spec = mechanism.spec;
        let generate = spec.generate_pair.ok_or_else(|| lacks(spec, "generate a pair"))?;
        self.unchanged()?;
        let (public_part, private_part) = generate(&mechanism.params, &public, &private)?;
        merge(&mut public, public_part);
        merge(&mut private, private_part);
        let made: Result<[_; 2], _> = self.make(vec![public, private])?.try_into();
        let [public, private] = made.map_err(|_| Code::GeneralError.because("two objects made"))?;
        Ok((public, private))
    }

    /// `C_WrapKey`.
    pub(super) fn wrap_key(
        &self,
        mechanism: &Mechanism<'_>,
        with: &Snapshot,
        what: &Snapshot,
    ) -> Result<Vec<u8>> {
        let spec = mechanism.spec;
        let wrap = spec.wrap.ok_or_else(|| lacks(spec, "wrap"))?;
        if what.attributes.class() == Some(ObjectClass::PRIVATE_KEY) && !spec.wraps_private {
            let story = format!("{} does not wrap private keys", spec.name());
            return Err(Code::KeyNotWrappable.because(story));
        }
        let inconsistent = renamed(Code::KeyTypeInconsistent, Code::WrappingKeyTypeInconsistent);
        self.with_lease(with, spec, |lease| {
            let encoding = encoding::of(&what.attributes)?;
            wrap(lease, &mechanism.params, encoding.expose())
        })
        .map_err(inconsistent)
    }

    /// `C_UnwrapKey`.
    pub(super) fn unwrap_key(
        &self,
        mechanism: &Mechanism<'_>,
        with: &Snapshot,
        wrapped: &[u8],
        mut attributes: Attributes,
    ) -> Result<Arc<Object>> {
        let spec = mechanism.spec;
        let unwrap = spec.unwrap.ok_or_else(|| lacks(spec, "unwrap"))?;
        let private = attributes.class() == Some(ObjectClass::PRIVATE_KEY);
        if private && !spec.wraps_private {
            let story = format!("{} does not unwrap private keys", spec.name());
            return Err(Code::TemplateInconsistent.because(story));
        }
        let inconsistent = renamed(Code::KeyTypeInconsistent, Code::UnwrappingKeyTypeInconsistent);
        let encoding = self
            .with_lease(with, spec, |lease| unwrap(lease, &mechanism.params, wrapped))
            .map_err(inconsistent)?;
        let encoding = match spec.zero_padded {
            0 => encoding,
            block => unpadded(&attributes, encoding, block)?,
        };
        match private {
            true => add_private_key(&mut attributes, &encoding)?,
            false => add_value(&mut attributes, encoding)?,
        }
        // What came out of the wrapping is no key: the wrapping is at fault, not an attribute.
        let invalid = renamed(Code::AttributeValueInvalid, Code::WrappedKeyInvalid);
        engine::complete(&mut attributes).map_err(invalid)?;
        self.make_one(attributes)
    }

    /// `C_DeriveKey`: all keys in one transaction.
    pub(super) fn derive_keys(
        &self,
        mechanism: &Mechanism<'_>,
        from: &Snapshot,
        wanted: Vec<Wanted>,
    ) -> Result<Vec<Arc<Object>>> {
        let spec = mechanism.spec;
        let lengths: Vec<_> = wanted.iter().map(|wanted| wanted.length).collect();
        let values =
            self.with_lease(from, spec, |lease| match (spec.derive_keys, spec.derive) {
                (Some(derive), _) => derive(lease, mechanism, &lengths),
                (None, Some(derive)) => {
                    lengths.iter().map(|length| derive(lease, mechanism, *length)).collect()
                }
                (None, None) => Err(lacks(spec, "derive")),
            })?;
        if values.len() != wanted.len() {
            return Err(Code::GeneralError.because("as many values as keys"));
        }
        let complete = |(wanted, value): (Wanted, Secret)| {
            let mut attributes = wanted.attributes;
            if attributes.class() == Some(ObjectClass::DATA) {
                attributes.set(AttributeType::VALUE, Value::bytes(value.expose()));
                return Ok(attributes);
            }
            let policy = self.settings.policy;
            policy.admit_derived(&from.attributes, &attributes, value.len())?;
            let value = engine::des::fitted(&attributes, value);
            add_value(&mut attributes, value)?;
            engine::complete(&mut attributes)?;
            Ok(attributes)
        };
        self.make(wanted.into_iter().zip(values).map(complete).collect::<Result<_>>()?)
    }

    /// The material of a key object, built at its first use like any other key.
    fn with_lease<T>(
        &self,
        key: &Snapshot,
        spec: &MechanismSpec,
        body: impl FnOnce(&Lease) -> Result<T>,
    ) -> Result<T> {
        let key: &dyn Any = &**key.key(self)?;
        let key = key.downcast_ref::<MaterialKey>();
        let key = key.ok_or_else(|| Code::GeneralError.because("a key of another backend"))?;
        body(key.lease_for(spec)?)
    }

    fn make_one(&self, attributes: Attributes) -> Result<Arc<Object>> {
        let mut made = self.make(vec![attributes])?;
        made.pop().ok_or_else(|| Code::GeneralError.because("one object made"))
    }
}

/// What was wrapped without the zero bytes behind it: "truncates the result according to the
/// CKA_KEY_TYPE attribute of the template and, if it has one, and the key type supports it, the
/// CKA_VALUE_LEN attribute of the template" (section "AES-ECB"). The zeros fill less than a block:
/// whoever may choose to keep less reads the key piece by piece.
///
/// # Errors
/// WrappedKeyLenRange for a length that another key has.
fn unpadded(attributes: &Attributes, padded: Secret, block: usize) -> Result<Secret> {
    let Some(length) = object::derived_length(attributes)? else { return Ok(padded) };
    match padded.expose().get(..length) {
        Some(value) if padded.len() - length < block => Ok(Secret::copy_of(value)),
        _ => Err(Code::WrappedKeyLenRange
            .because(format!("{} bytes for a key of {length}", padded.len()))),
    }
}

/// Adds the value of a secret key, whose length the template may have named.
fn add_value(attributes: &mut Attributes, value: Secret) -> Result<()> {
    let wanted = attributes.number(AttributeType::VALUE_LEN);
    if wanted.is_some_and(|wanted| wanted != value.len() as u64) {
        return Err(Code::TemplateInconsistent.because(format!(
            "the key has {} bytes, CKA_VALUE_LEN says {}",
            value.len(),
            wanted.unwrap_or_default()
        )));
    }
    attributes.set(AttributeType::VALUE, Value::secret(value));
    Ok(())
}

/// Adds what a PKCS#8 encoding says of a private key, whose type the template may have named.
fn add_private_key(attributes: &mut Attributes, der: &Secret) -> Result<()> {
    let (key_type, material) = encoding::private_key(der.expose())?;
    if attributes.key_type().is_some_and(|wanted| wanted != key_type) {
        return Err(Code::TemplateInconsistent.because(format!(
            "the wrapped key is {key_type:?}, the template says {:?}",
            attributes.key_type()
        )));
    }
    attributes.set(AttributeType::KEY_TYPE, Value::Number(key_type.0));
    merge(attributes, material);
    Ok(())
}

fn merge(attributes: &mut Attributes, more: Attributes) {
    for (id, value) in more.iter() {
        attributes.set(id, value.clone());
    }
}

fn renamed(from: Code, to: Code) -> impl Fn(Error) -> Error {
    move |e| match e.code() == from {
        true => e.with_code(to),
        false => e,
    }
}

fn lacks(spec: &MechanismSpec, what: &str) -> Error {
    Code::MechanismInvalid.because(format!("{} does not {what}", spec.name()))
}
