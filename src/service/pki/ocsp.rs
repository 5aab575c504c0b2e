//! Answering OCSP requests.

use super::issuing_scheme;
use crate::domain::key::{KeyId, KeyName};
use crate::domain::pki::ocsp::{AnswerTemplate, CertificateId, Query, Status};
use crate::domain::pki::register::{Issued, Revocation};
use crate::domain::pki::{Certificate, Purpose, Serial, Trust, validate};
use crate::domain::signature::SignatureScheme;
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};
use crate::port::Book;
use crate::service::Kms;

/// A key that answers for an authority, with its certificate from that authority.
#[derive(Clone, Debug)]
pub struct Responder {
    /// The key, on this token.
    pub key: KeyName,
    /// Its certificate, of the profile `ocsp`.
    pub certificate: Certificate,
}

impl Kms<'_> {
    /// Answers an OCSP request about certificates of an authority, in DER, signed by the authority
    /// or by a responder that it certified.
    ///
    /// # Errors
    /// [`Kind::Malformed`] for something else than a request; [`Kind::NotAuthentic`] when the
    /// responder's certificate is not one of this authority for this purpose.
    pub fn answer_ocsp(
        &self,
        authority: &KeyName,
        request: &[u8],
        responder: Option<&Responder>,
        next_update: Timestamp,
    ) -> Result<Vec<u8>> {
        let query = Query::read(request)?;
        let issuer = self.authority(authority)?.certificate;
        let status = |id: &CertificateId| self.status(authority, id, &issuer);
        let statuses: Vec<Status> = query.certificates.iter().map(status).collect::<Result<_>>()?;
        let (key, scheme) = match responder {
            Some(responder) => self.responder_key(responder, authority, &issuer)?,
            None => self.issuer(authority).map(|issuer| (issuer.key, issuer.scheme))?,
        };
        let certificate = responder.map(|responder| &responder.certificate);
        let unsigned = AnswerTemplate {
            responder: certificate.unwrap_or(&issuer).public_key(),
            scheme,
            updates: (self.clock.now(), next_update),
            query: &query,
            statuses: &statuses,
            certificate,
        }
        .build()?;
        let signature = self.vault.sign(key, scheme, unsigned.to_be_signed())?;
        unsigned.with_signature(&signature)
    }

    fn status(
        &self,
        authority: &KeyName,
        id: &CertificateId,
        issuer: &Certificate,
    ) -> Result<Status> {
        let Some(serial) = id.serial_from(issuer)? else { return Ok(Status::Unknown) };
        let name = serial.entry_name();
        let issued: Option<Issued> = self.entry(Book::Issued, &name)?;
        if issued.is_none_or(|issued| issued.authority != *authority) {
            return Ok(Status::Unknown);
        }
        let revoked: Option<Revocation> = self.entry(Book::Revoked, &name)?;
        Ok(revoked.map_or(Status::Good, |revoked| Status::Revoked {
            at: revoked.listed.at,
            reason: revoked.listed.reason,
        }))
    }

    /// RFC 6960, 4.2.2.2: certified for this by the authority itself, and not revoked.
    fn responder_key(
        &self,
        responder: &Responder,
        authority: &KeyName,
        issuer: &Certificate,
    ) -> Result<(KeyId, SignatureScheme)> {
        let Responder { key, certificate } = responder;
        let chain = std::slice::from_ref(certificate);
        let trust = Trust { roots: std::slice::from_ref(issuer), crls: &[] };
        validate(chain, &trust, self.clock.now(), Purpose::Ocsp)?;
        let serial = Serial::try_from(certificate.serial())?;
        let issued = self.issued(serial)?;
        if issued.authority != *authority
            || self.entry::<Revocation>(Book::Revoked, &serial.entry_name())?.is_some()
        {
            return Err(Kind::NotAuthentic
                .because(format!("certificate {serial} is revoked, or another authority's"))
                .advise("issue the responder a new one: keyway ca issue --profile ocsp"));
        }
        let stored = self.load(key)?;
        let record = stored.record();
        let version = record.primary()?;
        let public = self.vault.public_key(version.id, record.algorithm())?.to_spki()?;
        if public != *certificate.public_key() {
            return Err(Kind::Usage
                .because(format!("the responder's certificate is not for key {key}"))
                .advise("name the key that requested it"));
        }
        Ok((version.id, issuing_scheme(record)?))
    }
}
