//! A certificate as it was read: its bytes, and what they say.

use std::fmt;

use der::asn1::ObjectIdentifier;
use der::oid::AssociatedOid;
use der::pem::LineEnding;
use der::{Decode, Encode, EncodePem};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::TbsCertificate;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::name::Name;

use super::signed::Signed;
use super::{Refusal, Refused};
use crate::domain::hash::sha256;
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};

/// Longest file of certificates that is read, in certificates.
const MOST: usize = 1000;

/// An X.509 certificate (RFC 5280, 4.1). Nothing in it is trusted before [`super::validate`].
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    signed: Signed,
    parsed: x509_cert::Certificate,
}

impl Certificate {
    /// Reads one certificate in DER.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is none.
    pub fn from_der(der: &[u8]) -> Result<Self> {
        let malformed =
            |error: der::Error| Kind::Malformed.because("not a certificate").caused_by(error);
        let parsed = x509_cert::Certificate::from_der(der).map_err(malformed)?;
        let signed = Signed::from_der(der).map_err(malformed)?;
        Ok(Self { der: der.to_vec(), signed, parsed })
    }

    /// Reads the certificates of a file, in its order: one in DER, or any number in PEM.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when there is none, or something else in PEM.
    pub fn read_all(bytes: &[u8]) -> Result<Vec<Self>> {
        if bytes.first() == Some(&0x30) {
            return Ok(vec![Self::from_der(bytes)?]);
        }
        let certificates: Vec<Self> = super::pem::blocks(bytes, "CERTIFICATE")?
            .iter()
            .map(|der| Self::from_der(der))
            .collect::<Result<_>>()?;
        match certificates.len() {
            0 => Err(Kind::Malformed.because("no certificate, in PEM or DER")),
            1..=MOST => Ok(certificates),
            many => Err(Kind::Malformed.because(format!("{many} certificates; at most {MOST}"))),
        }
    }

    /// Its DER, as it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its PEM.
    ///
    /// # Errors
    /// [`Kind::Internal`] when it cannot be encoded, which reading it ruled out.
    pub fn to_pem(&self) -> Result<String> {
        self.parsed
            .to_pem(LineEnding::LF)
            .map_err(|error| Kind::Internal.because("cannot encode a certificate").caused_by(error))
    }

    /// SHA-256 of its DER.
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&[&self.der])
    }

    /// Its subject.
    pub fn subject(&self) -> &Name {
        self.tbs().subject()
    }

    /// Whoever issued it, by its own word.
    pub fn issuer(&self) -> &Name {
        self.tbs().issuer()
    }

    /// The common name of its subject, if there is one.
    pub fn common_name(&self) -> Option<String> {
        let name = self.subject().common_name().ok().flatten()?;
        Some(name.value().into_owned())
    }

    /// Its serial number, big-endian, without a leading zero.
    pub fn serial(&self) -> &[u8] {
        super::without_leading_zeros(self.tbs().serial_number().as_bytes())
    }

    /// The first moment of its validity.
    pub fn not_before(&self) -> Timestamp {
        moment(self.tbs().validity().not_before)
    }

    /// The last moment of its validity.
    pub fn not_after(&self) -> Timestamp {
        moment(self.tbs().validity().not_after)
    }

    /// The key that it certifies.
    pub fn public_key(&self) -> &SubjectPublicKeyInfoOwned {
        self.tbs().subject_public_key_info()
    }

    /// The DER of the key that it certifies.
    ///
    /// # Errors
    /// [`Kind::Internal`] when it cannot be encoded, which reading it ruled out.
    pub fn public_key_der(&self) -> Result<Vec<u8>> {
        self.public_key()
            .to_der()
            .map_err(|error| Kind::Internal.because("cannot encode a key").caused_by(error))
    }

    /// Whether it says of itself that it may issue certificates.
    pub fn is_authority(&self) -> bool {
        matches!(self.extension::<BasicConstraints>(), Ok(Some(basic)) if basic.ca)
    }

    /// The identifier of its key, by its own word.
    pub fn key_identifier(&self) -> Option<Vec<u8>> {
        let identifier = self.extension::<SubjectKeyIdentifier>().ok().flatten()?;
        Some(identifier.0.as_bytes().to_vec())
    }

    /// The identifier of the key that signed it, by its own word.
    pub fn authority_key_identifier(&self) -> Option<Vec<u8>> {
        let identifier = self.extension::<AuthorityKeyIdentifier>().ok().flatten()?;
        Some(identifier.key_identifier?.as_bytes().to_vec())
    }

    /// Its alternative names.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] when the extension cannot be read.
    pub fn alternative_names(&self) -> Result<Option<SubjectAltName>, Refusal> {
        self.extension()
    }

    /// Its key usage.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] when the extension cannot be read.
    pub fn key_usage(&self) -> Result<Option<KeyUsage>, Refusal> {
        self.extension()
    }

    /// Its extended key usage.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] when the extension cannot be read.
    pub fn extended_key_usage(&self) -> Result<Option<ExtendedKeyUsage>, Refusal> {
        self.extension()
    }

    pub(super) fn tbs(&self) -> &TbsCertificate {
        self.parsed.tbs_certificate()
    }

    /// Whether issuer and subject are the same name.
    pub(super) fn is_self_issued(&self) -> bool {
        super::name::same(self.issuer(), self.subject())
    }

    /// Every extension that is critical.
    pub(super) fn critical(&self) -> impl Iterator<Item = ObjectIdentifier> {
        let extensions = self.tbs().extensions().map(Vec::as_slice).unwrap_or_default();
        extensions.iter().filter(|extension| extension.critical).map(|extension| extension.extn_id)
    }

    /// An extension, once.
    pub(super) fn extension<'a, T>(&'a self) -> Result<Option<T>, Refusal>
    where
        T: Decode<'a> + AssociatedOid,
        T::Error: fmt::Display + From<der::Error>,
    {
        match self.tbs().get_extension::<T>() {
            Ok(found) => Ok(found.map(|(_, extension)| extension)),
            Err(error) => Err(Refusal::Malformed(format!("extension {}: {error}", T::OID))),
        }
    }

    /// Checks that a key signed it.
    pub(super) fn verify(&self, key: &SubjectPublicKeyInfoOwned) -> Result<(), Refusal> {
        self.signed.verify(self.tbs().signature(), key)
    }

    /// The refusal as one of this certificate.
    pub fn refused(&self, refusal: Refusal) -> Refused {
        Refused { subject: self.subject().to_string(), refusal }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.subject())
    }
}

/// A moment of X.509.
pub(super) fn moment(time: x509_cert::time::Time) -> Timestamp {
    Timestamp::from_unix(time.to_unix_duration().as_secs())
}
