//! Digesting keys.

use crate::attribute::{AttributeType, ObjectClass};
use crate::backend::{Snapshot, Use};
use crate::error::{Code, Error, Result};
use crate::handle::Handle;
use crate::mechanism::{Function, MechanismSpec};
use crate::object;
use crate::policy::{Policy, Relaxation};
use crate::session::Session;
use crate::session::active::{Class, Part};

impl Session {
    /// `C_DigestKey`. Like every error of an operation, those of the key end the digest.
    ///
    /// # Errors
    /// OperationNotInitialized, OperationActive, KeyHandleInvalid, KeyIndigestible.
    pub fn digest_key(&mut self, key: Handle) -> Result<()> {
        let mut active = self.take(Class::Digest, Part::Update)?;
        let object = self.current_object(key, Code::KeyHandleInvalid)?;
        let key = object.snapshot();
        let allowed = key.usage.lifecycle.admit(Function::Digest, self.slot().policy);
        allowed.map_err(|error| error.with_code(Code::KeyIndigestible))?;
        let value = digestible(&key, active.spec(), self.slot().policy)?;
        self.slot().token.note_use(&object, Use::For(Function::Digest), active.spec().id);
        active.absorb(value)?;
        self.resume(Class::Digest, active);
        Ok(())
    }
}

/// The value of a secret key that the application could read. The digest of any other would help
/// to find its value: a few bytes that were derived from it are guessed from their digest.
fn digestible<'a>(key: &'a Snapshot, spec: &MechanismSpec, policy: Policy) -> Result<&'a [u8]> {
    match key.attributes.class() {
        Some(ObjectClass::SECRET_KEY) => {}
        Some(ObjectClass::PRIVATE_KEY | ObjectClass::PUBLIC_KEY) => {
            return Err(indigestible("only secret keys are digested".to_owned()));
        }
        class => return Err(Code::KeyHandleInvalid.because(format!("{class:?} is no key"))),
    }
    if !key.usage.allows(spec.id) {
        return Err(indigestible(format!("CKA_ALLOWED_MECHANISMS lacks {}", spec.name())));
    }
    match object::readable(&key.attributes, AttributeType::VALUE) {
        Err(error) if !policy.lets_pass(Relaxation::HiddenDigest) => {
            return Err(error.with_code(Code::KeyIndigestible));
        }
        _ => {}
    }
    let value = key.attributes.bytes(AttributeType::VALUE);
    value.ok_or_else(|| indigestible("the key has no value here".to_owned()))
}

fn indigestible(story: String) -> Error {
    Code::KeyIndigestible.because(story)
}
