//! A vault and a registry that stop, as a process does that is killed: after so many steps one
//! call fails, before or after it took effect, and every later call fails, too.

use std::cell::Cell;

use keyway::Kind;
use keyway::domain::envelope::OaepHash;
use keyway::domain::exchange::{Group, PublicValue};
use keyway::domain::key::{Algorithm, KeyId, KeyName, Usage};
use keyway::domain::public_key::PublicKey;
use keyway::domain::record::KeyRecord;
use keyway::domain::signature::SignatureScheme;
use keyway::domain::soundness::Evidence;
use keyway::domain::time::Timestamp;
use keyway::error::Result;
use keyway::port::{
    Block, Book, Certificates, Cipher, Derivation, Encapsulated, Encapsulation, Enrollment, Entry,
    Ephemeral, Hkdf, Import, Inspection, KeySpec, Ledger, Listing, Material, Page, Registry,
    Rights, SessionUse, Sharing, Standing, Stored, StoredCertificate, Stray, Vault,
};
use zeroize::Zeroizing;

/// Whether the last call took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    Before,
    After,
}

/// Counts down to the stop.
pub struct Fuse {
    left: Cell<u32>,
    stop: Stop,
    blown: Cell<bool>,
}

impl Fuse {
    pub fn new(steps: u32, stop: Stop) -> Self {
        Self { left: Cell::new(steps), stop, blown: Cell::new(false) }
    }

    /// Whether the process was stopped.
    pub fn is_blown(&self) -> bool {
        self.blown.get()
    }

    fn step<T>(&self, call: impl FnOnce() -> Result<T>) -> Result<T> {
        let dead = || Kind::Internal.because("stopped");
        if self.blown.get() {
            return Err(dead());
        }
        if self.left.get() > 0 {
            self.left.set(self.left.get() - 1);
            return call();
        }
        self.blown.set(true);
        if self.stop == Stop::After {
            call()?;
        }
        Err(dead())
    }
}

/// A port with a fuse before it.
pub struct Stopping<'a, P> {
    pub inner: &'a P,
    pub fuse: &'a Fuse,
}

impl<R: Registry> Registry for Stopping<'_, R> {
    fn load(&self, name: &KeyName) -> Result<Option<Stored>> {
        self.fuse.step(|| self.inner.load(name))
    }

    fn list(&self) -> Result<Listing> {
        self.fuse.step(|| self.inner.list())
    }

    fn save(&self, previous: Option<&Stored>, record: &KeyRecord) -> Result<Stored> {
        self.fuse.step(|| self.inner.save(previous, record))
    }
}

impl<V: Vault> Standing for Stopping<'_, V> {
    fn suspend(&self, id: KeyId) -> Result<Block> {
        self.fuse.step(|| self.inner.suspend(id))
    }

    fn resume(&self, id: KeyId, usage: Usage) -> Result<()> {
        self.fuse.step(|| self.inner.resume(id, usage))
    }

    fn disable(&self, id: KeyId) -> Result<()> {
        self.fuse.step(|| self.inner.disable(id))
    }

    fn reopen(&self, id: KeyId, usage: Usage) -> Result<()> {
        self.fuse.step(|| self.inner.reopen(id, usage))
    }

    fn limit(&self, id: KeyId, from: Option<Timestamp>, until: Option<Timestamp>) -> Result<()> {
        self.fuse.step(|| self.inner.limit(id, from, until))
    }

    fn certificates(&self, id: KeyId, algorithm: Algorithm) -> Result<Vec<String>> {
        self.fuse.step(|| self.inner.certificates(id, algorithm))
    }
}

impl<V: Vault> Inspection for Stopping<'_, V> {
    fn rights(&self, id: KeyId) -> Result<Rights> {
        self.fuse.step(|| self.inner.rights(id))
    }

    fn deviations(&self, spec: &KeySpec) -> Result<Vec<String>> {
        self.fuse.step(|| self.inner.deviations(spec))
    }
}

impl<R: Registry> Ledger for Stopping<'_, R> {
    fn read(&self, book: Book, name: Option<&KeyName>) -> Result<Page> {
        self.fuse.step(|| self.inner.read(book, name))
    }

    fn add(&self, book: Book, name: &KeyName, entry: &[u8]) -> Result<()> {
        self.fuse.step(|| self.inner.add(book, name, entry))
    }

    fn remove(&self, book: Book, name: &KeyName) -> Result<()> {
        self.fuse.step(|| self.inner.remove(book, name))
    }
}

impl<V: Vault> Certificates for Stopping<'_, V> {
    fn add_certificate(&self, label: &KeyName, id: KeyId, der: &[u8]) -> Result<()> {
        self.fuse.step(|| self.inner.add_certificate(label, id, der))
    }

    fn stored_certificates(&self) -> Result<Vec<StoredCertificate>> {
        self.fuse.step(|| self.inner.stored_certificates())
    }

    fn trusted_certificates(&self) -> Result<Vec<Vec<u8>>> {
        self.fuse.step(|| self.inner.trusted_certificates())
    }
}

impl<V: Vault> Import for Stopping<'_, V> {
    fn import(&self, spec: &KeySpec, material: Material<'_>) -> Result<Entry> {
        self.fuse.step(|| self.inner.import(spec, material))
    }
}

impl<V: Vault> Encapsulation for Stopping<'_, V> {
    fn encapsulate(&self, to: KeyId, algorithm: Algorithm) -> Result<Encapsulated> {
        self.fuse.step(|| self.inner.encapsulate(to, algorithm))
    }

    fn decapsulate(&self, key: KeyId, algorithm: Algorithm, ephemeral: &[u8]) -> Result<KeyId> {
        self.fuse.step(|| self.inner.decapsulate(key, algorithm, ephemeral))
    }

    fn decapsulate_hkdf(
        &self,
        key: KeyId,
        algorithm: Algorithm,
        ephemeral: &[u8],
        hkdf: Hkdf<'_>,
    ) -> Result<KeyId> {
        self.fuse.step(|| self.inner.decapsulate_hkdf(key, algorithm, ephemeral, hkdf))
    }

    fn has_hkdf(&self) -> bool {
        self.inner.has_hkdf()
    }
}

impl<V: Vault> Vault for Stopping<'_, V> {
    fn random(&self, length: usize) -> Result<Vec<u8>> {
        self.fuse.step(|| self.inner.random(length))
    }

    fn generate(&self, spec: &KeySpec) -> Result<()> {
        self.fuse.step(|| self.inner.generate(spec))
    }

    fn public_key(&self, id: KeyId, algorithm: Algorithm) -> Result<PublicKey> {
        self.fuse.step(|| self.inner.public_key(id, algorithm))
    }

    fn encrypt(&self, id: KeyId, cipher: Cipher<'_>, data: &[u8]) -> Result<Vec<u8>> {
        self.fuse.step(|| self.inner.encrypt(id, cipher, data))
    }

    fn decrypt(&self, id: KeyId, cipher: Cipher<'_>, data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.fuse.step(|| self.inner.decrypt(id, cipher, data))
    }

    fn new_data_key(&self, wrap_with: KeyId) -> Result<(KeyId, OaepHash, Vec<u8>)> {
        self.fuse.step(|| self.inner.new_data_key(wrap_with))
    }

    fn open_data_key(&self, unwrap_with: KeyId, hash: OaepHash, wrapped: &[u8]) -> Result<KeyId> {
        self.fuse.step(|| self.inner.open_data_key(unwrap_with, hash, wrapped))
    }

    fn forget_data_key(&self, id: KeyId) -> Result<()> {
        self.fuse.step(|| self.inner.forget_data_key(id))
    }

    fn sign(&self, id: KeyId, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>> {
        self.fuse.step(|| self.inner.sign(id, scheme, message))
    }

    fn verify(
        &self,
        id: KeyId,
        scheme: SignatureScheme,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool> {
        self.fuse.step(|| self.inner.verify(id, scheme, message, signature))
    }

    fn retire(&self, id: KeyId) -> Result<()> {
        self.fuse.step(|| self.inner.retire(id))
    }

    fn block(&self, id: KeyId) -> Result<Block> {
        self.fuse.step(|| self.inner.block(id))
    }

    fn destroy(&self, id: KeyId) -> Result<()> {
        self.fuse.step(|| self.inner.destroy(id))
    }

    fn holds(&self, id: KeyId) -> Result<bool> {
        self.fuse.step(|| self.inner.holds(id))
    }

    fn evidence(&self) -> Result<Vec<Evidence>> {
        self.fuse.step(|| self.inner.evidence())
    }

    fn strays(&self, known: &[KeyId]) -> Result<Vec<Stray>> {
        self.fuse.step(|| self.inner.strays(known))
    }

    fn remove_strays(&self, strays: &[Stray]) -> Result<()> {
        self.fuse.step(|| self.inner.remove_strays(strays))
    }

    fn start_agreement(&self, group: Group) -> Result<PublicValue> {
        self.fuse.step(|| self.inner.start_agreement(group))
    }

    fn pending_agreements(&self) -> Result<Vec<Ephemeral>> {
        self.fuse.step(|| self.inner.pending_agreements())
    }

    fn agree(&self, own: &Ephemeral, peer: &PublicValue) -> Result<KeyId> {
        self.fuse.step(|| self.inner.agree(own, peer))
    }
}

impl<V: Vault> Derivation for Stopping<'_, V> {
    fn derive_key(&self, base: KeyId, data: &[u8; 32], spec: &KeySpec) -> Result<()> {
        self.fuse.step(|| self.inner.derive_key(base, data, spec))
    }

    fn derive_session_key(&self, base: KeyId, data: &[u8; 32], usage: SessionUse) -> Result<KeyId> {
        self.fuse.step(|| self.inner.derive_session_key(base, data, usage))
    }

    fn authenticate(&self, key: KeyId, message: &[u8]) -> Result<Vec<u8>> {
        self.fuse.step(|| self.inner.authenticate(key, message))
    }

    fn is_authentic(&self, key: KeyId, message: &[u8], tag: &[u8]) -> Result<bool> {
        self.fuse.step(|| self.inner.is_authentic(key, message, tag))
    }
}

impl<V: Vault> Enrollment for Stopping<'_, V> {
    fn generate_for_request(&self, spec: &KeySpec) -> Result<()> {
        self.fuse.step(|| self.inner.generate_for_request(spec))
    }

    fn keep_for_unwrapping(&self, id: KeyId) -> Result<()> {
        self.fuse.step(|| self.inner.keep_for_unwrapping(id))
    }
}

impl<V: Vault> Sharing for Stopping<'_, V> {
    fn wrap_for(
        &self,
        key: KeyId,
        recipient: KeyId,
        hash: Option<OaepHash>,
    ) -> Result<(OaepHash, Vec<u8>)> {
        self.fuse.step(|| self.inner.wrap_for(key, recipient, hash))
    }

    fn receive(
        &self,
        unwrap_with: KeyId,
        hash: OaepHash,
        wrapped: &[u8],
        spec: &KeySpec,
    ) -> Result<()> {
        self.fuse.step(|| self.inner.receive(unwrap_with, hash, wrapped, spec))
    }
}
