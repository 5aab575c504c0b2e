//! From PKCS#8, SubjectPublicKeyInfo and X.509 to the attributes of PKCS#11.

use cryptoki_sys::{
    CK_KEY_TYPE, CKA_CERTIFICATE_TYPE, CKA_COEFFICIENT, CKA_DECRYPT, CKA_DERIVE, CKA_EC_PARAMS,
    CKA_EC_POINT, CKA_ENCRYPT, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_EXTRACTABLE, CKA_ID, CKA_ISSUER,
    CKA_KEY_TYPE, CKA_LABEL, CKA_MODULUS, CKA_PRIME_1, CKA_PRIME_2, CKA_PRIVATE,
    CKA_PRIVATE_EXPONENT, CKA_PUBLIC_EXPONENT, CKA_SENSITIVE, CKA_SERIAL_NUMBER, CKA_SIGN,
    CKA_SUBJECT, CKA_UNWRAP, CKA_VALUE, CKA_VERIFY, CKA_WRAP, CKC_X_509, CKK_EC, CKK_EC_EDWARDS,
    CKK_EC_MONTGOMERY, CKK_RSA, CKO_CERTIFICATE, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY,
};
use der::asn1::{Any, BitString, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode};
use ed25519_dalek::SigningKey;
use pkcs1::{RsaPrivateKey, RsaPublicKey};
use pkcs8::PrivateKeyInfoRef;
use sec1::EcPrivateKey;
use sha1::{Digest, Sha1};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::Certificate;

use super::ForeignObject;
use crate::error::{Kind, Result};

pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(super) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");

/// What keys of a type may do; the bare words of PKCS#11's attributes.
struct Uses {
    key_type: CK_KEY_TYPE,
    private: &'static [u64],
    public: &'static [u64],
}

fn uses(algorithm: ObjectIdentifier) -> Option<Uses> {
    Some(match algorithm {
        RSA => Uses {
            key_type: CKK_RSA,
            private: &[CKA_SIGN, CKA_DECRYPT, CKA_UNWRAP],
            public: &[CKA_VERIFY, CKA_ENCRYPT, CKA_WRAP],
        },
        EC => Uses { key_type: CKK_EC, private: &[CKA_SIGN, CKA_DERIVE], public: &[CKA_VERIFY] },
        ED25519 => Uses { key_type: CKK_EC_EDWARDS, private: &[CKA_SIGN], public: &[CKA_VERIFY] },
        X25519 => Uses { key_type: CKK_EC_MONTGOMERY, private: &[CKA_DERIVE], public: &[] },
        _ => return None,
    })
}

/// The key identifier: SHA-1 of the public key's bits (RFC 5280, 4.2.1.2, method 1).
pub(super) fn identifier(key: &SubjectPublicKeyInfoOwned) -> [u8; 20] {
    Sha1::digest(key.subject_public_key.raw_bytes()).into()
}

/// A private key of PKCS#8 as sensitive, not extractable object, and its public half as far as the
/// encoding has it.
///
/// # Errors
/// [`Kind::Malformed`] when it is not PKCS#8, [`Kind::Unsupported`] for other algorithms than RSA,
/// EC, Ed25519 and X25519.
pub(crate) fn private_key(
    encoded: &[u8],
) -> Result<(ForeignObject, Option<SubjectPublicKeyInfoOwned>)> {
    let malformed = |error| Kind::Malformed.because("a private key is malformed").caused_by(error);
    let info = PrivateKeyInfoRef::try_from(encoded)
        .map_err(|error| Kind::Malformed.because("a private key is not PKCS#8").caused_by(error))?;
    let uses = uses(info.algorithm.oid).ok_or_else(|| {
        Kind::Unsupported.because(format!("a private key is of algorithm {}", info.algorithm.oid))
    })?;
    let mut object = ForeignObject::new(CKO_PRIVATE_KEY);
    object.number(CKA_KEY_TYPE, uses.key_type);
    for name in [CKA_PRIVATE, CKA_SENSITIVE].iter().chain(uses.private) {
        object.flag(*name, true);
    }
    object.flag(CKA_EXTRACTABLE, false);
    let bits = match uses.key_type {
        CKK_RSA => Some(rsa(&info, &mut object).map_err(malformed)?),
        CKK_EC => ec(&info, &mut object).map_err(malformed)?,
        _ => edwards(&info, &mut object).map_err(malformed)?,
    };
    let public = bits.map(|bits| spki(&info, &bits)).transpose().map_err(malformed)?;
    Ok((object, public))
}

fn spki(info: &PrivateKeyInfoRef<'_>, bits: &[u8]) -> der::Result<SubjectPublicKeyInfoOwned> {
    let parameters = info.algorithm.parameters.map(Any::from);
    Ok(SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned { oid: info.algorithm.oid, parameters },
        subject_public_key: BitString::from_bytes(bits)?,
    })
}

/// Sets the numbers of an RSA key; answers its RSAPublicKey.
fn rsa(info: &PrivateKeyInfoRef<'_>, object: &mut ForeignObject) -> der::Result<Vec<u8>> {
    let key = RsaPrivateKey::from_der(info.private_key.as_bytes())?;
    for (name, value) in [
        (CKA_MODULUS, &key.modulus),
        (CKA_PUBLIC_EXPONENT, &key.public_exponent),
        (CKA_PRIVATE_EXPONENT, &key.private_exponent),
        (CKA_PRIME_1, &key.prime1),
        (CKA_PRIME_2, &key.prime2),
        (CKA_EXPONENT_1, &key.exponent1),
        (CKA_EXPONENT_2, &key.exponent2),
        (CKA_COEFFICIENT, &key.coefficient),
    ] {
        let value: &der::asn1::UintRef<'_> = value;
        object.bytes(name, value.as_bytes());
    }
    key.public_key().to_der()
}

/// Sets curve and scalar; answers the public point if the key has it.
fn ec(info: &PrivateKeyInfoRef<'_>, object: &mut ForeignObject) -> der::Result<Option<Vec<u8>>> {
    let key = EcPrivateKey::from_der(info.private_key.as_bytes())?;
    let curve = info.algorithm.parameters.map(|curve| curve.to_der()).transpose()?;
    object.bytes(CKA_EC_PARAMS, &curve.unwrap_or_default());
    object.bytes(CKA_VALUE, key.private_key);
    Ok(key.public_key.map(<[u8]>::to_vec))
}

/// Sets the curve of RFC 8410, by its identifier, and the seed or scalar.
fn edwards(
    info: &PrivateKeyInfoRef<'_>,
    object: &mut ForeignObject,
) -> der::Result<Option<Vec<u8>>> {
    let seed = <&OctetStringRef>::from_der(info.private_key.as_bytes())?;
    object.bytes(CKA_EC_PARAMS, &info.algorithm.oid.to_der()?);
    object.bytes(CKA_VALUE, seed.as_bytes());
    let public = info.public_key.as_ref().map(|key| key.raw_bytes().to_vec());
    // RFC 8410 leaves the public half of Ed25519 out more often than not; it follows from the seed.
    let derived = || match (info.algorithm.oid, seed.as_bytes().try_into()) {
        (ED25519, Ok(seed)) => Some(SigningKey::from_bytes(seed).verifying_key().to_bytes()),
        _ => None,
    };
    Ok(public.or_else(|| derived().map(Vec::from)))
}

/// The public key object; `None` for algorithms that [`private_key`] refuses.
pub(crate) fn public_key(key: &SubjectPublicKeyInfoOwned) -> der::Result<Option<ForeignObject>> {
    let Some(uses) = uses(key.algorithm.oid) else { return Ok(None) };
    let mut object = ForeignObject::new(CKO_PUBLIC_KEY);
    object.number(CKA_KEY_TYPE, uses.key_type);
    object.flag(CKA_PRIVATE, false);
    for name in uses.public {
        object.flag(*name, true);
    }
    let bits = key.subject_public_key.raw_bytes();
    match uses.key_type {
        CKK_RSA => {
            let key = RsaPublicKey::from_der(bits)?;
            let (modulus, exponent): (der::asn1::UintRef<'_>, der::asn1::UintRef<'_>) =
                (key.modulus, key.public_exponent);
            object.bytes(CKA_MODULUS, modulus.as_bytes());
            object.bytes(CKA_PUBLIC_EXPONENT, exponent.as_bytes());
        }
        CKK_EC => {
            let curve = key.algorithm.parameters.as_ref().map(Encode::to_der).transpose()?;
            object.bytes(CKA_EC_PARAMS, &curve.unwrap_or_default());
            object.bytes(CKA_EC_POINT, &OctetStringRef::new(bits)?.to_der()?);
        }
        _ => {
            object.bytes(CKA_EC_PARAMS, &key.algorithm.oid.to_der()?);
            object.bytes(CKA_EC_POINT, &OctetStringRef::new(bits)?.to_der()?);
        }
    }
    Ok(Some(object))
}

/// The certificate object.
pub(super) fn certificate(encoded: &[u8]) -> der::Result<(ForeignObject, Certificate)> {
    let certificate = Certificate::from_der(encoded)?;
    let content = certificate.tbs_certificate();
    let mut object = ForeignObject::new(CKO_CERTIFICATE);
    object.number(CKA_CERTIFICATE_TYPE, CKC_X_509);
    object.flag(CKA_PRIVATE, false);
    object.bytes(CKA_SUBJECT, &content.subject().to_der()?);
    object.bytes(CKA_ISSUER, &content.issuer().to_der()?);
    object.bytes(CKA_SERIAL_NUMBER, &content.serial_number().to_der()?);
    object.bytes(CKA_VALUE, encoded);
    Ok((object, certificate))
}

/// Gives an object the name and the identifier that everything of its key has.
pub(super) fn name(object: &mut ForeignObject, label: &str, id: &[u8]) {
    object.bytes(CKA_LABEL, label.as_bytes());
    object.bytes(CKA_ID, id);
}
