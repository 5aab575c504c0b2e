//! Keys on the NIST curves and secp256k1: import, completion, generation, ECDSA, ECDH.

use crate::attribute::{AttributeType, Attributes, KeyType, Value};
use crate::backend::Operation;
use crate::engine::curve::{Curve, encode_point, point};
use crate::engine::part::{Half, follows, required};
use crate::engine::signature::{Input, Scheme, signer, verifier};
use crate::engine::{Lease, Material, agreement, encoding};
use crate::error::{Code, Result};
use crate::ffi::awslc::ec::{Ec, Group};
use crate::mechanism::{Hash, Mechanism, Params};
use crate::secret::Secret;

/// Smallest and largest field in bits.
pub const SIZES: (u64, u64) = (224, 521);

/// A public or private key on one of these curves in the engine.
pub struct EcKey {
    ec: Ec,
    half: Half,
    curve: Curve,
}

impl EcKey {
    /// # Errors
    /// TemplateIncomplete for missing parts; DomainParamsInvalid or CurveNotSupported for the
    /// curve; AttributeValueInvalid for a point off the curve or a scalar out of its range.
    pub fn import(attributes: &Attributes) -> Result<Self> {
        let half = Half::of(attributes)?;
        let curve = Curve::of(attributes, KeyType::EC)?;
        let ec = match half {
            Half::Public => {
                let value = required(attributes, AttributeType::EC_POINT)?;
                let point = point(value, |bytes| is_point(bytes, curve)).ok_or_else(|| {
                    Code::AttributeValueInvalid
                        .because(format!("{} bytes are no point of {curve:?}", value.len()))
                })?;
                Ec::public(group(curve), point)?
            }
            Half::Private => {
                Ec::private(group(curve), required(attributes, AttributeType::VALUE)?)?
            }
        };
        Ok(Self { ec, half, curve })
    }

    /// The public point, uncompressed.
    pub(super) fn point(&self) -> Result<Vec<u8>> {
        self.ec.point()
    }
}

/// Uncompressed or compressed (SEC 1 section 2.3.3), and as long as the curve makes it.
fn is_point(bytes: &[u8], curve: Curve) -> bool {
    match bytes.first() {
        Some(4) => bytes.len() == 1 + 2 * curve.size(),
        Some(2 | 3) => bytes.len() == 1 + curve.size(),
        _ => false,
    }
}

fn group(curve: Curve) -> Group {
    match curve {
        Curve::P224 => Group::P224,
        Curve::P256 => Group::P256,
        Curve::Secp256k1 => Group::Secp256k1,
        Curve::P384 => Group::P384,
        Curve::P521 => Group::P521,
        Curve::Edwards25519 | Curve::Curve25519 => unreachable!("no curve of CKK_EC"),
    }
}

impl Lease {
    /// # Errors
    /// KeyTypeInconsistent for another type of key or the other half of the pair.
    fn ec(&self, half: Half) -> Result<&EcKey> {
        match &**self {
            Material::Ec(key) => key.half.must_be(half).map(|()| key),
            _ => Err(Code::KeyTypeInconsistent.because("the mechanism wants an EC key")),
        }
    }
}

/// Checks the point or the scalar, brings them into their usual form (the point uncompressed in a
/// DER OCTET STRING, the scalar as long as the order) and adds the public key's encoding.
///
/// # Errors
/// As [`EcKey::import`]; TemplateInconsistent for attributes that contradict the key.
pub fn complete(attributes: &mut Attributes) -> Result<()> {
    let key = EcKey::import(attributes)?;
    let point = key.point()?;
    match key.half {
        Half::Public => {
            attributes.set(AttributeType::EC_POINT, Value::bytes(encode_point(&point)?));
        }
        Half::Private => {
            let scalar = key.ec.scalar(key.curve.size())?;
            attributes.set(AttributeType::VALUE, Value::secret(scalar));
        }
    }
    let info = encoding::ec_public_key_info(key.curve, &point)?;
    follows(attributes, AttributeType::PUBLIC_KEY_INFO, Value::bytes(info))
}

/// CKM_EC_KEY_PAIR_GEN.
///
/// # Errors
/// TemplateIncomplete, DomainParamsInvalid or CurveNotSupported for the curve.
pub fn generate(
    _params: &Params<'_>,
    public: &Attributes,
    _private: &Attributes,
) -> Result<(Attributes, Attributes)> {
    let curve = Curve::of(public, KeyType::EC)?;
    let ec = Ec::generate(group(curve))?;
    curve.halves(public, &ec.point()?, ec.scalar(curve.size())?)
}

/// Starts signing with CKM_ECDSA (`hash` is `None`: the caller brings the digest) or CKM_ECDSA_*.
///
/// # Errors
/// KeyTypeInconsistent for another key than the private half of an EC key.
pub fn sign(key: &Lease, hash: Option<Hash>) -> Result<Operation> {
    Ok(signer(Ecdsa::new(key, Half::Private)?, hash.map_or(Input::Whole, Input::hashed)))
}

/// As [`sign`], for verification with the public half.
pub fn verify(key: &Lease, hash: Option<Hash>) -> Result<Operation> {
    Ok(verifier(Ecdsa::new(key, Half::Public)?, hash.map_or(Input::Whole, Input::hashed)))
}

/// FIPS 186-5 section 6.
struct Ecdsa {
    key: Lease,
    half: Half,
    size: usize,
}

impl Ecdsa {
    fn new(key: &Lease, half: Half) -> Result<Self> {
        let size = 2 * key.ec(half)?.curve.size();
        Ok(Self { key: key.clone(), half, size })
    }
}

impl Scheme for Ecdsa {
    fn size(&self) -> usize {
        self.size
    }

    /// "Input the entire raw digest. Internally, this will be truncated."
    fn admits(&self, _len: usize) -> Result<()> {
        Ok(())
    }

    fn sign(&self, digest: &[u8], signature: &mut [u8]) -> Result<()> {
        self.key.ec(self.half)?.ec.sign(digest, signature)
    }

    /// "The signature may have a shorter length": its halves without leading zeros. A short one
    /// that does not verify is refused for its length.
    fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<()> {
        let wrong_length = || {
            let len = signature.len();
            Code::SignatureLenRange.because(format!("{len} bytes instead of {}", self.size))
        };
        if signature.is_empty() || signature.len() > self.size || !signature.len().is_multiple_of(2)
        {
            return Err(wrong_length());
        }
        match self.key.ec(self.half)?.ec.verify(digest, signature) {
            Err(error) if error.code() == Code::SignatureInvalid && signature.len() < self.size => {
                Err(wrong_length())
            }
            answer => answer,
        }
    }
}

/// CKM_ECDH1_DERIVE and CKM_ECDH1_COFACTOR_DERIVE: a key from the x coordinate of the shared point.
/// The cofactor of every curve here is 1, so that both mechanisms give the same.
///
/// # Errors
/// KeyTypeInconsistent for another key than the private half of an EC key; MechanismParamInvalid
/// for a peer's point that is none of the curve; KeySizeRange for more bytes than there are;
/// TemplateIncomplete where the KDF needs a length.
pub fn derive(key: &Lease, mechanism: &Mechanism<'_>, length: Option<usize>) -> Result<Secret> {
    let key = key.ec(Half::Private)?;
    let Params::Ecdh { kdf, public } = mechanism.params else {
        return Err(Code::MechanismParamInvalid.because("ECDH needs the peer's point"));
    };
    agreement::finish(&kdf, agree(key, public)?, length)
}

/// The secret that a private key shares with the holder of a point, raw or as a DER OCTET STRING.
///
/// # Errors
/// KeyTypeInconsistent for another key than the private half of an EC key; MechanismParamInvalid
/// for a point that is none of the curve.
pub(super) fn shared(key: &Lease, public: &[u8]) -> Result<Secret> {
    agree(key.ec(Half::Private)?, public)
}

fn agree(key: &EcKey, public: &[u8]) -> Result<Secret> {
    let peer = point(public, |bytes| is_point(bytes, key.curve)).ok_or_else(|| {
        Code::MechanismParamInvalid.because(format!(
            "{} bytes are no point of {:?}",
            public.len(),
            key.curve
        ))
    })?;
    key.ec.agree(group(key.curve), peer, key.curve.size())
}

/// A fresh pair on the curve of a public key: its point, uncompressed, and the secret that it shares
/// with that key.
///
/// # Errors
/// KeyTypeInconsistent for another key than the public half of an EC key.
pub(super) fn transport(key: &Lease) -> Result<(Vec<u8>, Secret)> {
    let key = key.ec(Half::Public)?;
    let fresh = Ec::generate(group(key.curve))?;
    let shared = fresh.agree(group(key.curve), &key.point()?, key.curve.size())?;
    Ok((fresh.point()?, shared))
}

/// The length of an uncompressed point of a private key's curve, in bytes.
///
/// # Errors
/// KeyTypeInconsistent for another key than the private half of an EC key.
pub(super) fn point_size(key: &Lease) -> Result<usize> {
    Ok(key.ec(Half::Private)?.point()?.len())
}
