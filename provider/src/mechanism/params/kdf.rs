//! Parameters of HKDF and PBKDF2.

use std::fmt;

use crate::error::{Code, Result};
use crate::ffi::params::RawParams;
use crate::handle::Handle;
use crate::mechanism::{Hash, Params};

/// `CK_HKDF_PARAMS` (RFC 5869).
#[derive(Clone, Debug)]
pub struct Hkdf<'a> {
    pub extract: bool,
    pub expand: bool,
    pub hash: Hash,
    pub salt: Salt<'a>,
    pub info: &'a [u8],
}

/// The salt of HKDF's extract step.
#[derive(Clone, Debug)]
pub enum Salt<'a> {
    /// As many zero bytes as the hash is long.
    None,
    Data(&'a [u8]),
    /// The first of [`Mechanism::keys`](crate::mechanism::Mechanism::keys).
    Key(Handle),
}

impl Salt<'_> {
    /// `CKF_HKDF_SALT_NULL`, `CKF_HKDF_SALT_DATA`, `CKF_HKDF_SALT_KEY`.
    pub const NONE: u64 = 1;
    pub const DATA: u64 = 2;
    pub const KEY: u64 = 4;
}

/// `CK_HKDF_PARAMS`.
pub fn hkdf(raw: RawParams<'_>) -> Result<Params<'_>> {
    let raw = raw.hkdf()?;
    if !raw.extract && !raw.expand {
        return Err(Code::MechanismParamInvalid.because("HKDF neither extracts nor expands"));
    }
    let salt = match raw.salt_type {
        Salt::NONE => Salt::None,
        Salt::DATA => Salt::Data(raw.salt),
        Salt::KEY => Salt::Key(Handle::from_raw(raw.salt_key)),
        other => {
            return Err(Code::MechanismParamInvalid.because(format!("salt type {other}")));
        }
    };
    Ok(Params::Hkdf(Hkdf {
        extract: raw.extract,
        expand: raw.expand,
        hash: Hash::of_mechanism(raw.hash)?,
        salt,
        info: raw.info,
    }))
}

/// `CK_PKCS5_PBKD2_PARAMS2` (RFC 8018 section 5.2); at least one iteration.
#[derive(Clone)]
pub struct Pbkdf2<'a> {
    pub hash: Hash,
    pub salt: &'a [u8],
    pub iterations: u32,
    pub password: &'a [u8],
}

/// Without the password.
impl fmt::Debug for Pbkdf2<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pbkdf2({:?}, {} iterations)", self.hash, self.iterations)
    }
}

/// The hashes of `CKP_PKCS5_PBKD2_HMAC_*`.
const PBKDF2_PRFS: [(Hash, u64); 7] = [
    (Hash::Sha1, 1),
    (Hash::Sha224, 3),
    (Hash::Sha256, 4),
    (Hash::Sha384, 5),
    (Hash::Sha512, 6),
    (Hash::Sha512_224, 7),
    (Hash::Sha512_256, 8),
];

impl Pbkdf2<'_> {
    /// `CKP_PKCS5_PBKD2_HMAC_*`.
    ///
    /// # Errors
    /// MechanismParamInvalid for a hash that has none.
    pub fn prf(&self) -> Result<u64> {
        let row = PBKDF2_PRFS.iter().find(|row| row.0 == self.hash);
        row.map(|row| row.1).ok_or_else(|| {
            Code::MechanismParamInvalid.because(format!("PBKDF2 with {:?}", self.hash))
        })
    }
}

/// `CK_PKCS5_PBKD2_PARAMS2`.
pub fn pbkdf2(raw: RawParams<'_>) -> Result<Params<'_>> {
    let raw = raw.pbkdf2()?;
    let bad = |what: String| Err(Code::MechanismParamInvalid.because(what));
    let Some((hash, _)) = PBKDF2_PRFS.iter().find(|row| row.1 == raw.prf) else {
        return bad(format!("PBKDF2 with PRF {:#x}", raw.prf));
    };
    match u32::try_from(raw.iterations) {
        Ok(iterations @ 1..) => {
            let (salt, password) = (raw.salt, raw.password);
            Ok(Params::Pbkdf2(Pbkdf2 { hash: *hash, salt, iterations, password }))
        }
        _ => bad(format!("PBKDF2 with {} iterations", raw.iterations)),
    }
}
