//! The random generator of AWS-LC.

use crate::error::{Code, Result};

/// Fills `out` with random bytes.
///
/// # Errors
/// DeviceError if the engine has no entropy, in which case `out` holds nothing to rely on.
pub(crate) fn fill(out: &mut [u8]) -> Result<()> {
    // SAFETY: `out` is writable for its length.
    let answer = unsafe { aws_lc_sys::RAND_bytes(out.as_mut_ptr(), out.len()) };
    super::check(answer, Code::DeviceError, "draw random bytes")
}
