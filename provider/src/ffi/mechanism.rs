//! Reading `CK_MECHANISM`.

use pkcs11_sys::CK_MECHANISM;

use crate::error::{Code, Result};
use crate::ffi::params::RawParams;
use crate::mechanism::{Mechanism, MechanismType, set};

/// A mechanism with its row and its parsed parameters.
///
/// # Safety
/// `raw` is NULL or points to a readable `CK_MECHANISM` whose parameter is readable during `'a`,
/// as the standard requires of the application.
///
/// # Errors
/// ArgumentsBad for NULL, MechanismInvalid for a mechanism that is not implemented,
/// MechanismParamInvalid.
pub(crate) unsafe fn read<'a>(raw: *const CK_MECHANISM) -> Result<Mechanism<'a>> {
    if raw.is_null() {
        return Err(Code::ArgumentsBad.because("pMechanism is NULL"));
    }
    // SAFETY: not NULL and readable by the caller's promise; applications misalign it.
    let raw = unsafe { raw.read_unaligned() };
    #[allow(clippy::useless_conversion)] // CK_ULONG has 32 bits on some platforms
    let spec = set::look_up(MechanismType(u64::from(raw.mechanism)))?;
    let Ok(len) = isize::try_from(raw.ulParameterLen) else {
        return Err(Code::MechanismParamInvalid
            .because(format!("ulParameterLen {:#x}", raw.ulParameterLen)));
    };
    if raw.pParameter.is_null() && len != 0 {
        return Err(Code::MechanismParamInvalid.because("pParameter is NULL with a length"));
    }
    // SAFETY: readable for `len` bytes by the caller's promise.
    let params = unsafe { RawParams::new(raw.pParameter, len as usize) };
    Ok(Mechanism { spec, params: (spec.params)(params)?, keys: Vec::new() })
}
