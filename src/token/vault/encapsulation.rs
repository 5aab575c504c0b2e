//! Diffie-Hellman with an ephemeral pair, all of it in the token.

use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki_sys::{
    CK_ULONG, CKM_CHACHA20_POLY1305, CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EC_KEY_PAIR_GEN,
    CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKM_HKDF_DERIVE,
};
use der::Encode;
use der::asn1::ObjectIdentifier;

use super::TokenVault;
use super::public::{ec_point, public_key};
use super::template::{guarded, session_object};
use crate::domain::key::{Algorithm, KeyId, Material};
use crate::domain::public_key::{PublicKey, SECP256R1, SECP384R1, SECP521R1, X25519};
use crate::error::{Kind, Result};
use crate::port::{Encapsulated, Encapsulation, Hkdf};
use crate::token::error::raw_error;
use crate::token::open::OpenToken;

/// Bytes of a base key.
const BASE: CK_ULONG = 32;

impl Encapsulation for TokenVault<'_> {
    fn encapsulate(&self, to: KeyId, algorithm: Algorithm) -> Result<Encapsulated> {
        let token = self.token;
        let recipient = public_key(token, to, algorithm)?;
        let own = self.new_id()?;
        generate(token, own, algorithm)?;
        let derived = (|| {
            let public = token.only_key(&[ObjectClass::PUBLIC_KEY], own)?;
            let ephemeral = ec_point(token, public, recipient.point()?.len())?;
            let private = token.only_key(&[ObjectClass::PRIVATE_KEY], own)?;
            let base = self.new_id()?;
            derive(token, private, recipient.point()?, &base_key(base))?;
            Ok(Encapsulated { ephemeral, base })
        })();
        forget(token, own)?;
        derived
    }

    fn decapsulate(&self, key: KeyId, algorithm: Algorithm, ephemeral: &[u8]) -> Result<KeyId> {
        let ephemeral = PublicKey::from_point(algorithm, ephemeral)?;
        let private = self.token.only_key(&[ObjectClass::PRIVATE_KEY], key)?;
        let base = self.new_id()?;
        derive(self.token, private, ephemeral.point()?, &base_key(base))?;
        Ok(base)
    }

    fn decapsulate_hkdf(
        &self,
        key: KeyId,
        algorithm: Algorithm,
        ephemeral: &[u8],
        hkdf: Hkdf<'_>,
    ) -> Result<KeyId> {
        let token = self.token;
        if !self.has_hkdf() {
            return Err(Kind::Unsupported
                .because("the token has no HKDF and ChaCha20-Poly1305, which age's X25519 needs")
                .advise("seal to the key with keyway seal --to KEY, which every token opens"));
        }
        let ephemeral = PublicKey::from_point(algorithm, ephemeral)?;
        let private = token.only_key(&[ObjectClass::PRIVATE_KEY], key)?;
        let mut secret = session_object(self.new_id()?).to_vec();
        secret.extend(guarded());
        secret.extend([
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::ValueLen(BASE.into()),
            Attribute::Derive(true),
        ]);
        let secret = derive(token, private, ephemeral.point()?, &secret)?;
        let id = self.new_id()?;
        let mut template = session_object(id).to_vec();
        template.extend(guarded());
        template.extend([
            Attribute::ValueLen(BASE.into()),
            Attribute::Encrypt(false),
            Attribute::Decrypt(true),
            Attribute::Derive(false),
        ]);
        let inputs = (hkdf.salt, hkdf.info);
        let derived =
            token.module().raw().derive_chacha20(token.session(), inputs, secret, &template);
        token.destroy(secret)?;
        derived.map(|_| id).map_err(|code| raw_error("cannot derive the sealing key", code))
    }

    fn has_hkdf(&self) -> bool {
        self.token.has(CKM_HKDF_DERIVE) && self.token.has(CKM_CHACHA20_POLY1305)
    }
}

/// Forgets an ephemeral pair.
pub(super) fn forget(token: &OpenToken, id: KeyId) -> Result<()> {
    for class in [ObjectClass::PUBLIC_KEY, ObjectClass::PRIVATE_KEY] {
        for object in token.find_key(class, id)? {
            token.destroy(object)?;
        }
    }
    Ok(())
}

/// An AES-256 key of the session from which others are derived.
pub(super) fn base_key(id: KeyId) -> Vec<Attribute> {
    let mut template = session_object(id).to_vec();
    template.extend(guarded());
    template.extend([
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(BASE.into()),
        Attribute::Derive(true),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
    ]);
    template
}

/// Diffie-Hellman with a public value of the peer.
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

/// An ephemeral pair of the session. SoftHSM2 makes X25519 pairs as Edwards pairs.
pub(super) fn generate(token: &OpenToken, id: KeyId, algorithm: Algorithm) -> Result<()> {
    let (mechanism, curve) = match algorithm.material() {
        Material::P256 => (CKM_EC_KEY_PAIR_GEN, SECP256R1),
        Material::P384 => (CKM_EC_KEY_PAIR_GEN, SECP384R1),
        Material::P521 => (CKM_EC_KEY_PAIR_GEN, SECP521R1),
        Material::X25519 if token.has(CKM_EC_MONTGOMERY_KEY_PAIR_GEN) => {
            (CKM_EC_MONTGOMERY_KEY_PAIR_GEN, X25519)
        }
        Material::X25519 => (CKM_EC_EDWARDS_KEY_PAIR_GEN, X25519),
        _ => return Err(Kind::Usage.because(format!("{algorithm} keys agree on nothing"))),
    };
    let common = || [Attribute::Token(false), Attribute::Id(id.as_bytes().to_vec())];
    let mut public = common().to_vec();
    public.extend([Attribute::Private(false), Attribute::EcParams(encoded(curve)?)]);
    if mechanism == CKM_EC_MONTGOMERY_KEY_PAIR_GEN {
        public.push(Attribute::KeyType(KeyType::EC_MONTGOMERY));
    }
    let mut private = common().to_vec();
    private.extend(guarded());
    private.push(Attribute::Derive(true));
    token
        .module()
        .raw()
        .generate_pair(token.session(), mechanism, &public, &private)
        .map_err(|code| raw_error(&format!("cannot make an ephemeral {algorithm} pair"), code))
}

fn encoded(curve: ObjectIdentifier) -> Result<Vec<u8>> {
    curve
        .to_der()
        .map_err(|error| Kind::Internal.because("cannot encode the curve").caused_by(error))
}
