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
    let mut unusable = "there is no list of its issuer".to_owned();
    let mut lists = Vec::new();
    for crl in crls.iter().filter(|crl| same(crl.issuer(), certificate.issuer())) {
        match check(crl, certificate, issuer, at) {
            Ok(checked) => lists.push(checked),
            Err(why) => unusable = why,
        }
    }
    let fulls = lists.iter().filter(|list| list.base.is_none());
    let full = fulls.max_by(|a, b| order(&a.number, &b.number));
    let Some(full) = full else { return Err(Refusal::RevocationUnknown(unusable)) };
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

/// Whether a list may speak about the certificate, at this moment.
fn check<'a>(
    crl: &'a Crl,
    certificate: &Certificate,
    issuer: &Certificate,
    at: Timestamp,
) -> Result<Checked<'a>, String> {
    let text = |refusal: Refusal| format!("the list of its issuer: {refusal}");
    let authority: Option<AuthorityKeyIdentifier> = crl.extension().map_err(text)?;
    let authority = authority.and_then(|authority| authority.key_identifier);
    let identifiers = (authority, issuer.key_identifier());
    if matches!(identifiers, (Some(a), Some(b)) if a.as_bytes() != b) {
        return Err("the list of its issuer was signed by another key".to_owned());
    }
    crl.verify(issuer.public_key()).map_err(text)?;
    if let Some(usage) = issuer.key_usage().map_err(text)?
        && !usage.0.contains(KeyUsages::CRLSign)
    {
        return Err("its issuer may not sign lists (cRLSign)".to_owned());
    }
    if at < crl.this_update() {
        return Err(format!("the list of its issuer is not valid before {}", crl.this_update()));
    }
    match crl.next_update() {
        Some(next) if at <= next => {}
        Some(next) => return Err(format!("the list of its issuer was due again at {next}")),
        None => return Err("the list of its issuer says not when the next is due".to_owned()),
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
        .map_err(|refusal| refusal.to_string())?;
    let Some(point) = point else { return Ok(()) };
    let is_authority = certificate.is_authority();
    let outside = point.indirect_crl
        || point.only_contains_attribute_certs
        || point.only_some_reasons.is_some()
        || (point.only_contains_user_certs && is_authority)
        || (point.only_contains_ca_certs && !is_authority);
    let named = point.distribution_point.is_none_or(|name| names_point(certificate, &name));
    if outside || !named {
        return Err("the list of its issuer does not cover it (issuingDistributionPoint)".into());
    }
    Ok(())
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
