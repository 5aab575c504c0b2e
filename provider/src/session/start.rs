//! The Init functions of operations: checks in the order that applications rely on.

use crate::error::{Code, Result};
use crate::handle::Handle;
use crate::mechanism::Mechanism;
use crate::session::Session;
use crate::session::active::{Active, Class};

impl Session {
    /// `C_EncryptInit`, `C_DecryptInit`, `C_SignInit`, `C_VerifyInit`, and those with recovery.
    ///
    /// # Errors
    /// OperationActive (the running one goes on), MechanismInvalid, KeyHandleInvalid,
    /// KeyTypeInconsistent, KeyFunctionNotPermitted, and what the mechanism answers.
    pub fn start(&mut self, class: Class, mechanism: &Mechanism<'_>, key: Handle) -> Result<()> {
        if class == Class::Digest {
            return self.start_digest(mechanism);
        }
        let function = class.function();
        self.require_none(class)?;
        let spec = mechanism.spec;
        if spec.start(function).is_none() {
            return Err(
                Code::MechanismInvalid.because(format!("{} does not {function:?}", spec.name()))
            );
        }
        let memo = self.usable(key, function, spec)?;
        let operation = memo.key.start(function, mechanism)?;
        let mut active = Active::new(operation, spec).of_key(memo.used());
        if memo.snapshot.is_private() {
            active = active.under_login(memo.login(), memo.snapshot.usage.always_authenticate);
        }
        if memo.snapshot.usage.must_record(function) {
            self.latch(key, function, spec)?;
        }
        self.note_use(function, spec);
        self.active[class as usize] = Some(active);
        Ok(())
    }

    /// `C_DigestInit`.
    ///
    /// # Errors
    /// OperationActive (the running one goes on), MechanismInvalid.
    pub fn start_digest(&mut self, mechanism: &Mechanism<'_>) -> Result<()> {
        self.require_none(Class::Digest)?;
        let operation = self.slot().token.digest(mechanism)?;
        self.active[Class::Digest as usize] = Some(Active::new(operation, mechanism.spec));
        Ok(())
    }
}
