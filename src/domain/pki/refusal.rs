//! Why a certificate is not trusted.

use std::fmt;

use der::asn1::ObjectIdentifier;

use super::Purpose;
use crate::domain::lifecycle::Reason;
use crate::domain::time::Timestamp;
use crate::error::{Error, Kind};

/// What is wrong with a certificate, or with the way from it to a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not DER of RFC 5280, or contradicts itself.
    Malformed(String),
    /// Its signature is not that of its issuer.
    Forged,
    /// Signed in a way that is too weak, or unknown here.
    Algorithm(String),
    /// Its validity begins later.
    NotYetValid(Timestamp),
    /// Its validity has ended.
    Expired(Timestamp),
    /// None of the certificates that were given issued it.
    NoIssuer(String),
    /// It issued another one but is no authority.
    NotAnAuthority,
    /// It is an authority below one that allows none, or no more.
    PathLength,
    /// Its key usage does not allow what it is used for.
    KeyUsage(&'static str),
    /// It is for other purposes.
    Purpose(Purpose),
    /// A name that no authority above may certify.
    NameNotPermitted(String),
    /// A name that an authority above excludes.
    NameExcluded(String),
    /// A critical extension that is not known here.
    CriticalExtension(ObjectIdentifier),
    /// Its issuer revoked it.
    Revoked {
        /// When.
        at: Timestamp,
        /// Why; `None` when the list gives a reason that keys do not have.
        reason: Option<Reason>,
    },
    /// No list says whether it is revoked.
    RevocationUnknown(String),
    /// The search for a path was given up.
    TooManyPaths,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => write!(f, "malformed: {what}"),
            Self::Forged => f.write_str("the signature is not its issuer's"),
            Self::Algorithm(what) => write!(f, "signature algorithm: {what}"),
            Self::NotYetValid(from) => write!(f, "not valid before {from}"),
            Self::Expired(at) => write!(f, "expired at {at}"),
            Self::NoIssuer(name) => write!(f, "its issuer {name} is neither given nor trusted"),
            Self::NotAnAuthority => {
                f.write_str("it issued a certificate but is no authority (basicConstraints)")
            }
            Self::PathLength => {
                f.write_str("an authority above it allows no further authority (pathLenConstraint)")
            }
            Self::KeyUsage(what) => write!(f, "its key usage does not allow {what}"),
            Self::Purpose(purpose) => {
                write!(f, "it is not for {purpose} (extended key usage)")
            }
            Self::NameNotPermitted(name) => {
                write!(f, "{name} is not within the name constraints of an authority above it")
            }
            Self::NameExcluded(name) => {
                write!(f, "{name} is excluded by the name constraints of an authority above it")
            }
            Self::CriticalExtension(oid) => write!(f, "unknown critical extension {oid}"),
            Self::Revoked { at, reason: Some(reason) } => {
                write!(f, "revoked at {at} ({reason})")
            }
            Self::Revoked { at, reason: None } => write!(f, "revoked at {at}"),
            Self::RevocationUnknown(why) => write!(f, "revocation unknown: {why}"),
            Self::TooManyPaths => f.write_str("too many paths to try"),
        }
    }
}

/// A certificate that is not trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its subject.
    pub subject: String,
    /// Why.
    pub refusal: Refusal,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "certificate {}: {}", self.subject, self.refusal)
    }
}

impl std::error::Error for Refused {}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let advice = match &refused.refusal {
            Refusal::NoIssuer(_) => "add the issuer's certificate, or trust its root",
            Refusal::RevocationUnknown(_) => "get a current list from its issuer: keyway ca crl",
            Refusal::NotYetValid(_) | Refusal::Expired(_) => {
                "ask its owner for a new one, and check this machine's clock"
            }
            _ => "do not trust it; ask its owner for a certificate that fits",
        };
        Kind::NotAuthentic.because(refused.to_string()).advise(advice)
    }
}
