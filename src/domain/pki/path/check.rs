//! Checking one path (RFC 5280, 6.1).

use const_oid::db::rfc5280::{ANY_EXTENDED_KEY_USAGE, ID_CE_CERTIFICATE_POLICIES};
use der::asn1::ObjectIdentifier;
use der::oid::AssociatedOid;
use x509_cert::ext::pkix::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, NameConstraints, SubjectAltName,
};

use super::constraints::Constraints;
use super::revocation::require_not_revoked;
use crate::domain::pki::{Certificate, Crl, Purpose, Refusal, Refused};
use crate::domain::time::Timestamp;

/// The critical extensions that are processed. Policies are: every policy does, so that only the
/// extensions that restrict them are unknown.
const KNOWN: [ObjectIdentifier; 6] = [
    BasicConstraints::OID,
    KeyUsage::OID,
    ExtendedKeyUsage::OID,
    NameConstraints::OID,
    SubjectAltName::OID,
    ID_CE_CERTIFICATE_POLICIES,
];

/// What a path is checked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checker<'a> {
    pub crls: &'a [Crl],
    pub at: Timestamp,
    pub purpose: Purpose,
}

/// What the authorities so far leave to those below.
#[derive(Default)]
struct Room {
    /// How many more authorities that are not self-issued.
    depth: Option<u8>,
    names: Constraints,
}

impl Checker<'_> {
    /// Checks a path, given from the certificate to its root, from the root downwards.
    pub fn check(&self, path: &[&Certificate]) -> Result<(), Refused> {
        let mut room = Room::default();
        let (leaf, authorities) = path.split_first().expect("a path is never empty");
        for (at, authority) in authorities.iter().enumerate().rev() {
            let issuer = authorities.get(at + 1).copied();
            self.check_each(authority, issuer, &room, self_issued_passes(authority))
                .and_then(|()| self.enter(authority, issuer.is_none(), &mut room))
                .map_err(|refusal| authority.refused(refusal))?;
        }
        self.check_each(leaf, authorities.first().copied(), &room, Passes::No)
            .and_then(|()| self.check_purpose(leaf, authorities.is_empty(), &mut room))
            .map_err(|refusal| leaf.refused(refusal))
    }

    /// What holds for every certificate of a path. The root has no issuer.
    fn check_each(
        &self,
        certificate: &Certificate,
        issuer: Option<&Certificate>,
        room: &Room,
        constraints: Passes,
    ) -> Result<(), Refusal> {
        if let Some(issuer) = issuer {
            certificate.verify(issuer.public_key())?;
        }
        if self.at < certificate.not_before() {
            return Err(Refusal::NotYetValid(certificate.not_before()));
        }
        if self.at > certificate.not_after() {
            return Err(Refusal::Expired(certificate.not_after()));
        }
        if let Some(unknown) = certificate.critical().find(|oid| !KNOWN.contains(oid)) {
            return Err(Refusal::CriticalExtension(unknown));
        }
        if constraints == Passes::No {
            room.names.check(certificate)?;
        }
        match issuer {
            Some(issuer) if !self.crls.is_empty() => {
                require_not_revoked(certificate, issuer, self.crls, self.at)
            }
            _ => Ok(()),
        }
    }

    /// What holds for an authority, and what it takes from those below.
    fn enter(
        &self,
        authority: &Certificate,
        is_root: bool,
        room: &mut Room,
    ) -> Result<(), Refusal> {
        let basic: Option<BasicConstraints> = authority.extension()?;
        let basic = basic.filter(|basic| basic.ca).ok_or(Refusal::NotAnAuthority)?;
        if let Some(usage) = authority.key_usage()?
            && !usage.0.contains(KeyUsages::KeyCertSign)
        {
            return Err(Refusal::KeyUsage("issuing certificates (keyCertSign)"));
        }
        if let Some(ExtendedKeyUsage(list)) = authority.extended_key_usage()? {
            let any = list.contains(&ANY_EXTENDED_KEY_USAGE);
            if !self.purpose.allowed_below(&list, any) {
                return Err(Refusal::Purpose(self.purpose));
            }
        }
        if !is_root && !authority.is_self_issued() {
            room.depth = match room.depth {
                Some(0) => return Err(Refusal::PathLength),
                depth => depth.map(|depth| depth - 1),
            };
        }
        if let Some(limit) = basic.path_len_constraint {
            room.depth = Some(room.depth.map_or(limit, |depth| depth.min(limit)));
        }
        room.names.add(authority.extension::<NameConstraints>()?)
    }

    fn check_purpose(
        &self,
        leaf: &Certificate,
        is_root: bool,
        room: &mut Room,
    ) -> Result<(), Refusal> {
        if self.purpose == Purpose::Authority {
            // Whatever it issues will have it as an authority.
            return self.enter(leaf, is_root, room);
        }
        if let Some(usage) = leaf.key_usage()?
            && !self.purpose.allowed_by_usage(usage.0)
        {
            return Err(Refusal::KeyUsage(self.purpose.name()));
        }
        let extended = leaf.extended_key_usage()?.map(|extended| extended.0);
        let any = extended.as_ref().is_some_and(|list| list.contains(&ANY_EXTENDED_KEY_USAGE));
        if !self.purpose.allowed_by_extended(extended.as_deref(), any) {
            return Err(Refusal::Purpose(self.purpose));
        }
        Ok(())
    }
}

/// Whether name constraints pass a certificate over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passes {
    Yes,
    No,
}

/// RFC 5280, 6.1.3 (b): a self-issued authority is not held to them.
fn self_issued_passes(authority: &Certificate) -> Passes {
    if authority.is_self_issued() { Passes::Yes } else { Passes::No }
}
