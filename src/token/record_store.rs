//! Where records lie: data objects of the token, and the key that authenticates them.

use std::thread::sleep;

use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};

use super::error::{code, is_bad_signature, token_error};
use super::open::OpenToken;
use crate::domain::key::{KeyId, KeyName};
use crate::error::{Kind, Result};
use crate::port::Book;
use crate::registry::{COMPLETING, Collection, Mac, RawRecord, RecordStore};

/// CKA_APPLICATION of the records of a sort, and what their CKA_LABEL starts with; the name
/// follows.
fn place(collection: Collection) -> (&'static str, &'static str) {
    match collection {
        Collection::Keys => ("keyway", "keyway-record:"),
        Collection::Book(Book::Authorities) => ("keyway-ca", "keyway-ca:"),
        Collection::Book(Book::Issued) => ("keyway-issued", "keyway-issued:"),
        Collection::Book(Book::Revoked) => ("keyway-revoked", "keyway-revoked:"),
        Collection::Book(Book::Lists) => ("keyway-crl", "keyway-crl:"),
        Collection::Book(Book::Messages) => ("keyway-messages", "keyway-messages:"),
        Collection::Book(Book::Given) => ("keyway-given", "keyway-given:"),
        Collection::Book(Book::Taken) => ("keyway-taken", "keyway-taken:"),
        Collection::Book(Book::Outlaws) => ("keyway-outlaw", "keyway-outlaw:"),
    }
}

/// Whether a data object with this CKA_APPLICATION is a record.
pub(super) fn is_record(application: &[u8]) -> bool {
    application == b"keyway" || application.starts_with(b"keyway-")
}

/// CKA_LABEL of the key that authenticates records.
const MAC_KEY: &[u8] = b"keyway-records";

/// How often records are read that others keep replacing meanwhile.
const READINGS: u32 = 5;

/// The records on one token.
#[derive(Clone, Copy, Debug)]
pub struct TokenRecords<'t> {
    token: &'t OpenToken,
    collection: Collection,
}

impl<'t> TokenRecords<'t> {
    /// The records of the keys of an open token.
    pub fn new(token: &'t OpenToken) -> Self {
        Self { token, collection: Collection::Keys }
    }

    fn application(&self) -> Attribute {
        Attribute::Application(place(self.collection).0.as_bytes().to_vec())
    }

    fn label(&self, name: &KeyName) -> Attribute {
        Attribute::Label(format!("{}{name}", place(self.collection).1).into_bytes())
    }

    fn objects(&self, name: Option<&KeyName>) -> Result<Vec<ObjectHandle>> {
        let mut template =
            vec![Attribute::Class(ObjectClass::DATA), Attribute::Token(true), self.application()];
        template.extend(name.map(|name| self.label(name)));
        self.token.find(&template)
    }

    /// An object's record, or `None` when it went away meanwhile.
    fn record(&self, object: ObjectHandle) -> Result<Option<RawRecord>> {
        let types = [AttributeType::Label, AttributeType::Value];
        let attributes = match self.token.session().get_attributes(object, &types) {
            Ok(attributes) => attributes,
            Err(error) if matches!(code(&error), Some(RvError::ObjectHandleInvalid)) => {
                return Ok(None);
            }
            Err(error) => return Err(self.token.failed("cannot read a record", error)),
        };
        let (mut label, mut value) = (Vec::new(), Vec::new());
        for attribute in attributes {
            match attribute {
                Attribute::Label(bytes) => label = bytes,
                Attribute::Value(bytes) => value = bytes,
                _ => {}
            }
        }
        let label = String::from_utf8_lossy(&label);
        let name = label.strip_prefix(place(self.collection).1).unwrap_or_default().to_owned();
        Ok(Some(RawRecord { name, value }))
    }

    /// The keys that authenticate records, lowest identifier first. There is more than one only
    /// when two processes made the first at the same moment.
    fn mac_keys(&self) -> Result<Vec<(KeyId, ObjectHandle)>> {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::Token(true),
            Attribute::Label(MAC_KEY.to_vec()),
        ];
        let mut keys = Vec::new();
        for object in self.token.find(&template)? {
            for attribute in self.token.attributes(object, &[AttributeType::Id])? {
                // One without an identifier is not completely written yet.
                if let Attribute::Id(id) = attribute {
                    keys.extend(KeyId::try_from(id.as_slice()).map(|id| (id, object)));
                }
            }
        }
        keys.sort_by_key(|(id, _)| *id);
        Ok(keys)
    }

    fn seal(&self, message: &[u8]) -> Result<Mac> {
        let keys = self.mac_keys()?;
        let (key, object) = keys
            .first()
            .ok_or_else(|| Kind::Token.because("the key that seals records is gone"))?;
        let tag = self
            .token
            .session()
            .sign(&Mechanism::Sha256Hmac, *object, message)
            .map_err(|error| self.token.failed("cannot seal a record", error))?;
        Ok(Mac { key: *key, tag })
    }

    fn make_mac_key(&self) -> Result<()> {
        let mut id = [0; KeyId::LEN];
        let session = self.token.session();
        let failed = |error| self.token.failed("cannot make the key that seals records", error);
        session.generate_random_slice(&mut id).map_err(failed)?;
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::ValueLen(32.into()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            Attribute::Verify(true),
            Attribute::Encrypt(false),
            Attribute::Decrypt(false),
            Attribute::Wrap(false),
            Attribute::Unwrap(false),
            Attribute::Derive(false),
            Attribute::Label(MAC_KEY.to_vec()),
            Attribute::Id(id.to_vec()),
        ];
        session.generate_key(&Mechanism::GenericSecretKeyGen, &template).map_err(failed)?;
        Ok(())
    }
}

impl RecordStore for TokenRecords<'_> {
    fn collection(&self, collection: Collection) -> Self {
        Self { token: self.token, collection }
    }

    /// A record that goes away while it is read has a successor that was not there when they were
    /// listed: then they are read again.
    fn read(&self, name: Option<&KeyName>) -> Result<Vec<RawRecord>> {
        let mut records = Vec::new();
        for _ in 0..READINGS {
            let objects = self.objects(name)?;
            let read: Vec<_> =
                objects.iter().map(|object| self.record(*object)).collect::<Result<_>>()?;
            let is_whole = read.iter().all(Option::is_some);
            records = read.into_iter().flatten().collect();
            if is_whole {
                break;
            }
        }
        Ok(records)
    }

    fn write(&self, name: &KeyName, value: &[u8]) -> Result<()> {
        let template = [
            Attribute::Class(ObjectClass::DATA),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Modifiable(false),
            self.application(),
            self.label(name),
            Attribute::Value(value.to_vec()),
        ];
        self.token
            .session()
            .create_object(&template)
            .map_err(|error| self.token.failed("cannot write a record", error))?;
        Ok(())
    }

    fn remove(&self, name: &KeyName, value: &[u8]) -> Result<bool> {
        for object in self.objects(Some(name))? {
            if self.record(object)?.is_none_or(|record| record.value != value) {
                continue;
            }
            match self.token.session().destroy_object(object) {
                Ok(()) => return Ok(true),
                Err(error) => {
                    let error = self.token.failed("cannot remove a record", error);
                    // Another process may have been faster; SoftHSM2 then answers FUNCTION_FAILED.
                    // But after a lost session it may have been this call: whoever then took his
                    // successor back would leave no record at all.
                    if error.is_session_lost() || self.record(object)?.is_some() {
                        return Err(error);
                    }
                    return Ok(false);
                }
            }
        }
        Ok(false)
    }

    fn authenticate(&self, message: &[u8]) -> Result<Mac> {
        if self.mac_keys()?.is_empty() {
            self.make_mac_key()?;
        }
        let (times, pause) = COMPLETING;
        for _ in 1..times {
            match self.seal(message) {
                Ok(mac) => return Ok(mac),
                Err(error) if error.is_session_lost() => return Err(error),
                Err(_) => sleep(pause),
            }
        }
        self.seal(message)
    }

    fn is_authentic(&self, mac: &Mac, message: &[u8]) -> Result<bool> {
        let keys = self.mac_keys()?;
        let Some((_, object)) = keys.iter().find(|(key, _)| *key == mac.key) else {
            return Ok(false);
        };
        let verified =
            self.token.session().verify(&Mechanism::Sha256Hmac, *object, message, &mac.tag);
        match verified {
            Ok(()) => Ok(true),
            Err(error) if is_bad_signature(&error) => Ok(false),
            Err(error) => Err(token_error("cannot check a record", error)),
        }
    }
}
