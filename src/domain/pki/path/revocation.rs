//! Revocation by lists, full and delta (RFC 5280, 6.3).

use const_oid::db::rfc5280::ID_CE_ISSUING_DISTRIBUTION_POINT;
use der::asn1::ObjectIdentifier;
use der::oid::AssociatedOid;
use x509_cert::ext::pkix::crl::dp::IssuingDistributionPoint;
use x509_cert::ext::pkix::name::DistributionPointName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BaseCrlNumber, CrlDistributionPoints, KeyUsages,
};

use crate::domain::pki::crl::Entry;
use crate::domain::pki::name::same;
use crate::domain::pki::{Certificate, Crl, Refusal};
use crate::domain::time::Timestamp;

/// The critical extensions of lists that are processed.
const KNOWN: [ObjectIdentifier; 2] = [BaseCrlNumber::OID, ID_CE_ISSUING_DISTRIBUTION_POINT];

/// A list that was checked, with its numbers.
struct Checked<'a> {
    crl: &'a Crl,
    number: Vec<u8>,
    base: Option<Vec<u8>>,
}

/// Refuses a certificate that its issuer revoked, and one of which no list says that it is not.
pub(super) fn require_not_revoked(
    certificate: &Certificate,
    issuer: &Certificate,
    crls: &[Crl],
    at: Timestamp,
) -> Result<(), Refusal> {
    let of = issuer.subject();
    let unknown = |why: &str| Refusal::RevocationUnknown(format!("the list of {of} {why}"));
    let mut unusable = Refusal::RevocationUnknown(format!("there is no list of {of}"));
    let mut lists = Vec::new();
    for crl in crls.iter().filter(|crl| same(crl.issuer(), certificate.issuer())) {
        match check(crl, certificate, issuer, at) {
            Ok(checked) => lists.push(checked),
            Err(why) => unusable = unknown(&why),
        }
    }
    let fulls = lists.iter().filter(|list| list.base.is_none());
    let Some(full) = fulls.max_by(|a, b| order(&a.number, &b.number)) else {
        return Err(match lists.is_empty() {
            true => unusable,
            false => unknown("is a delta list, and the full one that it completes is missing"),
        });
    };
    // RFC 5280, 5.2.4: a delta fits a full list that is not older than its base and not newer.
    let fits = |delta: &&Checked<'_>| {
        delta.base.as_ref().is_some_and(|base| order(base, &full.number).is_le())
            && order(&full.number, &delta.number).is_le()
    };
    let delta = lists.iter().filter(fits).max_by(|a, b| order(&a.number, &b.number));
    let serial = certificate.serial();
    let newest = match delta.map(|delta| delta.crl.entry(serial)).transpose()?.flatten() {
        None => full.crl.entry(serial)?,
        found => found,
    };
    match newest {
        Some(Entry::Revoked { at, reason }) => Err(Refusal::Revoked { at, reason }),
        Some(Entry::Removed) | None => Ok(()),
    }
}

/// Whether a list may speak about the certificate, at this moment. If not, what the list is or
/// does.
fn check<'a>(
    crl: &'a Crl,
    certificate: &Certificate,
    issuer: &Certificate,
    at: Timestamp,
) -> Result<Checked<'a>, String> {
    let text = |refusal: Refusal| format!("is not usable: {refusal}");
    let authority: Option<AuthorityKeyIdentifier> = crl.extension().map_err(text)?;
    let authority = authority.and_then(|authority| authority.key_identifier);
    let identifiers = (authority, issuer.key_identifier());
    if matches!(identifiers, (Some(a), Some(b)) if a.as_bytes() != b) {
        return Err("was signed by another key (authorityKeyIdentifier)".to_owned());
    }
    crl.verify(issuer.public_key()).map_err(text)?;
    if let Some(usage) = issuer.key_usage().map_err(text)?
        && !usage.0.contains(KeyUsages::CRLSign)
    {
        return Err("was signed by a key that may not sign lists (cRLSign)".to_owned());
    }
    if at < crl.this_update() {
        return Err(format!("is not valid before {}", crl.this_update()));
    }
    match crl.next_update() {
        Some(next) if at <= next => {}
        Some(next) => return Err(format!("is stale: the next one was due at {next}")),
        None => return Err("says not when the next one is due".to_owned()),
    }
    if let Some(oid) = crl.critical().find(|oid| !KNOWN.contains(oid)) {
        return Err(text(Refusal::CriticalExtension(oid)));
    }
    covers(crl, certificate)?;
    let number = crl.number().map_err(text)?.unwrap_or_default();
    Ok(Checked { crl, number, base: crl.base().map_err(text)? })
}

/// Whether the certificate is within the scope of the list, for every reason.
fn covers(crl: &Crl, certificate: &Certificate) -> Result<(), String> {
    let point: Option<IssuingDistributionPoint> = crl
        .extension_named(ID_CE_ISSUING_DISTRIBUTION_POINT)
        .map_err(|refusal| format!("is not usable: {refusal}"))?;
    let Some(point) = point else { return Ok(()) };
    let is_authority = certificate.is_authority();
    let elsewhere = point.distribution_point.is_some_and(|name| !names_point(certificate, &name));
    let outside = [
        (point.indirect_crl, "is an indirect one (indirectCRL), which does not count"),
        (point.only_contains_attribute_certs, "is about attribute certificates alone"),
        (point.only_some_reasons.is_some(), "is about some reasons alone (onlySomeReasons)"),
        (point.only_contains_user_certs && is_authority, "is not about authorities"),
        (point.only_contains_ca_certs && !is_authority, "is about authorities alone"),
        (elsewhere, "is for another distribution point than the certificate names"),
    ];
    match outside.into_iter().find(|(applies, _)| *applies) {
        Some((_, what)) => Err(what.to_owned()),
        None => Ok(()),
    }
}

fn names_point(certificate: &Certificate, name: &DistributionPointName) -> bool {
    let Ok(Some(CrlDistributionPoints(points))) = certificate.extension() else { return false };
    points.iter().filter_map(|point| point.distribution_point.as_ref()).any(|other| {
        match (name, other) {
            (DistributionPointName::FullName(a), DistributionPointName::FullName(b)) => {
                a.iter().any(|name| b.contains(name))
            }
            (a, b) => a == b,
        }
    })
}

/// The order of two numbers, big-endian and without leading zeros.
fn order(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}
