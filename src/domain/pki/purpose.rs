//! What a certificate is used for, and what it has to say for that.

use std::fmt;
use std::str::FromStr;

use const_oid::db::rfc5280::{
    ID_KP_CLIENT_AUTH, ID_KP_CODE_SIGNING, ID_KP_OCSP_SIGNING, ID_KP_SERVER_AUTH,
};
use der::asn1::ObjectIdentifier;
use der::flagset::FlagSet;
use x509_cert::ext::pkix::KeyUsages;

use crate::error::{Error, Kind};

/// What the end of a path is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Anything: only the path is checked.
    Any,
    /// A TLS server.
    TlsServer,
    /// A TLS client.
    TlsClient,
    /// Signing programs.
    CodeSigning,
    /// Answering for an authority (RFC 6960, 4.2.2.2).
    Ocsp,
    /// Issuing certificates.
    Authority,
    /// Proving who one is by signing.
    Identity,
    /// Having keys wrapped for it.
    Recipient,
}

/// What an extended key usage has to say.
enum Extended {
    /// Nothing.
    Free,
    /// This purpose, if it says anything.
    IfPresent(ObjectIdentifier),
    /// This purpose, by name.
    Named(ObjectIdentifier),
}

struct Row {
    purpose: Purpose,
    name: &'static str,
    /// One of these, if there is a key usage at all.
    usages: &'static [KeyUsages],
    extended: Extended,
}

use KeyUsages::{DigitalSignature, KeyAgreement, KeyCertSign, KeyEncipherment};

#[rustfmt::skip]
const TABLE: [Row; 8] = [
    Row { purpose: Purpose::Any,         name: "any",          usages: &[],                                                   extended: Extended::Free },
    Row { purpose: Purpose::TlsServer,   name: "tls-server",   usages: &[DigitalSignature, KeyEncipherment, KeyAgreement],    extended: Extended::IfPresent(ID_KP_SERVER_AUTH) },
    Row { purpose: Purpose::TlsClient,   name: "tls-client",   usages: &[DigitalSignature, KeyAgreement],                     extended: Extended::IfPresent(ID_KP_CLIENT_AUTH) },
    Row { purpose: Purpose::CodeSigning, name: "code-signing", usages: &[DigitalSignature],                                   extended: Extended::Named(ID_KP_CODE_SIGNING) },
    Row { purpose: Purpose::Ocsp,        name: "ocsp",         usages: &[DigitalSignature],                                   extended: Extended::Named(ID_KP_OCSP_SIGNING) },
    Row { purpose: Purpose::Authority,   name: "ca",           usages: &[KeyCertSign],                                        extended: Extended::Free },
    Row { purpose: Purpose::Identity,    name: "identity",     usages: &[DigitalSignature],                                   extended: Extended::Free },
    Row { purpose: Purpose::Recipient,   name: "recipient",    usages: &[KeyEncipherment, KeyAgreement],                      extended: Extended::Free },
];

impl Purpose {
    /// The name as people type it.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Whether a key usage extension allows it.
    pub fn allowed_by_usage(self, usage: FlagSet<KeyUsages>) -> bool {
        let usages = self.row().usages;
        usages.is_empty() || usages.iter().any(|wanted| usage.contains(*wanted))
    }

    /// Whether an extended key usage, or its absence, allows it. `any` is whether the list names
    /// anyExtendedKeyUsage, which does for purposes that need not be named.
    pub fn allowed_by_extended(self, list: Option<&[ObjectIdentifier]>, any: bool) -> bool {
        match (&self.row().extended, list) {
            (Extended::Free, _) | (Extended::IfPresent(_), None) => true,
            (Extended::IfPresent(oid), Some(list)) => any || list.contains(oid),
            (Extended::Named(oid), list) => list.is_some_and(|list| list.contains(oid)),
        }
    }

    /// Whether an authority with this extended key usage may have such certificates below it: what
    /// it does not name it may not certify.
    pub fn allowed_below(self, list: &[ObjectIdentifier], any: bool) -> bool {
        match &self.row().extended {
            Extended::Free => true,
            Extended::IfPresent(oid) | Extended::Named(oid) => any || list.contains(oid),
        }
    }

    fn row(self) -> &'static Row {
        TABLE
            .iter()
            .find(|row| row.purpose == self)
            .expect("a test holds that every purpose has its row")
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Purpose {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        TABLE.iter().find(|row| row.name == text).map(|row| row.purpose).ok_or_else(|| {
            let names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
            Kind::Usage
                .because(format!("{text:?} is not a purpose"))
                .advise(format!("one of {}", names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_has_its_row_and_its_name_is_read_back() {
        use Purpose::*;
        for purpose in
            [Any, TlsServer, TlsClient, CodeSigning, Ocsp, Authority, Identity, Recipient]
        {
            assert_eq!(purpose.name().parse::<Purpose>().expect("known"), purpose);
        }
        assert!("tls".parse::<Purpose>().is_err());
    }

    #[test]
    fn only_purposes_that_need_no_name_are_met_by_silence() {
        assert!(Purpose::TlsServer.allowed_by_extended(None, false));
        assert!(Purpose::TlsServer.allowed_by_extended(Some(&[]), true));
        assert!(!Purpose::TlsServer.allowed_by_extended(Some(&[ID_KP_CLIENT_AUTH]), false));
        assert!(!Purpose::Ocsp.allowed_by_extended(None, false));
        assert!(!Purpose::Ocsp.allowed_by_extended(Some(&[]), true));
        assert!(Purpose::Ocsp.allowed_by_extended(Some(&[ID_KP_OCSP_SIGNING]), false));
    }
}
