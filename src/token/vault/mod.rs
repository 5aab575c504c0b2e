//! The vault on a PKCS#11 token: every private and secret key is used where it lies.

mod agree;
mod block;
mod certificate_store;
mod certificates;
mod cipher;
mod data_key;
mod diffie_hellman;
mod encapsulation;
mod enrollment;
mod evidence;
mod generate;
mod import;
mod inspection;
mod passage;
mod public;
mod share;
mod sign;
mod standing;
mod stray;
mod template;

use zeroize::Zeroizing;

use super::open::OpenToken;
use crate::domain::envelope::OaepHash;
use crate::domain::exchange::{Group, PublicValue};
use crate::domain::key::{Algorithm, KeyId, KeyName};
use crate::domain::public_key::PublicKey;
use crate::domain::signature::SignatureScheme;
use crate::domain::soundness::Evidence;
use crate::error::Result;
use crate::port::{
    Block, Certificates, Cipher, Derivation, Entry, Ephemeral, Import, KeySpec, Material,
    SessionUse, StoredCertificate, Stray, Vault,
};

/// The keys of one open token.
#[derive(Clone, Copy, Debug)]
pub struct TokenVault<'t> {
    token: &'t OpenToken,
}

impl<'t> TokenVault<'t> {
    /// The keys of an open token.
    pub fn new(token: &'t OpenToken) -> Self {
        Self { token }
    }

    fn new_id(&self) -> Result<KeyId> {
        KeyId::try_from(self.random(KeyId::LEN)?.as_slice())
    }
}

impl Vault for TokenVault<'_> {
    fn random(&self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.token
            .session()
            .generate_random_slice(&mut bytes)
            .map_err(|error| self.token.failed("cannot make random bytes", error))?;
        Ok(bytes)
    }

    fn generate(&self, spec: &KeySpec) -> Result<()> {
        generate::generate(self.token, spec)
    }

    fn public_key(&self, id: KeyId, algorithm: Algorithm) -> Result<PublicKey> {
        public::public_key(self.token, id, algorithm)
    }

    fn encrypt(&self, id: KeyId, cipher: Cipher<'_>, data: &[u8]) -> Result<Vec<u8>> {
        cipher::encrypt(self.token, id, cipher, data)
    }

    fn decrypt(&self, id: KeyId, cipher: Cipher<'_>, data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        cipher::decrypt(self.token, id, cipher, data)
    }

    fn new_data_key(&self, wrap_with: KeyId) -> Result<(KeyId, OaepHash, Vec<u8>)> {
        let id = self.new_id()?;
        let (hash, wrapped) = data_key::make(self.token, id, wrap_with)?;
        Ok((id, hash, wrapped))
    }

    fn open_data_key(&self, unwrap_with: KeyId, hash: OaepHash, wrapped: &[u8]) -> Result<KeyId> {
        let id = self.new_id()?;
        data_key::open(self.token, id, unwrap_with, hash, wrapped)?;
        Ok(id)
    }

    fn forget_data_key(&self, id: KeyId) -> Result<()> {
        self.destroy(id)
    }

    fn sign(&self, id: KeyId, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>> {
        sign::sign(self.token, id, scheme, message)
    }

    fn verify(
        &self,
        id: KeyId,
        scheme: SignatureScheme,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool> {
        sign::verify(self.token, id, scheme, message, signature)
    }

    fn retire(&self, id: KeyId) -> Result<()> {
        block::retire(self.token, id)
    }

    fn block(&self, id: KeyId) -> Result<Block> {
        block::block(self.token, id)
    }

    fn destroy(&self, id: KeyId) -> Result<()> {
        for class in template::KEY_CLASSES {
            for object in self.token.find_key(class, id)? {
                self.token.destroy(object)?;
            }
        }
        Ok(())
    }

    fn holds(&self, id: KeyId) -> Result<bool> {
        match self.token.only_key(&template::PROTECTED_CLASSES, id) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == crate::Kind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn evidence(&self) -> Result<Vec<Evidence>> {
        evidence::evidence(self.token)
    }

    fn strays(&self, known: &[KeyId]) -> Result<Vec<Stray>> {
        stray::strays(self.token, known)
    }

    fn remove_strays(&self, strays: &[Stray]) -> Result<()> {
        stray::remove(self.token, strays)
    }

    fn start_agreement(&self, group: Group) -> Result<PublicValue> {
        let id = self.new_id()?;
        agree::start(self.token, id, group)
    }

    fn pending_agreements(&self) -> Result<Vec<Ephemeral>> {
        agree::pending(self.token)
    }

    fn agree(&self, own: &Ephemeral, peer: &PublicValue) -> Result<KeyId> {
        let id = self.new_id()?;
        agree::agree(self.token, id, own, peer)?;
        Ok(id)
    }
}

impl Import for TokenVault<'_> {
    fn import(&self, spec: &KeySpec, material: Material<'_>) -> Result<Entry> {
        import::import(self, spec, material)
    }
}

impl Derivation for TokenVault<'_> {
    fn derive_key(&self, base: KeyId, data: &[u8; 32], spec: &KeySpec) -> Result<()> {
        agree::derive_key(self.token, base, data, spec)
    }

    fn derive_session_key(&self, base: KeyId, data: &[u8; 32], usage: SessionUse) -> Result<KeyId> {
        let id = self.new_id()?;
        agree::derive_session_key(self.token, base, data, id, usage)?;
        Ok(id)
    }

    fn authenticate(&self, key: KeyId, message: &[u8]) -> Result<Vec<u8>> {
        agree::authenticate(self.token, key, message)
    }

    fn is_authentic(&self, key: KeyId, message: &[u8], tag: &[u8]) -> Result<bool> {
        agree::is_authentic(self.token, key, message, tag)
    }
}

impl Certificates for TokenVault<'_> {
    fn add_certificate(&self, label: &KeyName, id: KeyId, der: &[u8]) -> Result<()> {
        certificate_store::add(self.token, label, id, der)
    }

    fn stored_certificates(&self) -> Result<Vec<StoredCertificate>> {
        certificate_store::all(self.token)
    }

    fn trusted_certificates(&self) -> Result<Vec<Vec<u8>>> {
        certificate_store::trusted(self.token)
    }
}
