//! How data is encrypted: the schemes, and which key can use which.

use std::fmt;
use std::str::FromStr;

use der::Enumerated;

use crate::domain::key::{Algorithm, Material};
use crate::error::{Error, Kind, Result};

/// An encryption scheme. The numbers stand in headers and stay for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
pub enum Scheme {
    /// AES-GCM, 96-bit random nonce, 128-bit tag, the header as associated data.
    AesGcm = 1,
    /// AES-CBC with PKCS#7 padding. Not authenticated.
    AesCbc = 2,
    /// A fresh AES-256-GCM data key wrapped with RSA-OAEP, the header as associated data.
    RsaOaep = 3,
    /// RSA PKCS#1 v1.5 on the data itself. Not authenticated, short data only.
    RsaPkcs1 = 4,
}

/// The hash in OAEP, for the label and the mask (RFC 8017, 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
pub enum OaepHash {
    /// SHA-1, where a token has nothing better. OAEP does not need collision resistance.
    Sha1 = 1,
    /// SHA-256.
    Sha256 = 2,
}

impl OaepHash {
    /// Bytes of its output.
    pub fn output_len(self) -> usize {
        match self {
            OaepHash::Sha1 => 20,
            OaepHash::Sha256 => 32,
        }
    }
}

impl FromStr for OaepHash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "sha1" => Ok(Self::Sha1),
            "sha256" => Ok(Self::Sha256),
            _ => Err(Kind::Usage
                .because(format!("{text:?} is not a hash of OAEP"))
                .advise("sha1 or sha256")),
        }
    }
}

impl Scheme {
    /// Every scheme with its name.
    pub const ALL: [(Scheme, &'static str); 4] = [
        (Scheme::AesGcm, "aes-gcm"),
        (Scheme::AesCbc, "aes-cbc"),
        (Scheme::RsaOaep, "rsa-oaep"),
        (Scheme::RsaPkcs1, "rsa-pkcs1"),
    ];

    /// The name as people type it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(scheme, _)| *scheme == self).map_or("", |(_, name)| name)
    }

    /// The scheme that was asked for, or the key's default.
    ///
    /// # Errors
    /// [`Kind::Usage`] when keys of this algorithm do not encrypt, or not so.
    pub fn for_key(algorithm: Algorithm, asked: Option<Scheme>) -> Result<Scheme> {
        let schemes: &[Scheme] = match algorithm.material() {
            Material::Aes { .. } => &[Scheme::AesGcm, Scheme::AesCbc],
            Material::Rsa { .. } => &[Scheme::RsaOaep, Scheme::RsaPkcs1],
            Material::P256
            | Material::P384
            | Material::P521
            | Material::Ed25519
            | Material::X25519
            | Material::Hmac { .. } => &[],
        };
        let Some(default) = schemes.first() else {
            return Err(Kind::Usage.because(format!("{algorithm} keys do not encrypt")));
        };
        let scheme = asked.unwrap_or(*default);
        if !schemes.contains(&scheme) {
            let names: Vec<_> = schemes.iter().map(|scheme| scheme.name()).collect();
            return Err(Kind::Usage
                .because(format!("{algorithm} keys do not encrypt with {scheme}"))
                .advise(format!("use {}", names.join(" or "))));
        }
        Ok(scheme)
    }

    /// Whether a change to the ciphertext is noticed, and a context can be bound to it.
    pub fn is_authenticated(self) -> bool {
        matches!(self, Scheme::AesGcm | Scheme::RsaOaep)
    }

    /// Bytes of nonce or initialisation vector.
    pub fn nonce_len(self) -> usize {
        match self {
            Scheme::AesGcm | Scheme::RsaOaep => 12,
            Scheme::AesCbc => 16,
            Scheme::RsaPkcs1 => 0,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scheme {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(scheme, _)| *scheme).ok_or_else(
            || {
                let names = Self::ALL.map(|(_, name)| name).join(", ");
                Kind::Usage
                    .because(format!("{text:?} is not an encryption scheme"))
                    .advise(format!("one of {names}"))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_authenticated_scheme() {
        let scheme = |algorithm| Scheme::for_key(algorithm, None).ok();
        assert_eq!(scheme(Algorithm::Aes256), Some(Scheme::AesGcm));
        assert_eq!(scheme(Algorithm::Rsa2048), Some(Scheme::RsaOaep));
        assert_eq!(scheme(Algorithm::Ed25519), None);
    }

    #[test]
    fn an_aes_key_does_not_do_oaep() {
        let error = Scheme::for_key(Algorithm::Aes128, Some(Scheme::RsaOaep)).expect_err("refused");
        assert_eq!(error.advice(), Some("use aes-gcm or aes-cbc"));
    }
}
