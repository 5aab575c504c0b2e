//! Certificates.

use super::Kms;
use crate::domain::key::KeyName;
use crate::domain::lifecycle::Reason;
use crate::domain::pki::register::{Authority, Revocation};
use crate::domain::pki::{AlternativeName, Certificate, Serial, Subject};
use crate::domain::time::Timestamp;
use crate::error::Result;
use crate::service::{AuthorityListing, CertificateOrder, ListKind, NewAuthority, Responder};

/// Each is the use case of the same name of [`service::Kms`](crate::service::Kms), where its errors
/// are told; those of the session are told at [`Kms::read`] and [`Kms::change`].
impl Kms {
    /// Makes an authority: a key in the token, a certificate, an entry in the register.
    ///
    /// # Errors
    /// [`Kind::Exists`](crate::Kind::Exists) for a name that is taken.
    pub fn init_authority(&self, new: &NewAuthority) -> Result<Authority> {
        self.change(|kms| kms.init_authority(new))
    }

    /// Every authority with what it issued and revoked.
    ///
    /// # Errors
    /// The token failed.
    pub fn list_authorities(&self) -> Result<Vec<AuthorityListing>> {
        self.read(|kms| kms.list_authorities())
    }

    /// Certifies a request. Answers the certificate, then those above it.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) when the authority may not issue it.
    pub fn issue_certificate(&self, order: &CertificateOrder) -> Result<Vec<Certificate>> {
        self.change(|kms| kms.issue_certificate(order))
    }

    /// Revokes a certificate by its serial number.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind::NotFound) when no authority of the token issued it.
    pub fn revoke_certificate(&self, serial: Serial, reason: Reason) -> Result<Revocation> {
        self.change(|kms| kms.revoke_certificate(serial, reason))
    }

    /// Makes a revocation list, as DER.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind::NotFound) when there is no such authority.
    pub fn make_list(
        &self,
        authority: &KeyName,
        kind: ListKind,
        next_update: Timestamp,
    ) -> Result<Vec<u8>> {
        self.change(|kms| kms.make_list(authority, kind, next_update))
    }

    /// Answers an OCSP request (DER) with a response (DER).
    ///
    /// # Errors
    /// [`Kind::Malformed`](crate::Kind::Malformed) when it is no request.
    pub fn answer_ocsp(
        &self,
        authority: &KeyName,
        request: &[u8],
        responder: Option<&Responder>,
        next_update: Timestamp,
    ) -> Result<Vec<u8>> {
        self.read(|kms| kms.answer_ocsp(authority, request, responder, next_update))
    }

    /// Makes a certificate signing request (PKCS#10, DER) with a key of the token.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) when the key does not sign.
    pub fn request_certificate(
        &self,
        name: &KeyName,
        subject: &Subject,
        names: &[AlternativeName],
    ) -> Result<Vec<u8>> {
        self.read(|kms| kms.request_certificate(name, subject, names))
    }
}
