//! Trying every key of a token, also those that keyway does not manage.

use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use der::Decode;
use der::asn1::OctetStringRef;
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::Certificate;

use super::standing;
use crate::domain::soundness::{CertificateEvidence, Evidence, PublicMaterial, Trial};
use crate::error::Result;
use crate::token::error::code;
use crate::token::open::OpenToken;

/// Bytes that are signed or encrypted to try a pair: as many as every algorithm takes.
const CHALLENGE: usize = 32;
const PAIR: &str = "private and public key belong together";
const CHECK_VALUE: &str = "check value";
const UNDECRYPTED: &str = "what one encrypts the other does not decrypt";

pub(super) fn evidence(token: &OpenToken) -> Result<Vec<Evidence>> {
    let mut found = Vec::new();
    for object in all(token, ObjectClass::PRIVATE_KEY)? {
        found.push(pair(token, object)?);
    }
    for object in all(token, ObjectClass::SECRET_KEY)? {
        found.push(secret(token, object)?);
    }
    Ok(found)
}

fn all(token: &OpenToken, class: ObjectClass) -> Result<Vec<ObjectHandle>> {
    token.find(&[Attribute::Class(class), Attribute::Token(true)])
}

/// What an object says of itself.
#[derive(Default)]
struct Description {
    label: String,
    id: Vec<u8>,
    key_type: Option<KeyType>,
    modulus: Option<Vec<u8>>,
    exponent: Option<Vec<u8>>,
    point: Option<Vec<u8>>,
    check_value: Option<Vec<u8>>,
    signs: bool,
    decrypts: bool,
    encrypts: bool,
    wraps: bool,
    asks_each_time: bool,
}

fn describe(
    token: &OpenToken,
    object: ObjectHandle,
    more: &[AttributeType],
) -> Result<Description> {
    let mut description = Description::default();
    let types = [&[AttributeType::Label, AttributeType::Id, AttributeType::KeyType], more].concat();
    for attribute in token.attributes(object, &types)? {
        match attribute {
            Attribute::Label(text) => {
                description.label = String::from_utf8_lossy(&text).into_owned();
            }
            Attribute::Id(id) => description.id = id,
            Attribute::KeyType(key_type) => description.key_type = Some(key_type),
            Attribute::Modulus(bytes) => description.modulus = Some(bytes),
            Attribute::PublicExponent(bytes) => description.exponent = Some(bytes),
            Attribute::EcPoint(bytes) => description.point = Some(bare(bytes)),
            Attribute::CheckValue(bytes) => description.check_value = Some(bytes),
            Attribute::Sign(may) => description.signs = may,
            Attribute::Decrypt(may) => description.decrypts = may,
            Attribute::Encrypt(may) => description.encrypts = may,
            Attribute::Wrap(may) | Attribute::Unwrap(may) => description.wraps |= may,
            Attribute::AlwaysAuthenticate(asks) => description.asks_each_time = asks,
            _ => {}
        }
    }
    Ok(description)
}

/// A point without the OCTET STRING that most tokens put around it.
fn bare(point: Vec<u8>) -> Vec<u8> {
    match <&OctetStringRef>::from_der(&point) {
        Ok(inner) => inner.as_bytes().to_vec(),
        Err(_) => point,
    }
}

fn material(description: &Description) -> Option<PublicMaterial> {
    match (&description.modulus, &description.exponent, &description.point) {
        (Some(modulus), Some(exponent), _) => {
            Some(PublicMaterial::Rsa { modulus: modulus.clone(), exponent: exponent.clone() })
        }
        (_, _, Some(point)) => Some(PublicMaterial::Point(point.clone())),
        _ => None,
    }
}

fn pair(token: &OpenToken, private: ObjectHandle) -> Result<Evidence> {
    let types = [
        AttributeType::Modulus,
        AttributeType::PublicExponent,
        AttributeType::Sign,
        AttributeType::Decrypt,
        AttributeType::AlwaysAuthenticate,
    ];
    let own = describe(token, private, &types)?;
    let mut found = material(&own);
    let mut trials = Vec::new();
    for public in publics(token, &own)? {
        let types = [AttributeType::Modulus, AttributeType::PublicExponent, AttributeType::EcPoint];
        let theirs = material(&describe(token, public, &types)?);
        let trial = match (&found, &theirs) {
            (Some(own), Some(theirs)) if own != theirs => {
                Trial::Failed("the public key is another one".to_owned())
            }
            _ => try_pair(token, &own, private, public)?,
        };
        trials.push((PAIR, trial));
        found = found.or(theirs);
    }
    if trials.is_empty() {
        trials.push((PAIR, Trial::NotTried("the token has no public key with its id".to_owned())));
    }
    let certificates = certificates(token, &own.id)?;
    Ok(Evidence {
        label: own.label,
        id: own.id,
        material: found,
        trials,
        zero_block: None,
        certificates,
    })
}

/// The public keys of the same type with the same identifier.
fn publics(token: &OpenToken, own: &Description) -> Result<Vec<ObjectHandle>> {
    let (Some(key_type), false) = (own.key_type, own.id.is_empty()) else {
        return Ok(Vec::new());
    };
    token.find(&[
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::Token(true),
        Attribute::KeyType(key_type),
        Attribute::Id(own.id.clone()),
    ])
}

/// Signs with one half and verifies with the other, or encrypts and decrypts.
fn try_pair(
    token: &OpenToken,
    own: &Description,
    private: ObjectHandle,
    public: ObjectHandle,
) -> Result<Trial> {
    if own.asks_each_time {
        return Ok(Trial::NotTried("the key wants its PIN at each use".to_owned()));
    }
    if let Some(state) = standing::unprotecting(token, private)? {
        return Ok(Trial::NotTried(format!("the key is {state}")));
    }
    let mechanism = match own.key_type {
        Some(KeyType::RSA) => Mechanism::RsaPkcs,
        Some(KeyType::EC) => Mechanism::Ecdsa,
        Some(KeyType::EC_EDWARDS) => {
            Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519))
        }
        _ => return Ok(Trial::NotTried("nothing is known to try this type with".to_owned())),
    };
    let session = token.session();
    let mut challenge = [0; CHALLENGE];
    session
        .generate_random_slice(&mut challenge)
        .map_err(|error| token.failed("cannot make random bytes", error))?;
    let answer = if own.signs {
        session
            .sign(&mechanism, private, &challenge)
            .and_then(|signature| session.verify(&mechanism, public, &challenge, &signature))
            .map(|()| true)
    } else if own.decrypts && own.key_type == Some(KeyType::RSA) {
        session
            .encrypt(&mechanism, public, &challenge)
            .and_then(|sealed| session.decrypt(&mechanism, private, &sealed))
            .map(|opened| opened == challenge)
    } else {
        return Ok(Trial::NotTried("the key may neither sign nor decrypt".to_owned()));
    };
    match answer {
        Ok(true) => Ok(Trial::Passed),
        Ok(false) => Ok(Trial::Failed(UNDECRYPTED.to_owned())),
        Err(error) => failed_trial(token, error),
    }
}

/// What an error says of a pair: that its halves differ, or nothing.
fn failed_trial(token: &OpenToken, error: cryptoki::error::Error) -> Result<Trial> {
    match code(&error) {
        Some(RvError::SignatureInvalid | RvError::SignatureLenRange) => {
            Ok(Trial::Failed("what one signs the other does not verify".to_owned()))
        }
        Some(RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange) => {
            Ok(Trial::Failed(UNDECRYPTED.to_owned()))
        }
        _ => {
            let error = token.failed("cannot try a pair", error);
            if error.is_session_lost() {
                Err(error)
            } else {
                Ok(Trial::NotTried(error.to_string()))
            }
        }
    }
}

fn certificates(token: &OpenToken, id: &[u8]) -> Result<Vec<CertificateEvidence>> {
    if id.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let template = [Attribute::Class(ObjectClass::CERTIFICATE), Attribute::Id(id.to_vec())];
    for object in token.find(&template)? {
        for attribute in token.attributes(object, &[AttributeType::Value])? {
            let Attribute::Value(encoded) = attribute else { continue };
            found.push(match Certificate::from_der(&encoded) {
                Ok(certificate) => CertificateEvidence {
                    subject: certificate.tbs_certificate().subject().to_string(),
                    material: certified(certificate.tbs_certificate().subject_public_key_info()),
                },
                Err(_) => CertificateEvidence { subject: "(malformed)".to_owned(), material: None },
            });
        }
    }
    Ok(found)
}

fn certified(key: &SubjectPublicKeyInfoOwned) -> Option<PublicMaterial> {
    let bits = key.subject_public_key.as_bytes()?;
    match pkcs1::RsaPublicKeyRef::from_der(bits) {
        Ok(rsa) => Some(PublicMaterial::Rsa {
            modulus: rsa.modulus.as_bytes().to_vec(),
            exponent: rsa.public_exponent.as_bytes().to_vec(),
        }),
        Err(_) => Some(PublicMaterial::Point(bits.to_vec())),
    }
}

/// What an AES key makes of a block of zeros, unless it refuses.
fn zero_block(token: &OpenToken, object: ObjectHandle) -> Result<Option<Vec<u8>>> {
    match token.session().encrypt(&Mechanism::AesEcb, object, &[0; 16]) {
        Ok(block) => Ok(Some(block)),
        Err(error) => {
            let error = token.failed("cannot try a secret key", error);
            if error.is_session_lost() { Err(error) } else { Ok(None) }
        }
    }
}

fn secret(token: &OpenToken, object: ObjectHandle) -> Result<Evidence> {
    let types = [
        AttributeType::CheckValue,
        AttributeType::Encrypt,
        AttributeType::Wrap,
        AttributeType::Unwrap,
    ];
    let own = describe(token, object, &types)?;
    let is_aes = own.key_type == Some(KeyType::AES);
    // A token may let the first use of a key decide what it is for: only one that can do nothing
    // but encrypt is used here.
    let state = standing::unprotecting(token, object)?;
    let block = if is_aes && own.encrypts && !own.wraps && state.is_none() {
        zero_block(token, object)?
    } else {
        None
    };
    let trial = match (&own.check_value, &block) {
        (Some(value), Some(block)) if !value.is_empty() && block.starts_with(value) => {
            Trial::Passed
        }
        (Some(value), Some(_)) if !value.is_empty() => {
            Trial::Failed("it is that of another key".to_owned())
        }
        (Some(value), None) if !value.is_empty() => Trial::NotTried(match state {
            Some(state) => format!("the key is {state}"),
            None => "the key cannot be used to try it".to_owned(),
        }),
        _ => Trial::NotTried("the key has none".to_owned()),
    };
    Ok(Evidence {
        label: own.label,
        id: own.id,
        material: None,
        trials: vec![(CHECK_VALUE, trial)],
        zero_block: block.or(own.check_value.filter(|_| is_aes)),
        certificates: Vec::new(),
    })
}
