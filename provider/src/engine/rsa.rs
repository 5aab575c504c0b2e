//! RSA keys: import, completion, generation.

use crate::attribute::{AttributeType, Attributes, Value};
use crate::engine::part::{Half, follows, required};
use crate::engine::{Lease, Material, encoding, rsa_factor, rsa_pkcs1};
use crate::error::{Code, Result};
use crate::ffi::awslc::bignum::BigNum;
use crate::ffi::awslc::rsa::{Parts, Rsa};
use crate::mechanism::Params;
use crate::secret::Secret;

/// Smallest and largest modulus in bits.
pub const SIZES: (u64, u64) = (1024, 8192);

/// Below this many bits of modulus a key is made, and signs, as legacy only (NIST SP 800-131A
/// revision 2 section 3).
pub const SOUND: u64 = 2048;

/// Modulus sizes that can be generated are a multiple of this: the engine's own step.
const STEP: u64 = 128;

/// 65537, unless the template says otherwise.
const DEFAULT_EXPONENT: [u8; 3] = [1, 0, 1];

/// A public or private RSA key in the engine.
pub struct RsaKey {
    pub(super) rsa: Rsa,
    half: Half,
    /// What the answers to badly padded ciphertexts are derived from; empty for a public key.
    pub(super) rejection: Secret,
}

impl RsaKey {
    /// # Errors
    /// TemplateIncomplete for missing numbers, AttributeValueInvalid for numbers that are no RSA
    /// key or a modulus outside of [`SIZES`].
    pub fn import(attributes: &Attributes) -> Result<Self> {
        let half = Half::of(attributes)?;
        let (rsa, rejection) = match half {
            Half::Public => {
                let n = BigNum::from_bytes(required(attributes, AttributeType::MODULUS)?)?;
                check_size(n.bits())?;
                let e = BigNum::from_bytes(required(attributes, AttributeType::PUBLIC_EXPONENT)?)?;
                (Rsa::public(&n, &e)?, Secret::copy_of(&[]))
            }
            Half::Private => {
                let parts = rsa_factor::parts(attributes)?;
                let rsa = Rsa::private(&parts)?;
                let rejection = rsa_pkcs1::rejection_key(&parts.d, rsa.size())?;
                (rsa, rejection)
            }
        };
        Ok(Self { rsa, half, rejection })
    }

    /// Length of the modulus in bytes.
    pub(super) fn size(&self) -> usize {
        self.rsa.size()
    }
}

/// # Errors
/// AttributeValueInvalid for a modulus outside of [`SIZES`].
pub(super) fn check_size(bits: usize) -> Result<()> {
    match (SIZES.0..=SIZES.1).contains(&(bits as u64)) {
        true => Ok(()),
        false => Err(Code::AttributeValueInvalid.because(format!("an RSA modulus of {bits} bits"))),
    }
}

impl Lease {
    /// # Errors
    /// KeyTypeInconsistent for another type of key or the other half of the pair.
    pub(super) fn rsa(&self, half: Half) -> Result<&RsaKey> {
        match &**self {
            Material::Rsa(key) => key.half.must_be(half).map(|()| key),
            _ => Err(Code::KeyTypeInconsistent.because("the mechanism wants an RSA key")),
        }
    }
}

/// Checks the numbers of a key and adds what follows from them: the size of the modulus, the
/// prime factors and CRT numbers where the application gave `d` alone, the public key's encoding.
///
/// # Errors
/// As [`RsaKey::import`]; TemplateInconsistent for attributes that contradict the numbers.
pub fn complete(attributes: &mut Attributes) -> Result<()> {
    let key = RsaKey::import(attributes)?;
    if key.half == Half::Private {
        for (id, value) in secrets(&rsa_factor::parts(attributes)?)? {
            attributes.set_default(id, value);
        }
    } else {
        let bits = Value::Number(key.rsa.bits() as u64);
        follows(attributes, AttributeType::MODULUS_BITS, bits)?;
    }
    let info = encoding::rsa_public_key_info(
        required(attributes, AttributeType::MODULUS)?,
        required(attributes, AttributeType::PUBLIC_EXPONENT)?,
    )?;
    follows(attributes, AttributeType::PUBLIC_KEY_INFO, Value::bytes(info))
}

/// CKM_RSA_PKCS_KEY_PAIR_GEN.
///
/// # Errors
/// TemplateIncomplete without `CKA_MODULUS_BITS`, AttributeValueInvalid for a size that cannot be
/// generated, TemplateInconsistent for an exponent that cannot be used.
pub fn generate(
    _params: &Params<'_>,
    public: &Attributes,
    _private: &Attributes,
) -> Result<(Attributes, Attributes)> {
    let bits = public.number(AttributeType::MODULUS_BITS).ok_or_else(|| {
        Code::TemplateIncomplete.because("CKA_MODULUS_BITS says how long the key is to be")
    })?;
    if !(SIZES.0..=SIZES.1).contains(&bits) || bits % STEP != 0 {
        return Err(Code::AttributeValueInvalid
            .because(format!("a modulus of {bits} bits (1024 to 8192, a multiple of {STEP})")));
    }
    let exponent = exponent(public)?;
    let rsa = Rsa::generate(bits as u16, &exponent)?;
    let parts = rsa.parts()?;

    let mut halves = (Attributes::new(), Attributes::new());
    let modulus = Value::bytes(parts.n.to_secret()?.expose());
    let e = parts.e.to_secret()?;
    let info =
        Value::bytes(encoding::rsa_public_key_info(parts.n.to_secret()?.expose(), e.expose())?);
    for half in [&mut halves.0, &mut halves.1] {
        half.set(AttributeType::MODULUS, modulus.clone());
        half.set(AttributeType::PUBLIC_EXPONENT, Value::bytes(e.expose()));
        half.set(AttributeType::PUBLIC_KEY_INFO, info.clone());
    }
    // "CKA_PUBLIC_EXPONENT will be copied from the template if supplied", leading zeros and all.
    if public.has(AttributeType::PUBLIC_EXPONENT) {
        halves.0.remove(AttributeType::PUBLIC_EXPONENT);
    }
    for (id, value) in secrets(&parts)? {
        halves.1.set(id, value);
    }
    Ok(halves)
}

/// The public exponent that a template asks for: odd, at least 3, at most the engine's 33 bits.
fn exponent(public: &Attributes) -> Result<BigNum> {
    let bytes = match public.bytes(AttributeType::PUBLIC_EXPONENT) {
        Some([]) | None => &DEFAULT_EXPONENT,
        Some(bytes) => bytes,
    };
    let exponent = BigNum::from_bytes(bytes)?;
    match exponent.is_odd() && (2..=33).contains(&exponent.bits()) {
        true => Ok(exponent),
        false => Err(Code::TemplateInconsistent
            .because(format!("a public exponent of {} bits", exponent.bits()))),
    }
}

/// The secret attributes of a private key.
fn secrets(parts: &Parts) -> Result<[(AttributeType, Value); 6]> {
    let secret = |number: &BigNum| number.to_secret().map(Value::secret);
    Ok([
        (AttributeType::PRIVATE_EXPONENT, secret(&parts.d)?),
        (AttributeType::PRIME_1, secret(&parts.p)?),
        (AttributeType::PRIME_2, secret(&parts.q)?),
        (AttributeType::EXPONENT_1, secret(&parts.dp)?),
        (AttributeType::EXPONENT_2, secret(&parts.dq)?),
        (AttributeType::COEFFICIENT, secret(&parts.qi)?),
    ])
}
