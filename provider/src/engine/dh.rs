//! PKCS #3 Diffie-Hellman keys: import, completion, generation, derivation.

use crate::attribute::{AttributeType, Attributes, Value};
use crate::engine::dh_group::{Group, Known};
use crate::engine::part::{Half, follows, required, truncated};
use crate::engine::{Lease, Material, encoding};
use crate::error::{Code, Result};
use crate::ffi::awslc::bignum::BigNum;
use crate::ffi::awslc::dh::Dh;
use crate::mechanism::{Mechanism, Params};
use crate::secret::Secret;

pub use crate::engine::dh_group::SIZES;

/// The shortest private value that can be asked for: twice the 112 bits of strength that the
/// smallest prime has.
const MIN_PRIVATE_BITS: u64 = 224;

/// A public or private Diffie-Hellman key.
pub struct DhKey {
    group: Group,
    public: BigNum,
    /// `None` for a public key.
    private: Option<Dh>,
}

impl DhKey {
    /// # Errors
    /// TemplateIncomplete for missing parts; DomainParamsInvalid for the group;
    /// AttributeValueInvalid for a public value outside of it or a private value that is not
    /// between 0 and p-1, both excluded.
    pub fn import(attributes: &Attributes) -> Result<Self> {
        let half = Half::of(attributes)?;
        let group = Group::of(attributes)?;
        let value = BigNum::from_bytes(required(attributes, AttributeType::VALUE)?)?;
        let bad = |what| Err(Code::AttributeValueInvalid.because(what));
        match half {
            Half::Public if group.is_public_value(&value)? => {
                Ok(Self { group, public: value, private: None })
            }
            Half::Public => bad("the public value is none of the group"),
            Half::Private if value.bits() > 0 && value < group.prime.minus_one()? => {
                let public = group.base.power_modulo(&value, &group.prime)?;
                let private = Dh::private(&group.prime, &group.base, value)?;
                Ok(Self { group, public, private: Some(private) })
            }
            Half::Private => bad("the private value is out of its range"),
        }
    }
}

/// Checks the numbers and adds the length of a private value and the public key's encoding.
///
/// # Errors
/// As [`DhKey::import`]; TemplateInconsistent for attributes that contradict the key.
pub fn complete(attributes: &mut Attributes) -> Result<()> {
    let key = DhKey::import(attributes)?;
    if let Some(private) = &key.private {
        let bits = private.private_value()?.bits() as u64;
        attributes.set_default(AttributeType::VALUE_BITS, Value::Number(bits));
    }
    let info = public_key_info(&key.group, &key.public)?;
    follows(attributes, AttributeType::PUBLIC_KEY_INFO, info)
}

/// CKM_DH_PKCS_KEY_PAIR_GEN.
///
/// # Errors
/// TemplateIncomplete or DomainParamsInvalid for the group; AttributeValueInvalid for a
/// `CKA_VALUE_BITS` below 224 or beyond the prime.
pub fn generate(
    _params: &Params<'_>,
    public: &Attributes,
    private: &Attributes,
) -> Result<(Attributes, Attributes)> {
    let group = Group::of(public)?;
    let longest = group.prime.bits() as u64 - 1;
    let bits = match (private.number(AttributeType::VALUE_BITS), group.known) {
        (Some(bits), _) if (MIN_PRIVATE_BITS..=longest).contains(&bits) => bits as u32,
        (Some(bits), _) => {
            return Err(Code::AttributeValueInvalid.because(format!(
                "a private value of {bits} bits ({MIN_PRIVATE_BITS} to {longest})"
            )));
        }
        (None, Some(Known::Rfc7919 { private_bits })) => private_bits,
        (None, _) => longest as u32,
    };
    let key = Dh::generate(&group.prime, &group.base, bits)?;
    let value = key.public_value()?;
    let info = public_key_info(&group, &value)?;
    let of_public = Attributes::from_iter([
        (AttributeType::VALUE, Value::bytes(value.to_secret()?.expose())),
        (AttributeType::PUBLIC_KEY_INFO, info.clone()),
    ]);
    let of_private = Attributes::from_iter([
        (AttributeType::PRIME, Value::bytes(required(public, AttributeType::PRIME)?)),
        (AttributeType::BASE, Value::bytes(required(public, AttributeType::BASE)?)),
        (AttributeType::VALUE, Value::secret(key.private_value()?.to_secret()?)),
        (AttributeType::VALUE_BITS, Value::Number(u64::from(bits))),
        (AttributeType::PUBLIC_KEY_INFO, info),
    ]);
    Ok((of_public, of_private))
}

fn public_key_info(group: &Group, public: &BigNum) -> Result<Value> {
    let number = BigNum::to_secret;
    let (prime, base) = (number(&group.prime)?, number(&group.base)?);
    let public = number(public)?;
    encoding::dh_public_key_info(prime.expose(), base.expose(), public.expose()).map(Value::bytes)
}

/// CKM_DH_PKCS_DERIVE: the shared secret, as long as the prime, or its end.
///
/// # Errors
/// KeyTypeInconsistent for another key than the private half of a Diffie-Hellman key;
/// MechanismParamInvalid for a peer's value that is none of the group; KeySizeRange for more bytes
/// than there are.
pub fn derive(key: &Lease, mechanism: &Mechanism<'_>, length: Option<usize>) -> Result<Secret> {
    let Material::Dh(DhKey { group, private: Some(private), .. }) = &**key else {
        return Err(Code::KeyTypeInconsistent.because("a private Diffie-Hellman key is needed"));
    };
    let Params::Public(peer) = mechanism.params else {
        return Err(Code::MechanismParamInvalid.because("the peer's public value is needed"));
    };
    let peer = BigNum::from_bytes(peer)?;
    if !group.is_public_value(&peer)? {
        return Err(Code::MechanismParamInvalid.because("the peer's value is none of the group"));
    }
    truncated(private.derive(&peer)?, length)
}
