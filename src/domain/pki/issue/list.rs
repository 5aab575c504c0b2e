//! A revocation list to be signed (RFC 5280, 5).

use der::asn1::{OctetString, Uint};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::Version;
use x509_cert::crl::{RevokedCert, TbsCertList};
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BaseCrlNumber, CrlNumber, CrlReason, FreshestCrl,
};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

use super::certificate::distribution_point;
use super::{Unsigned, Weight, encoding, extension, key_identifier, time};
use crate::domain::lifecycle::Reason;
use crate::domain::pki::{Serial, algorithm_of};
use crate::domain::signature::SignatureScheme;
use crate::domain::time::Timestamp;
use crate::error::Result;

/// One entry of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedRevocation {
    /// The certificate.
    pub serial: Serial,
    /// When it was revoked.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// What a list is to say.
#[derive(Clone, Debug)]
pub struct ListTemplate<'a> {
    /// Whose list it is.
    pub issuer: &'a Name,
    /// Whose key signs it.
    pub issuer_key: &'a SubjectPublicKeyInfoOwned,
    /// How.
    pub scheme: SignatureScheme,
    /// Its number.
    pub number: u64,
    /// For a delta: the number of the full list that it completes.
    pub base: Option<u64>,
    /// When it is made, and when the next one is due at the latest.
    pub updates: (Timestamp, Timestamp),
    /// For a full list: URI of the delta to it.
    pub delta: Option<&'a str>,
    /// What it lists.
    pub revoked: &'a [ListedRevocation],
}

impl ListTemplate<'_> {
    /// The list to be signed. Its authorityKeyIdentifier is that of the signing key itself, also
    /// for an authority below another one (RFC 5280, 5.2.1).
    ///
    /// # Errors
    /// [`crate::Kind::Internal`] when DER cannot express it.
    pub fn build(&self) -> Result<Unsigned> {
        let entries: Vec<RevokedCert> =
            self.revoked.iter().map(entry).collect::<der::Result<_>>().map_err(encoding)?;
        let body = TbsCertList {
            version: Version::V2,
            signature: algorithm_of(self.scheme)?,
            issuer: self.issuer.clone(),
            this_update: time(self.updates.0).map_err(encoding)?,
            next_update: Some(time(self.updates.1).map_err(encoding)?),
            revoked_certificates: (!entries.is_empty()).then_some(entries),
            crl_extensions: Some(self.extensions().map_err(encoding)?),
        };
        Unsigned::new(&body, self.scheme)
    }

    fn extensions(&self) -> der::Result<Extensions> {
        let issuer = AuthorityKeyIdentifier {
            key_identifier: Some(OctetString::new(key_identifier(self.issuer_key))?),
            ..Default::default()
        };
        let mut extensions = vec![
            extension(Weight::Plain, &issuer)?,
            extension(Weight::Plain, &CrlNumber::try_from(self.number)?)?,
        ];
        if let (None, Some(uri)) = (self.base, self.delta) {
            let freshest = FreshestCrl(vec![distribution_point(uri)?]);
            extensions.push(extension(Weight::Plain, &freshest)?);
        }
        if let Some(base) = self.base {
            extensions.push(extension(Weight::Critical, &BaseCrlNumber(Uint::try_from(base)?))?);
        }
        Ok(extensions)
    }
}

fn entry(revocation: &ListedRevocation) -> der::Result<RevokedCert> {
    let reason = crl_reason(revocation.reason);
    let reason = reason.map(|reason| extension(Weight::Plain, &reason)).transpose()?;
    Ok(RevokedCert {
        serial_number: SerialNumber::new(revocation.serial.as_bytes())?,
        revocation_date: time(revocation.at)?,
        crl_entry_extensions: reason.map(|reason| vec![reason]),
    })
}

/// The reason as lists and OCSP answers say it.
pub(in crate::domain::pki) fn crl_reason(reason: Reason) -> Option<CrlReason> {
    match reason {
        // RFC 5280, 5.3.1: it should not be said.
        Reason::Unspecified => None,
        Reason::Compromise => Some(CrlReason::KeyCompromise),
        Reason::Affiliation => Some(CrlReason::AffiliationChanged),
        Reason::Superseded => Some(CrlReason::Superseded),
        Reason::Cessation => Some(CrlReason::CessationOfOperation),
    }
}
