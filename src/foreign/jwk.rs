//! Private and secret keys as JSON Web Keys (RFC 7517, 7518, 8037).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use der::Encode;
use der::asn1::{AnyRef, OctetStringRef, UintRef};
use pkcs1::RsaPrivateKey;
use pkcs8::PrivateKeyInfoRef;
use sec1::EcPrivateKey;
use serde::Deserialize;
use spki::AlgorithmIdentifierRef;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::key_file::{KeyFile, malformed, wrap};
use super::private_key::{EC, ED25519, RSA};
use crate::domain::public_key::{SECP256R1, SECP384R1, SECP521R1};
use crate::error::{Kind, Result};

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(tag = "kty")]
enum Jwk {
    #[serde(rename = "RSA")]
    Rsa {
        n: String,
        e: String,
        d: String,
        p: String,
        q: String,
        dp: String,
        dq: String,
        qi: String,
    },
    #[serde(rename = "EC")]
    Ec { crv: String, x: String, y: String, d: String },
    #[serde(rename = "OKP")]
    Okp { crv: String, d: String },
    #[serde(rename = "oct")]
    Oct { k: String },
}

/// Reads one key.
///
/// # Errors
/// [`Kind::Malformed`] when it is not a private or secret JWK with all its parts,
/// [`Kind::Unsupported`] for other curves than P-256, P-384,
/// P-521 and Ed25519.
pub(super) fn read(text: &[u8]) -> Result<KeyFile> {
    // The message of a JSON error quotes the input, which is secret: only its place is told.
    let jwk: Jwk = serde_json::from_slice(text).map_err(|error| {
        Kind::Malformed
            .because(format!(
                "the file is not a private JWK (line {}, column {})",
                error.line(),
                error.column()
            ))
            .advise("an RSA key needs n, e, d, p, q, dp, dq and qi, an EC key crv, x, y and d")
    })?;
    match &jwk {
        Jwk::Rsa { n, e, d, p, q, dp, dq, qi } => rsa([n, e, d, p, q, dp, dq, qi]),
        Jwk::Ec { crv, x, y, d } => ec(crv, [x, y, d]),
        Jwk::Okp { crv, d } if crv == "Ed25519" => edwards(&decode(d)?),
        Jwk::Okp { crv, .. } => Err(unsupported(crv)),
        Jwk::Oct { k } => Ok(KeyFile::Secret(decode(k)?)),
    }
}

fn rsa(parts: [&String; 8]) -> Result<KeyFile> {
    let parts = parts.into_iter().map(decode).collect::<Result<Vec<_>>>()?;
    let number = |place: usize| UintRef::new(&parts[place]).map_err(malformed);
    let key = RsaPrivateKey {
        modulus: number(0)?,
        public_exponent: number(1)?,
        private_exponent: number(2)?,
        prime1: number(3)?,
        prime2: number(4)?,
        exponent1: number(5)?,
        exponent2: number(6)?,
        coefficient: number(7)?,
        other_prime_infos: None,
    };
    wrap(RSA, AnyRef::NULL, &Zeroizing::new(key.to_der().map_err(malformed)?))
}

fn ec(curve: &str, parts: [&String; 3]) -> Result<KeyFile> {
    let (oid, length) = match curve {
        "P-256" => (SECP256R1, 32),
        "P-384" => (SECP384R1, 48),
        "P-521" => (SECP521R1, 66),
        other => return Err(unsupported(other)),
    };
    let parts = parts.into_iter().map(decode).collect::<Result<Vec<_>>>()?;
    if parts.iter().any(|part| part.len() != length) {
        return Err(Kind::Malformed.because(format!("a part of the key has not {length} bytes")));
    }
    let point = [&[4], parts[0].as_slice(), &parts[1]].concat();
    let key = EcPrivateKey { private_key: &parts[2], parameters: None, public_key: Some(&point) };
    wrap(EC, AnyRef::from(&oid), &Zeroizing::new(key.to_der().map_err(malformed)?))
}

fn edwards(seed: &[u8]) -> Result<KeyFile> {
    let seed = OctetStringRef::new(seed).and_then(|seed| seed.to_der()).map_err(malformed)?;
    let seed = Zeroizing::new(seed);
    let algorithm = AlgorithmIdentifierRef { oid: ED25519, parameters: None };
    let info = PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(&seed).map_err(malformed)?);
    Ok(KeyFile::Private(Zeroizing::new(info.to_der().map_err(malformed)?)))
}

fn unsupported(curve: &str) -> crate::Error {
    Kind::Unsupported
        .because(format!("a JWK on the curve {curve}"))
        .advise("keyway reads P-256, P-384, P-521 and Ed25519")
}

fn decode(text: &String) -> Result<Zeroizing<Vec<u8>>> {
    BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .map(Zeroizing::new)
        .map_err(|_| Kind::Malformed.because("a part of the JWK is not base64url without padding"))
}
