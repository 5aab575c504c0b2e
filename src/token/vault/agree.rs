//! Ephemeral Diffie-Hellman in the token: the pair, the shared secret and what is derived from it
//! never leave it. `docs/key-records.md` describes the construction.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki_sys::{CKM_DH_PKCS_DERIVE, CKM_DH_PKCS_KEY_PAIR_GEN};

use super::diffie_hellman::{
    base_key, curve_mechanism, curve_parameters, derive, derive_from_base, generate_pair,
};
use super::public::ec_point;
use super::template::{guarded, secret_key, session_object};
use crate::domain::exchange::{GENERATOR, Group, PRIME, PublicValue};
use crate::domain::key::KeyId;
use crate::domain::public_key::{SECP256R1, X25519};
use crate::error::{Kind, Result};
use crate::port::{Ephemeral, KeySpec, SessionUse};
use crate::token::error::{is_bad_signature, raw_error};
use crate::token::open::OpenToken;

/// CKA_LABEL of ephemeral pairs; the group's name follows.
const LABEL: &str = "keyway-ephemeral:";

pub(super) fn start(token: &OpenToken, id: KeyId, group: Group) -> Result<PublicValue> {
    let mechanism = pair_mechanism(token, group)?;
    let common = [
        Attribute::Token(true),
        Attribute::Label(format!("{LABEL}{group}").into_bytes()),
        Attribute::Id(id.as_bytes().to_vec()),
    ];
    generate_pair(token, mechanism, &common, domain_parameters(group)?, group.name())?;
    let object = token.only_key(&[ObjectClass::PUBLIC_KEY], id)?;
    public_value(token, object, group)
}

/// Which mechanism makes pairs of the group.
fn pair_mechanism(token: &OpenToken, group: Group) -> Result<u64> {
    let mechanism = match group {
        Group::X25519 => curve_mechanism(token, X25519),
        Group::P256 => curve_mechanism(token, SECP256R1),
        Group::Ffdhe3072 => {
            Some(CKM_DH_PKCS_KEY_PAIR_GEN).filter(|mechanism| token.has(*mechanism))
        }
    };
    mechanism.ok_or_else(|| {
        Kind::Unsupported
            .because(format!("the token cannot make {group} pairs"))
            .advise("choose another group: keyway agree start --group p256")
    })
}

fn domain_parameters(group: Group) -> Result<Vec<Attribute>> {
    Ok(match group {
        Group::X25519 => vec![curve_parameters(X25519)?],
        Group::P256 => vec![curve_parameters(SECP256R1)?],
        Group::Ffdhe3072 => {
            vec![Attribute::Prime(PRIME.to_vec()), Attribute::Base(GENERATOR.to_vec())]
        }
    })
}

fn public_value(token: &OpenToken, object: ObjectHandle, group: Group) -> Result<PublicValue> {
    if group != Group::Ffdhe3072 {
        return PublicValue::new(group, &ec_point(token, object, group.value_len())?);
    }
    let attributes = token.attributes(object, &[AttributeType::Value])?;
    let Some(Attribute::Value(value)) = attributes.into_iter().next() else {
        return Err(Kind::Token.because("the token's public key has no value"));
    };
    let mut padded = vec![0; group.value_len().saturating_sub(value.len())];
    padded.extend(value);
    PublicValue::new(group, &padded)
}

pub(super) fn pending(token: &OpenToken) -> Result<Vec<Ephemeral>> {
    let mut pending = Vec::new();
    for (group, _) in Group::ALL {
        let template = [
            Attribute::Class(ObjectClass::PUBLIC_KEY),
            Attribute::Token(true),
            Attribute::Label(format!("{LABEL}{group}").into_bytes()),
        ];
        for object in token.find(&template)? {
            let attributes = token.attributes(object, &[AttributeType::Id])?;
            let Some(Attribute::Id(id)) = attributes.into_iter().next() else { continue };
            let public = public_value(token, object, group)?;
            pending.push(Ephemeral { id: KeyId::try_from(id.as_slice())?, public });
        }
    }
    Ok(pending)
}

pub(super) fn agree(
    token: &OpenToken,
    id: KeyId,
    own: &Ephemeral,
    peer: &PublicValue,
) -> Result<()> {
    let private = token.only_key(&[ObjectClass::PRIVATE_KEY], own.id)?;
    let template = base_key(id);
    let what = format!("cannot agree with the peer in {}", peer.group());
    match peer.group() {
        Group::X25519 | Group::P256 => {
            derive(token, private, peer.as_bytes(), &template)
                .map_err(|error| error.while_doing(what))?;
        }
        Group::Ffdhe3072 => {
            token
                .module()
                .raw()
                .derive(token.session(), CKM_DH_PKCS_DERIVE, peer.as_bytes(), private, &template)
                .map_err(|code| raw_error(&what, code))?;
        }
    }
    Ok(())
}

pub(super) fn derive_key(
    token: &OpenToken,
    base: KeyId,
    data: &[u8; 32],
    spec: &KeySpec,
) -> Result<()> {
    let mut template = secret_key(spec);
    template.push(Attribute::KeyType(KeyType::AES));
    from_base(token, base, data, template)
}

pub(super) fn derive_session_key(
    token: &OpenToken,
    base: KeyId,
    data: &[u8; 32],
    id: KeyId,
    usage: SessionUse,
) -> Result<()> {
    let kind = match usage {
        SessionUse::Encrypt | SessionUse::Decrypt => KeyType::AES,
        SessionUse::Authenticate | SessionUse::Check => KeyType::GENERIC_SECRET,
    };
    let mut template = session_object(id).to_vec();
    template.extend(guarded());
    template.extend([
        Attribute::KeyType(kind),
        Attribute::Encrypt(usage == SessionUse::Encrypt),
        Attribute::Decrypt(usage == SessionUse::Decrypt),
        Attribute::Sign(usage == SessionUse::Authenticate),
        Attribute::Verify(usage == SessionUse::Check),
        Attribute::Derive(false),
    ]);
    from_base(token, base, data, template)
}

pub(super) fn authenticate(token: &OpenToken, key: KeyId, message: &[u8]) -> Result<Vec<u8>> {
    let key = token.only_key(&[ObjectClass::SECRET_KEY], key)?;
    token
        .session()
        .sign(&Mechanism::Sha256Hmac, key, message)
        .map_err(|error| token.failed("cannot make an authentication tag", error))
}

pub(super) fn is_authentic(
    token: &OpenToken,
    key: KeyId,
    message: &[u8],
    tag: &[u8],
) -> Result<bool> {
    let key = token.only_key(&[ObjectClass::SECRET_KEY], key)?;
    match token.session().verify(&Mechanism::Sha256Hmac, key, message, tag) {
        Ok(()) => Ok(true),
        Err(error) if is_bad_signature(&error) => Ok(false),
        Err(error) => Err(token.failed("cannot check an authentication tag", error)),
    }
}

fn from_base(
    token: &OpenToken,
    base: KeyId,
    data: &[u8; 32],
    template: Vec<Attribute>,
) -> Result<()> {
    let base = token.only_key(&[ObjectClass::SECRET_KEY], base)?;
    derive_from_base(token, base, data, template).map(|_| ())
}
