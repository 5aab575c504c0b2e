//! The token record: what is readable before login, and what only the master key opens.

use crate::engine::random;
use crate::error::{Code, Result};
use crate::ffi::awslc::sealing::{self, KEY, NONCE};
use crate::secret::Secret;
use crate::store::fields::{fields, put};
use crate::store::{Instance, TokenRecord, event};

use super::keys::Keys;
use super::root::Root;

/// A token as it can be known without a PIN.
pub(super) struct Identity {
    pub(super) instance: Instance,
    pub(super) label: String,
    /// 16 hexadecimal digits; kept when the token is initialised again.
    pub(super) serial: String,
    /// Keys the tags of objects that are not private.
    pub(super) tags: Secret,
    /// Seals keys that are not private: `CKA_PRIVATE` false says that no PIN guards them.
    pub(super) open: Secret,
    /// When the token was initialised, in milliseconds since 1970.
    created: u64,
    /// What the accounts open with beside a PIN.
    pub(super) root: Option<Root>,
}

/// What only a holder of the master key knows of a token.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Secrets {
    /// Whether the set of rows has a seal; tokens of the first format have none.
    pub(super) has_seal: bool,
}

const LABEL: u8 = 1;
const SERIAL: u8 = 2;
const TAGS: u8 = 3;
const OPEN: u8 = 4;
const CREATED: u8 = 5;
const ROOT: u8 = 6;
/// In the sealed part: the set of rows has a seal, so one that is missing was removed.
const SEALED_SET: u8 = 1;
/// Begins what the sealed part authenticates.
const DOMAIN: &[u8] = b"KWYT\x01";

impl Identity {
    /// A token that is being initialised.
    ///
    /// # Errors
    /// DeviceError if the engine has no entropy.
    pub(super) fn generate(label: &str, serial: &str) -> Result<Self> {
        let mut instance = Instance([0; 16]);
        random::fill(&mut instance.0)?;
        Ok(Self {
            instance,
            label: label.to_owned(),
            serial: serial.to_owned(),
            tags: random::secret(KEY)?,
            open: random::secret(KEY)?,
            created: event::now(),
            root: None,
        })
    }

    /// A new serial number: 16 hexadecimal digits.
    ///
    /// # Errors
    /// DeviceError if the engine has no entropy.
    pub(super) fn new_serial() -> Result<String> {
        let mut bytes = [0; 8];
        random::fill(&mut bytes)?;
        Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
    }

    /// # Errors
    /// DeviceError for a record that cannot be read.
    pub(super) fn read(record: &TokenRecord) -> Result<Self> {
        let fields = readable(&record.clear)?;
        let find = |id| fields.iter().find(|field| field.0 == id).map(|field| field.1);
        let field = |id| find(id).ok_or_else(|| damaged("a field is missing"));
        let text = |id| {
            let bytes = field(id)?.to_vec();
            String::from_utf8(bytes).map_err(|_| damaged("a text is no UTF-8"))
        };
        let created = field(CREATED)?.try_into().map_err(|_| damaged("the date"))?;
        Ok(Self {
            instance: record.instance,
            label: text(LABEL)?,
            serial: text(SERIAL)?,
            tags: Secret::copy_of(field(TAGS)?),
            open: Secret::copy_of(field(OPEN)?),
            created: u64::from_be_bytes(created),
            root: find(ROOT)
                .map(|root| Root::decode(root).ok_or_else(|| damaged("the root")))
                .transpose()?,
        })
    }

    /// The record to store; its sealed part authenticates the clear one.
    ///
    /// # Errors
    /// DeviceError if the engine has no entropy.
    pub(super) fn write(&self, version: u64, keys: &Keys) -> Result<TokenRecord> {
        let mut clear = Vec::new();
        put(&mut clear, LABEL, self.label.as_bytes());
        put(&mut clear, SERIAL, self.serial.as_bytes());
        put(&mut clear, TAGS, self.tags.expose());
        put(&mut clear, OPEN, self.open.expose());
        put(&mut clear, CREATED, &self.created.to_be_bytes());
        if let Some(root) = &self.root {
            put(&mut clear, ROOT, &root.encode());
        }
        let mut nonce = [0; NONCE];
        random::fill(&mut nonce)?;
        let aad = self.aad(version, &clear);
        let mut secrets = Vec::new();
        put(&mut secrets, SEALED_SET, &[]);
        let mut sealed = nonce.to_vec();
        sealing::gcm_seal(&keys.record, &nonce, &aad, &secrets, &mut sealed)?;
        Ok(TokenRecord { version, instance: self.instance, clear, sealed })
    }

    /// Holds a record against the master key.
    ///
    /// # Errors
    /// DeviceError if anything in it was changed.
    pub(super) fn authenticate(&self, record: &TokenRecord, keys: &Keys) -> Result<Secrets> {
        let changed = || {
            damaged(
                "its label, serial number, keys or root were changed by something other than Keyway",
            )
        };
        let (nonce, sealed) = record.sealed.split_first_chunk::<NONCE>().ok_or_else(changed)?;
        let aad = self.aad(record.version, &record.clear);
        let opened = sealing::gcm_open(&keys.record, nonce, &aad, sealed)?;
        let sealed = opened.ok_or_else(changed)?;
        // Fields of later versions are skipped, but must be fields.
        let has_seal = readable(sealed.expose())?.iter().any(|field| field.0 == SEALED_SET);
        Ok(Secrets { has_seal })
    }

    fn aad(&self, version: u64, clear: &[u8]) -> Vec<u8> {
        [DOMAIN, &version.to_be_bytes(), &self.instance.0, clear].concat()
    }
}

/// Field numbers with their values.
fn readable(bytes: &[u8]) -> Result<Vec<(u8, &[u8])>> {
    fields(bytes).ok_or_else(|| damaged("it ends too early"))
}

fn damaged(what: &str) -> crate::error::Error {
    Code::DeviceError
        .because(format!("the token record is damaged ({what}): restore a backup of the token"))
}
