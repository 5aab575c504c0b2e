//! `C_DestroyObject`: whether an object may go.

use crate::attribute::{AttributeType, Attributes};
use crate::error::{Code, Result};

/// # Errors
/// ActionProhibited for an object with `CKA_DESTROYABLE` false.
pub fn destroyable(attributes: &Attributes) -> Result<()> {
    match attributes.is_true(AttributeType::DESTROYABLE) {
        true => Ok(()),
        false => Err(Code::ActionProhibited.because("the object has CKA_DESTROYABLE false")),
    }
}
