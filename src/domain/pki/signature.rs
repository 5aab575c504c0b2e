//! Checking signatures with public keys from certificates, and the names of the algorithms.

use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ECDSA_WITH_SHA_512, ID_EC_PUBLIC_KEY, ID_MGF_1,
    ID_RSASSA_PSS, ID_SHA_256, ID_SHA_384, ID_SHA_512, RSA_ENCRYPTION, SECP_256_R_1, SECP_384_R_1,
    SECP_521_R_1, SHA_256_WITH_RSA_ENCRYPTION, SHA_384_WITH_RSA_ENCRYPTION,
    SHA_512_WITH_RSA_ENCRYPTION,
};
use const_oid::db::rfc8410::ID_ED_25519;
use der::asn1::{Any, ObjectIdentifier};
use der::{Decode, Encode};
use pkcs1::{RsaPssParamsOwned, RsaPssParamsRef, TrailerField};
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey;
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256, Sha384, Sha512};
use signature::Verifier;
use signature::hazmat::PrehashVerifier;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::Refusal;
use crate::domain::signature::SignatureScheme;
use crate::error::{Kind, Result};

/// Shortest RSA modulus that is trusted, in bits.
const RSA_MINIMUM: u32 = 2048;
/// Longest one: what is longer only costs time.
const RSA_MAXIMUM: u32 = 16384;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => Sha256::digest(message).to_vec(),
            Hash::Sha384 => Sha384::digest(message).to_vec(),
            Hash::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    fn from_oid(oid: ObjectIdentifier) -> std::result::Result<Self, Refusal> {
        match oid {
            ID_SHA_256 => Ok(Hash::Sha256),
            ID_SHA_384 => Ok(Hash::Sha384),
            ID_SHA_512 => Ok(Hash::Sha512),
            other => Err(Refusal::Algorithm(format!("{other} is no hash that is trusted here"))),
        }
    }
}

/// Checks a signature over a message with the key of a SubjectPublicKeyInfo.
///
/// RSA PKCS#1 v1.5, RSASSA-PSS and ECDSA (P-256, P-384, P-521) with SHA-256, SHA-384 or SHA-512,
/// and Ed25519. ECDSA signatures are DER.
///
/// # Errors
/// [`Refusal::Forged`] when it is not the key's signature; [`Refusal::Algorithm`] for SHA-1, RSA
/// below 2048 bits and everything else that is not listed; [`Refusal::Malformed`] for a key that
/// cannot be read.
pub fn verify(
    key: &SubjectPublicKeyInfoOwned,
    algorithm: &AlgorithmIdentifierOwned,
    message: &[u8],
    signature: &[u8],
) -> std::result::Result<(), Refusal> {
    match algorithm.oid {
        SHA_256_WITH_RSA_ENCRYPTION => verify_pkcs1(key, Hash::Sha256, message, signature),
        SHA_384_WITH_RSA_ENCRYPTION => verify_pkcs1(key, Hash::Sha384, message, signature),
        SHA_512_WITH_RSA_ENCRYPTION => verify_pkcs1(key, Hash::Sha512, message, signature),
        ID_RSASSA_PSS => verify_pss(key, algorithm, message, signature),
        ECDSA_WITH_SHA_256 => verify_ecdsa(key, Hash::Sha256, message, signature),
        ECDSA_WITH_SHA_384 => verify_ecdsa(key, Hash::Sha384, message, signature),
        ECDSA_WITH_SHA_512 => verify_ecdsa(key, Hash::Sha512, message, signature),
        ID_ED_25519 => {
            let bytes = bits(key, ID_ED_25519)?.try_into().map_err(|_| bad_key("its length"))?;
            let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(bad_key)?;
            let signature =
                ed25519_dalek::Signature::from_slice(signature).map_err(|_| Refusal::Forged)?;
            key.verify_strict(message, &signature).map_err(|_| Refusal::Forged)
        }
        other => Err(Refusal::Algorithm(format!("{other} is not trusted here"))),
    }
}

/// The algorithm identifier of a scheme, as certificates name it (RFC 4055, 5758, 8410).
///
/// # Errors
/// [`Kind::Usage`] for an HMAC, which is no signature; [`Kind::Internal`] when DER cannot express
/// it, which the constants rule out.
pub fn algorithm_of(scheme: SignatureScheme) -> Result<AlgorithmIdentifierOwned> {
    let (oid, parameters) = match scheme {
        SignatureScheme::RsaPkcs1 => (SHA_256_WITH_RSA_ENCRYPTION, Some(Any::null())),
        SignatureScheme::RsaPss => {
            let parameters = RsaPssParamsRef::new::<Sha256>(32);
            let parameters = Any::encode_from(&parameters).map_err(|error| {
                Kind::Internal.because("cannot encode PSS parameters").caused_by(error)
            })?;
            (ID_RSASSA_PSS, Some(parameters))
        }
        SignatureScheme::EcdsaP256 => (ECDSA_WITH_SHA_256, None),
        SignatureScheme::EcdsaP384 => (ECDSA_WITH_SHA_384, None),
        SignatureScheme::EcdsaP521 => (ECDSA_WITH_SHA_512, None),
        SignatureScheme::Ed25519 => (ID_ED_25519, None),
        SignatureScheme::HmacSha256 | SignatureScheme::HmacSha384 | SignatureScheme::HmacSha512 => {
            return Err(Kind::Usage
                .because(format!("{scheme} signs no certificate: nobody else could check it"))
                .advise("use a key of a pair: keyway key create NAME --algorithm ec-p256"));
        }
    };
    Ok(AlgorithmIdentifierOwned { oid, parameters })
}

fn bits(
    key: &SubjectPublicKeyInfoOwned,
    algorithm: ObjectIdentifier,
) -> std::result::Result<&[u8], Refusal> {
    if key.algorithm.oid != algorithm {
        return Err(Refusal::Forged);
    }
    key.subject_public_key.as_bytes().ok_or_else(|| bad_key("unused bits"))
}

fn bad_key(why: impl std::fmt::Display) -> Refusal {
    Refusal::Malformed(format!("the public key of the signer: {why}"))
}

fn rsa_key(key: &SubjectPublicKeyInfoOwned) -> std::result::Result<RsaPublicKey, Refusal> {
    if key.algorithm.oid == ID_RSASSA_PSS {
        let what = "a key that is restricted to RSASSA-PSS is not read; make it rsaEncryption";
        return Err(Refusal::Algorithm(what.to_owned()));
    }
    bits(key, RSA_ENCRYPTION)?;
    let der = key.to_der().map_err(bad_key)?;
    let key = RsaPublicKey::from_public_key_der(&der).map_err(bad_key)?;
    let bits = key.n().bits_vartime();
    if !(RSA_MINIMUM..=RSA_MAXIMUM).contains(&bits) {
        return Err(Refusal::Algorithm(format!("an RSA key of {bits} bits is not trusted")));
    }
    Ok(key)
}

fn verify_pkcs1(
    key: &SubjectPublicKeyInfoOwned,
    hash: Hash,
    message: &[u8],
    signature: &[u8],
) -> std::result::Result<(), Refusal> {
    use rsa::pkcs1v15::{Signature, VerifyingKey};
    let key = rsa_key(key)?;
    let signature = Signature::try_from(signature).map_err(|_| Refusal::Forged)?;
    match hash {
        Hash::Sha256 => VerifyingKey::<Sha256>::new(key).verify(message, &signature),
        Hash::Sha384 => VerifyingKey::<Sha384>::new(key).verify(message, &signature),
        Hash::Sha512 => VerifyingKey::<Sha512>::new(key).verify(message, &signature),
    }
    .map_err(|_| Refusal::Forged)
}

fn verify_pss(
    key: &SubjectPublicKeyInfoOwned,
    algorithm: &AlgorithmIdentifierOwned,
    message: &[u8],
    signature: &[u8],
) -> std::result::Result<(), Refusal> {
    use rsa::pss::{Signature, VerifyingKey};
    let (hash, salt) = pss_parameters(algorithm)?;
    let key = rsa_key(key)?;
    let signature = Signature::try_from(signature).map_err(|_| Refusal::Forged)?;
    match hash {
        Hash::Sha256 => {
            VerifyingKey::<Sha256>::new_with_salt_len(key, salt).verify(message, &signature)
        }
        Hash::Sha384 => {
            VerifyingKey::<Sha384>::new_with_salt_len(key, salt).verify(message, &signature)
        }
        Hash::Sha512 => {
            VerifyingKey::<Sha512>::new_with_salt_len(key, salt).verify(message, &signature)
        }
    }
    .map_err(|_| Refusal::Forged)
}

/// Hash and length of the salt. The mask has to be made with the same hash.
fn pss_parameters(
    algorithm: &AlgorithmIdentifierOwned,
) -> std::result::Result<(Hash, usize), Refusal> {
    let unknown = || Refusal::Algorithm("RSASSA-PSS parameters are not understood".to_owned());
    let der = algorithm.parameters.as_ref().ok_or_else(unknown)?.to_der().map_err(|_| unknown())?;
    let parameters = RsaPssParamsOwned::from_der(&der).map_err(|_| unknown())?;
    let hash = Hash::from_oid(parameters.hash.oid)?;
    let mask = parameters.mask_gen.parameters.map(|inner| inner.oid);
    if parameters.mask_gen.oid != ID_MGF_1
        || mask != Some(parameters.hash.oid)
        || parameters.trailer_field != TrailerField::BC
    {
        return Err(unknown());
    }
    Ok((hash, usize::from(parameters.salt_len)))
}

fn verify_ecdsa(
    key: &SubjectPublicKeyInfoOwned,
    hash: Hash,
    message: &[u8],
    signature: &[u8],
) -> std::result::Result<(), Refusal> {
    let point = bits(key, ID_EC_PUBLIC_KEY)?;
    let curve = key.algorithm.parameters.as_ref();
    let curve = curve.and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
    let digest = hash.of(message);
    macro_rules! check {
        ($curve:ident) => {{
            let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(bad_key)?;
            let signature =
                $curve::ecdsa::Signature::from_der(signature).map_err(|_| Refusal::Forged)?;
            key.verify_prehash(&digest, &signature).map_err(|_| Refusal::Forged)
        }};
    }
    match curve {
        Some(SECP_256_R_1) => check!(p256),
        Some(SECP_384_R_1) => check!(p384),
        Some(SECP_521_R_1) => check!(p521),
        _ => Err(Refusal::Algorithm("a curve that is not trusted here".to_owned())),
    }
}
