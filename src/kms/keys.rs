//! Keys and their lives.

use super::Kms;
use crate::domain::key::KeyName;
use crate::domain::lifecycle::Reason;
use crate::domain::public_format::PublicFormat;
use crate::domain::record::{KeyRecord, Terms};
use crate::domain::time::Timestamp;
use crate::error::Result;
use crate::port::Entry;
use crate::service::{
    Action, CheckedKey, ImportedKey, Inventory, Maintenance, NewKey, Revoked, Suspended,
};

/// Each is the use case of the same name of [`service::Kms`](crate::service::Kms), where its errors
/// are told; those of the session are told at [`Kms::read`] and [`Kms::change`].
impl Kms {
    /// Generates a key in the token and records its first version as active.
    ///
    /// # Errors
    /// [`Kind::Exists`](crate::Kind::Exists) for a name that is taken.
    pub fn create_key(&self, request: &NewKey) -> Result<KeyRecord> {
        self.change(|kms| kms.create_key(request))
    }

    /// As [`Kms::create_key`], under terms (owner, cryptoperiod, rotation, sharing), and pre-active
    /// until a moment if one is named.
    ///
    /// # Errors
    /// As [`Kms::create_key`]; [`Kind::Usage`](crate::Kind::Usage) when the key would never be active.
    pub fn create_key_under(
        &self,
        request: &NewKey,
        terms: &Terms,
        activate_at: Option<Timestamp>,
    ) -> Result<KeyRecord> {
        self.change(|kms| kms.create_key_under(request, terms, activate_at))
    }

    /// Brings key material into the token, from where it does not come out again, and tells how it
    /// came in.
    ///
    /// # Errors
    /// As [`Kms::create_key`]; the token refuses the material.
    pub fn import_key(&self, request: &ImportedKey<'_>) -> Result<(KeyRecord, Entry)> {
        self.change(|kms| kms.import_key(request))
    }

    /// Every key with its state, and every problem with records.
    ///
    /// # Errors
    /// The token failed.
    pub fn list_keys(&self) -> Result<Inventory> {
        self.read(|kms| kms.list_keys())
    }

    /// One key, its objects checked against its record.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind::NotFound) when there is no such key.
    pub fn show_key(&self, name: &KeyName) -> Result<Inventory> {
        self.read(|kms| kms.show_key(name))
    }

    /// The public half of a version, the newest if none is named.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind::NotFound) when there is no such key or version.
    pub fn export_public(
        &self,
        name: &KeyName,
        version: Option<u32>,
        format: PublicFormat,
    ) -> Result<Vec<u8>> {
        self.read(|kms| kms.export_public(name, version, format))
    }

    /// Makes a new version primary. The old ones decrypt and verify on.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) when the key's state forbids it.
    pub fn rotate_key(&self, name: &KeyName) -> Result<KeyRecord> {
        self.change(|kms| kms.rotate_key(name))
    }

    /// Suspends a key: until it is resumed it protects nothing, and decrypts and verifies on.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) when the key's state forbids it.
    pub fn suspend_key(&self, name: &KeyName) -> Result<Suspended> {
        self.change(|kms| kms.suspend_key(name))
    }

    /// Resumes a suspended key.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) when the key is not suspended.
    pub fn resume_key(&self, name: &KeyName) -> Result<KeyRecord> {
        self.change(|kms| kms.resume_key(name))
    }

    /// Revokes a key and its certificates. For a compromise the token refuses it from then on, to
    /// every program. May be called again after an interruption at any point.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) when the key's state forbids it.
    pub fn revoke_key(&self, name: &KeyName, reason: Reason) -> Result<Revoked> {
        self.change(|kms| kms.revoke_key(name, reason))
    }

    /// Destroys every version of a key. Its record stays. May be called again after an interruption.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) when the key's state forbids it.
    pub fn destroy_key(&self, name: &KeyName) -> Result<KeyRecord> {
        self.change(|kms| kms.destroy_key(name))
    }

    /// Tries every private and secret key of the token, or those with a label, without changing one.
    ///
    /// # Errors
    /// The token failed.
    pub fn check_keys(&self, label: Option<&str>) -> Result<Vec<CheckedKey>> {
        self.read(|kms| kms.check_keys(label))
    }

    /// Signs a report that a key is compromised, for [`Kms::accept_report`] wherever the key is.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind::NotFound) when there is no such key.
    pub fn report_key(&self, name: &KeyName, evidence: &str, signer: &KeyName) -> Result<Vec<u8>> {
        self.read(|kms| kms.report_key(name, None, evidence, signer))
    }

    /// Suspends the key that a signed report is about. `None` when it was suspected already.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`](crate::Kind::NotAuthentic) when the report's signature is none of a
    /// key that may report.
    pub fn accept_report(&self, report: &[u8]) -> Result<Option<KeyRecord>> {
        self.change(|kms| kms.accept_report(report))
    }

    /// What is due: rotation, expiry, destruction, revocation.
    ///
    /// # Errors
    /// The token failed.
    pub fn due(&self) -> Result<Vec<Action>> {
        self.read(|kms| kms.due())
    }

    /// Does what is due. May run on several machines at once.
    ///
    /// # Errors
    /// The token failed; what could not be done to single keys stands in the answer.
    pub fn maintain(&self) -> Result<Maintenance> {
        self.change(|kms| kms.maintain())
    }
}
