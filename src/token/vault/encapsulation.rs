//! Diffie-Hellman with an ephemeral pair, all of it in the token.

use cryptoki::object::{Attribute, KeyType, ObjectClass};
use cryptoki_sys::{CKM_CHACHA20_POLY1305, CKM_HKDF_DERIVE};

use super::TokenVault;
use super::diffie_hellman::{
    LENGTH, base_key, curve_mechanism, curve_parameters, derive, generate_pair,
};
use super::public::{ec_point, public_key};
use super::template::{guarded, session_object};
use crate::domain::key::{Algorithm, KeyId, Material};
use crate::domain::public_key::{PublicKey, SECP256R1, SECP384R1, SECP521R1, X25519};
use crate::error::{Kind, Result};
use crate::port::{Encapsulated, Encapsulation, Hkdf};
use crate::token::error::raw_error;
use crate::token::open::OpenToken;

impl Encapsulation for TokenVault<'_> {
    fn encapsulate(&self, to: KeyId, algorithm: Algorithm) -> Result<Encapsulated> {
        let token = self.token;
        let recipient = public_key(token, to, algorithm)?;
        let own = self.new_id()?;
        generate(token, own, algorithm)?;
        let derived: Result<_> = (|| {
            let public = token.only_key(&[ObjectClass::PUBLIC_KEY], own)?;
            let ephemeral = ec_point(token, public, recipient.point()?.len())?;
            let private = token.only_key(&[ObjectClass::PRIVATE_KEY], own)?;
            let base = self.new_id()?;
            derive(token, private, recipient.point()?, &base_key(base))?;
            Ok(Encapsulated { ephemeral, base })
        })();
        let gone = forget(token, own);
        // What failed first says why.
        let derived = derived?;
        gone.map(|()| derived)
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
            Attribute::ValueLen(LENGTH.into()),
            Attribute::Derive(true),
        ]);
        let id = self.new_id()?;
        let secret = derive(token, private, ephemeral.point()?, &secret)?;
        let mut template = session_object(id).to_vec();
        template.extend(guarded());
        template.extend([
            Attribute::ValueLen(LENGTH.into()),
            Attribute::Encrypt(false),
            Attribute::Decrypt(true),
            Attribute::Derive(false),
        ]);
        let inputs = (hkdf.salt, hkdf.info);
        let derived =
            token.module().raw().derive_chacha20(token.session(), inputs, secret, &template);
        let gone = token.destroy(secret);
        derived.map_err(|code| raw_error("cannot derive the sealing key", code))?;
        gone.map(|()| id)
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

/// An ephemeral pair of the session.
pub(super) fn generate(token: &OpenToken, id: KeyId, algorithm: Algorithm) -> Result<()> {
    let curve = match algorithm.material() {
        Material::P256 => SECP256R1,
        Material::P384 => SECP384R1,
        Material::P521 => SECP521R1,
        Material::X25519 => X25519,
        _ => return Err(Kind::Usage.because(format!("{algorithm} keys agree on nothing"))),
    };
    let mechanism = curve_mechanism(token, curve).ok_or_else(|| {
        Kind::Unsupported.because(format!("the token cannot make {algorithm} pairs"))
    })?;
    let common = [Attribute::Token(false), Attribute::Id(id.as_bytes().to_vec())];
    let domain = vec![curve_parameters(curve)?];
    generate_pair(token, mechanism, &common, domain, algorithm.name())
}
