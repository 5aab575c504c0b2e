//! Keys of the inner token: which way an operation goes.

use std::sync::Arc;

use once_cell::sync::OnceCell;

use super::inner::Inner;
use super::mechanisms::{flag, in_engine};
use super::operation;
use super::supplied::{self, Way};
use crate::attribute::{AttributeType, Attributes, KeyType, ObjectClass};
use crate::backend::{Key, MaterialKey, ObjectId, Operation};
use crate::engine::curve::Curve;
use crate::engine::rsa_outline::Outline;
use crate::error::{Code, Error, Result};
use crate::mechanism::{Function, Mechanism, MechanismType};
use crate::object::usage::Usage;
use crate::policy::significant_bits;
use crate::secret::Secret;

/// A key of the inner token. Of a public key the engine has a copy, where it knows its type.
pub(super) struct BridgeKey {
    shared: Arc<Shared>,
    engine: Option<Arc<dyn Key>>,
}

/// What is known of a key of the inner token.
pub(super) struct Shared {
    pub(super) inner: Arc<Inner>,
    pub(super) id: ObjectId,
    attributes: Attributes,
    usage: Usage,
    outline: OnceCell<Outline>,
    /// What stands in for messages with a bad padding derives from it.
    pub(super) rejection: OnceCell<Secret>,
}

impl BridgeKey {
    /// # Errors
    /// KeyTypeInconsistent for an object that is no key.
    pub(super) fn import(
        inner: &Arc<Inner>,
        id: ObjectId,
        attributes: &Attributes,
    ) -> Result<Arc<dyn Key>> {
        if attributes.key_type().is_none() {
            return Err(Code::KeyTypeInconsistent.because("the object is no key"));
        }
        let public = attributes.class() == Some(ObjectClass::PUBLIC_KEY);
        let engine = public.then(|| MaterialKey::import(attributes)).and_then(|key| {
            let told = |e: &Error| log::debug!("{id:?} is left to the inner token: {e}");
            key.inspect_err(told).ok()
        });
        let shared = Arc::new(Shared {
            inner: inner.clone(),
            id,
            usage: Usage::of(attributes),
            attributes: attributes.clone(),
            outline: OnceCell::new(),
            rejection: OnceCell::new(),
        });
        Ok(Arc::new(Self { shared, engine: engine.map(|key| Arc::new(key) as Arc<dyn Key>) }))
    }
}

impl Key for BridgeKey {
    fn lease(&self) -> Arc<dyn Key> {
        let engine = self.engine.as_ref().map(|key| key.lease());
        Arc::new(Self { shared: self.shared.clone(), engine })
    }

    fn start(&self, function: Function, mechanism: &Mechanism<'_>) -> Result<Operation> {
        let spec = mechanism.spec;
        if spec.start(function).is_none() {
            return Err(
                Code::MechanismInvalid.because(format!("{} does not {function:?}", spec.name()))
            );
        }
        if let Some(engine) = self.engine.as_ref().filter(|_| in_engine(spec, function)) {
            return engine.start(function, mechanism);
        }
        self.shared.start(function, mechanism)
    }
}

impl Shared {
    /// Starts the operation in the first way that the inner token, and the key, let pass.
    fn start(self: &Arc<Self>, function: Function, mechanism: &Mechanism<'_>) -> Result<Operation> {
        let (spec, params) = (mechanism.spec, &mechanism.params);
        let announces = |id| {
            self.inner.mechanism(id).is_some_and(|announced| announced.flags & flag(function) != 0)
        };
        let mut refused: Option<Error> = None;
        for way in supplied::ways(spec.id, function, announces) {
            let answer = match way {
                Way::Inner => operation::start(self, function, spec, params).map_err(of_parameters),
                Way::Composed { what, base } => supplied::start(self, what, base, params),
            };
            match answer {
                Err(e) if is_refusal(e.code()) => {
                    log::debug!("{way:?} of {}: {e}", spec.name());
                    // What the inner token says of its own mechanism is closest to what was asked.
                    if way == Way::Inner || refused.is_none() {
                        refused = Some(e);
                    }
                }
                answer => return answer,
            }
        }
        Err(refused.unwrap_or_else(|| {
            let story = format!("the inner token has no {} for this key", spec.name());
            Code::MechanismInvalid.because(story)
        }))
    }

    pub(super) fn key_type(&self) -> Option<KeyType> {
        self.attributes.key_type()
    }

    pub(super) fn always_authenticates(&self) -> bool {
        self.usage.always_authenticate
    }

    /// Whether `CKA_ALLOWED_MECHANISMS` names the mechanism.
    pub(super) fn allows(&self, id: MechanismType) -> bool {
        self.usage.allows(id)
    }

    /// # Errors
    /// TemplateIncomplete where the inner token does not show the modulus of an RSA key.
    pub(super) fn outline(&self) -> Result<&Outline> {
        self.outline.get_or_try_init(|| Outline::of(&self.attributes))
    }

    /// Length in bytes of a signature with a private key; `None` if its attributes do not tell.
    pub(super) fn signature(&self) -> Option<usize> {
        match self.key_type()? {
            KeyType::RSA => self.outline().ok().map(Outline::size),
            key_type @ (KeyType::EC | KeyType::EC_EDWARDS) => {
                Curve::of(&self.attributes, key_type).ok().map(|curve| 2 * curve.size())
            }
            KeyType::DSA => {
                let order = self.attributes.bytes(AttributeType::SUBPRIME)?;
                Some(2 * significant_bits(order).div_ceil(8) as usize)
            }
            _ => None,
        }
    }
}

/// Whether another way may be tried after this answer.
fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::MechanismInvalid
            | Code::MechanismParamInvalid
            | Code::FunctionNotSupported
            | Code::TemplateIncomplete
    )
}

/// Modules that check parameters as they check pointers say so with the code for these.
fn of_parameters(error: Error) -> Error {
    match error.code() {
        Code::ArgumentsBad => error.with_code(Code::MechanismParamInvalid),
        _ => error,
    }
}
