//! Reading `CK_MECHANISM`.

use pkcs11_sys::CK_MECHANISM;

use crate::error::{Code, Result};
use crate::ffi::params::RawParams;
use crate::mechanism::{Mechanism, MechanismSpec, MechanismType, set};
use crate::session::Session;

/// A mechanism of the session's token, with its row and its parsed parameters. What the function
/// wants of the row comes first: parameters of a mechanism that cannot do it are nobody's to judge.
///
/// # Safety
/// `raw` is NULL or points to a readable `CK_MECHANISM` whose parameter is readable during `'a`,
/// as the standard requires of the application.
///
/// # Errors
/// ArgumentsBad for NULL, MechanismInvalid for a mechanism that is not implemented or does not do
/// what is wanted, MechanismParamInvalid.
pub(crate) unsafe fn read<'a>(
    session: &Session,
    raw: *const CK_MECHANISM,
    wanted: impl FnOnce(&MechanismSpec) -> bool,
) -> Result<Mechanism<'a>> {
    // SAFETY: the caller's promise.
    let (spec, params) = unsafe { read_raw(session, raw, wanted)? };
    Ok(Mechanism { spec, params: (spec.params)(params)?, keys: Vec::new() })
}

/// A row, and the parameter as it stands: message-based functions have other structures.
///
/// # Safety
/// As [`read`].
///
/// # Errors
/// As [`read`].
pub(crate) unsafe fn read_raw<'a>(
    session: &Session,
    raw: *const CK_MECHANISM,
    wanted: impl FnOnce(&MechanismSpec) -> bool,
) -> Result<(&'static MechanismSpec, RawParams<'a>)> {
    if raw.is_null() {
        return Err(Code::ArgumentsBad.because("pMechanism is NULL"));
    }
    // SAFETY: not NULL and readable by the caller's promise; applications misalign it.
    let raw = unsafe { raw.read_unaligned() };
    #[allow(clippy::useless_conversion)] // CK_ULONG has 32 bits on some platforms
    let spec =
        set::find(session.slot().token.mechanisms(), MechanismType(u64::from(raw.mechanism)))?;
    if !wanted(spec) {
        return Err(Code::MechanismInvalid.because(format!("{} does not do this", spec.name())));
    }
    let Ok(len) = isize::try_from(raw.ulParameterLen) else {
        return Err(Code::MechanismParamInvalid
            .because(format!("ulParameterLen {:#x}", raw.ulParameterLen)));
    };
    if raw.pParameter.is_null() && len != 0 {
        return Err(Code::MechanismParamInvalid.because("pParameter is NULL with a length"));
    }
    // SAFETY: readable for `len` bytes by the caller's promise.
    Ok((spec, unsafe { RawParams::new(raw.pParameter, len as usize) }))
}
