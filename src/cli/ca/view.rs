//! What is told of authorities and certificates.

use serde::Serialize;

use crate::cli::page::{Cell, Page, Table};
use crate::cli::print::{text, text_or_null};
use crate::clock::SystemClock;
use crate::domain::key::KeyName;
use crate::domain::lifecycle::Reason;
use crate::domain::pki::Certificate;
use crate::domain::pki::register::{Authority, Issued, Revocation};
use crate::domain::time::Timestamp;
use crate::port::Clock;
use crate::service::AuthorityListing;

/// An authority of the token.
#[derive(Debug, Serialize)]
pub(super) struct AuthorityView {
    #[serde(serialize_with = "text")]
    pub name: KeyName,
    pub subject: String,
    #[serde(serialize_with = "text_or_null")]
    pub parent: Option<KeyName>,
    #[serde(serialize_with = "text")]
    pub valid_until: Timestamp,
    #[serde(serialize_with = "text")]
    pub created: Timestamp,
    pub crl_uri: Option<String>,
    pub delta_crl_uri: Option<String>,
    pub ocsp_uri: Option<String>,
}

/// A certificate of the register.
#[derive(Debug, Serialize)]
pub(super) struct IssuedView {
    pub serial: String,
    pub profile: &'static str,
    pub subject: String,
    #[serde(serialize_with = "text")]
    pub valid_from: Timestamp,
    #[serde(serialize_with = "text")]
    pub valid_until: Timestamp,
    /// `valid`, `expired` or `revoked`.
    pub state: &'static str,
    #[serde(serialize_with = "text_or_null")]
    pub revoked_at: Option<Timestamp>,
    #[serde(serialize_with = "text_or_null")]
    pub reason: Option<Reason>,
}

/// A certificate that was made.
#[derive(Debug, Serialize)]
pub(super) struct CertificateView {
    pub serial: String,
    pub subject: String,
    pub issuer: String,
    #[serde(serialize_with = "text")]
    pub valid_from: Timestamp,
    #[serde(serialize_with = "text")]
    pub valid_until: Timestamp,
}

impl From<&Authority> for AuthorityView {
    fn from(authority: &Authority) -> Self {
        Self {
            name: authority.name.clone(),
            subject: authority.certificate.subject().to_string(),
            parent: authority.parent.clone(),
            valid_until: authority.certificate.not_after(),
            created: authority.created,
            crl_uri: authority.points.list.clone(),
            delta_crl_uri: authority.points.delta.clone(),
            ocsp_uri: authority.points.responder.clone(),
        }
    }
}

impl IssuedView {
    /// What an authority issued, with its state now.
    pub fn all(listing: &AuthorityListing) -> Vec<Self> {
        let revoked =
            |issued: &Issued| listing.revoked.iter().find(|one| one.listed.serial == issued.serial);
        listing.issued.iter().map(|issued| Self::of(issued, revoked(issued))).collect()
    }

    fn of(issued: &Issued, revoked: Option<&Revocation>) -> Self {
        let state = match revoked {
            Some(_) => "revoked",
            None if issued.validity.1 < SystemClock.now() => "expired",
            None => "valid",
        };
        Self {
            serial: issued.serial.to_string(),
            profile: issued.profile.name(),
            subject: issued.subject.to_string(),
            valid_from: issued.validity.0,
            valid_until: issued.validity.1,
            state,
            revoked_at: revoked.map(|one| one.listed.at),
            reason: revoked.map(|one| one.listed.reason),
        }
    }

    /// A table of them for people.
    pub fn table(certificates: &[Self], page: &mut Page) {
        let mut table =
            Table::new(&["SERIAL", "PROFILE", "VALID UNTIL", "STATE", "REVOKED", "SUBJECT"]);
        for one in certificates {
            let revoked = one.revoked_at.zip(one.reason);
            table.row([
                Cell::new(&one.serial),
                Cell::new(one.profile),
                Cell::new(one.valid_until),
                Cell::state(one.state),
                Cell::or_dash(revoked.map(|(at, reason)| format!("{at} ({reason})"))),
                Cell::new(&one.subject),
            ]);
        }
        page.table(&table);
    }
}

impl From<&Certificate> for CertificateView {
    fn from(certificate: &Certificate) -> Self {
        Self {
            serial: certificate.serial().iter().map(|byte| format!("{byte:02x}")).collect(),
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            valid_from: certificate.not_before(),
            valid_until: certificate.not_after(),
        }
    }
}
