//! The steps of every Diffie-Hellman in the token: an ephemeral pair, the base key, keys from that.

use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::ekdf::AesCbcDeriveParams;
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::object::{Attribute, KeyType, ObjectHandle};
use cryptoki_sys::{
    CK_MECHANISM_TYPE, CK_ULONG, CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EC_KEY_PAIR_GEN,
    CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
};
use der::Encode;
use der::asn1::ObjectIdentifier;

use super::template::{guarded, session_object};
use crate::domain::key::KeyId;
use crate::domain::public_key::X25519;
use crate::error::{Kind, Result};
use crate::token::error::raw_error;
use crate::token::open::OpenToken;

/// Bytes of a base key, and of every key that is derived from one.
pub(super) const LENGTH: CK_ULONG = 32;

/// Which mechanism makes pairs on a curve: SoftHSM2 makes X25519 pairs as Edwards pairs. `None` when
/// the token has none.
pub(super) fn curve_mechanism(
    token: &OpenToken,
    curve: ObjectIdentifier,
) -> Option<CK_MECHANISM_TYPE> {
    let candidates: &[_] = match curve {
        X25519 => &[CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKM_EC_EDWARDS_KEY_PAIR_GEN],
        _ => &[CKM_EC_KEY_PAIR_GEN],
    };
    candidates.iter().copied().find(|mechanism| token.has(*mechanism))
}

/// The attribute that says on which curve a pair is.
pub(super) fn curve_parameters(curve: ObjectIdentifier) -> Result<Attribute> {
    let encoded = curve.to_der();
    encoded
        .map(Attribute::EcParams)
        .map_err(|error| Kind::Internal.because("cannot encode the curve").caused_by(error))
}

/// Makes a pair for one agreement: `common` is said of both halves, `domain` of the public one.
pub(super) fn generate_pair(
    token: &OpenToken,
    mechanism: CK_MECHANISM_TYPE,
    common: &[Attribute],
    domain: Vec<Attribute>,
    what: &str,
) -> Result<()> {
    let (mut public, mut private) = (common.to_vec(), common.to_vec());
    public.push(Attribute::Private(false));
    public.extend(domain);
    if mechanism == CKM_EC_MONTGOMERY_KEY_PAIR_GEN {
        public.push(Attribute::KeyType(KeyType::EC_MONTGOMERY));
    }
    private.extend(guarded());
    private.push(Attribute::Derive(true));
    token
        .module()
        .raw()
        .generate_pair(token.session(), mechanism, &public, &private)
        .map_err(|code| raw_error(&format!("cannot make an ephemeral {what} pair"), code))
}

/// An AES-256 key of the session from which others are derived.
pub(super) fn base_key(id: KeyId) -> Vec<Attribute> {
    let mut template = session_object(id).to_vec();
    template.extend(guarded());
    template.extend([
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(LENGTH.into()),
        Attribute::Derive(true),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
    ]);
    template
}

/// Diffie-Hellman on a curve with the public value of a peer.
pub(super) fn derive(
    token: &OpenToken,
    private: ObjectHandle,
    peer: &[u8],
    template: &[Attribute],
) -> Result<ObjectHandle> {
    let parameters = Ecdh1DeriveParams::new(EcKdf::null(), peer);
    token
        .session()
        .derive_key(&Mechanism::Ecdh1Derive(parameters), private, template)
        .map_err(|error| token.failed("cannot derive the shared secret", error))
}

/// AES-256-CBC of two blocks under the base key, IV 0, becomes the new key.
pub(super) fn derive_from_base(
    token: &OpenToken,
    base: ObjectHandle,
    data: &[u8; 32],
    mut template: Vec<Attribute>,
) -> Result<ObjectHandle> {
    template.push(Attribute::ValueLen(LENGTH.into()));
    let mechanism = Mechanism::AesCbcEncryptData(AesCbcDeriveParams::new([0; 16], data));
    token
        .session()
        .derive_key(&mechanism, base, &template)
        .map_err(|error| token.failed("cannot derive a key from the agreed one", error))
}
