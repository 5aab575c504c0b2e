//! What tells that a key is the same on two tokens: label and identifier are names that anybody may
//! give, and a signature by another key would be wrong.

use super::member::Member;
use crate::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Value};
use crate::backend::{Object, Operation, Token, View};
use crate::error::{Code, Result};
use crate::ffi::awslc::sealing::sha256;
use crate::mechanism::{Function, Mechanism, MechanismType, Params, set};

/// What is known of a key's material; two that have nothing in common say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The modulus, the point, or the value of the public half.
    public: Option<Vec<u8>>,
    /// CKA_CHECK_VALUE.
    check: Option<Vec<u8>>,
    /// What the key makes of a fixed input.
    made: Option<[u8; 32]>,
}

impl Facts {
    /// Whether both are of one key; `None` if that cannot be said.
    pub(super) fn agree(&self, other: &Self) -> Option<bool> {
        fn told<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> Option<bool> {
            Some(one.as_ref()? == other.as_ref()?)
        }
        let all = [
            told(&self.public, &other.public),
            told(&self.check, &other.check),
            told(&self.made, &other.made),
        ];
        let mut said = all.into_iter().flatten().peekable();
        said.peek()?;
        Some(said.all(|same| same))
    }

    /// Whether it takes a use of the key to say something.
    pub(super) fn are_mute(&self) -> bool {
        self.public.is_none() && self.check.is_none() && self.made.is_none()
    }

    /// Adds what the key makes of a fixed input, where a use of the key can tell it.
    ///
    /// # Errors
    /// What the token answers.
    pub(super) fn complete(&mut self, member: &Member, object: &Object) -> Result<()> {
        if self.made.is_none() {
            self.made = made(member, object)?;
        }
        Ok(())
    }
}

/// What an object shows of its key, and the public key beside it.
///
/// # Errors
/// What the token answers.
pub(super) fn of(member: &Member, object: &Object) -> Result<Facts> {
    let snapshot = object.snapshot();
    let attributes = &snapshot.attributes;
    let mut facts = shown(attributes);
    if facts.public.is_none() && attributes.class() == Some(ObjectClass::PRIVATE_KEY) {
        facts.public = public_half(member, attributes)?;
    }
    Ok(facts)
}

/// What attributes show of a key.
pub(super) fn shown(attributes: &Attributes) -> Facts {
    let secret = attributes.class() == Some(ObjectClass::SECRET_KEY);
    let check = attributes.bytes(AttributeType::CHECK_VALUE);
    let check = check.filter(|check| secret && !check.is_empty()).map(<[u8]>::to_vec);
    Facts { public: public_part(attributes), check, made: None }
}

/// What an object shows of the public part of a key.
fn public_part(attributes: &Attributes) -> Option<Vec<u8>> {
    let of = |id| attributes.bytes(id).filter(|value| !value.is_empty());
    let public = attributes.class() == Some(ObjectClass::PUBLIC_KEY);
    of(AttributeType::MODULUS)
        .map(|modulus| {
            let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
            modulus[zeros..].to_vec()
        })
        .or_else(|| of(AttributeType::EC_POINT).map(|point| unwrapped(point).to_vec()))
        .or_else(|| of(AttributeType::VALUE).filter(|_| public).map(<[u8]>::to_vec))
}

/// A point without the DER OCTET STRING that most tokens put around it.
fn unwrapped(point: &[u8]) -> &[u8] {
    match point {
        [4, len, rest @ ..] if usize::from(*len) == rest.len() && *len < 0x80 => rest,
        [4, 0x81, len, rest @ ..] if usize::from(*len) == rest.len() => rest,
        _ => point,
    }
}

/// The public part of the public key object of the same CKA_ID, or of the same label where there is
/// no CKA_ID.
fn public_half(member: &Member, private: &Attributes) -> Result<Option<Vec<u8>>> {
    let named = [AttributeType::ID, AttributeType::LABEL].into_iter().find_map(|id| {
        let value = private.bytes(id).filter(|value| !value.is_empty())?;
        Some((id, Value::bytes(value)))
    });
    let (Some(name), Some(key_type)) = (named, private.key_type()) else { return Ok(None) };
    let query = Attributes::from_iter([
        (AttributeType::CLASS, Value::Number(ObjectClass::PUBLIC_KEY.0)),
        (AttributeType::KEY_TYPE, Value::Number(key_type.0)),
        name,
    ]);
    let mut parts = Vec::new();
    for found in member.token.find(&query, View::All)? {
        let object = member.token.object(found.id, View::All)?;
        parts.extend(object.and_then(|object| public_part(&object.snapshot().attributes)));
    }
    parts.dedup();
    Ok(if parts.len() == 1 { parts.pop() } else { None })
}

/// What a secret key makes of a fixed input, hashed; `None` for one that may do nothing that tells.
fn made(member: &Member, object: &Object) -> Result<Option<[u8; 32]>> {
    let snapshot = object.snapshot();
    let usage = &snapshot.usage;
    if usage.always_authenticate || snapshot.attributes.class() != Some(ObjectClass::SECRET_KEY) {
        return Ok(None);
    }
    let aes = snapshot.attributes.key_type() == Some(KeyType::AES);
    let ways = [
        (aes, Function::Encrypt, MechanismType::AES_ECB),
        (aes, Function::Sign, MechanismType::AES_CMAC),
        (!aes, Function::Sign, MechanismType::SHA256_HMAC),
    ];
    for (applies, function, id) in ways {
        let has = member.inner.mechanism(id).is_some();
        if !applies || !has || !usage.permits(function) || !usage.allows(id) {
            continue;
        }
        let mechanism =
            Mechanism { spec: set::look_up(id)?, params: Params::None, keys: Vec::new() };
        let started = snapshot.key(&member.token)?.start(function, &mechanism);
        let Ok(Operation::Transform(mut operation)) = started else { continue };
        let mut out = vec![0; operation.output_size(16, true)?];
        let len = operation.finish(&[0; 16], &mut out)?;
        let out = out.get(..len).ok_or_else(|| Code::DeviceError.because("too long an output"))?;
        return Ok(Some(sha256(&[b"keyway same key", out])));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_agree_where_they_say_the_same_of_one_thing_and_the_opposite_of_none() {
        let facts = |public: Option<&[u8]>, check: Option<&[u8]>| Facts {
            public: public.map(<[u8]>::to_vec),
            check: check.map(<[u8]>::to_vec),
            made: None,
        };
        let one = facts(Some(b"1"), None);
        assert_eq!(one.agree(&one), Some(true));
        assert_eq!(one.agree(&facts(Some(b"2"), None)), Some(false));
        assert_eq!(one.agree(&facts(None, Some(b"1"))), None);
        assert_eq!(
            facts(Some(b"1"), Some(b"2")).agree(&facts(Some(b"1"), Some(b"3"))),
            Some(false)
        );
        assert!(Facts::default().are_mute() && !one.are_mute());
    }

    #[test]
    fn a_point_is_the_same_with_and_without_its_octet_string() {
        let raw = [&[4][..], &[7; 64]].concat();
        assert_eq!(unwrapped(&[&[4, 65][..], &raw].concat()), raw);
        assert_eq!(unwrapped(&raw), raw);
        let long = [&[4][..], &[7; 132]].concat();
        assert_eq!(unwrapped(&[&[4, 0x81, 133][..], &long].concat()), long);
    }
}
