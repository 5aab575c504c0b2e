//! Path validation (RFC 5280, 6): from a certificate to a root that is trusted.

mod check;
mod constraints;
mod revocation;

use super::{Certificate, Crl, Purpose, Refusal, Refused};
use crate::domain::time::Timestamp;

/// Longest path, the root included.
const LONGEST: usize = 10;
/// How many complete paths are tried: certificates that an attacker made up must not cost more.
const MOST_PATHS: u32 = 100;

/// Whom we trust, and what is known to be revoked.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// The roots. Their validity and constraints count like everybody's.
    pub roots: &'a [Certificate],
    /// Revocation lists. If there is one at all, every certificate below the root has to be
    /// covered by one of its issuer, or it is refused; without any, revocation is not looked at.
    pub crls: &'a [Crl],
}

/// A certificate that is trusted, with the path that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatedPath {
    certificates: Vec<Certificate>,
}

impl ValidatedPath {
    /// The certificate that was asked about.
    pub fn certificate(&self) -> &Certificate {
        &self.certificates[0]
    }

    /// From the certificate to its root, both included.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }
}

/// Finds a path from the first certificate of the chain to a root and checks it, at a moment and
/// for a purpose. The rest of the chain are intermediate certificates in any order, also ones that
/// do not belong.
///
/// Signatures, validity, basicConstraints with path lengths, key usage, extended key usage (also
/// of the authorities above), name constraints, critical extensions and revocation are checked.
/// Policies are not: an extension that restricts them is critical, and refused as unknown.
///
/// # Errors
/// Which certificate is refused, and why. Of several paths that fail it is that of the first.
pub fn validate(
    chain: &[Certificate],
    trust: &Trust<'_>,
    at: Timestamp,
    purpose: Purpose,
) -> Result<ValidatedPath, Refused> {
    let Some((leaf, intermediates)) = chain.split_first() else {
        let refusal = Refusal::Malformed("no certificate was given".to_owned());
        return Err(Refused { subject: String::new(), refusal });
    };
    let checker = check::Checker { crls: trust.crls, at, purpose };
    let mut search = Search { intermediates, roots: trust.roots, checker, paths: 0, failure: None };
    let mut path = vec![leaf];
    if search.extend(&mut path) {
        return Ok(ValidatedPath { certificates: path.into_iter().cloned().collect() });
    }
    Err(search.failure.unwrap_or_else(|| {
        let last = path.last().unwrap_or(&leaf);
        last.refused(Refusal::NoIssuer(last.issuer().to_string()))
    }))
}

/// A search in depth through the certificates that may have issued each other.
struct Search<'a> {
    intermediates: &'a [Certificate],
    roots: &'a [Certificate],
    checker: check::Checker<'a>,
    paths: u32,
    /// Why the first complete path, or else the first incomplete one, was refused.
    failure: Option<Refused>,
}

impl<'a> Search<'a> {
    /// Extends the path to one that is valid. Of a path that is not, nothing is taken back but
    /// what was added.
    fn extend(&mut self, path: &mut Vec<&'a Certificate>) -> bool {
        let tip = *path.last().expect("a path begins with its certificate");
        if self.roots.contains(tip) {
            return self.try_path(path);
        }
        if path.len() == LONGEST {
            self.paths += 1;
            return false;
        }
        let roots = self.roots.iter().filter(|root| may_have_issued(root, tip));
        for root in roots {
            path.push(root);
            if self.try_path(path) {
                return true;
            }
            path.pop();
        }
        let mut incomplete = true;
        for issuer in self.intermediates.iter().filter(|one| may_have_issued(one, tip)) {
            if path.contains(&issuer) || self.paths >= MOST_PATHS {
                continue;
            }
            incomplete = false;
            path.push(issuer);
            // A certificate that its issuer's key did not sign leads nowhere, and costs no more.
            if let Err(refusal) = tip.verify(issuer.public_key()) {
                self.paths += 1;
                self.failure.get_or_insert(tip.refused(refusal));
            } else if self.extend(path) {
                return true;
            }
            path.pop();
        }
        if incomplete {
            self.paths += 1;
            let missing = tip.refused(Refusal::NoIssuer(tip.issuer().to_string()));
            self.failure.get_or_insert(missing);
        }
        false
    }

    fn try_path(&mut self, path: &[&'a Certificate]) -> bool {
        self.paths += 1;
        if self.paths > MOST_PATHS {
            self.failure.get_or_insert(path[0].refused(Refusal::TooManyPaths));
            return false;
        }
        match self.checker.check(path) {
            Ok(()) => true,
            Err(refused) => {
                self.remember(refused);
                false
            }
        }
    }

    /// A path that reached a root says more than one that did not.
    fn remember(&mut self, refused: Refused) {
        match &self.failure {
            Some(known) if !matches!(known.refusal, Refusal::NoIssuer(_)) => {}
            _ => self.failure = Some(refused),
        }
    }
}

/// Whether the names and, where both say so, the key identifiers fit. Only the signature proves it.
fn may_have_issued(issuer: &Certificate, subject: &Certificate) -> bool {
    let identifiers = (issuer.key_identifier(), subject.authority_key_identifier());
    super::name::same(issuer.subject(), subject.issuer())
        && !matches!(identifiers, (Some(a), Some(b)) if a != b)
}
