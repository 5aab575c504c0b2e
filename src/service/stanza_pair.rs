//! File keys that are sealed to pairs (EC, X25519): the sender's ephemeral pair and the recipient's
//! derive the sealing key inside the token. `docs/sealed-files.md` draws the stanzas.

use age_core::format::{FileKey, Stanza};
use age_core::secrecy::ExposeSecret;
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::Kms;
use super::stanza::{TAG, file_key};
use crate::domain::envelope::SealedTo;
use crate::domain::key::{Algorithm, KeyId, KeyName, Usage};
use crate::domain::lifecycle::Duty;
use crate::domain::public_key::PublicKey;
use crate::domain::record::{KeyRecord, Version};
use crate::error::{Error, Kind, Result};
use crate::port::{Cipher, Encapsulated, Hkdf, SessionUse};

/// The version of the stanza for pairs.
pub(super) const VERSION: &str = "2";
/// The tag of age's own stanza for X25519.
pub(super) const X25519_TAG: &str = "X25519";
/// What age's X25519 stanza is derived with.
const X25519_INFO: &[u8] = b"age-encryption.org/v1/X25519";
/// The nonce of a key that seals once.
const NONCE: [u8; 12] = [0; 12];

impl Kms<'_> {
    /// Seals a file key to the newest version of a pair.
    pub(super) fn wrap_for_pair(&self, record: &KeyRecord, file_key: &FileKey) -> Result<Stanza> {
        let version = record.primary()?;
        let sealed = || {
            let recipient = self.vault.public_key(version.id, record.algorithm())?;
            let Encapsulated { ephemeral, base } =
                self.vault.encapsulate(version.id, record.algorithm())?;
            let (key, number) = (record.name().clone(), version.number);
            let to = SealedTo { key, version: number, id: version.id, ephemeral };
            let plain = file_key.expose_secret();
            self.with_sealing_key(base, &to, &recipient, SessionUse::Encrypt, |key, cipher| {
                to.with_sealed(&self.vault.encrypt(key, cipher, plain)?)
            })
        };
        let body = sealed().map_err(|error| told(error, record, version))?;
        Ok(Stanza { tag: TAG.to_owned(), args: vec![VERSION.to_owned()], body })
    }

    /// Opens what [`Kms::wrap_for_pair`] sealed. The stanza names the version: none is tried.
    pub(super) fn unwrap_for_pair(&self, named: Option<&KeyName>, body: &[u8]) -> Result<FileKey> {
        let (to, sealed) = SealedTo::read(body)?;
        let record = self.load(named.unwrap_or(&to.key))?.body.record;
        record.require(Usage::Agree)?;
        let version = record.versions().iter().find(|version| version.id == to.id);
        let version = version.ok_or_else(|| {
            Kind::NotFound
                .because(format!(
                    "the file is sealed to version {} of a key {} (id {}), which key {} of this \
                     token does not have",
                    to.version,
                    to.key,
                    to.id,
                    record.name()
                ))
                .advise("look for the token of that key, or name the right key with --key")
        })?;
        record.require_duty(version, Duty::Process)?;
        let opened = || {
            let recipient = self.vault.public_key(version.id, record.algorithm())?;
            let base = self.vault.decapsulate(version.id, record.algorithm(), &to.ephemeral)?;
            self.with_sealing_key(base, &to, &recipient, SessionUse::Decrypt, |key, cipher| {
                self.vault.decrypt(key, cipher, &sealed)
            })
        };
        file_key(&opened().map_err(|error| told(error, &record, version))?)
    }

    /// Derives the sealing key of the session, runs with it, and forgets it and its base.
    fn with_sealing_key<T>(
        &self,
        base: KeyId,
        to: &SealedTo,
        recipient: &PublicKey,
        usage: SessionUse,
        run: impl FnOnce(KeyId, Cipher<'_>) -> Result<T>,
    ) -> Result<T> {
        self.with_temporary(base, |base| {
            let data = to.derivation(recipient.point()?)?;
            let associated = to.to_der()?;
            let key = self.vault.derive_session_key(base, &data, usage)?;
            let cipher = Cipher::AesGcm { nonce: &NONCE, associated: &associated };
            self.with_temporary(key, |key| run(key, cipher))
        })
    }

    /// Opens age's own X25519 stanza, which names no key: those of the token that it may be for are
    /// tried. `None` when it is for none of them.
    pub(super) fn unwrap_x25519(
        &self,
        named: Option<&KeyName>,
        share: &str,
        body: &[u8],
    ) -> Result<Option<FileKey>> {
        let mut refused = None;
        for record in self.x25519_keys(named)? {
            for version in record.versions().iter().rev() {
                if let Err(error) = record.require_duty(version, Duty::Process) {
                    refused = Some(error);
                    continue;
                }
                let opened = self.open_x25519(version.id, share, body);
                match opened {
                    Ok(plain) => return file_key(&plain).map(Some),
                    Err(error) if error.kind() == Kind::NotAuthentic => {}
                    Err(error) => return Err(told(error, &record, version)),
                }
            }
        }
        refused.map_or(Ok(None), Err)
    }

    fn open_x25519(&self, id: KeyId, share: &str, body: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let share = BASE64_STANDARD_NO_PAD
            .decode(share)
            .map_err(|error| Kind::Malformed.because("a damaged X25519 stanza").caused_by(error))?;
        let algorithm = Algorithm::X25519;
        let recipient = self.vault.public_key(id, algorithm)?;
        let salt = [share.as_slice(), recipient.point()?].concat();
        let hkdf = Hkdf { salt: &salt, info: X25519_INFO };
        let key = self.vault.decapsulate_hkdf(id, algorithm, &share, hkdf)?;
        let cipher = Cipher::ChaCha20Poly1305 { nonce: &NONCE, associated: &[] };
        self.with_temporary(key, |key| self.vault.decrypt(key, cipher, body))
    }

    fn x25519_keys(&self, named: Option<&KeyName>) -> Result<Vec<KeyRecord>> {
        let mut records = match named {
            Some(name) => vec![self.load(name)?.body.record],
            None => {
                let now = self.clock.now();
                let listed = self.registry.list()?.records;
                listed.iter().map(|stored| stored.record().at(now)).collect()
            }
        };
        records.retain(|record| record.algorithm() == Algorithm::X25519);
        Ok(records)
    }
}

fn told(error: Error, record: &KeyRecord, version: &Version) -> Error {
    error.while_doing(format!("key {} version {}", record.name(), version.number))
}
