//! Issuing certificates.

use der::Encode;
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::name::Name;

use super::Issuer;
use crate::domain::hash::sha256;
use crate::domain::key::KeyName;
use crate::domain::pki::issue::{AuthorityLimits, CertificateTemplate, Profile, Request};
use crate::domain::pki::register::Issued;
use crate::domain::pki::{AlternativeName, Certificate, Serial, Subject, Trust, validate};
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};
use crate::port::Book;
use crate::service::{ATTEMPTS, Kms};

const DAY: u64 = 86_400;
/// How long an authority's certificate lasts if nobody says.
const AUTHORITY_DAYS: u64 = 3650;
/// How long every other certificate lasts if nobody says.
const DAYS: u64 = 90;

/// Most alternative names of a certificate: a request is a stranger's, and everybody who checks the
/// certificate reads all of them.
const MOST_NAMES: usize = 100;

/// What somebody wants certified.
#[derive(Clone, Debug)]
pub struct CertificateOrder {
    /// The authority.
    pub authority: KeyName,
    /// The request, whose proof of possession was checked when it was read.
    pub request: Request,
    /// The sort of certificate.
    pub profile: Profile,
    /// The name to certify; the one of the request if none is given.
    pub subject: Option<Subject>,
    /// The alternative names to certify. Those of the request count only if they are here.
    pub names: Vec<AlternativeName>,
    /// Last moment; `None` takes 90 days (an authority: ten years), or what the issuer has left.
    pub until: Option<Timestamp>,
    /// For an authority.
    pub limits: AuthorityLimits,
}

/// A certificate to be made, in parts.
pub(super) struct Order<'a> {
    pub subject: &'a Name,
    pub key: &'a SubjectPublicKeyInfoOwned,
    pub names: &'a [AlternativeName],
    pub profile: Profile,
    pub limits: &'a AuthorityLimits,
    pub until: Option<Timestamp>,
}

impl Kms<'_> {
    /// Issues a certificate for a request. Answers it with those above it on this token.
    ///
    /// # Errors
    /// [`Kind::Usage`] when nobody is named, or limits are for somebody who is no authority;
    /// [`Kind::Refused`] when it would outlive its issuer or has names that nobody understands, [`Kind::NotAuthentic`] when the
    /// constraints of an authority above do not allow it.
    pub fn issue_certificate(&self, order: &CertificateOrder) -> Result<Vec<Certificate>> {
        let issuer = self.issuer(&order.authority)?;
        let subject = order.subject.as_ref().map_or(&order.request.subject, |subject| &subject.0);
        require_names(order, subject)?;
        require_limits_of_authority(order)?;
        let certificate = self.issue(
            &issuer,
            &Order {
                subject,
                key: &order.request.key,
                names: &order.names,
                profile: order.profile,
                limits: &order.limits,
                until: order.until,
            },
        )?;
        let mut chain = vec![certificate];
        chain.extend(issuer.chain);
        Ok(chain)
    }

    /// Makes a certificate, checks that it is valid where it is to be used, writes it into the
    /// register and only then hands it out: what the register does not know does not exist.
    pub(super) fn issue(&self, issuer: &Issuer, order: &Order<'_>) -> Result<Certificate> {
        for _ in 0..ATTEMPTS {
            match self.try_issue(issuer, order) {
                Err(error) if matches!(error.kind(), Kind::Conflict | Kind::Exists) => {}
                issued => return issued,
            }
        }
        Err(Kind::Conflict
            .because("other processes keep taking the serial numbers")
            .advise("look at the token's random generator"))
    }

    fn try_issue(&self, issuer: &Issuer, order: &Order<'_>) -> Result<Certificate> {
        let serial = Serial::from_random(&self.vault.random(Serial::LEN)?)?;
        let validity = self.validity(issuer, order)?;
        let unsigned = CertificateTemplate {
            serial,
            issuer: &issuer.subject,
            issuer_key: &issuer.public,
            scheme: issuer.scheme,
            subject: order.subject,
            key: order.key,
            validity,
            profile: order.profile,
            limits: order.limits,
            names: order.names,
            points: &issuer.points,
        }
        .build()?;
        let certificate = Certificate::from_der(&self.complete(issuer.key, &unsigned)?)?;
        self.require_valid(&certificate, issuer, order)?;
        let key = order.key.to_der();
        let key = key.map_err(|error| Kind::Internal.because("a key").caused_by(error))?;
        self.add_entry(
            Book::Issued,
            &Issued {
                serial,
                authority: issuer.name.clone(),
                subject: order.subject.clone(),
                profile: order.profile,
                validity,
                key: sha256(&[&key]),
            },
        )?;
        Ok(certificate)
    }

    fn validity(&self, issuer: &Issuer, order: &Order<'_>) -> Result<(Timestamp, Timestamp)> {
        let now = self.clock.now();
        let days = if order.profile == Profile::Authority { AUTHORITY_DAYS } else { DAYS };
        let wanted = order.until.unwrap_or(Timestamp::from_unix(now.unix() + days * DAY));
        if wanted <= now {
            return Err(Kind::Usage
                .because(format!("a certificate valid until {wanted} would have expired"))
                .advise("name a later moment"));
        }
        match issuer.chain.first().map(Certificate::not_after) {
            Some(last) if wanted > last && order.until.is_some() => Err(Kind::Refused
                .because(format!("it would outlive authority {}, valid until {last}", issuer.name))
                .advise("choose a shorter time, or make a new authority")),
            last => Ok((now, last.map_or(wanted, |last| wanted.min(last)))),
        }
    }

    /// The whole path, as everybody else will check it.
    fn require_valid(
        &self,
        certificate: &Certificate,
        issuer: &Issuer,
        order: &Order<'_>,
    ) -> Result<()> {
        let mut chain = vec![certificate.clone()];
        chain.extend(issuer.chain.iter().cloned());
        let root = &chain[chain.len() - 1..];
        let trust = Trust { roots: root, crls: &[] };
        validate(&chain, &trust, self.clock.now(), order.profile.purpose()).map_err(|refused| {
            let error: crate::Error = refused.into();
            error
                .while_doing(format!("authority {} cannot issue this", issuer.name))
                .advise("nothing was issued; see its constraints: keyway ca show")
        })?;
        Ok(())
    }
}

/// RFC 5280, 4.1.2.6 and 4.2.1.6: somebody is named, in a way that is understood. An authority is
/// named by its subject, which its certificates repeat as their issuer.
fn require_names(order: &CertificateOrder, subject: &Name) -> Result<()> {
    if order.names.len() > MOST_NAMES {
        let count = order.names.len();
        return Err(Kind::Refused
            .because(format!("{count} alternative names; a certificate has {MOST_NAMES} at most"))
            .advise("choose those that are needed: --san"));
    }
    for name in &order.names {
        if name.to_string().parse::<AlternativeName>().ok().as_ref() != Some(name) {
            return Err(Kind::Refused
                .because(format!("the alternative name {name} is not well-formed"))
                .advise("choose those that are needed: --san"));
        }
    }
    if subject.is_empty() && (order.names.is_empty() || order.profile == Profile::Authority) {
        return Err(Kind::Usage
            .because("the request names nobody")
            .advise("name the subject: --subject CN=www.example.com"));
    }
    if order.profile != Profile::TlsServer || !order.names.is_empty() {
        return Ok(());
    }
    let asked: Vec<_> = order.request.names.iter().map(|name| format!("--san {name}")).collect();
    let error = Kind::Usage.because("a TLS server is known by its alternative names alone");
    Err(match asked.is_empty() {
        true => error.advise("name them: --san dns:www.example.com"),
        false => error.advise(format!("the request asks for: {}", asked.join(" "))),
    })
}

/// RFC 5280, 4.2.1.9 and 4.2.1.10: they stand in certificates of authorities alone.
fn require_limits_of_authority(order: &CertificateOrder) -> Result<()> {
    if order.profile == Profile::Authority || order.limits == AuthorityLimits::default() {
        return Ok(());
    }
    Err(Kind::Usage
        .because(format!("a certificate for {} limits nobody below it", order.profile))
        .advise("--path-len, --permit and --exclude are for --profile ca"))
}
