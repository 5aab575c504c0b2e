//! PKCS#12 (RFC 7292): private keys, secret keys and certificates in one file under a passphrase.

use cryptoki_sys::{
    CKA_DECRYPT, CKA_ENCRYPT, CKA_EXTRACTABLE, CKA_KEY_TYPE, CKA_PRIVATE, CKA_SENSITIVE, CKA_SIGN,
    CKA_SUBJECT, CKA_VALUE, CKA_VERIFY, CKK_AES, CKK_GENERIC_SECRET, CKO_SECRET_KEY,
};
use p12_keystore::secret::SecretKeyType;
use p12_keystore::{CertificateBag, Pkcs12Archive, PrivateKeyBag, SecretBag};
use sha2::{Digest, Sha256};
use spki::SubjectPublicKeyInfoOwned;

use super::ForeignObject;
use super::private_key::{certificate, identifier, name, private_key, public_key};
use crate::error::{Error, Kind, Result};

/// A certificate of the file.
struct Found {
    object: ForeignObject,
    key: SubjectPublicKeyInfoOwned,
    name: String,
    bag: Option<Vec<u8>>,
}

/// Reads every key and certificate. `label` names the keys, and what belongs to them, whose name
/// the file does not give; or all, if there is one key only.
///
/// # Errors
/// [`Kind::Pin`] when the passphrase does not open it, [`Kind::Malformed`] when it is not PKCS#12.
pub fn read(bytes: &[u8], passphrase: &str, label: Option<&str>) -> Result<Vec<ForeignObject>> {
    let archive = Pkcs12Archive::from_pkcs12(bytes, passphrase).map_err(refused)?;
    let single = archive.keys.len() + archive.secrets.len() == 1;
    let chosen = |own: &Option<String>| match (label, own) {
        (Some(label), _) if single => label.to_owned(),
        (_, Some(own)) if !own.is_empty() => own.clone(),
        (label, _) => label.unwrap_or("imported").to_owned(),
    };
    let mut certificates = archive.certs.iter().map(found).collect::<Result<Vec<_>>>()?;
    let mut objects = Vec::new();
    for bag in &archive.keys {
        pair(bag, &chosen(&bag.friendly_name), &mut certificates, &mut objects)?;
    }
    for bag in &archive.secrets {
        objects.push(secret(bag, &chosen(&bag.friendly_name)));
    }
    for Found { mut object, key, name: own, .. } in certificates {
        name(&mut object, &own, &identifier(&key));
        objects.push(object);
    }
    Ok(objects)
}

pub(super) fn refused(error: p12_keystore::error::Error) -> Error {
    use p12_keystore::error::Error as Cause;
    match error {
        Cause::MacError(_) => Kind::Pin
            .because("the passphrase does not open the PKCS#12 file")
            .advise("give it with --source-pin-file or KEYWAY_SOURCE_PIN; or the file is damaged"),
        error => Kind::Malformed.because("the PKCS#12 file cannot be read").caused_by(error),
    }
}

fn found(bag: &CertificateBag) -> Result<Found> {
    let (object, certificate) = certificate(bag.cert.as_der())
        .map_err(|error| Kind::Malformed.because("a certificate is malformed").caused_by(error))?;
    let name = match &bag.friendly_name {
        Some(name) if !name.is_empty() => name.clone(),
        _ => bag.cert.subject().to_owned(),
    };
    let key = certificate.tbs_certificate().subject_public_key_info().clone();
    Ok(Found { object, key, name, bag: bag.local_key_id.clone() })
}

/// A private key, its public half and its certificate, all of one name and identifier.
fn pair(
    bag: &PrivateKeyBag,
    label: &str,
    certificates: &mut Vec<Found>,
    objects: &mut Vec<ForeignObject>,
) -> Result<()> {
    let (mut private, public) = private_key(bag.key.as_der())?;
    let of_bag = |found: &Found| match &bag.local_key_id {
        Some(id) => found.bag.as_ref() == Some(&id.0),
        None => false,
    };
    let own = certificates.iter().position(|found| match &public {
        Some(public) => found.key.subject_public_key == public.subject_public_key,
        None => of_bag(found),
    });
    let own = own.map(|place| certificates.remove(place));
    let key = public.or_else(|| own.as_ref().map(|found| found.key.clone()));
    let id = match &key {
        Some(key) => identifier(key).to_vec(),
        None => from_name(label, bag.local_key_id.as_ref().map_or(&[], |id| &id.0)),
    };
    name(&mut private, label, &id);
    match &key {
        None => private.losses.push("its public key: the file does not have it".to_owned()),
        Some(key) => {
            let public = public_key(key).map_err(|error| {
                Kind::Malformed.because("a public key is malformed").caused_by(error)
            })?;
            if let Some(mut public) = public {
                name(&mut public, label, &id);
                objects.push(public);
            }
        }
    }
    if let Some(Found { mut object, .. }) = own {
        if let Some(subject) = object.get(CKA_SUBJECT).map(<[u8]>::to_vec) {
            private.bytes(CKA_SUBJECT, &subject);
        }
        name(&mut object, label, &id);
        objects.push(object);
    }
    objects.push(private);
    Ok(())
}

fn secret(bag: &SecretBag, label: &str) -> ForeignObject {
    let (key_type, uses) = match bag.key.key_type() {
        SecretKeyType::Aes
        | SecretKeyType::Aes128Cbc
        | SecretKeyType::Aes192Cbc
        | SecretKeyType::Aes256Cbc => (CKK_AES, [CKA_ENCRYPT, CKA_DECRYPT]),
        _ => (CKK_GENERIC_SECRET, [CKA_SIGN, CKA_VERIFY]),
    };
    let mut object = ForeignObject::new(CKO_SECRET_KEY);
    object.number(CKA_KEY_TYPE, key_type);
    for flag in [CKA_PRIVATE, CKA_SENSITIVE].into_iter().chain(uses) {
        object.flag(flag, true);
    }
    object.flag(CKA_EXTRACTABLE, false);
    object.bytes(CKA_VALUE, bag.key.key());
    name(&mut object, label, &from_name(label, &bag.key.local_key_id().0));
    object
}

/// An identifier for a key without a public half: never made from the key, since identifiers are
/// for everybody.
fn from_name(label: &str, local_key_id: &[u8]) -> Vec<u8> {
    let hash = Sha256::new().chain_update(local_key_id).chain_update(label).finalize();
    hash[..20].to_vec()
}
