//! One key from a file: PKCS#8 (also encrypted), PKCS#1, SEC1, PKCS#12 and JWK, in PEM where that
//! exists, and secrets as they are.

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode, Encode, Sequence, pem};
use p12_keystore::Pkcs12Archive;
use pkcs1::RsaPrivateKey;
use pkcs5::EncryptionScheme;
use pkcs8::PrivateKeyInfoRef;
use sec1::{EcParameters, EcPrivateKey};
use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::jwk;
use super::private_key::{EC, ED25519, RSA};
use crate::domain::key::Algorithm;
use crate::domain::public_key::{SECP256R1, SECP384R1, SECP521R1};
use crate::error::{Error, Kind, Result};

/// What a file holds. Wiped when it goes.
pub enum KeyFile {
    /// A private key, as the DER of PKCS#8.
    Private(Zeroizing<Vec<u8>>),
    /// The bytes of a secret key.
    Secret(Zeroizing<Vec<u8>>),
}

#[derive(Sequence)]
struct EncryptedDer<'a> {
    algorithm: EncryptionScheme,
    data: &'a OctetStringRef,
}

/// Reads a file of any format that tells itself; `passphrase` is asked for only if it needs one.
///
/// # Errors
/// [`Kind::Pin`] when the passphrase does not open it, [`Kind::Malformed`] when it is none of the
/// formats, [`Kind::Unsupported`] for an encryption that is too old to be read.
pub fn read(bytes: &[u8], passphrase: impl Fn() -> Result<Zeroizing<String>>) -> Result<KeyFile> {
    let text = bytes.trim_ascii();
    if text.starts_with(b"{") {
        return jwk::read(text);
    }
    let Some(start) = private_block(text) else { return from_der(bytes, &passphrase) };
    let (label, der) = pem::decode_vec(&text[start..])
        .map_err(|error| Kind::Malformed.because(format!("the PEM is damaged: {error}")))?;
    let der = Zeroizing::new(der);
    match label {
        "PRIVATE KEY" => pkcs8(&der),
        "ENCRYPTED PRIVATE KEY" => encrypted(&der, &passphrase),
        "RSA PRIVATE KEY" => pkcs1(&der),
        "EC PRIVATE KEY" => sec1(&der),
        label => Err(Kind::Malformed
            .because(format!("the PEM holds a {label}"))
            .advise("give a private key: openssl pkcs8 -topk8 converts most")),
    }
}

/// The place of the first PEM block of a private key: parameters or certificates may come before.
fn private_block(text: &[u8]) -> Option<usize> {
    let begin = |at: &usize| text[*at..].starts_with(b"-----BEGIN ");
    let line = |at: usize| text[at..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let starts: Vec<usize> = (0..text.len()).filter(begin).collect();
    let private =
        starts.iter().copied().find(|at| line(*at).trim_ascii_end().ends_with(b"PRIVATE KEY-----"));
    private.or(starts.first().copied())
}

fn from_der(bytes: &[u8], passphrase: &impl Fn() -> Result<Zeroizing<String>>) -> Result<KeyFile> {
    if EncryptedDer::from_der(bytes).is_ok() {
        return encrypted(bytes, passphrase);
    }
    for plain in [pkcs8, pkcs1, sec1] {
        if let Ok(key) = plain(bytes) {
            return Ok(key);
        }
    }
    // SEQUENCE, then INTEGER 3: a PFX (RFC 7292, 4).
    match bytes {
        [0x30, ..] if bytes.windows(3).take(12).any(|window| window == [2, 1, 3]) => {
            pkcs12(bytes, &passphrase()?)
        }
        _ => Err(Kind::Malformed
            .because("the file is none of PEM, PKCS#8, PKCS#1, SEC1, PKCS#12 and JWK")
            .advise("for the bytes of a secret key say so: --format raw")),
    }
}

fn pkcs8(der: &[u8]) -> Result<KeyFile> {
    PrivateKeyInfoRef::try_from(der)
        .map_err(|error| Kind::Malformed.because("the key is not PKCS#8").caused_by(error))?;
    Ok(KeyFile::Private(Zeroizing::new(der.to_vec())))
}

fn encrypted(der: &[u8], passphrase: &impl Fn() -> Result<Zeroizing<String>>) -> Result<KeyFile> {
    let info = EncryptedDer::from_der(der).map_err(malformed)?;
    if matches!(info.algorithm, EncryptionScheme::Pbes1(_)) {
        return Err(Kind::Unsupported
            .because("the key is encrypted with PBES1, which is broken")
            .advise("encrypt it again: openssl pkcs8 -topk8 -v2 aes-256-cbc"));
    }
    let plain = info.algorithm.decrypt(passphrase()?.as_bytes(), info.data.as_bytes());
    let plain = Zeroizing::new(plain.map_err(|_| wrong_passphrase())?);
    // A wrong passphrase may leave padding that looks right.
    pkcs8(&plain).map_err(|_| wrong_passphrase())
}

fn wrong_passphrase() -> Error {
    Kind::Pin
        .because("the passphrase does not open the key file")
        .advise("give it with --source-pin-file or KEYWAY_SOURCE_PIN; or the file is damaged")
}

fn pkcs1(der: &[u8]) -> Result<KeyFile> {
    RsaPrivateKey::<UintRef<'_>>::from_der(der).map_err(malformed)?;
    wrap(RSA, AnyRef::NULL, der)
}

fn sec1(der: &[u8]) -> Result<KeyFile> {
    let key = EcPrivateKey::from_der(der).map_err(malformed)?;
    let Some(EcParameters::NamedCurve(curve)) = key.parameters else {
        return Err(Kind::Malformed
            .because("the EC key does not name its curve")
            .advise("write it as PKCS#8: openssl pkcs8 -topk8 -nocrypt"));
    };
    wrap(EC, AnyRef::from(&curve), der)
}

/// PKCS#8 around the key of an algorithm.
pub(super) fn wrap(oid: ObjectIdentifier, parameters: AnyRef<'_>, key: &[u8]) -> Result<KeyFile> {
    let algorithm = AlgorithmIdentifierRef { oid, parameters: Some(parameters) };
    let key = OctetStringRef::new(key).map_err(malformed)?;
    let info = PrivateKeyInfoRef::new(algorithm, key);
    Ok(KeyFile::Private(Zeroizing::new(info.to_der().map_err(malformed)?)))
}

fn pkcs12(bytes: &[u8], passphrase: &str) -> Result<KeyFile> {
    let archive = Pkcs12Archive::from_pkcs12(bytes, passphrase).map_err(super::pkcs12::refused)?;
    match (archive.keys.as_slice(), archive.secrets.as_slice()) {
        ([key], []) => pkcs8(key.key.as_der()),
        ([], [secret]) => Ok(KeyFile::Secret(Zeroizing::new(secret.key.key().to_vec()))),
        (keys, secrets) => Err(Kind::Usage
            .because(format!("the PKCS#12 file holds {} keys", keys.len() + secrets.len()))
            .advise("bring all of them in: keyway token import --from-pkcs12 FILE")),
    }
}

pub(super) fn malformed(error: der::Error) -> Error {
    Kind::Malformed.because("the key is malformed").caused_by(error)
}

impl KeyFile {
    /// What the key is made of, as far as keyway has such keys.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] for other algorithms and lengths.
    pub fn algorithm(&self) -> Result<Algorithm> {
        match self {
            Self::Private(der) => {
                let info = PrivateKeyInfoRef::try_from(der.as_slice()).map_err(|error| {
                    Kind::Malformed.because("the key is not PKCS#8").caused_by(error)
                })?;
                of_private(&info)
            }
            Self::Secret(bytes) => match bytes.len() {
                16 => Ok(Algorithm::Aes128),
                32 => Ok(Algorithm::Aes256),
                length => Err(unsupported(format!("a secret key of {length} bytes"))),
            },
        }
    }
}

fn of_private(info: &PrivateKeyInfoRef<'_>) -> Result<Algorithm> {
    let oid = info.algorithm.oid;
    if oid == RSA {
        let key = RsaPrivateKey::<UintRef<'_>>::from_der(info.private_key.as_bytes())
            .map_err(malformed)?;
        return match key.modulus.as_bytes().len() * 8 {
            2048 => Ok(Algorithm::Rsa2048),
            3072 => Ok(Algorithm::Rsa3072),
            4096 => Ok(Algorithm::Rsa4096),
            bits => Err(unsupported(format!("an RSA key of {bits} bits"))),
        };
    }
    if oid == ED25519 {
        return Ok(Algorithm::Ed25519);
    }
    if oid != EC {
        return Err(unsupported(format!("a key of algorithm {oid}")));
    }
    let curve = info.algorithm.parameters_oid().map_err(|error| {
        Kind::Malformed.because("the EC key does not name its curve").caused_by(error)
    })?;
    match curve {
        SECP256R1 => Ok(Algorithm::EcP256),
        SECP384R1 => Ok(Algorithm::EcP384),
        SECP521R1 => Ok(Algorithm::EcP521),
        other => Err(unsupported(format!("a key on the curve {other}"))),
    }
}

fn unsupported(what: String) -> Error {
    let names: Vec<_> = Algorithm::all().map(Algorithm::name).collect();
    Kind::Unsupported
        .because(format!("keyway does not manage {what}"))
        .advise(format!("it manages {}", names.join(", ")))
}
