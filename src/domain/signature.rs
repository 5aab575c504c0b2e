//! Signatures: which scheme a key signs with, and the form that others read.

use std::fmt;
use std::str::FromStr;

use der::asn1::UintRef;
use der::{Decode, Encode, Sequence};

use crate::domain::key::{Algorithm, Material, Usage};
use crate::error::{Error, Kind, Result};

/// A signature scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureScheme {
    /// RSASSA-PSS with SHA-256, MGF1-SHA-256 and a 32-byte salt.
    RsaPss,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1,
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256,
    /// ECDSA on P-384 with SHA-384.
    EcdsaP384,
    /// ECDSA on P-521 with SHA-512.
    EcdsaP521,
    /// Ed25519.
    Ed25519,
    /// HMAC with SHA-256 (RFC 2104): a tag that only a holder of the key makes or checks.
    HmacSha256,
    /// HMAC with SHA-384.
    HmacSha384,
    /// HMAC with SHA-512.
    HmacSha512,
}

impl SignatureScheme {
    /// Every scheme with its name.
    pub const ALL: [(SignatureScheme, &'static str); 9] = [
        (SignatureScheme::RsaPss, "rsa-pss"),
        (SignatureScheme::RsaPkcs1, "rsa-pkcs1"),
        (SignatureScheme::EcdsaP256, "ecdsa-p256"),
        (SignatureScheme::EcdsaP384, "ecdsa-p384"),
        (SignatureScheme::EcdsaP521, "ecdsa-p521"),
        (SignatureScheme::Ed25519, "ed25519"),
        (SignatureScheme::HmacSha256, "hmac-sha256"),
        (SignatureScheme::HmacSha384, "hmac-sha384"),
        (SignatureScheme::HmacSha512, "hmac-sha512"),
    ];

    /// The name as people type it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(scheme, _)| *scheme == self).map_or("", |(_, name)| name)
    }

    /// The scheme that was asked for, or the key's default.
    ///
    /// # Errors
    /// [`Kind::Usage`] when keys of this algorithm do not sign, or not so.
    pub fn for_key(algorithm: Algorithm, asked: Option<Self>) -> Result<Self> {
        let schemes: &[Self] = match algorithm.material() {
            Material::Rsa { .. } => &[Self::RsaPss, Self::RsaPkcs1],
            Material::P256 => &[Self::EcdsaP256],
            Material::P384 => &[Self::EcdsaP384],
            Material::P521 => &[Self::EcdsaP521],
            Material::Ed25519 => &[Self::Ed25519],
            Material::Hmac { bytes: 48 } => &[Self::HmacSha384],
            Material::Hmac { bytes: 64 } => &[Self::HmacSha512],
            Material::Hmac { .. } => &[Self::HmacSha256],
            Material::Aes { .. } | Material::X25519 => &[],
        };
        let Some(default) = schemes.first() else {
            return Err(Kind::Usage.because(format!("{algorithm} keys do not sign")));
        };
        let scheme = asked.unwrap_or(*default);
        if !schemes.contains(&scheme) {
            let names: Vec<_> = schemes.iter().map(|scheme| scheme.name()).collect();
            return Err(Kind::Usage
                .because(format!("{algorithm} keys do not sign with {scheme}"))
                .advise(format!("use {}", names.join(" or "))));
        }
        Ok(scheme)
    }

    /// The use of the keys of an algorithm that make signatures or tags.
    pub fn usage_of(algorithm: Algorithm) -> Usage {
        match algorithm.material() {
            Material::Hmac { .. } => Usage::Mac,
            _ => Usage::Sign,
        }
    }

    /// Whether it is a tag under a secret key: who checks it could have made it.
    pub fn is_mac(self) -> bool {
        matches!(self, Self::HmacSha256 | Self::HmacSha384 | Self::HmacSha512)
    }
}

impl fmt::Display for SignatureScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SignatureScheme {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(scheme, _)| *scheme).ok_or_else(
            || {
                let names = Self::ALL.map(|(_, name)| name).join(", ");
                Kind::Usage
                    .because(format!("{text:?} is not a signature scheme"))
                    .advise(format!("one of {names}"))
            },
        )
    }
}

/// ECDSA-Sig-Value (RFC 3279, 2.2.3): what OpenSSL, X.509 and TLS read.
#[derive(Sequence)]
struct EcdsaSignature<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// From PKCS#11's r || s to DER.
///
/// # Errors
/// [`Kind::Token`] when the token's signature is empty or of odd length.
pub fn ecdsa_to_der(raw: &[u8]) -> Result<Vec<u8>> {
    let odd = || Kind::Token.because(format!("an ECDSA signature of {} bytes", raw.len()));
    if raw.is_empty() || !raw.len().is_multiple_of(2) {
        return Err(odd());
    }
    let (r, s) = raw.split_at(raw.len() / 2);
    let (r, s) = (UintRef::new(r), UintRef::new(s));
    match (r, s) {
        (Ok(r), Ok(s)) => EcdsaSignature { r, s }.to_der().map_err(|error| odd().caused_by(error)),
        _ => Err(odd()),
    }
}

/// From DER to PKCS#11's r || s, each of `half` bytes.
///
/// # Errors
/// [`Kind::NotAuthentic`] when it is no signature of this size.
pub fn ecdsa_from_der(der: &[u8], half: usize) -> Result<Vec<u8>> {
    let malformed = || Kind::NotAuthentic.because("the signature is not an ECDSA signature in DER");
    let signature = EcdsaSignature::from_der(der).map_err(|_| malformed())?;
    let mut raw = vec![0; 2 * half];
    for (number, place) in [signature.r, signature.s].iter().zip(raw.chunks_mut(half)) {
        let bytes = number.as_bytes();
        let start = half.checked_sub(bytes.len()).ok_or_else(malformed)?;
        place[start..].copy_from_slice(bytes);
    }
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_survives_the_way_through_der() {
        for (first, second) in [(0, 0), (0x7F, 0x80), (0xFF, 1)] {
            let mut raw = vec![1; 64];
            (raw[0], raw[32]) = (first, second);
            assert_eq!(ecdsa_from_der(&ecdsa_to_der(&raw).expect("DER"), 32).expect("raw"), raw);
        }
    }

    #[test]
    fn every_algorithm_that_signs_or_tags_has_a_scheme_and_no_other() {
        for algorithm in Algorithm::all() {
            let usage = SignatureScheme::usage_of(algorithm);
            let scheme = SignatureScheme::for_key(algorithm, None);
            assert_eq!(scheme.is_ok(), algorithm.allows(usage), "{algorithm}");
            assert_eq!(scheme.is_ok_and(SignatureScheme::is_mac), usage == Usage::Mac);
        }
    }

    #[test]
    fn numbers_too_long_for_the_curve_are_refused() {
        let der = ecdsa_to_der(&[0x11; 96]).expect("DER");
        assert_eq!(ecdsa_from_der(&der, 32).expect_err("too long").kind(), Kind::NotAuthentic);
        assert!(ecdsa_from_der(b"", 32).is_err());
    }
}
