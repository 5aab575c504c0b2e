//! Ed25519 keys: import, completion, generation, EdDSA in its three forms.

use crate::attribute::{AttributeType, Attributes, KeyType, Value};
use crate::backend::Operation;
use crate::engine::curve::{Curve, encode_point, point, private_value};
use crate::engine::part::{Half, follows, required};
use crate::engine::signature::{Input, Scheme, signer, verifier};
use crate::engine::{Lease, Material, encoding, random};
use crate::error::{Code, Result};
use crate::ffi::awslc::curve25519::{Ed25519, Form, LEN, SIGNATURE, ed25519_verify};
use crate::mechanism::{Hash, Params};

/// The field in bits.
pub const SIZES: (u64, u64) = (255, 255);

/// A public or private Ed25519 key.
pub struct EdwardsKey(Inner);

enum Inner {
    Public([u8; LEN]),
    Private(Ed25519),
}

impl EdwardsKey {
    /// # Errors
    /// TemplateIncomplete for missing parts; DomainParamsInvalid or CurveNotSupported for the
    /// curve; AttributeValueInvalid for values of another length than 32 bytes.
    pub fn import(attributes: &Attributes) -> Result<Self> {
        Curve::of(attributes, KeyType::EC_EDWARDS)?;
        Ok(Self(match Half::of(attributes)? {
            Half::Public => {
                let value = required(attributes, AttributeType::EC_POINT)?;
                let point = point(value, |bytes| bytes.len() == LEN);
                Inner::Public(point.and_then(|point| point.try_into().ok()).ok_or_else(|| {
                    Code::AttributeValueInvalid
                        .because(format!("{} bytes are no Ed25519 public key", value.len()))
                })?)
            }
            Half::Private => Inner::Private(Ed25519::from_seed(private_value(attributes)?)),
        }))
    }

    fn public(&self) -> &[u8] {
        match &self.0 {
            Inner::Public(point) => point,
            Inner::Private(key) => key.public(),
        }
    }

    fn half(&self) -> Half {
        match self.0 {
            Inner::Public(_) => Half::Public,
            Inner::Private(_) => Half::Private,
        }
    }
}

impl Lease {
    /// # Errors
    /// KeyTypeInconsistent for another type of key or the other half of the pair.
    fn edwards(&self, half: Half) -> Result<&Inner> {
        match &**self {
            Material::Edwards(key) => key.half().must_be(half).map(|()| &key.0),
            _ => Err(Code::KeyTypeInconsistent.because("the mechanism wants an Edwards key")),
        }
    }
}

/// Brings the point into its usual form and adds the public key's encoding.
///
/// # Errors
/// As [`EdwardsKey::import`]; TemplateInconsistent for attributes that contradict the key.
pub fn complete(attributes: &mut Attributes) -> Result<()> {
    let key = EdwardsKey::import(attributes)?;
    if key.half() == Half::Public {
        attributes.set(AttributeType::EC_POINT, Value::bytes(encode_point(key.public())?));
    }
    let info = encoding::ec_public_key_info(Curve::Edwards25519, key.public())?;
    follows(attributes, AttributeType::PUBLIC_KEY_INFO, Value::bytes(info))
}

/// CKM_EC_EDWARDS_KEY_PAIR_GEN.
///
/// # Errors
/// TemplateIncomplete, DomainParamsInvalid or CurveNotSupported for the curve.
pub fn generate(
    _params: &Params<'_>,
    public: &Attributes,
    _private: &Attributes,
) -> Result<(Attributes, Attributes)> {
    Curve::of(public, KeyType::EC_EDWARDS)?;
    let seed = random::secret(LEN)?;
    let key = Ed25519::from_seed(seed.expose().try_into().expect("drawn with this length"));
    Curve::Edwards25519.halves(public, key.public(), seed)
}

/// Starts signing with CKM_EDDSA. But for Ed25519ph the whole message is kept until the end, because
/// Ed25519 reads it twice (RFC 8032 section 5.1.6).
///
/// # Errors
/// KeyTypeInconsistent for another key than the private half of an Edwards key.
pub fn sign(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    let scheme = EdDsa::new(key, Half::Private, params)?;
    let input = scheme.input();
    Ok(signer(scheme, input))
}

/// As [`sign`], for verification with the public half.
pub fn verify(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    let scheme = EdDsa::new(key, Half::Public, params)?;
    let input = scheme.input();
    Ok(verifier(scheme, input))
}

/// Ed25519, Ed25519ctx and Ed25519ph of RFC 8032 section 5.1.
struct EdDsa {
    key: Lease,
    form: Form,
}

impl EdDsa {
    fn new(key: &Lease, half: Half, params: &Params<'_>) -> Result<Self> {
        key.edwards(half)?;
        let form = match *params {
            Params::Eddsa { prehash: true, context } => Form::Prehash(context.into()),
            Params::Eddsa { prehash: false, context } => Form::Context(context.into()),
            _ => Form::Pure,
        };
        Ok(Self { key: key.clone(), form })
    }

    fn input(&self) -> Input {
        match self.form {
            Form::Prehash(_) => Input::hashed(Hash::Sha512),
            Form::Pure | Form::Context(_) => Input::Collected(Vec::new()),
        }
    }
}

impl Scheme for EdDsa {
    fn size(&self) -> usize {
        SIGNATURE
    }

    fn admits(&self, _len: usize) -> Result<()> {
        Ok(())
    }

    fn sign(&self, message: &[u8], signature: &mut [u8]) -> Result<()> {
        let signature = signature.try_into().map_err(|_| wrong_length(SIGNATURE))?;
        match self.key.edwards(Half::Private)? {
            Inner::Private(key) => key.sign(&self.form, message, signature),
            Inner::Public(_) => {
                Err(Code::KeyTypeInconsistent.because("a public key signs nothing"))
            }
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        let signature = signature.try_into().map_err(|_| wrong_length(signature.len()))?;
        match self.key.edwards(Half::Public)? {
            Inner::Public(point) => ed25519_verify(&self.form, point, message, signature),
            Inner::Private(_) => {
                Err(Code::KeyTypeInconsistent.because("verify with the public key"))
            }
        }
    }
}

#[cold]
fn wrong_length(len: usize) -> crate::error::Error {
    Code::SignatureLenRange.because(format!("{len} bytes instead of {SIGNATURE}"))
}
