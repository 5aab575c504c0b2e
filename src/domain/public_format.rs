//! The formats in which public keys leave the token.

use std::str::FromStr;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::json;

use super::public_key::PublicKey;
use crate::error::{Error, Kind, Result};

/// What age's recipients start with.
const AGE: bech32::Hrp = bech32::Hrp::parse_unchecked("age");

/// A format of public keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicFormat {
    /// SubjectPublicKeyInfo in PEM (RFC 7468).
    Pem,
    /// SubjectPublicKeyInfo in DER (RFC 5280).
    Der,
    /// JSON Web Key (RFC 7517, 7518, 8037).
    Jwk,
    /// A line for authorized_keys (RFC 4253, 5656, 8709).
    OpenSsh,
    /// A recipient of age (age-encryption.org/v1): `age1` and the X25519 key in Bech32.
    Age,
}

impl PublicFormat {
    /// Every format with its name.
    pub const ALL: [(PublicFormat, &'static str); 5] = [
        (PublicFormat::Pem, "pem"),
        (PublicFormat::Der, "der"),
        (PublicFormat::Jwk, "jwk"),
        (PublicFormat::OpenSsh, "openssh"),
        (PublicFormat::Age, "age"),
    ];

    /// The key in this format. `name` goes where the format has a name.
    ///
    /// # Errors
    /// [`Kind::Token`] when the token gave something that is not a public key,
    /// [`Kind::Unsupported`] when the format has no such keys.
    pub fn encode(self, key: &PublicKey, name: &str) -> Result<Vec<u8>> {
        match self {
            Self::Pem => key.to_pem().map(String::into_bytes),
            Self::Der => key.to_der(),
            Self::Jwk => jwk(key, name),
            Self::OpenSsh => openssh(key, name),
            Self::Age => age(key),
        }
    }
}

impl FromStr for PublicFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(format, _)| *format).ok_or_else(
            || {
                let names = Self::ALL.map(|(_, name)| name).join(", ");
                Kind::Usage
                    .because(format!("{text:?} is not a format of public keys"))
                    .advise(format!("one of {names}"))
            },
        )
    }
}

fn jwk(key: &PublicKey, name: &str) -> Result<Vec<u8>> {
    let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let ec = |curve: &str, point: &[u8]| {
        let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
        json!({ "kty": "EC", "crv": curve, "x": text(x), "y": text(y), "kid": name })
    };
    let okp = |curve: &str, bytes: &[u8]| json!({ "kty": "OKP", "crv": curve, "x": text(bytes), "kid": name });
    let jwk = match key {
        PublicKey::Rsa { modulus, exponent } => json!({
            "kty": "RSA", "n": text(bare(modulus)), "e": text(bare(exponent)), "kid": name
        }),
        PublicKey::P256(point) => ec("P-256", point),
        PublicKey::P384(point) => ec("P-384", point),
        PublicKey::P521(point) => ec("P-521", point),
        PublicKey::Ed25519(bytes) => okp("Ed25519", bytes),
        PublicKey::X25519(bytes) => okp("X25519", bytes),
    };
    Ok(format!("{jwk}\n").into_bytes())
}

fn openssh(key: &PublicKey, name: &str) -> Result<Vec<u8>> {
    let (kind, parts): (&str, Vec<Vec<u8>>) = match key {
        PublicKey::Rsa { modulus, exponent } => ("ssh-rsa", vec![mpint(exponent), mpint(modulus)]),
        PublicKey::P256(point) => {
            ("ecdsa-sha2-nistp256", vec![b"nistp256".to_vec(), point.clone()])
        }
        PublicKey::P384(point) => {
            ("ecdsa-sha2-nistp384", vec![b"nistp384".to_vec(), point.clone()])
        }
        PublicKey::P521(point) => {
            ("ecdsa-sha2-nistp521", vec![b"nistp521".to_vec(), point.clone()])
        }
        PublicKey::Ed25519(bytes) => ("ssh-ed25519", vec![bytes.clone()]),
        PublicKey::X25519(_) => {
            return Err(Kind::Unsupported
                .because("OpenSSH has no x25519 keys")
                .advise("export it as pem, der or jwk"));
        }
    };
    let mut blob = Vec::new();
    for part in std::iter::once(kind.as_bytes()).chain(parts.iter().map(Vec::as_slice)) {
        let length = u32::try_from(part.len())
            .map_err(|_| Kind::Token.because("the token's public key is too long"))?;
        blob.extend(length.to_be_bytes());
        blob.extend(part);
    }
    Ok(format!("{kind} {} {name}\n", BASE64_STANDARD.encode(blob)).into_bytes())
}

fn age(key: &PublicKey) -> Result<Vec<u8>> {
    let PublicKey::X25519(key) = key else {
        return Err(Kind::Unsupported
            .because("age's recipients are x25519 keys")
            .advise("for other keys: age-plugin-keyway --key NAME prints a recipient"));
    };
    let recipient = bech32::encode::<bech32::Bech32>(AGE, key)
        .map_err(|error| Kind::Internal.because("cannot encode a recipient").caused_by(error))?;
    Ok(format!("{recipient}\n").into_bytes())
}

/// Without leading zeros.
fn bare(number: &[u8]) -> &[u8] {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    &number[start..]
}

/// A positive number of RFC 4251, 5.
fn mpint(number: &[u8]) -> Vec<u8> {
    let number = bare(number);
    match number.first() {
        Some(byte) if byte & 0x80 != 0 => [&[0], number].concat(),
        _ => number.to_vec(),
    }
}
