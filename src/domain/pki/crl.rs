//! A certificate revocation list as it was read (RFC 5280, 5).

use std::fmt;

use der::Decode;
use der::asn1::ObjectIdentifier;
use der::oid::AssociatedOid;
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::{BaseCrlNumber, CrlNumber, CrlReason};
use x509_cert::name::Name;

use super::Refusal;
use super::certificate::moment;
use super::signed::Signed;
use crate::domain::lifecycle::Reason;
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};

/// A full list, or a delta to one. Nothing in it is trusted before its signature was checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Crl {
    signed: Signed,
    parsed: CertificateList,
}

/// What a list says of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It is revoked.
    Revoked { at: Timestamp, reason: Option<Reason> },
    /// A delta list takes it back.
    Removed,
}

impl Crl {
    /// Reads one list in DER.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is none.
    pub fn from_der(der: &[u8]) -> Result<Self> {
        let malformed =
            |error: der::Error| Kind::Malformed.because("not a revocation list").caused_by(error);
        let parsed = CertificateList::from_der(der).map_err(malformed)?;
        let signed = Signed::from_der(der).map_err(malformed)?;
        Ok(Self { signed, parsed })
    }

    /// Reads the lists of a file: one in DER, or any number in PEM.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when there is none.
    pub fn read_all(bytes: &[u8]) -> Result<Vec<Self>> {
        if bytes.first() == Some(&0x30) {
            return Ok(vec![Self::from_der(bytes)?]);
        }
        let lists: Vec<Self> = super::pem::blocks(bytes, "X509 CRL")?
            .iter()
            .map(|der| Self::from_der(der))
            .collect::<Result<_>>()?;
        if lists.is_empty() {
            return Err(Kind::Malformed.because("no revocation list, in PEM or DER"));
        }
        Ok(lists)
    }

    /// Whoever issued it, by its own word.
    pub fn issuer(&self) -> &Name {
        &self.parsed.tbs_cert_list.issuer
    }

    /// When it was made.
    pub fn this_update(&self) -> Timestamp {
        moment(self.parsed.tbs_cert_list.this_update)
    }

    /// When the next one is due; `None` when it does not say, which RFC 5280 does not allow.
    pub fn next_update(&self) -> Option<Timestamp> {
        self.parsed.tbs_cert_list.next_update.map(moment)
    }

    /// Its number, big-endian, without leading zeros.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] when the extension cannot be read.
    pub fn number(&self) -> Result<Option<Vec<u8>>, Refusal> {
        Ok(self.extension::<CrlNumber>()?.map(|number| number.0.as_bytes().to_vec()))
    }

    /// For a delta list, the number of the full list that it is a delta to.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] when the extension cannot be read.
    pub fn base(&self) -> Result<Option<Vec<u8>>, Refusal> {
        Ok(self.extension::<BaseCrlNumber>()?.map(|number| number.0.as_bytes().to_vec()))
    }

    /// The entry of a serial number.
    pub(super) fn entry(&self, serial: &[u8]) -> Result<Option<Entry>, Refusal> {
        let entries = self.parsed.tbs_cert_list.revoked_certificates.as_deref().unwrap_or(&[]);
        let same = |entry: &&RevokedCert| {
            super::without_leading_zeros(entry.serial_number.as_bytes()) == serial
        };
        entries.iter().find(same).map(read_entry).transpose()
    }

    /// Every extension that is critical.
    pub(super) fn critical(&self) -> impl Iterator<Item = ObjectIdentifier> {
        let extensions = self.parsed.tbs_cert_list.crl_extensions.as_deref().unwrap_or(&[]);
        extensions.iter().filter(|extension| extension.critical).map(|extension| extension.extn_id)
    }

    pub(super) fn extension<'a, T>(&'a self) -> Result<Option<T>, Refusal>
    where
        T: Decode<'a, Error = der::Error> + AssociatedOid,
    {
        find(self.parsed.tbs_cert_list.crl_extensions.as_ref(), T::OID)
    }

    /// An extension whose type names another object identifier than its own.
    pub(super) fn extension_named<'a, T>(
        &'a self,
        oid: ObjectIdentifier,
    ) -> Result<Option<T>, Refusal>
    where
        T: Decode<'a, Error = der::Error>,
    {
        find(self.parsed.tbs_cert_list.crl_extensions.as_ref(), oid)
    }

    /// Checks that a key signed it.
    pub(super) fn verify(&self, key: &SubjectPublicKeyInfoOwned) -> Result<(), Refusal> {
        self.signed.verify(&self.parsed.tbs_cert_list.signature, key)
    }
}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crl({} at {})", self.issuer(), self.this_update())
    }
}

fn read_entry(entry: &RevokedCert) -> Result<Entry, Refusal> {
    let extensions = entry.crl_entry_extensions.as_ref();
    for extension in extensions.into_iter().flatten() {
        if extension.critical && extension.extn_id != CrlReason::OID {
            return Err(Refusal::CriticalExtension(extension.extn_id));
        }
    }
    let reason: Option<CrlReason> = find(extensions, CrlReason::OID)?;
    if reason == Some(CrlReason::RemoveFromCRL) {
        return Ok(Entry::Removed);
    }
    let at = moment(entry.revocation_date);
    // Without the extension it means unspecified; of the others some only authorities have.
    let reason = reason.map_or(Some(Reason::Unspecified), |reason| {
        Reason::try_from(u8::try_from(reason as u32).unwrap_or(u8::MAX)).ok()
    });
    Ok(Entry::Revoked { at, reason })
}

fn find<'a, T>(
    extensions: Option<&'a Extensions>,
    oid: ObjectIdentifier,
) -> Result<Option<T>, Refusal>
where
    T: Decode<'a, Error = der::Error>,
{
    let mut found = extensions.into_iter().flatten().filter(|one| one.extn_id == oid);
    let Some(extension) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(Refusal::Malformed(format!("extension {oid} twice")));
    }
    T::from_der(extension.extn_value.as_bytes())
        .map(Some)
        .map_err(|error| Refusal::Malformed(format!("extension {oid}: {error}")))
}
