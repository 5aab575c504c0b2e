//! Whether a key of the target is the one of the source: a signature made there verifies under the
//! public half that the source shows, or both secret keys have one check value or compute the same.

use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki_sys::{
    CK_ATTRIBUTE_TYPE, CKA_CHECK_VALUE, CKA_DECRYPT, CKA_ENCRYPT, CKA_MODULUS, CKA_PUBLIC_KEY_INFO,
    CKA_SIGN, CKA_VALUE, CKK_AES, CKK_DES3, CKK_EC, CKK_EC_EDWARDS, CKK_GENERIC_SECRET, CKK_RSA,
    CKK_SHA_1_HMAC, CKK_SHA256_HMAC, CKK_SHA384_HMAC, CKK_SHA512_HMAC, CKO_PRIVATE_KEY,
    CKO_PUBLIC_KEY,
};
use der::Decode;
use spki::SubjectPublicKeyInfoOwned;

use super::material::{identity, verifier};
use super::source::{Found, public_part, value};
use crate::domain::pki::Certificate;
use crate::error::Result;
use crate::foreign::{ForeignObject, public_key};
use crate::token::error::{code, is_bad_signature};
use crate::token::open::OpenToken;

/// What is known of two keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// They are one key.
    Same,
    /// They are two.
    Different,
    /// Nothing shows it, and why.
    Unknown(String),
}

/// Proves a key that was made in the target to be tried: it may sign, or encrypt.
pub(super) fn prove(
    source: &OpenToken,
    target: &OpenToken,
    found: &Found,
    probe: ObjectHandle,
) -> Result<Proof> {
    match found.object.class() {
        Some(CKO_PRIVATE_KEY) => {
            signs(source, target, found, &public_halves(source, found)?, probe)
        }
        _ => secret(source, target, found, probe),
    }
}

/// As [`prove`], for an object that may do what it is for and no more.
pub(super) fn same(
    source: &OpenToken,
    target: &OpenToken,
    found: &Found,
    there: ObjectHandle,
) -> Result<Proof> {
    let object = &found.object;
    match object.class() {
        Some(CKO_PUBLIC_KEY) => Ok(equal(identity(object), identity(&public_part(target, there)))),
        Some(CKO_PRIVATE_KEY) => {
            if let (Some(own), Some(other)) =
                (object.get(CKA_MODULUS), value(target, there, CKA_MODULUS))
            {
                return Ok(equal(Some(own), Some(&other)));
            }
            let halves = public_halves(source, found)?;
            if may(target, there, CKA_SIGN)
                && let proof @ (Proof::Same | Proof::Different) =
                    signs(source, target, found, &halves, there)?
            {
                return Ok(proof);
            }
            beside(target, object, &halves)
        }
        _ => secret(source, target, found, there),
    }
}

fn equal(one: Option<&[u8]>, other: Option<&[u8]>) -> Proof {
    match (one, other) {
        (Some(one), Some(other)) if one == other => Proof::Same,
        (Some(_), Some(_)) => Proof::Different,
        _ => Proof::Unknown("one of the tokens does not show it".to_owned()),
    }
}

fn may(token: &OpenToken, object: ObjectHandle, flag: CK_ATTRIBUTE_TYPE) -> bool {
    value(token, object, flag).is_some_and(|value| value.as_slice() == [1])
}

/// Whether the target's public key with the identifier of a private one is the source's.
fn beside(target: &OpenToken, object: &ForeignObject, halves: &[ForeignObject]) -> Result<Proof> {
    let template = [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Id(object.id().to_vec())];
    let unknown = || Proof::Unknown("it may do nothing that shows which key it is".to_owned());
    let Some(handle) = target.find(&template)?.into_iter().next() else { return Ok(unknown()) };
    let there = public_part(target, handle);
    match identity(&there) {
        Some(there) if halves.iter().any(|half| identity(half) == Some(there)) => Ok(Proof::Same),
        _ => Ok(unknown()),
    }
}

/// Everything that may be the public half of a private key: its own numbers, public keys and
/// certificates with its identifier.
fn public_halves(source: &OpenToken, found: &Found) -> Result<Vec<ForeignObject>> {
    let object = &found.object;
    if object.key_type() == Some(CKK_RSA) && object.get(CKA_MODULUS).is_some() {
        return Ok(vec![object.clone()]);
    }
    let mut halves = Vec::new();
    let info = value(source, found.handle, CKA_PUBLIC_KEY_INFO);
    halves.extend(info.and_then(|info| of_spki(&info)));
    let with = |class| {
        let name = match object.id() {
            [] => Attribute::Label(object.label().into_bytes()),
            id => Attribute::Id(id.to_vec()),
        };
        source.find(&[Attribute::Class(class), name])
    };
    for handle in with(ObjectClass::PUBLIC_KEY)? {
        halves.push(public_part(source, handle));
    }
    for handle in with(ObjectClass::CERTIFICATE)? {
        let der = value(source, handle, CKA_VALUE);
        let certificate = der.and_then(|der| Certificate::from_der(&der).ok());
        let spki = certificate.and_then(|certificate| certificate.public_key_der().ok());
        halves.extend(spki.and_then(|spki| of_spki(&spki)));
    }
    halves.retain(|half| half.key_type() == object.key_type() && identity(half).is_some());
    Ok(halves)
}

fn of_spki(der: &[u8]) -> Option<ForeignObject> {
    let spki = SubjectPublicKeyInfoOwned::from_der(der).ok()?;
    public_key(&spki).ok().flatten()
}

/// Whether a key of the target signs for one of these public keys.
fn signs(
    source: &OpenToken,
    target: &OpenToken,
    found: &Found,
    halves: &[ForeignObject],
    key: ObjectHandle,
) -> Result<Proof> {
    if halves.is_empty() {
        return Ok(Proof::Unknown(
            "the source shows neither public key nor certificate with its CKA_ID, so that nothing \
             proves what comes over; put one of them beside it"
                .to_owned(),
        ));
    }
    let Some(mechanism) = signing(&found.object) else {
        return Ok(Proof::Unknown(
            "keys of its type cannot be proved after they came over; make a new key".to_owned(),
        ));
    };
    let challenge = challenge(target)?;
    let signature = match target.session().sign(&mechanism, key, &challenge) {
        Ok(signature) => signature,
        Err(error) => {
            return Ok(Proof::Unknown(format!("the target does not sign with it: {}", of(&error))));
        }
    };
    let mut verdict = Proof::Different;
    for half in halves {
        // In the source; where it does not verify, in the target with the source's public key.
        let verified = [source, target].iter().find_map(|token| {
            verifies(token, half, &mechanism, &challenge, &signature).transpose()
        });
        match verified.transpose()? {
            Some(true) => return Ok(Proof::Same),
            Some(false) => {}
            None => verdict = Proof::Unknown("neither token verifies its signature".to_owned()),
        }
    }
    Ok(verdict)
}

/// Whether a signature is good; `None` when the token does not say.
fn verifies(
    token: &OpenToken,
    half: &ForeignObject,
    mechanism: &Mechanism<'_>,
    data: &[u8],
    signature: &[u8],
) -> Result<Option<bool>> {
    let template = verifier(half);
    let template: Vec<_> = template.attributes().collect();
    let Ok(key) = token.module().raw().create(token.session(), &template) else { return Ok(None) };
    let verified = token.session().verify(mechanism, key, data, signature);
    token.destroy(key)?;
    match verified {
        Ok(()) => Ok(Some(true)),
        Err(error) if is_bad_signature(&error) => Ok(Some(false)),
        Err(_) => Ok(None),
    }
}

/// Signs 32 bytes, hashed or as they are; every token with such keys has it.
fn signing(object: &ForeignObject) -> Option<Mechanism<'static>> {
    match object.key_type()? {
        CKK_RSA => Some(Mechanism::Sha256RsaPkcs),
        CKK_EC => Some(Mechanism::Ecdsa),
        CKK_EC_EDWARDS => Some(Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519))),
        _ => None,
    }
}

fn challenge(token: &OpenToken) -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    token
        .session()
        .generate_random_slice(&mut bytes)
        .map_err(|error| token.failed("cannot make random numbers", error))?;
    Ok(bytes)
}

fn secret(
    source: &OpenToken,
    target: &OpenToken,
    found: &Found,
    key: ObjectHandle,
) -> Result<Proof> {
    let there = value(target, key, CKA_CHECK_VALUE).filter(|value| !value.is_empty());
    if let (Some(own), Some(there)) = (&found.check_value, &there)
        && own == there
    {
        return Ok(Proof::Same);
    }
    // Makers differ about the check value of other keys than those of block ciphers.
    let differs = found.check_value.is_some() && there.is_some() && is_block_cipher(&found.object);
    if differs {
        return Ok(Proof::Different);
    }
    let unknown = "neither a check value nor a use that both tokens allow shows that it is the \
                   same; make a new key";
    let computed = computed(source, target, found, key)?;
    Ok(match computed {
        Some((one, other)) if one == other => Proof::Same,
        Some(_) => Proof::Different,
        None => Proof::Unknown(unknown.to_owned()),
    })
}

/// What both keys make of the same 32 bytes, if there is something that both may do.
fn computed(
    source: &OpenToken,
    target: &OpenToken,
    found: &Found,
    key: ObjectHandle,
) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mechanism = match found.object.key_type() {
        _ if !is_block_cipher(&found.object) => Mechanism::Sha256Hmac,
        Some(CKK_AES) => Mechanism::AesEcb,
        Some(CKK_DES3) => Mechanism::Des3Ecb,
        _ => return Ok(None),
    };
    let flags: &[_] = match mechanism {
        Mechanism::Sha256Hmac => &[CKA_SIGN],
        _ => &[CKA_ENCRYPT, CKA_DECRYPT],
    };
    let both = |flag: &&_| may(source, found.handle, **flag) && may(target, key, **flag);
    let Some(flag) = flags.iter().find(both) else { return Ok(None) };
    let challenge = challenge(target)?;
    let (one, other) = (
        tried(source, found.handle, *flag, &mechanism, &challenge)?,
        tried(target, key, *flag, &mechanism, &challenge)?,
    );
    Ok(one.zip(other))
}

/// Computes with a copy of the session: a token may let the first use of a key that encrypts and
/// unwraps decide which of both it does from then on.
fn tried(
    token: &OpenToken,
    key: ObjectHandle,
    flag: CK_ATTRIBUTE_TYPE,
    mechanism: &Mechanism<'_>,
    data: &[u8],
) -> Result<Option<Vec<u8>>> {
    let session = token.session();
    let Ok(copy) = session.copy_object(key, &[Attribute::Token(false)]) else { return Ok(None) };
    let made = match flag {
        CKA_SIGN => session.sign(mechanism, copy, data),
        CKA_ENCRYPT => session.encrypt(mechanism, copy, data),
        _ => session.decrypt(mechanism, copy, data),
    };
    token.destroy(copy)?;
    Ok(made.ok())
}

/// Whether a secret key encrypts; others authenticate.
pub(super) fn is_block_cipher(object: &ForeignObject) -> bool {
    !matches!(
        object.key_type(),
        Some(
            CKK_GENERIC_SECRET
                | CKK_SHA_1_HMAC
                | CKK_SHA256_HMAC
                | CKK_SHA384_HMAC
                | CKK_SHA512_HMAC
        )
    )
}

fn of(error: &cryptoki::error::Error) -> String {
    code(error).map_or_else(|| error.to_string(), |code| format!("{code:?}"))
}
