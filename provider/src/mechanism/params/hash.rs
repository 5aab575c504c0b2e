//! The hash functions that parameters name.

use crate::error::{Code, Result};
use crate::mechanism::MechanismType;

/// The hash functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
    /// Legacy: mechanisms of its own use it, no parameter can name it.
    Md5,
}

impl Hash {
    /// How many there are.
    pub const COUNT: usize = Self::Md5 as usize + 1;

    /// Every hash that parameters can name, in the order of the variants, with the mechanism that
    /// names it and the MGF1 that uses it (`CKG_MGF1_*`), where the specification has one.
    pub const ALL: [(Self, MechanismType, Option<u64>); 11] = [
        (Self::Sha1, MechanismType::SHA_1, Some(1)),
        (Self::Sha224, MechanismType::SHA224, Some(5)),
        (Self::Sha256, MechanismType::SHA256, Some(2)),
        (Self::Sha384, MechanismType::SHA384, Some(3)),
        (Self::Sha512, MechanismType::SHA512, Some(4)),
        (Self::Sha512_224, MechanismType::SHA512_224, None),
        (Self::Sha512_256, MechanismType::SHA512_256, None),
        (Self::Sha3_224, MechanismType::SHA3_224, Some(6)),
        (Self::Sha3_256, MechanismType::SHA3_256, Some(7)),
        (Self::Sha3_384, MechanismType::SHA3_384, Some(8)),
        (Self::Sha3_512, MechanismType::SHA3_512, Some(9)),
    ];

    /// # Errors
    /// MechanismParamInvalid for a mechanism that is no hash known here.
    pub fn of_mechanism(id: u64) -> Result<Self> {
        let row = Self::ALL.iter().find(|row| row.1.0 == id);
        row.map(|row| row.0).ok_or_else(|| {
            Code::MechanismParamInvalid.because(format!("hash {:?}", MechanismType(id)))
        })
    }

    /// # Errors
    /// MechanismParamInvalid for an unknown mask generation function.
    pub fn of_mgf(mgf: u64) -> Result<Self> {
        let row = Self::ALL.iter().find(|row| row.2 == Some(mgf));
        row.map(|row| row.0)
            .ok_or_else(|| Code::MechanismParamInvalid.because(format!("MGF {mgf:#x}")))
    }

    /// The mechanism that names it in parameters.
    ///
    /// # Errors
    /// MechanismParamInvalid for MD5, which no parameter can name.
    pub fn mechanism(self) -> Result<MechanismType> {
        let row = Self::ALL.get(self as usize).map(|row| row.1);
        row.ok_or_else(|| {
            Code::MechanismParamInvalid.because(format!("no parameter names {self:?}"))
        })
    }

    /// The number of the MGF1 that uses it (`CKG_MGF1_*`).
    ///
    /// # Errors
    /// MechanismParamInvalid where the specification has none.
    pub fn mgf(self) -> Result<u64> {
        let number = Self::ALL.get(self as usize).and_then(|row| row.2);
        number.ok_or_else(|| {
            Code::MechanismParamInvalid.because(format!("there is no MGF1 with {self:?}"))
        })
    }

    /// Length of the digest in bytes, never 0.
    pub const fn size(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 | Self::Sha512_224 | Self::Sha3_224 => 28,
            Self::Sha256 | Self::Sha512_256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_has_its_place_and_is_found_by_its_names() {
        for (place, (hash, mechanism, mgf)) in Hash::ALL.into_iter().enumerate() {
            assert_eq!(hash as usize, place);
            assert_eq!(Hash::of_mechanism(mechanism.0).unwrap(), hash);
            assert!(mgf.is_none_or(|mgf| Hash::of_mgf(mgf).unwrap() == hash));
            assert_eq!((hash.mechanism().unwrap(), hash.mgf().ok()), (mechanism, mgf));
        }
        assert_eq!(Hash::Md5.mechanism().unwrap_err().code(), Code::MechanismParamInvalid);
        assert_eq!(Hash::of_mgf(10).unwrap_err().code(), Code::MechanismParamInvalid);
    }
}
