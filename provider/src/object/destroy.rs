//! `C_DestroyObject`: whether an object may go.

use crate::attribute::{AttributeType, Attributes};
use crate::error::{Code, Result};
use crate::object::Caller;

/// # Errors
/// ActionProhibited for an object with `CKA_DESTROYABLE` false, or a trusted one unless the
/// security officer asks: only he could make it again.
pub fn destroyable(attributes: &Attributes, caller: Caller) -> Result<()> {
    if !attributes.is_true(AttributeType::DESTROYABLE) {
        return Err(Code::ActionProhibited.because("the object has CKA_DESTROYABLE false"));
    }
    if attributes.is_true(AttributeType::TRUSTED) && !caller.is_security_officer() {
        return Err(
            Code::ActionProhibited.because("a trusted object is the security officer's to destroy")
        );
    }
    Ok(())
}
