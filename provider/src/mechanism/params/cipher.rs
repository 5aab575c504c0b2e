//! Parameters of ciphers and of AES key wrap: an IV, a counter.

use crate::error::{Code, Result};
use crate::ffi::params::RawParams;
use crate::mechanism::Params;

/// Exactly one block of 16 bytes.
pub fn iv(raw: RawParams<'_>) -> Result<Params<'_>> {
    block(raw).map(Params::Iv)
}

/// Exactly one block of 8 bytes.
pub fn short_iv(raw: RawParams<'_>) -> Result<Params<'_>> {
    block(raw).map(Params::ShortIv)
}

fn block<const N: usize>(raw: RawParams<'_>) -> Result<[u8; N]> {
    let bytes = raw.bytes()?;
    bytes.try_into().map_err(|_| {
        Code::MechanismParamInvalid.because(format!("the IV has {} bytes, not {N}", bytes.len()))
    })
}

/// `CK_AES_CTR_PARAMS`, 1 to 128 counter bits.
pub fn ctr(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (bits, block) = raw.ctr()?;
    match bits {
        1..=128 => Ok(Params::Ctr { bits, block }),
        _ => Err(Code::MechanismParamInvalid.because(format!("{bits} counter bits"))),
    }
}

/// AES key wrap: nothing, or the initial value (8 bytes for KW, 4 for KWP).
pub fn wrap_iv(raw: RawParams<'_>) -> Result<Params<'_>> {
    match raw.bytes()? {
        [] => Ok(Params::None),
        iv if matches!(iv.len(), 4 | 8) => Ok(Params::WrapIv(iv)),
        iv => Err(Code::MechanismParamInvalid.because(format!("an IV of {} bytes", iv.len()))),
    }
}
