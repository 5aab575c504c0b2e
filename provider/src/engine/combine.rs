//! Simple derivations (specification section "Miscellaneous simple key derivation mechanisms"): keys
//! put together with keys or data, XORed with data, cut out of another key.
//!
//! From a sensitive key nothing of its value may be left out. A result in which a few of its bytes
//! stand among known ones could be guessed through any MAC, and so the whole key byte by byte; two
//! steps (put known bytes before a key, cut the front off) do that with results of any length.

use crate::attribute::AttributeType;
use crate::backend::Snapshot;
use crate::engine::Lease;
use crate::engine::secret::SecretKey;
use crate::error::{Code, Result};
use crate::mechanism::{Mechanism, Params};
use crate::secret::Secret;

/// CKM_CONCATENATE_BASE_AND_KEY, the other key being the first of the mechanism's.
///
/// # Errors
/// KeyTypeInconsistent for another key without a value; KeySizeRange for more bytes than there are,
/// or fewer where a key is sensitive; so the next two.
pub fn base_and_key(
    key: &Lease,
    mechanism: &Mechanism<'_>,
    length: Option<usize>,
) -> Result<Secret> {
    let base = SecretKey::of(key)?;
    let other = mechanism.keys.first().map(|key| key.snapshot());
    let value =
        |other: &Snapshot| other.attributes.bytes(AttributeType::VALUE).map(Secret::copy_of);
    let Some((value, sensitive)) = other.as_ref().and_then(|other| {
        Some((value(other)?, other.attributes.is_true(AttributeType::SENSITIVE)))
    }) else {
        return Err(Code::KeyTypeInconsistent.because("the other key has no value"));
    };
    let all = joined(base.value(), value.expose());
    front(all, length, base.is_sensitive() || sensitive)
}

/// CKM_CONCATENATE_BASE_AND_DATA.
pub fn base_and_data(
    key: &Lease,
    mechanism: &Mechanism<'_>,
    length: Option<usize>,
) -> Result<Secret> {
    let base = SecretKey::of(key)?;
    front(joined(base.value(), data(mechanism)?), length, base.is_sensitive())
}

/// CKM_CONCATENATE_DATA_AND_BASE.
pub fn data_and_base(
    key: &Lease,
    mechanism: &Mechanism<'_>,
    length: Option<usize>,
) -> Result<Secret> {
    let base = SecretKey::of(key)?;
    front(joined(data(mechanism)?, base.value()), length, base.is_sensitive())
}

/// CKM_XOR_BASE_AND_DATA: as long as the shorter of both.
///
/// # Errors
/// KeySizeRange for more bytes than there are, or fewer than a sensitive key has.
pub fn xor(key: &Lease, mechanism: &Mechanism<'_>, length: Option<usize>) -> Result<Secret> {
    let (key, data) = (SecretKey::of(key)?, data(mechanism)?);
    let base = key.value();
    let all = base.len().min(data.len());
    if all < base.len() {
        whole(key.is_sensitive())?;
    }
    let mixed = Secret::with(all, |out| {
        out.iter_mut().zip(base.iter().zip(data)).for_each(|(out, (a, b))| *out = a ^ b);
    });
    front(mixed, length, key.is_sensitive())
}

/// CKM_EXTRACT_KEY_FROM_KEY: from the given bit on, wrapping around.
///
/// # Errors
/// TemplateIncomplete without a length; MechanismParamInvalid for a bit beyond the key;
/// KeySizeRange for more bytes than the key has, or fewer where it is sensitive.
pub fn extract(key: &Lease, mechanism: &Mechanism<'_>, length: Option<usize>) -> Result<Secret> {
    let key = SecretKey::of(key)?;
    let base = key.value();
    let Params::BitPosition(bit) = mechanism.params else {
        return Err(Code::MechanismParamInvalid.because("the first bit of the key is needed"));
    };
    let first = usize::try_from(bit / 8).ok().filter(|first| *first < base.len());
    let Some(first) = first else {
        return Err(Code::MechanismParamInvalid.because(format!("bit {bit} is not in the key")));
    };
    if length.is_none() {
        return Err(Code::TemplateIncomplete.because("CKA_VALUE_LEN is needed to cut a key out"));
    }
    let shift = (bit % 8) as u32;
    let turned = Secret::with(base.len(), |out| {
        for (i, out) in out.iter_mut().enumerate() {
            let at = |i: usize| u16::from(base[i % base.len()]);
            let pair = at(first + i) << 8 | at(first + i + 1);
            *out = (pair << shift >> 8) as u8;
        }
    });
    front(turned, length, key.is_sensitive())
}

fn data<'a>(mechanism: &Mechanism<'a>) -> Result<&'a [u8]> {
    match mechanism.params {
        Params::StringData(data) => Ok(data),
        _ => Err(Code::MechanismParamInvalid.because("data to derive with is needed")),
    }
}

fn joined(one: &[u8], two: &[u8]) -> Secret {
    Secret::with(one.len() + two.len(), |out| {
        out[..one.len()].copy_from_slice(one);
        out[one.len()..].copy_from_slice(two);
    })
}

/// The first bytes, all of them if nothing is asked for.
fn front(all: Secret, length: Option<usize>, sensitive: bool) -> Result<Secret> {
    match length {
        None => Ok(all),
        Some(length) if length == all.len() => Ok(all),
        Some(length) if (1..all.len()).contains(&length) => {
            whole(sensitive)?;
            Ok(Secret::copy_of(&all.expose()[..length]))
        }
        Some(length) => Err(Code::KeySizeRange.because(format!("{length} bytes of {}", all.len()))),
    }
}

fn whole(sensitive: bool) -> Result<()> {
    match sensitive {
        false => Ok(()),
        true => Err(Code::KeySizeRange.because("a part of a sensitive key could be guessed")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::attribute::{Attributes, KeyType, ObjectClass, Value};
    use crate::backend::{Object, ObjectId};
    use crate::engine::Material;
    use crate::engine::testing::*;
    use crate::mechanism::{MechanismType as M, set};

    fn attributes(value: &[u8], sensitive: bool) -> Attributes {
        Attributes::from_iter([
            (AttributeType::CLASS, Value::Number(ObjectClass::SECRET_KEY.0)),
            (AttributeType::KEY_TYPE, Value::Number(KeyType::GENERIC_SECRET.0)),
            (AttributeType::VALUE, Value::secret(Secret::copy_of(value))),
            (AttributeType::SENSITIVE, Value::Bool(sensitive)),
        ])
    }

    fn derive(
        id: M,
        params: Params<'_>,
        (base, sensitive): (&str, bool),
        length: Option<usize>,
    ) -> Result<Vec<u8>> {
        let base = Material::import(&attributes(&unhex(base), sensitive))?;
        let other = Object::new(ObjectId([0; 16]), attributes(&unhex("89abcdef"), false), 0, 0);
        let spec = set::look_up(id).unwrap();
        let mechanism = Mechanism { spec, params, keys: vec![Arc::new(other)] };
        let made = spec.derive.unwrap()(&Lease::new(Arc::new(base)), &mechanism, length)?;
        Ok(made.expose().to_vec())
    }

    const DATA: Params<'static> = Params::StringData(&[0x89, 0xab, 0xcd, 0xef]);
    const KEY: Params<'static> = Params::None; // the handle is looked up before

    /// "For example, if the value of the base key is 0x01234567 ..."
    #[test]
    fn the_examples_of_the_specification_come_out() {
        for (id, params, base, length, expected) in [
            (M::CONCATENATE_BASE_AND_KEY, KEY, "01234567", None, "0123456789abcdef"),
            (M::CONCATENATE_BASE_AND_DATA, DATA, "01234567", None, "0123456789abcdef"),
            (M::CONCATENATE_DATA_AND_BASE, DATA, "01234567", None, "89abcdef01234567"),
            (M::CONCATENATE_DATA_AND_BASE, DATA, "01234567", Some(5), "89abcdef01"),
            (M::XOR_BASE_AND_DATA, DATA, "01234567", None, "88888888"),
            (M::XOR_BASE_AND_DATA, DATA, "0123456789", None, "88888888"),
            (M::EXTRACT_KEY_FROM_KEY, Params::BitPosition(21), "329f84a9", Some(2), "9526"),
            (M::EXTRACT_KEY_FROM_KEY, Params::BitPosition(0), "329f84a9", Some(4), "329f84a9"),
            (M::EXTRACT_KEY_FROM_KEY, Params::BitPosition(31), "329f84a9", Some(4), "994fc254"),
        ] {
            let made = derive(id, params, (base, false), length).unwrap();
            assert_eq!(hex::encode(made), expected, "{id:?}");
        }
    }

    #[test]
    fn a_key_is_no_longer_than_what_it_is_made_of() {
        for (id, params, most) in [
            (M::CONCATENATE_BASE_AND_KEY, KEY, 8),
            (M::CONCATENATE_BASE_AND_DATA, DATA, 8),
            (M::CONCATENATE_DATA_AND_BASE, DATA, 8),
            (M::XOR_BASE_AND_DATA, DATA, 4),
            (M::EXTRACT_KEY_FROM_KEY, Params::BitPosition(3), 4),
        ] {
            let with = |length| code(derive(id, params.clone(), ("01234567", false), Some(length)));
            assert_eq!(with(most), Code::Ok);
            assert_eq!(with(most + 1), Code::KeySizeRange);
            assert_eq!(with(0), Code::KeySizeRange);
        }
        let extract = |bit, length| {
            let params = Params::BitPosition(bit);
            code(derive(M::EXTRACT_KEY_FROM_KEY, params, ("01234567", false), length))
        };
        assert_eq!(extract(32, Some(1)), Code::MechanismParamInvalid);
        assert_eq!(extract(u64::MAX, Some(1)), Code::MechanismParamInvalid);
        assert_eq!(extract(0, None), Code::TemplateIncomplete);
    }

    #[test]
    fn nothing_of_a_sensitive_key_may_be_left_out() {
        let long = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        for (id, params, all) in [
            (M::CONCATENATE_BASE_AND_KEY, KEY, 36),
            (M::CONCATENATE_BASE_AND_DATA, DATA, 36),
            (M::CONCATENATE_DATA_AND_BASE, DATA, 36),
            (M::XOR_BASE_AND_DATA, Params::StringData(&[7; 40]), 32),
            (M::EXTRACT_KEY_FROM_KEY, Params::BitPosition(3), 32),
        ] {
            let with = |length| code(derive(id, params.clone(), (long, true), Some(length)));
            assert_eq!(with(all), Code::Ok, "{id:?}");
            assert_eq!(with(all - 1), Code::KeySizeRange, "{id:?}");
            assert_eq!(with(16), Code::KeySizeRange, "{id:?}");
        }
        let short = derive(M::XOR_BASE_AND_DATA, DATA, (long, true), None);
        assert_eq!(code(short), Code::KeySizeRange);
    }
}
