//! Public keys as SubjectPublicKeyInfo, for everyone who reads PEM.

use der::asn1::{Any, BitString, ObjectIdentifier, UintRef};
use der::pem::LineEnding;
use der::{Encode, EncodePem, Sequence};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::exchange::{Group, PublicValue};
use super::key::{Algorithm, Material};
use crate::error::{Error, Kind, Result};

/// id-ecPublicKey (RFC 5480).
pub const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// P-256, also prime256v1.
pub const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// P-384.
pub const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// P-521.
pub const SECP521R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
/// X25519 (RFC 8410).
pub const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
/// Ed25519 (RFC 8410).
pub const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// rsaEncryption (RFC 8017).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A public key as a token gives it, in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA: modulus and exponent, big-endian.
    Rsa {
        /// n
        modulus: Vec<u8>,
        /// e
        exponent: Vec<u8>,
    },
    /// An uncompressed point on P-256.
    P256(Vec<u8>),
    /// An uncompressed point on P-384.
    P384(Vec<u8>),
    /// An uncompressed point on P-521.
    P521(Vec<u8>),
    /// An Ed25519 key of 32 bytes.
    Ed25519(Vec<u8>),
    /// An X25519 u-coordinate of 32 bytes.
    X25519(Vec<u8>),
}

#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

impl PublicKey {
    /// SubjectPublicKeyInfo in PEM.
    ///
    /// # Errors
    /// [`Kind::Token`] when the token gave something that is not a public key.
    pub fn to_pem(&self) -> Result<String> {
        self.encode().and_then(|spki| spki.to_pem(LineEnding::LF)).map_err(unencodable)
    }

    /// SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// As [`PublicKey::to_pem`].
    pub fn to_der(&self) -> Result<Vec<u8>> {
        self.encode().and_then(|spki| spki.to_der()).map_err(unencodable)
    }

    /// SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// As [`PublicKey::to_pem`].
    pub fn to_spki(&self) -> Result<SubjectPublicKeyInfoOwned> {
        self.encode().map_err(unencodable)
    }

    /// The public value of a pair for Diffie-Hellman, checked before a private key meets it: on the
    /// curve, and not of small order.
    ///
    /// # Errors
    /// [`Kind::Usage`] for an algorithm that agrees on nothing, [`Kind::NotAuthentic`] for a value
    /// that fails a check.
    pub fn from_point(algorithm: Algorithm, bytes: &[u8]) -> Result<Self> {
        let uncompressed = bytes.first() == Some(&4);
        let (key, valid) = match algorithm.material() {
            Material::P256 => {
                let valid = uncompressed && p256::PublicKey::from_sec1_bytes(bytes).is_ok();
                (Self::P256(bytes.to_vec()), valid)
            }
            Material::P384 => {
                let valid = uncompressed && p384::PublicKey::from_sec1_bytes(bytes).is_ok();
                (Self::P384(bytes.to_vec()), valid)
            }
            Material::P521 => {
                let valid = uncompressed && p521::PublicKey::from_sec1_bytes(bytes).is_ok();
                (Self::P521(bytes.to_vec()), valid)
            }
            Material::X25519 => {
                let valid = PublicValue::new(Group::X25519, bytes).is_ok();
                (Self::X25519(bytes.to_vec()), valid)
            }
            _ => return Err(Kind::Usage.because(format!("{algorithm} keys agree on nothing"))),
        };
        match valid {
            true => Ok(key),
            false => Err(Kind::NotAuthentic
                .because(format!("the public value is not a valid {algorithm} value"))
                .advise("it is damaged or hostile: get an undamaged copy")),
        }
    }

    /// The uncompressed point, or the key of 32 bytes.
    ///
    /// # Errors
    /// [`Kind::Usage`] for RSA, which has none.
    pub fn point(&self) -> Result<&[u8]> {
        match self {
            Self::P256(point)
            | Self::P384(point)
            | Self::P521(point)
            | Self::Ed25519(point)
            | Self::X25519(point) => Ok(point),
            Self::Rsa { .. } => Err(Kind::Usage.because("an RSA key has no point")),
        }
    }

    fn encode(&self) -> der::Result<SubjectPublicKeyInfoOwned> {
        let (oid, parameters) = match self {
            Self::Rsa { .. } => (RSA, Some(Any::null())),
            Self::P256(_) => (EC_PUBLIC_KEY, Some(Any::encode_from(&SECP256R1)?)),
            Self::P384(_) => (EC_PUBLIC_KEY, Some(Any::encode_from(&SECP384R1)?)),
            Self::P521(_) => (EC_PUBLIC_KEY, Some(Any::encode_from(&SECP521R1)?)),
            Self::Ed25519(_) => (ED25519, None),
            Self::X25519(_) => (X25519, None),
        };
        let bits = match self {
            Self::Rsa { modulus, exponent } => {
                let (modulus, exponent) = (UintRef::new(modulus)?, UintRef::new(exponent)?);
                RsaPublicKey { modulus, exponent }.to_der()?
            }
            Self::P256(point)
            | Self::P384(point)
            | Self::P521(point)
            | Self::Ed25519(point)
            | Self::X25519(point) => point.clone(),
        };
        Ok(SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned { oid, parameters },
            subject_public_key: BitString::from_bytes(&bits)?,
        })
    }
}

fn unencodable(error: der::Error) -> Error {
    Kind::Token.because("the token's public key cannot be encoded").caused_by(error)
}
