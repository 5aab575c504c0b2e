//! Parameters of the wrapping mechanisms with a temporary AES key.

use crate::error::{Code, Result};
use crate::ffi::params::RawParams;
use crate::mechanism::params::ec::{EcKdf, ec_kdf};
use crate::mechanism::{Hash, Params};

/// `CK_RSA_AES_KEY_WRAP_PARAMS`; `size` of the AES key in bytes.
#[derive(Clone, Copy, Debug)]
pub struct RsaAesWrap<'a> {
    pub size: usize,
    pub hash: Hash,
    pub mgf: Hash,
    pub label: &'a [u8],
}

/// `CK_ECDH_AES_KEY_WRAP_PARAMS`; `size` of the AES key in bytes.
#[derive(Clone, Copy, Debug)]
pub struct EcdhAesWrap<'a> {
    pub size: usize,
    pub kdf: EcKdf<'a>,
}

impl<'a> RsaAesWrap<'a> {
    /// The parameter of CKM_RSA_PKCS_OAEP in it.
    pub fn oaep(&self) -> Params<'a> {
        Params::Oaep { hash: self.hash, mgf: self.mgf, label: self.label }
    }
}

/// Of CKM_RSA_AES_KEY_WRAP.
pub fn rsa_aes(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (bits, oaep) = raw.rsa_aes_wrap()?;
    let (hash, mgf, label) = oaep.oaep()?;
    let (hash, mgf) = (Hash::of_mechanism(hash)?, Hash::of_mgf(mgf)?);
    Ok(Params::RsaAesWrap(RsaAesWrap { size: aes_size(bits)?, hash, mgf, label }))
}

/// Of CKM_ECDH_AES_KEY_WRAP and its successors.
pub fn ecdh_aes(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (bits, kdf, shared) = raw.ecdh_aes_wrap()?;
    Ok(Params::EcdhAesWrap(EcdhAesWrap { size: aes_size(bits)?, kdf: ec_kdf(kdf, shared)? }))
}

/// "Can be only 128, 192 or 256."
fn aes_size(bits: u64) -> Result<usize> {
    match bits {
        128 | 192 | 256 => Ok(bits as usize / 8),
        _ => Err(Code::MechanismParamInvalid.because(format!("an AES key of {bits} bits"))),
    }
}
