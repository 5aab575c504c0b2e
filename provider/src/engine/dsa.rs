//! DSA (FIPS 186-4): import, completion, generation of keys and of domain parameters, signatures.
//! Legacy.

use crate::attribute::{AttributeType, Attributes, Value};
use crate::backend::Operation;
use crate::engine::part::{Half, follows, required};
use crate::engine::signature::{Input, Scheme, signer, verifier};
use crate::engine::{Lease, Material, encoding};
use crate::error::{Code, Result};
use crate::ffi::awslc::bignum::BigNum;
use crate::ffi::awslc::dsa::{Dsa, Group};
use crate::mechanism::{Hash, Params};

/// Smallest and largest prime in bits.
pub const SIZES: (u64, u64) = (1024, 3072);

/// FIPS 186-4 section 4.2: sizes of prime and subprime in bits that go together; the first subprime
/// of a prime is the one that `CKM_DSA_PARAMETER_GEN` makes unless it is told otherwise.
const PAIRS: [(u64, u64); 4] = [(1024, 160), (2048, 224), (2048, 256), (3072, 256)];

/// A public or private DSA key in the engine.
pub struct DsaKey {
    dsa: Dsa,
    half: Half,
    /// Length of the subprime in bytes.
    size: usize,
}

impl DsaKey {
    /// # Errors
    /// TemplateIncomplete for missing parts; DomainParamsInvalid for the parameters;
    /// AttributeValueInvalid for a public value that is none of the group or a private value that
    /// is not between 0 and q, both excluded.
    pub fn import(attributes: &Attributes) -> Result<Self> {
        let half = Half::of(attributes)?;
        let group = group(attributes)?;
        let value = BigNum::from_bytes(required(attributes, AttributeType::VALUE)?)?;
        let size = group.q.bits().div_ceil(8);
        let dsa = match half {
            Half::Public if is_element(&value, &group)? => Dsa::new(&group, value, None)?,
            Half::Private if value.bits() > 0 && value < group.q => {
                let public = group.g.power_modulo(&value, &group.p)?;
                Dsa::new(&group, public, Some(value))?
            }
            _ => {
                return Err(Code::AttributeValueInvalid
                    .because(format!("the {half:?} value is none of the DSA group")));
            }
        };
        Ok(Self { dsa, half, size })
    }
}

/// The domain parameters of a key or of an object that holds nothing else.
///
/// # Errors
/// TemplateIncomplete for missing numbers; DomainParamsInvalid for sizes that do not go together,
/// or a base that does not generate the subgroup. Whether the primes are prime is not checked.
fn group(attributes: &Attributes) -> Result<Group> {
    let number = |id| required(attributes, id).and_then(BigNum::from_bytes);
    let p = number(AttributeType::PRIME)?;
    let q = number(AttributeType::SUBPRIME)?;
    let g = number(AttributeType::BASE)?;
    let sizes = (p.bits() as u64, q.bits() as u64);
    if !PAIRS.contains(&sizes) || !p.is_odd() || !q.is_odd() {
        return Err(Code::DomainParamsInvalid.because(format!(
            "DSA parameters of {} and {} bits: 1024 and 160, 2048 and 224 or 256, 3072 and 256",
            sizes.0, sizes.1
        )));
    }
    let group = Group { p, q, g };
    match is_element(&group.g, &group)? {
        true => Ok(group),
        false => Err(Code::DomainParamsInvalid.because("the base does not generate the subgroup")),
    }
}

/// Whether `value` is an element of the subgroup of order q, other than 1.
fn is_element(value: &BigNum, group: &Group) -> Result<bool> {
    if value.bits() < 2 || *value >= group.p {
        return Ok(false);
    }
    Ok(value.power_modulo(&group.q, &group.p)?.is_one())
}

/// Checks the numbers and adds the public key's encoding.
///
/// # Errors
/// As [`DsaKey::import`]; TemplateInconsistent for attributes that contradict the key.
pub fn complete(attributes: &mut Attributes) -> Result<()> {
    let key = DsaKey::import(attributes)?;
    let info = public_key_info(&group(attributes)?, &key.dsa.public_value()?)?;
    follows(attributes, AttributeType::PUBLIC_KEY_INFO, info)
}

fn public_key_info(group: &Group, public: &BigNum) -> Result<Value> {
    let (p, q, g) = (group.p.to_secret()?, group.q.to_secret()?, group.g.to_secret()?);
    let public = public.to_secret()?;
    let numbers = [p.expose(), q.expose(), g.expose()];
    encoding::dsa_public_key_info(numbers, public.expose()).map(Value::bytes)
}

/// CKM_DSA_KEY_PAIR_GEN.
///
/// # Errors
/// TemplateIncomplete or DomainParamsInvalid for the parameters.
pub fn generate(
    _params: &Params<'_>,
    public: &Attributes,
    _private: &Attributes,
) -> Result<(Attributes, Attributes)> {
    let group = group(public)?;
    let key = Dsa::generate(&group)?;
    let value = key.public_value()?;
    let info = public_key_info(&group, &value)?;
    let of_public = Attributes::from_iter([
        (AttributeType::VALUE, Value::bytes(value.to_secret()?.expose())),
        (AttributeType::PUBLIC_KEY_INFO, info.clone()),
    ]);
    let mut of_private = Attributes::from_iter([
        (AttributeType::VALUE, Value::secret(key.private_value()?.to_secret()?)),
        (AttributeType::PUBLIC_KEY_INFO, info),
    ]);
    for id in [AttributeType::PRIME, AttributeType::SUBPRIME, AttributeType::BASE] {
        of_private.set(id, Value::bytes(required(public, id)?));
    }
    Ok((of_public, of_private))
}

/// CKM_DSA_PARAMETER_GEN.
///
/// # Errors
/// TemplateIncomplete without `CKA_PRIME_BITS`, AttributeValueInvalid for sizes that do not go
/// together.
pub fn generate_parameters(_: &Params<'_>, wanted: &Attributes) -> Result<Attributes> {
    let prime = wanted.number(AttributeType::PRIME_BITS).ok_or_else(|| {
        Code::TemplateIncomplete.because("CKA_PRIME_BITS says how long the prime is to be")
    })?;
    let subprime = wanted.number(AttributeType::SUB_PRIME_BITS);
    let fits = |row: &&(u64, u64)| row.0 == prime && subprime.is_none_or(|bits| bits == row.1);
    let Some((prime, subprime)) = PAIRS.iter().find(fits) else {
        return Err(Code::AttributeValueInvalid
            .because(format!("a DSA prime of {prime} bits, a subprime of {subprime:?}")));
    };
    let made = Group::generate(*prime as u16, *subprime as u16)?;
    let value =
        |number: &BigNum| Ok::<_, crate::error::Error>(Value::bytes(number.to_secret()?.expose()));
    Ok(Attributes::from_iter([
        (AttributeType::PRIME, value(&made.p)?),
        (AttributeType::SUBPRIME, value(&made.q)?),
        (AttributeType::BASE, value(&made.g)?),
        (AttributeType::PRIME_BITS, Value::Number(*prime)),
        (AttributeType::SUB_PRIME_BITS, Value::Number(*subprime)),
    ]))
}

/// Checks domain parameters that an application brings.
///
/// # Errors
/// As the parameters of a key.
pub fn complete_parameters(attributes: &mut Attributes) -> Result<()> {
    let group = group(attributes)?;
    let bits = |number: &BigNum| Value::Number(number.bits() as u64);
    attributes.set(AttributeType::PRIME_BITS, bits(&group.p));
    attributes.set(AttributeType::SUB_PRIME_BITS, bits(&group.q));
    Ok(())
}

impl Lease {
    /// # Errors
    /// KeyTypeInconsistent for another type of key or the other half of the pair.
    fn dsa(&self, half: Half) -> Result<&DsaKey> {
        match &**self {
            Material::Dsa(key) => key.half.must_be(half).map(|()| key),
            _ => Err(Code::KeyTypeInconsistent.because("the mechanism wants a DSA key")),
        }
    }
}

/// Starts signing with CKM_DSA (`hash` is `None`: the caller brings the digest) or CKM_DSA_*.
///
/// # Errors
/// KeyTypeInconsistent for another key than the private half of a DSA key.
pub fn sign(key: &Lease, hash: Option<Hash>) -> Result<Operation> {
    let scheme = Signature::new(key, Half::Private, hash)?;
    Ok(signer(scheme, hash.map_or(Input::Whole, Input::hashed)))
}

/// As [`sign`], for verification with the public half.
pub fn verify(key: &Lease, hash: Option<Hash>) -> Result<Operation> {
    let scheme = Signature::new(key, Half::Public, hash)?;
    Ok(verifier(scheme, hash.map_or(Input::Whole, Input::hashed)))
}

struct Signature {
    key: Lease,
    half: Half,
    /// Whether the digest is the caller's.
    raw: bool,
}

impl Signature {
    fn new(key: &Lease, half: Half, hash: Option<Hash>) -> Result<Self> {
        key.dsa(half)?;
        Ok(Self { key: key.clone(), half, raw: hash.is_none() })
    }
}

impl Scheme for Signature {
    fn size(&self) -> usize {
        self.key.dsa(self.half).map_or(0, |key| 2 * key.size)
    }

    /// "20, 28, 32, 48, or 64 bytes" (section "DSA without hashing").
    fn admits(&self, len: usize) -> Result<()> {
        match !self.raw || matches!(len, 20 | 28 | 32 | 48 | 64) {
            true => Ok(()),
            false => Err(Code::DataLenRange.because(format!("{len} bytes are no digest"))),
        }
    }

    fn sign(&self, digest: &[u8], signature: &mut [u8]) -> Result<()> {
        self.key.dsa(self.half)?.dsa.sign(digest, signature)
    }

    fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<()> {
        let size = self.size();
        if signature.len() != size {
            return Err(Code::SignatureLenRange
                .because(format!("{} bytes instead of {size}", signature.len())));
        }
        self.key.dsa(self.half)?.dsa.verify(digest, signature)
    }
}
