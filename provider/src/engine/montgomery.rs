//! X25519 keys: import, completion, generation, agreement.

use crate::attribute::{AttributeType, Attributes, KeyType, Value};
use crate::engine::curve::{Curve, encode_point, point, private_value};
use crate::engine::part::{Half, follows, required};
use crate::engine::{Lease, Material, agreement, encoding, random};
use crate::error::{Code, Result};
use crate::ffi::awslc::curve25519::{LEN, x25519, x25519_public};
use crate::mechanism::{Mechanism, Params};
use crate::secret::Secret;

/// The field in bits.
pub const SIZES: (u64, u64) = (255, 255);

/// A public or private X25519 key.
pub struct MontgomeryKey {
    public: [u8; LEN],
    /// `None` for a public key.
    private: Option<Secret>,
}

impl MontgomeryKey {
    /// # Errors
    /// TemplateIncomplete for missing parts; DomainParamsInvalid or CurveNotSupported for the
    /// curve; AttributeValueInvalid for values of another length than 32 bytes.
    pub fn import(attributes: &Attributes) -> Result<Self> {
        Curve::of(attributes, KeyType::EC_MONTGOMERY)?;
        match Half::of(attributes)? {
            Half::Public => {
                let value = required(attributes, AttributeType::EC_POINT)?;
                let public = coordinate(value).ok_or_else(|| {
                    Code::AttributeValueInvalid
                        .because(format!("{} bytes are no X25519 public key", value.len()))
                })?;
                Ok(Self { public: *public, private: None })
            }
            Half::Private => {
                let value = private_value(attributes)?;
                let public = x25519_public(value);
                Ok(Self { public, private: Some(Secret::copy_of(value)) })
            }
        }
    }
}

/// A public key in any of its encodings: every 32 bytes are one (RFC 7748 section 5).
fn coordinate(value: &[u8]) -> Option<&[u8; LEN]> {
    point(value, |bytes| bytes.len() == LEN)?.try_into().ok()
}

/// Brings the public key into its usual form and adds its encoding.
///
/// # Errors
/// As [`MontgomeryKey::import`]; TemplateInconsistent for attributes that contradict the key.
pub fn complete(attributes: &mut Attributes) -> Result<()> {
    let key = MontgomeryKey::import(attributes)?;
    if key.private.is_none() {
        attributes.set(AttributeType::EC_POINT, Value::bytes(encode_point(&key.public)?));
    }
    let info = encoding::ec_public_key_info(Curve::Curve25519, &key.public)?;
    follows(attributes, AttributeType::PUBLIC_KEY_INFO, Value::bytes(info))
}

/// CKM_EC_MONTGOMERY_KEY_PAIR_GEN.
///
/// # Errors
/// TemplateIncomplete, DomainParamsInvalid or CurveNotSupported for the curve.
pub fn generate(
    _params: &Params<'_>,
    public: &Attributes,
    _private: &Attributes,
) -> Result<(Attributes, Attributes)> {
    Curve::of(public, KeyType::EC_MONTGOMERY)?;
    let scalar = random::secret(LEN)?;
    let point = x25519_public(scalar.expose().try_into().expect("drawn with this length"));
    Curve::Curve25519.halves(public, &point, scalar)
}

/// CKM_ECDH1_DERIVE on an X25519 key.
///
/// # Errors
/// KeyTypeInconsistent for another key than the private half of a Montgomery key;
/// MechanismParamInvalid for a peer that is no X25519 key or gives zero; KeySizeRange for more
/// bytes than there are; TemplateIncomplete where the KDF needs a length.
pub fn derive(key: &Lease, mechanism: &Mechanism<'_>, length: Option<usize>) -> Result<Secret> {
    let Params::Ecdh { kdf, public } = mechanism.params else {
        return Err(Code::MechanismParamInvalid.because("ECDH needs the peer's public key"));
    };
    agreement::finish(&kdf, shared(key, public)?, length)
}

/// Length of a public key in bytes.
pub(super) const POINT: usize = LEN;

/// The secret that a private key shares with the holder of a public key.
///
/// # Errors
/// KeyTypeInconsistent for another key than the private half of a Montgomery key;
/// MechanismParamInvalid for a peer that is no X25519 key or gives zero.
pub(super) fn shared(key: &Lease, public: &[u8]) -> Result<Secret> {
    let Material::Montgomery(MontgomeryKey { private: Some(private), .. }) = &**key else {
        return Err(Code::KeyTypeInconsistent.because("a private Montgomery key is needed"));
    };
    let peer = coordinate(public).ok_or_else(|| {
        Code::MechanismParamInvalid
            .because(format!("{} bytes are no X25519 public key", public.len()))
    })?;
    x25519(private.expose().try_into().expect("imported with this length"), peer)
}

/// A fresh pair: its public key, and the secret that it shares with another public key.
///
/// # Errors
/// KeyTypeInconsistent for another key than the public half of a Montgomery key.
pub(super) fn transport(key: &Lease) -> Result<(Vec<u8>, Secret)> {
    let Material::Montgomery(MontgomeryKey { public, private: None }) = &**key else {
        return Err(Code::KeyTypeInconsistent.because("a public Montgomery key is needed"));
    };
    let scalar = random::secret(LEN)?;
    let scalar = scalar.expose().try_into().expect("drawn with this length");
    Ok((x25519_public(scalar).to_vec(), x25519(scalar, public)?))
}
