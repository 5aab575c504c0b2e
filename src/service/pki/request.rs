//! Requesting a certificate from somebody else's authority.

use crate::domain::key::{KeyId, KeyName};
use crate::domain::pki::issue::RequestTemplate;
use crate::domain::pki::{AlternativeName, Subject};
use crate::domain::record::KeyRecord;
use crate::error::Result;
use crate::service::Kms;

use super::issuing_scheme;

impl Kms<'_> {
    /// A request (PKCS#10) for the primary version of a key, in DER, signed by it.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when the key is not for signing, or no version is active.
    pub fn request_certificate(
        &self,
        name: &KeyName,
        subject: &Subject,
        names: &[AlternativeName],
    ) -> Result<Vec<u8>> {
        let stored = self.load(name)?;
        let record = stored.record();
        record.require(crate::domain::key::Usage::Sign)?;
        self.request_for(record.primary()?.id, record, subject, names)
    }

    /// The same for the key of any version, which has to be able to sign.
    pub(in crate::service) fn request_for(
        &self,
        key: KeyId,
        record: &KeyRecord,
        subject: &Subject,
        names: &[AlternativeName],
    ) -> Result<Vec<u8>> {
        let public = self.vault.public_key(key, record.algorithm())?.to_spki()?;
        let unsigned = RequestTemplate {
            subject: &subject.0,
            key: &public,
            scheme: issuing_scheme(record)?,
            names,
        }
        .build()?;
        self.complete(key, &unsigned)
    }
}
