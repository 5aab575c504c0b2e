//! Renewing certificates: the same names and the same key, a new number and a later end.

use super::issue::Order;
use crate::domain::pki::issue::{AuthorityLimits, Profile};
use crate::domain::pki::register::Revocation;
use crate::domain::pki::{AlternativeName, Certificate, Serial, Trust, validate};
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};
use crate::port::Book;
use crate::service::Kms;

impl Kms<'_> {
    /// Issues a certificate again, for the same names, key and profile. Answers it with those above
    /// it on this token. The old one stays good until its end.
    ///
    /// `until` is its last moment; `None` lets it last as long as the old one did, or as its issuer
    /// has left.
    ///
    /// # Errors
    /// [`Kind::NotFound`] for a certificate that no authority of this token issued,
    /// [`Kind::NotAuthentic`] for one that was changed or has expired, [`Kind::Refused`] for one
    /// that is revoked, and for an authority's.
    pub fn renew_certificate(
        &self,
        certificate: &Certificate,
        until: Option<Timestamp>,
    ) -> Result<Vec<Certificate>> {
        let serial = Serial::try_from(certificate.serial())?;
        let issued = self.issued(serial)?;
        let issuer = self.issuer(&issued.authority)?;
        let now = self.clock.now();
        // What it says is certified again, so it has to be what the authority signed.
        let trust = Trust { roots: &issuer.chain[..1], crls: &[] };
        validate(std::slice::from_ref(certificate), &trust, now, issued.profile.purpose())?;
        if let Some(revoked) = self.entry::<Revocation>(Book::Revoked, &serial.entry_name())? {
            return Err(Kind::Refused
                .because(format!("certificate {serial} was revoked at {}", revoked.listed.at))
                .advise("have a new key certified: keyway ca issue"));
        }
        if issued.profile == Profile::Authority {
            return Err(Kind::Refused
                .because("the certificate of an authority is not renewed")
                .advise("make a new authority, and let this one certify it: docs/pki.md"));
        }
        let names = certificate.alternative_names().map_err(|why| certificate.refused(why))?;
        let names: Vec<_> = names
            .map(|names| names.0)
            .unwrap_or_default()
            .into_iter()
            .map(AlternativeName)
            .collect();
        let lasted = certificate.not_after().unix() - certificate.not_before().unix();
        let again = Timestamp::from_unix(now.unix() + lasted);
        let last = issuer.chain[0].not_after();
        let renewed = self.issue(
            &issuer,
            &Order {
                subject: certificate.subject(),
                key: certificate.public_key(),
                names: &names,
                profile: issued.profile,
                limits: &AuthorityLimits::default(),
                until: Some(until.unwrap_or(again.min(last))),
            },
        )?;
        let mut chain = vec![renewed];
        chain.extend(issuer.chain);
        Ok(chain)
    }
}
