//! Parameters of authenticated encryption.

use crate::error::{Code, Result};
use crate::ffi::params::RawParams;
use crate::mechanism::Params;

/// `CK_GCM_PARAMS` in both of its sizes.
pub fn gcm(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (iv, aad, tag_bits) = raw.gcm()?;
    Ok(Params::Gcm { iv, aad, tag_bits: gcm_tag_bits(iv.len(), tag_bits)? })
}

/// The length of a GCM tag in bits, for an IV of `iv` bytes: an empty one is refused (NIST SP
/// 800-38D section 5.2.1.1).
pub(in crate::mechanism) fn gcm_tag_bits(iv: usize, tag_bits: u64) -> Result<usize> {
    match (iv, tag_bits) {
        (0, _) => Err(Code::MechanismParamInvalid.because("the GCM IV is empty")),
        (_, 32 | 64 | 96 | 104 | 112 | 120 | 128) => Ok(tag_bits as usize),
        _ => Err(Code::MechanismParamInvalid.because(format!("a GCM tag of {tag_bits} bits"))),
    }
}

/// `CK_CCM_PARAMS`.
pub fn ccm(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (data, nonce, aad, tag) = raw.ccm()?;
    let data = ccm_lengths(nonce.len(), data, tag)?;
    Ok(Params::Ccm { nonce, aad, tag: tag as usize, data })
}

/// The length of the data in bytes, for 7 to 13 bytes of nonce and an even number of 4 to 16 bytes
/// of tag.
pub(in crate::mechanism) fn ccm_lengths(nonce: usize, data: u64, tag: u64) -> Result<usize> {
    let (Ok(data), 7..=13) = (usize::try_from(data), nonce) else {
        return Err(Code::MechanismParamInvalid
            .because(format!("a CCM nonce of {nonce} bytes for {data} of data")));
    };
    match tag {
        4 | 6 | 8 | 10 | 12 | 14 | 16 => Ok(data),
        _ => Err(Code::MechanismParamInvalid.because(format!("a CCM tag of {tag} bytes"))),
    }
}

/// `CK_SALSA20_CHACHA20_POLY1305_PARAMS`.
pub fn chacha20_poly1305(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (nonce, aad) = raw.chacha20_poly1305()?;
    chacha20_nonce(nonce.len())?;
    Ok(Params::ChaCha20Poly1305 { nonce, aad })
}

/// The IETF's nonce or that of XChaCha20, in bytes.
pub(in crate::mechanism) fn chacha20_nonce(len: usize) -> Result<()> {
    match len {
        12 | 24 => Ok(()),
        n => Err(Code::MechanismParamInvalid.because(format!("a ChaCha20 nonce of {n} bytes"))),
    }
}
