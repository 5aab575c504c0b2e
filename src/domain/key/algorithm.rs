//! The algorithms of keys: one table row each, from which everything else derives.

use std::fmt;
use std::str::FromStr;

use der::Enumerated;

use super::Usage;
use crate::error::{Error, Kind};

/// What a key is made of. The numbers stand in records and stay for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
pub enum Algorithm {
    /// AES with a 128-bit key.
    Aes128 = 1,
    /// AES with a 256-bit key.
    Aes256 = 2,
    /// RSA, 2048-bit modulus.
    Rsa2048 = 3,
    /// RSA, 3072-bit modulus.
    Rsa3072 = 4,
    /// RSA, 4096-bit modulus.
    Rsa4096 = 5,
    /// Elliptic curve P-256.
    EcP256 = 6,
    /// Elliptic curve P-384.
    EcP384 = 7,
    /// Ed25519 (RFC 8032).
    Ed25519 = 8,
    /// Elliptic curve P-521.
    EcP521 = 9,
    /// X25519 (RFC 7748).
    X25519 = 10,
    /// HMAC with SHA-256 and a 256-bit key.
    HmacSha256 = 11,
    /// HMAC with SHA-384 and a 384-bit key.
    HmacSha384 = 12,
    /// HMAC with SHA-512 and a 512-bit key.
    HmacSha512 = 13,
}

/// The shape of key material in a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Material {
    /// One AES key of so many bytes.
    Aes {
        /// Length of the key in bytes.
        bytes: usize,
    },
    /// An RSA pair with a modulus of so many bits.
    Rsa {
        /// Length of the modulus in bits.
        bits: usize,
    },
    /// A pair on the NIST curve P-256.
    P256,
    /// A pair on the NIST curve P-384.
    P384,
    /// A pair on the NIST curve P-521.
    P521,
    /// An Ed25519 pair.
    Ed25519,
    /// An X25519 pair.
    X25519,
    /// One HMAC key of so many bytes, as long as the output of its hash.
    Hmac {
        /// Length of the key and of the tag in bytes.
        bytes: usize,
    },
}

impl Material {
    /// Whether the key is one secret object rather than a pair.
    pub fn is_secret_key(self) -> bool {
        matches!(self, Material::Aes { .. } | Material::Hmac { .. })
    }
}

struct Row {
    algorithm: Algorithm,
    name: &'static str,
    material: Material,
    /// The uses that it can have; the first one is taken when none is named.
    uses: &'static [Usage],
}

const AES_USES: &[Usage] = &[Usage::Encrypt, Usage::Wrap];
const RSA_USES: &[Usage] = &[Usage::Encrypt, Usage::Sign, Usage::Wrap];
const EC_USES: &[Usage] = &[Usage::Sign, Usage::Agree];
const EDWARDS_USES: &[Usage] = &[Usage::Sign];
const MONTGOMERY_USES: &[Usage] = &[Usage::Agree];
const HMAC_USES: &[Usage] = &[Usage::Mac];

#[rustfmt::skip]
const TABLE: [Row; 13] = [
    Row { algorithm: Algorithm::Aes128,       name: "aes-128",     material: Material::Aes { bytes: 16 },   uses: AES_USES },
    Row { algorithm: Algorithm::Aes256,       name: "aes-256",     material: Material::Aes { bytes: 32 },   uses: AES_USES },
    Row { algorithm: Algorithm::Rsa2048,      name: "rsa-2048",    material: Material::Rsa { bits: 2048 },  uses: RSA_USES },
    Row { algorithm: Algorithm::Rsa3072,      name: "rsa-3072",    material: Material::Rsa { bits: 3072 },  uses: RSA_USES },
    Row { algorithm: Algorithm::Rsa4096,      name: "rsa-4096",    material: Material::Rsa { bits: 4096 },  uses: RSA_USES },
    Row { algorithm: Algorithm::EcP256,       name: "ec-p256",     material: Material::P256,                uses: EC_USES },
    Row { algorithm: Algorithm::EcP384,       name: "ec-p384",     material: Material::P384,                uses: EC_USES },
    Row { algorithm: Algorithm::Ed25519,      name: "ed25519",     material: Material::Ed25519,             uses: EDWARDS_USES },
    Row { algorithm: Algorithm::EcP521,       name: "ec-p521",     material: Material::P521,                uses: EC_USES },
    Row { algorithm: Algorithm::X25519,       name: "x25519",      material: Material::X25519,              uses: MONTGOMERY_USES },
    Row { algorithm: Algorithm::HmacSha256,   name: "hmac-sha256", material: Material::Hmac { bytes: 32 },  uses: HMAC_USES },
    Row { algorithm: Algorithm::HmacSha384,   name: "hmac-sha384", material: Material::Hmac { bytes: 48 },  uses: HMAC_USES },
    Row { algorithm: Algorithm::HmacSha512,   name: "hmac-sha512", material: Material::Hmac { bytes: 64 },  uses: HMAC_USES },
];

impl Algorithm {
    /// Every algorithm, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Algorithm> {
        TABLE.iter().map(|row| row.algorithm)
    }

    /// The name as people type it.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The shape of its key material.
    pub fn material(self) -> Material {
        self.row().material
    }

    /// The use of a key for which none was named.
    pub fn default_usage(self) -> Usage {
        self.row().uses[0]
    }

    /// Whether a key of this algorithm can have this use.
    pub fn allows(self, usage: Usage) -> bool {
        self.row().uses.contains(&usage)
    }

    /// The use that was asked for, or the default.
    ///
    /// # Errors
    /// [`Kind::Usage`] when the algorithm cannot be used so.
    pub fn usage(self, asked: Option<Usage>) -> Result<Usage, Error> {
        let usage = asked.unwrap_or_else(|| self.default_usage());
        if !self.allows(usage) {
            let uses: Vec<_> = self.row().uses.iter().map(|usage| usage.name()).collect();
            return Err(Kind::Usage
                .because(format!("{self} cannot be used to {usage}"))
                .advise(format!("{self} is for: {}", uses.join(", "))));
        }
        Ok(usage)
    }

    fn row(self) -> &'static Row {
        TABLE
            .iter()
            .find(|row| row.algorithm == self)
            .expect("a test holds that every algorithm has its row")
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        TABLE.iter().find(|row| row.name == text).map(|row| row.algorithm).ok_or_else(|| {
            let names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
            Kind::Usage
                .because(format!("{text:?} is not an algorithm"))
                .advise(format!("one of {}", names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_has_its_row_at_its_number() {
        for number in 1..=u8::MAX {
            let row = TABLE.get(usize::from(number) - 1);
            match Algorithm::try_from(number) {
                Ok(algorithm) => assert_eq!(row.map(|row| row.algorithm), Some(algorithm)),
                Err(_) => assert!(row.is_none(), "a row without an algorithm at {number}"),
            }
        }
    }

    #[test]
    fn names_are_read_back() {
        for algorithm in Algorithm::all() {
            assert_eq!(algorithm.name().parse::<Algorithm>().expect("known"), algorithm);
        }
        assert!("AES-256".parse::<Algorithm>().is_err());
    }

    #[test]
    fn a_use_that_the_algorithm_lacks_is_refused_with_those_it_has() {
        let error = Algorithm::Ed25519.usage(Some(Usage::Encrypt)).expect_err("refused");
        assert_eq!(error.advice(), Some("ed25519 is for: sign"));
        assert_eq!(Algorithm::Aes256.usage(None).expect("default"), Usage::Encrypt);
    }
}
