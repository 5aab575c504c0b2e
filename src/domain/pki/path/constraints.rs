//! Name constraints (RFC 5280, 4.2.1.10).

use std::str::FromStr;

use const_oid::db::rfc3280::EMAIL_ADDRESS;
use der::asn1::Ia5String;
use x509_cert::ext::pkix::NameConstraints;
use x509_cert::ext::pkix::constraints::name::{GeneralSubtree, GeneralSubtrees};
use x509_cert::ext::pkix::name::GeneralName;

use crate::domain::pki::name::is_prefix;
use crate::domain::pki::{Certificate, Refusal};

/// What the authorities of a path allow together.
#[derive(Clone, Debug, Default)]
pub(super) struct Constraints {
    /// One list an authority: of each, a name has to be within one subtree of its form, if there
    /// is one of its form.
    permitted: Vec<GeneralSubtrees>,
    /// A name may be within none.
    excluded: GeneralSubtrees,
}

/// How a name stands to the base of a subtree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Within,
    Outside,
    /// Names of another form: nothing is said.
    Unrelated,
    /// Of the same form, which is not understood here.
    Unknown,
}

impl Constraints {
    /// Adds those of one more authority.
    pub fn add(&mut self, constraints: Option<NameConstraints>) -> Result<(), Refusal> {
        let Some(constraints) = constraints else { return Ok(()) };
        let permitted = constraints.permitted_subtrees.unwrap_or_default();
        let excluded = constraints.excluded_subtrees.unwrap_or_default();
        // Within this profile minimum is 0 and maximum absent.
        let odd = |tree: &GeneralSubtree| tree.minimum != 0 || tree.maximum.is_some();
        if permitted.iter().chain(&excluded).any(odd) {
            let what = "a name constraint with minimum or maximum".to_owned();
            return Err(Refusal::Malformed(what));
        }
        self.permitted.push(permitted);
        self.excluded.extend(excluded);
        Ok(())
    }

    /// Holds every name of a certificate to them.
    pub fn check(&self, certificate: &Certificate) -> Result<(), Refusal> {
        if self.permitted.is_empty() && self.excluded.is_empty() {
            return Ok(());
        }
        names_of(certificate)?.iter().try_for_each(|name| self.check_name(name))
    }

    fn check_name(&self, name: &GeneralName) -> Result<(), Refusal> {
        for tree in &self.excluded {
            let covered = relation(&tree.base, name) == Relation::Within
                || reaches_into(name, &tree.base)
                || relation(&tree.base, name) == Relation::Unknown;
            if covered {
                return Err(Refusal::NameExcluded(show(name)));
            }
        }
        for trees in &self.permitted {
            let relations = trees.iter().map(|tree| relation(&tree.base, name));
            let mut related =
                relations.filter(|relation| *relation != Relation::Unrelated).peekable();
            if related.peek().is_some() && !related.any(|relation| relation == Relation::Within) {
                return Err(Refusal::NameNotPermitted(show(name)));
            }
        }
        Ok(())
    }
}

/// Subject, alternative names and, where these name no mailbox, those in the subject.
fn names_of(certificate: &Certificate) -> Result<Vec<GeneralName>, Refusal> {
    let mut names = certificate.alternative_names()?.map(|names| names.0).unwrap_or_default();
    let subject = certificate.subject();
    if !names.iter().any(|name| matches!(name, GeneralName::Rfc822Name(_))) {
        for attribute in subject.iter().filter(|attribute| attribute.oid == EMAIL_ADDRESS) {
            let mailbox = Ia5String::new(attribute.value.value())
                .map_err(|error| Refusal::Malformed(format!("emailAddress: {error}")))?;
            names.push(GeneralName::Rfc822Name(mailbox));
        }
    }
    if !subject.is_empty() {
        names.push(GeneralName::DirectoryName(subject.clone()));
    }
    Ok(names)
}

fn relation(base: &GeneralName, name: &GeneralName) -> Relation {
    use GeneralName::{DirectoryName, DnsName, IpAddress, Rfc822Name, UniformResourceIdentifier};
    let within = match (base, name) {
        (DnsName(base), DnsName(name)) => is_domain_within(base.as_str(), name.as_str()),
        (Rfc822Name(base), Rfc822Name(name)) => is_mailbox_within(base.as_str(), name.as_str()),
        (UniformResourceIdentifier(base), UniformResourceIdentifier(name)) => {
            match host(name.as_str()) {
                Some(host) => is_host_within(base.as_str(), host),
                None => return Relation::Unknown,
            }
        }
        (IpAddress(base), IpAddress(name)) => is_address_within(base.as_bytes(), name.as_bytes()),
        (DirectoryName(base), DirectoryName(name)) => is_prefix(base, name),
        (base, name) if std::mem::discriminant(base) == std::mem::discriminant(name) => {
            return Relation::Unknown;
        }
        _ => return Relation::Unrelated,
    };
    if within { Relation::Within } else { Relation::Outside }
}

/// Whether a wildcard could stand for a name that is excluded: `*.example.com` for
/// `secret.example.com`.
fn reaches_into(name: &GeneralName, excluded: &GeneralName) -> bool {
    let (GeneralName::DnsName(name), GeneralName::DnsName(excluded)) = (name, excluded) else {
        return false;
    };
    let Some(parent) = name.as_str().strip_prefix("*.") else { return false };
    let excluded = excluded.as_str();
    excluded.split_once('.').is_some_and(|(_, above)| above.eq_ignore_ascii_case(parent))
}

fn is_domain_within(base: &str, name: &str) -> bool {
    let (base, name) = (base.to_ascii_lowercase(), name.to_ascii_lowercase());
    let name = name.strip_suffix('.').unwrap_or(&name);
    base.is_empty() || name == base || name.ends_with(&format!(".{}", base.trim_start_matches('.')))
}

/// A whole mailbox, all mailboxes of a host, or with a leading dot those of every host below.
fn is_mailbox_within(base: &str, name: &str) -> bool {
    let Some((local, host)) = name.rsplit_once('@') else { return false };
    match base.rsplit_once('@') {
        Some((base_local, base_host)) => {
            base_local == local && base_host.eq_ignore_ascii_case(host)
        }
        None => is_host_within(base, host),
    }
}

/// A host, or with a leading dot every host below.
fn is_host_within(base: &str, host: &str) -> bool {
    let (base, host) = (base.to_ascii_lowercase(), host.to_ascii_lowercase());
    if base.starts_with('.') { host.ends_with(&base) } else { host == base }
}

/// An address and a mask, against an address.
fn is_address_within(base: &[u8], address: &[u8]) -> bool {
    if base.len() != 2 * address.len() {
        return false;
    }
    let (network, mask) = base.split_at(address.len());
    address.iter().zip(network).zip(mask).all(|((a, n), m)| a & m == n & m)
}

/// The host of a URI with an authority; none when it is an address, which no constraint can name.
fn host(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.starts_with('[') {
        return None;
    }
    let host = host.split(':').next()?;
    let is_address = core::net::Ipv4Addr::from_str(host).is_ok();
    (!host.is_empty() && !is_address).then_some(host)
}

fn show(name: &GeneralName) -> String {
    match name {
        GeneralName::DnsName(text)
        | GeneralName::Rfc822Name(text)
        | GeneralName::UniformResourceIdentifier(text) => text.as_str().to_owned(),
        GeneralName::DirectoryName(name) => name.to_string(),
        GeneralName::IpAddress(bytes) => crate::domain::pki::show_address(bytes.as_bytes()),
        _ => "a name of a form that is not understood".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_within_themselves_and_what_is_above() {
        assert!(is_domain_within("example.com", "example.com"));
        assert!(is_domain_within("example.com", "WWW.Example.com"));
        assert!(is_domain_within("", "anything"));
        assert!(!is_domain_within("example.com", "badexample.com"));
        assert!(!is_domain_within("example.com", "example.com.evil"));
    }

    #[test]
    fn mailboxes_are_within_a_mailbox_a_host_or_the_hosts_below() {
        assert!(is_mailbox_within("a@example.com", "a@EXAMPLE.com"));
        assert!(!is_mailbox_within("a@example.com", "A@example.com"));
        assert!(is_mailbox_within("example.com", "x@example.com"));
        assert!(!is_mailbox_within("example.com", "x@mail.example.com"));
        assert!(is_mailbox_within(".example.com", "x@mail.example.com"));
    }

    #[test]
    fn the_host_of_a_uri_is_found_behind_user_and_port() {
        assert_eq!(host("https://user@host.example:8443/path?q#f"), Some("host.example"));
        for none in ["urn:x", "http://[::1]/", "http://127.0.0.1/", "http:///path"] {
            assert_eq!(host(none), None, "{none}");
        }
    }

    #[test]
    fn addresses_are_compared_under_their_mask() {
        assert!(is_address_within(&[10, 1, 0, 0, 255, 255, 0, 0], &[10, 1, 9, 9]));
        assert!(!is_address_within(&[10, 1, 0, 0, 255, 255, 0, 0], &[10, 2, 9, 9]));
        assert!(!is_address_within(&[10, 1, 0, 0, 255, 255, 0, 0], &[0; 16]));
    }

    #[test]
    fn a_wildcard_reaches_into_what_is_excluded_one_label_below() {
        let dns = |text: &str| GeneralName::DnsName(Ia5String::new(text).expect("ASCII"));
        assert!(reaches_into(&dns("*.example.com"), &dns("secret.example.com")));
        assert!(!reaches_into(&dns("*.example.com"), &dns("a.b.example.com")));
        assert!(!reaches_into(&dns("www.example.com"), &dns("secret.example.com")));
    }
}
