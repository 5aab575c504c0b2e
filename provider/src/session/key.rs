//! Generating, wrapping and unwrapping keys.

use crate::attribute::{AttributeType, Attributes, ObjectClass, Template, Value, matching};
use crate::backend::{Snapshot, Use};
use crate::error::{Code, Result};
use crate::handle::Handle;
use crate::mechanism::{Function, Mechanism, MechanismSpec};
use crate::object;
use crate::policy::{Policy, Relaxation};
use crate::session::Session;

impl Session {
    /// `C_GenerateKey`.
    ///
    /// # Errors
    /// MechanismInvalid, and as [`object::for_generation`].
    pub fn generate(
        &mut self,
        mechanism: &Mechanism<'_>,
        template: &Template<'_>,
    ) -> Result<Handle> {
        require(mechanism.spec, mechanism.spec.generate.is_some(), "generate a key")?;
        let attributes = object::for_generation(mechanism.spec, template, self.caller())?;
        self.slot().policy.admit(&attributes)?;
        let object = self.slot().token.generate(mechanism, attributes)?;
        Ok(self.issue(object))
    }

    /// `C_GenerateKeyPair`: the handles of the public and the private key.
    ///
    /// # Errors
    /// MechanismInvalid, and as [`object::for_pair`].
    pub fn generate_pair(
        &mut self,
        mechanism: &Mechanism<'_>,
        public: &Template<'_>,
        private: &Template<'_>,
    ) -> Result<(Handle, Handle)> {
        require(mechanism.spec, mechanism.spec.generate_pair.is_some(), "generate a key pair")?;
        let (public, private) = object::for_pair(mechanism.spec, public, private, self.caller())?;
        long_enough(mechanism.spec, &public)?;
        self.slot().policy.admit(&private)?;
        let (public, private) = self.slot().token.generate_pair(mechanism, public, private)?;
        Ok((self.issue(public), self.issue(private)))
    }

    /// `C_WrapKey`.
    ///
    /// # Errors
    /// MechanismInvalid, WrappingKeyHandleInvalid, WrappingKeyTypeInconsistent,
    /// KeyFunctionNotPermitted, KeyHandleInvalid, KeyUnextractable, KeyNotWrappable.
    pub fn wrap(
        &mut self,
        mechanism: &Mechanism<'_>,
        with: Handle,
        key: Handle,
    ) -> Result<Vec<u8>> {
        let spec = mechanism.spec;
        require(spec, spec.wrap.is_some(), "wrap")?;
        let wrapping = self.usable(with, Function::Wrap, spec)?.snapshot.clone();
        let leaving = self.current_object(key, Code::KeyHandleInvalid)?;
        let wrapped = leaving.snapshot();
        may_leave(spec, &wrapping, &wrapped)?;
        wrapped.usage.lifecycle.admit_leaving(self.slot().policy)?;
        let (outer, inner) = (&wrapping.attributes, &wrapped.attributes);
        self.slot().policy.admit_wrapping(outer, &mechanism.params, inner)?;
        admit_malleable(spec, self.slot().policy)?;
        self.latch(with, Function::Wrap, spec)?;
        self.note_use(Function::Wrap, spec);
        let token = &self.slot().token;
        let bytes = token.wrap(mechanism, &wrapping, &wrapped)?;
        let under = self.memo.as_ref().map(|memo| memo.object()).filter(|_| wrapping.is_stored());
        token.note_use(&leaving, Use::Wrapped(under.map(|object| object.id)), spec.id);
        Ok(bytes)
    }

    /// `C_UnwrapKey`.
    ///
    /// # Errors
    /// MechanismInvalid, UnwrappingKeyHandleInvalid, UnwrappingKeyTypeInconsistent,
    /// KeyFunctionNotPermitted, WrappedKeyInvalid, and as [`object::for_unwrap`].
    pub fn unwrap(
        &mut self,
        mechanism: &Mechanism<'_>,
        with: Handle,
        wrapped: &[u8],
        template: &Template<'_>,
    ) -> Result<Handle> {
        let spec = mechanism.spec;
        require(spec, spec.unwrap.is_some(), "unwrap")?;
        let unwrapping = self.usable(with, Function::Unwrap, spec)?.snapshot.clone();
        let attributes = object::for_unwrap(template, &unwrapping.attributes, self.caller())?;
        if attributes.class() == Some(ObjectClass::PRIVATE_KEY) && !spec.wraps_private {
            return Err(Code::TemplateInconsistent
                .because(format!("{} unwraps no private keys", spec.name())));
        }
        self.slot().policy.admit(&attributes)?;
        admit_malleable(spec, self.slot().policy)?;
        self.latch(with, Function::Unwrap, spec)?;
        self.note_use(Function::Unwrap, spec);
        let object = self.slot().token.unwrap(mechanism, &unwrapping, wrapped, attributes)?;
        Ok(self.issue(object))
    }
}

pub(super) fn require(
    spec: &'static MechanismSpec,
    implemented: bool,
    what: &'static str,
) -> Result<()> {
    match implemented {
        true => Ok(()),
        false => Err(Code::MechanismInvalid.because(format!("{} does not {what}", spec.name()))),
    }
}

/// # Errors
/// MechanismInvalid where the policy has no such wrapping: such a row lacks it already.
fn admit_malleable(spec: &'static MechanismSpec, policy: Policy) -> Result<()> {
    match spec.malleable {
        true => require(spec, policy.lets_pass(Relaxation::MalleableWrapping), "wrap or unwrap"),
        false => Ok(()),
    }
}

/// # Errors
/// AttributeValueInvalid (`C_GenerateKeyPair` does not list KeySizeRange) for a size that only
/// legacy makes.
fn long_enough(spec: &MechanismSpec, public: &Attributes) -> Result<()> {
    match public.number(AttributeType::MODULUS_BITS) {
        Some(bits) if bits < spec.legacy_below => {
            Err(Code::AttributeValueInvalid.because(format!(
                "a modulus of {bits} bits: below {} it takes legacy = true in the configuration",
                spec.legacy_below
            )))
        }
        _ => Ok(()),
    }
}

/// Whether a key may be wrapped with that other key (C_WrapKey; CKA_EXTRACTABLE,
/// CKA_WRAP_WITH_TRUSTED and CKA_WRAP_TEMPLATE in "Key objects").
fn may_leave(spec: &MechanismSpec, wrapping: &Snapshot, wrapped: &Snapshot) -> Result<()> {
    let attributes = &wrapped.attributes;
    match attributes.class() {
        Some(ObjectClass::SECRET_KEY) => {}
        Some(ObjectClass::PRIVATE_KEY) if spec.wraps_private => {}
        Some(ObjectClass::PRIVATE_KEY) => {
            return Err(
                Code::KeyNotWrappable.because(format!("{} wraps no private keys", spec.name()))
            );
        }
        _ => return Err(Code::KeyNotWrappable.because("only secret and private keys wrap")),
    }
    if !attributes.is_true(AttributeType::EXTRACTABLE) {
        return Err(Code::KeyUnextractable.because("CKA_EXTRACTABLE of the key is false"));
    }
    if attributes.is_true(AttributeType::WRAP_WITH_TRUSTED)
        && !wrapping.attributes.is_true(AttributeType::TRUSTED)
    {
        return Err(Code::KeyNotWrappable
            .because("the key has CKA_WRAP_WITH_TRUSTED and the wrapping key is not CKA_TRUSTED"));
    }
    match wrapping.attributes.find(AttributeType::WRAP_TEMPLATE) {
        Some(Value::Template(template)) if !matching::matches(attributes, template) => {
            Err(Code::KeyNotWrappable.because("the key is not what CKA_WRAP_TEMPLATE demands"))
        }
        _ => Ok(()),
    }
}
