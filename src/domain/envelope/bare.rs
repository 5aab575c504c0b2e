//! Ciphertexts without a header: what other systems made, or are to read.

use super::{OaepHash, Scheme};
use crate::error::{Kind, Result};

/// Bytes of an initialisation vector of AES-CBC.
const CBC_IV: usize = 16;
/// Bytes of a nonce of AES-GCM.
const GCM_NONCE: usize = 12;
/// Bytes of a tag of AES-GCM.
const GCM_TAG: usize = 16;

/// How a bare ciphertext is encrypted. It says nothing of itself, so all of it has to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BareScheme {
    /// Nonce of 12 bytes, ciphertext, tag of 16 bytes; no associated data.
    AesGcm,
    /// PKCS#7 padding. Without an IV the first 16 bytes are it.
    AesCbc {
        /// 16 bytes.
        iv: Option<[u8; CBC_IV]>,
    },
    /// OAEP on the data itself.
    RsaOaep {
        /// The hash of label and mask.
        hash: OaepHash,
        /// The label; mostly empty.
        label: Vec<u8>,
    },
    /// PKCS#1 v1.5 on the data itself.
    RsaPkcs1,
}

/// What the parameters of a bare ciphertext may be, as they were given.
#[derive(Clone, Debug, Default)]
pub struct BareParameters {
    /// The IV, in hexadecimal digits.
    pub iv: Option<String>,
    /// The hash of OAEP; SHA-256 if none is named.
    pub hash: Option<OaepHash>,
    /// The label of OAEP.
    pub label: Option<String>,
}

impl BareScheme {
    /// The scheme with the parameters that it takes.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a parameter of another scheme and for an IV that is none.
    pub fn new(scheme: Scheme, parameters: &BareParameters) -> Result<Self> {
        let BareParameters { iv, hash, label } = parameters;
        let foreign = match scheme {
            Scheme::AesCbc => hash.is_some() || label.is_some(),
            Scheme::RsaOaep => iv.is_some(),
            Scheme::AesGcm | Scheme::RsaPkcs1 => iv.is_some() || hash.is_some() || label.is_some(),
        };
        if foreign {
            return Err(Kind::Usage
                .because(format!("{scheme} does not have that parameter"))
                .advise("--iv is for aes-cbc, --oaep-hash and --label are for rsa-oaep"));
        }
        Ok(match scheme {
            Scheme::AesGcm => Self::AesGcm,
            Scheme::AesCbc => Self::AesCbc { iv: iv.as_deref().map(read_iv).transpose()? },
            Scheme::RsaOaep => Self::RsaOaep {
                hash: hash.unwrap_or(OaepHash::Sha256),
                label: label.clone().unwrap_or_default().into_bytes(),
            },
            Scheme::RsaPkcs1 => Self::RsaPkcs1,
        })
    }

    /// Which scheme it is.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::AesGcm => Scheme::AesGcm,
            Self::AesCbc { .. } => Scheme::AesCbc,
            Self::RsaOaep { .. } => Scheme::RsaOaep,
            Self::RsaPkcs1 => Scheme::RsaPkcs1,
        }
    }

    /// Bytes of nonce or IV that stand before the ciphertext.
    pub fn leading(&self) -> usize {
        match self {
            Self::AesGcm => GCM_NONCE,
            Self::AesCbc { iv: None } => CBC_IV,
            _ => 0,
        }
    }

    /// Nonce or IV, and the ciphertext.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is too short, or no whole number of blocks.
    pub fn split<'a>(&'a self, bytes: &'a [u8]) -> Result<(&'a [u8], &'a [u8])> {
        let short = || {
            Kind::Malformed
                .because(format!("{} bytes are no {} ciphertext", bytes.len(), self.scheme()))
                .advise("look for the right file, or give --iv if the IV is not in it")
        };
        let (leading, body) = bytes.split_at_checked(self.leading()).ok_or_else(short)?;
        let whole = match self {
            Self::AesGcm => body.len() >= GCM_TAG,
            Self::AesCbc { .. } => !body.is_empty() && body.len().is_multiple_of(CBC_IV),
            Self::RsaOaep { .. } | Self::RsaPkcs1 => !body.is_empty(),
        };
        match self {
            _ if !whole => Err(short()),
            Self::AesCbc { iv: Some(iv) } => Ok((iv, body)),
            _ => Ok((leading, body)),
        }
    }
}

fn read_iv(text: &str) -> Result<[u8; CBC_IV]> {
    let wrong = || {
        Kind::Usage
            .because(format!("{text:?} is not an IV"))
            .advise("give it as 32 hexadecimal digits, as openssl enc -iv takes it")
    };
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() == 2 * CBC_IV).ok_or_else(wrong)?;
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    bytes.try_into().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iv_is_given_or_stands_in_front() {
        let parameters =
            |iv: &str| BareParameters { iv: Some(iv.to_owned()), ..Default::default() };
        let given = "000102030405060708090a0B0C0D0E0F";
        let given = BareScheme::new(Scheme::AesCbc, &parameters(given)).expect("an IV");
        let bytes: Vec<u8> = (0..48).collect();
        assert_eq!(given.split(&bytes).expect("whole"), (&bytes[..16], &bytes[..]));
        let none = BareScheme::AesCbc { iv: None };
        assert_eq!(none.split(&bytes).expect("whole"), (&bytes[..16], &bytes[16..]));
        for wrong in ["", "00", "000102030405060708090a0B0C0D0E0G", &"0".repeat(34), "é"] {
            assert!(BareScheme::new(Scheme::AesCbc, &parameters(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_too_short_is_refused() {
        for scheme in [BareScheme::AesGcm, BareScheme::AesCbc { iv: None }, BareScheme::RsaPkcs1] {
            assert!(scheme.split(&[]).is_err());
            assert!(scheme.split(&vec![0; scheme.leading()]).is_err());
        }
        assert!(BareScheme::AesCbc { iv: None }.split(&[0; 40]).is_err(), "half a block");
        assert!(BareScheme::AesGcm.split(&[0; 27]).is_err(), "no tag");
    }

    #[test]
    fn a_parameter_of_another_scheme_is_refused() {
        let label = BareParameters { label: Some("x".to_owned()), ..Default::default() };
        for scheme in [Scheme::AesGcm, Scheme::AesCbc, Scheme::RsaPkcs1] {
            assert_eq!(BareScheme::new(scheme, &label).expect_err("no").kind(), Kind::Usage);
        }
        let oaep = BareScheme::new(Scheme::RsaOaep, &label).expect("a label");
        let expected = BareScheme::RsaOaep { hash: OaepHash::Sha256, label: b"x".to_vec() };
        assert_eq!(oaep, expected);
    }
}
