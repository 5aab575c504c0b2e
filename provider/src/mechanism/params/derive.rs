//! Parameters of the derivations that need no KDF: Diffie-Hellman, data encryption, concatenation.

use crate::error::{Code, Result};
use crate::ffi::params::RawParams;
use crate::handle::Handle;
use crate::mechanism::Params;

/// The peer's public value of a Diffie-Hellman derivation.
pub fn public(raw: RawParams<'_>) -> Result<Params<'_>> {
    match raw.bytes()? {
        [] => Err(Code::MechanismParamInvalid.because("the peer's public value is empty")),
        value => Ok(Params::Public(value)),
    }
}

/// `CK_AES_CBC_ENCRYPT_DATA_PARAMS`.
pub fn cbc_encrypt_data(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (iv, data) = raw.cbc_encrypt_data()?;
    Ok(Params::CbcEncryptData { iv, data: whole_blocks(data)? })
}

/// `CK_KEY_DERIVATION_STRING_DATA`.
pub fn encrypt_data(raw: RawParams<'_>) -> Result<Params<'_>> {
    Ok(Params::EncryptData(whole_blocks(raw.string_data()?)?))
}

/// `CK_KEY_DERIVATION_STRING_DATA` of any length but zero.
pub fn string_data(raw: RawParams<'_>) -> Result<Params<'_>> {
    match raw.string_data()? {
        [] => Err(Code::MechanismParamInvalid.because("no data to derive with")),
        data => Ok(Params::StringData(data)),
    }
}

/// `CK_OBJECT_HANDLE`.
pub fn key(raw: RawParams<'_>) -> Result<Params<'_>> {
    raw.number().map(|number| Params::Key(Handle::from_raw(number)))
}

/// `CK_EXTRACT_PARAMS`.
pub fn bit_position(raw: RawParams<'_>) -> Result<Params<'_>> {
    raw.number().map(Params::BitPosition)
}

fn whole_blocks(data: &[u8]) -> Result<&[u8]> {
    match data.len() {
        0 => Err(Code::MechanismParamInvalid.because("no data to encrypt")),
        n if n % 16 != 0 => {
            Err(Code::MechanismParamInvalid.because(format!("{n} bytes are not whole blocks")))
        }
        _ => Ok(data),
    }
}
