//! Parameters of elliptic curve key agreement and of EdDSA.

use crate::error::{Code, Result};
use crate::ffi::params::RawParams;
use crate::mechanism::{Hash, Params};

/// `CK_EC_KDF_TYPE` and the data that both sides share.
#[derive(Clone, Copy, Debug)]
pub enum EcKdf<'a> {
    Null,
    /// ANSI X9.63 section 5.6.3.
    X963 {
        hash: Hash,
        shared: &'a [u8],
    },
    /// NIST SP 800-56A section 5.8.1.1.
    Sp800 {
        hash: Hash,
        shared: &'a [u8],
    },
}

/// The hashes of `CKD_*_KDF` and `CKD_*_KDF_SP800` with the numbers of both.
const EC_KDFS: [(Hash, u64, u64); 9] = [
    (Hash::Sha1, 2, 14),
    (Hash::Sha224, 5, 15),
    (Hash::Sha256, 6, 16),
    (Hash::Sha384, 7, 17),
    (Hash::Sha512, 8, 18),
    (Hash::Sha3_224, 10, 19),
    (Hash::Sha3_256, 11, 20),
    (Hash::Sha3_384, 12, 21),
    (Hash::Sha3_512, 13, 22),
];

const CKD_NULL: u64 = 1;

impl<'a> EcKdf<'a> {
    /// `CKD_*` and the shared data.
    ///
    /// # Errors
    /// MechanismParamInvalid for a hash that no KDF uses.
    pub fn parts(self) -> Result<(u64, &'a [u8])> {
        let row = |hash: Hash| {
            EC_KDFS.iter().find(|row| row.0 == hash).ok_or_else(|| {
                Code::MechanismParamInvalid.because(format!("there is no KDF with {hash:?}"))
            })
        };
        Ok(match self {
            Self::Null => (CKD_NULL, &[]),
            Self::X963 { hash, shared } => (row(hash)?.1, shared),
            Self::Sp800 { hash, shared } => (row(hash)?.2, shared),
        })
    }
}

/// `CK_ECDH1_DERIVE_PARAMS`.
pub fn ecdh(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (number, shared, public) = raw.ecdh1()?;
    Ok(Params::Ecdh { kdf: ec_kdf(number, shared)?, public })
}

/// The NULL KDF takes no shared data.
pub(super) fn ec_kdf(number: u64, shared: &[u8]) -> Result<EcKdf<'_>> {
    let row = EC_KDFS.iter().find(|row| number == row.1 || number == row.2);
    match row {
        Some((hash, x963, _)) if number == *x963 => Ok(EcKdf::X963 { hash: *hash, shared }),
        Some((hash, ..)) => Ok(EcKdf::Sp800 { hash: *hash, shared }),
        None if number != CKD_NULL => {
            Err(Code::MechanismParamInvalid.because(format!("KDF {number:#x}")))
        }
        None if shared.is_empty() => Ok(EcKdf::Null),
        None => Err(Code::MechanismParamInvalid.because("the NULL KDF takes no shared data")),
    }
}

/// Nothing for pure EdDSA, or `CK_EDDSA_PARAMS`; a context has at most 255 bytes (RFC 8032 section
/// 5.1).
pub fn eddsa(raw: RawParams<'_>) -> Result<Params<'_>> {
    if raw.is_empty() {
        return Ok(Params::None);
    }
    let (prehash, context) = raw.eddsa()?;
    match context.len() {
        0 if !prehash => Err(Code::MechanismParamInvalid
            .because("Ed25519ctx needs a context (RFC 8032 section 8.3)")),
        0..=255 => Ok(Params::Eddsa { prehash, context }),
        n => Err(Code::MechanismParamInvalid.because(format!("an EdDSA context of {n} bytes"))),
    }
}
