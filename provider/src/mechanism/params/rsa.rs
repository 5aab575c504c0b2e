//! Parameters of RSA's OAEP and PSS.

use crate::error::{Code, Result};
use crate::ffi::params::RawParams;
use crate::mechanism::{Hash, Params};

/// `CK_RSA_PKCS_OAEP_PARAMS`.
pub fn oaep(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (hash, mgf, label) = raw.oaep()?;
    Ok(Params::Oaep { hash: Hash::of_mechanism(hash)?, mgf: Hash::of_mgf(mgf)?, label })
}

/// `CK_RSA_PKCS_PSS_PARAMS`.
pub fn pss(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (hash, mgf, salt) = raw.pss()?;
    let salt = usize::try_from(salt).ok().filter(|salt| *salt <= 2048).ok_or_else(|| {
        Code::MechanismParamInvalid.because(format!("a PSS salt of {salt} bytes"))
    })?;
    Ok(Params::Pss { hash: Hash::of_mechanism(hash)?, mgf: Hash::of_mgf(mgf)?, salt })
}
