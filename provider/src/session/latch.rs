//! The role latch: the first use of a secret key that could both wrap and decrypt, or both unwrap
//! and encrypt, decides which; recorded in the token before anything comes out.

use crate::attribute::{AttributeType, Value};
use crate::error::{Code, Result};
use crate::handle::Handle;
use crate::mechanism::{Function, MechanismSpec};
use crate::policy::{Relaxation, Roles};
use crate::session::Session;

impl Session {
    /// Records that the key is used for `function`, if that excludes something from now on. Other
    /// sessions and processes see it at their next use of the key.
    ///
    /// # Errors
    /// KeyFunctionNotPermitted if the key was used for the counterpart meanwhile. Where the token
    /// cannot be written, wrapping and unwrapping with such a key are refused, for they are what
    /// shows and plants keys; encrypting and decrypting go on.
    pub(super) fn latch(
        &mut self,
        handle: Handle,
        function: Function,
        spec: &'static MechanismSpec,
    ) -> Result<()> {
        let policy = self.slot().policy;
        let memo = self.usable(handle, function, spec)?;
        let decides = memo.snapshot.usage.must_record(function);
        if !decides || policy.lets_pass(Relaxation::DualRoles) {
            return Ok(());
        }
        let object = memo.object().clone();
        let recorded = self.change(&object, |now| {
            let roles = Roles::of(now);
            if let Some(other) = roles.exclude(function) {
                return Err(excluded(function, other));
            }
            let mut changed = now.clone();
            let bits = roles.with(function).bits();
            changed.set(AttributeType::KEYWAY_ROLES, Value::Number(bits));
            Ok(changed)
        });
        match (recorded, function) {
            (Err(e), Function::Encrypt | Function::Decrypt)
                if e.code() != Code::KeyFunctionNotPermitted =>
            {
                log::warn!("{function:?} goes on, though the key's role cannot be recorded: {e}");
                Ok(())
            }
            (recorded, _) => recorded,
        }
    }
}

/// A key that did `other` does not do `function`.
pub(super) fn excluded(function: Function, other: Function) -> crate::error::Error {
    Code::KeyFunctionNotPermitted.because(format!(
        "the key was used to {other:?} before, so it does not {function:?} (policy = \
         \"compatible\" turns this off)"
    ))
}
