//! Profiles: what a certificate of each sort says of its use.

use std::fmt;
use std::str::FromStr;

use const_oid::db::rfc5280::{
    ID_KP_CLIENT_AUTH, ID_KP_CODE_SIGNING, ID_KP_OCSP_SIGNING, ID_KP_SERVER_AUTH,
};
use const_oid::db::rfc5912::RSA_ENCRYPTION;
use const_oid::db::rfc6960::ID_PKIX_OCSP_NOCHECK;
use der::Enumerated;
use der::asn1::{Null, ObjectIdentifier};
use der::flagset::FlagSet;
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, NameConstraints,
};

use super::{Weight, extension, extension_named};
use crate::domain::pki::{Purpose, Subtree};
use crate::error::{Error, Kind};

/// The sort of a certificate. The numbers stand in records and stay for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
pub enum Profile {
    /// An authority.
    Authority = 1,
    /// A TLS server.
    TlsServer = 2,
    /// A TLS client.
    TlsClient = 3,
    /// Signing programs.
    CodeSigning = 4,
    /// Answering for the authority (RFC 6960).
    Ocsp = 5,
    /// Proving who one is by signing, in keyway's key exchange.
    Identity = 6,
    /// Having keys wrapped for it.
    Recipient = 7,
}

/// What an authority may not exceed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorityLimits {
    /// How many authorities may follow below it.
    pub path_length: Option<u8>,
    /// The only names it may certify, of each form that is named.
    pub permitted: Vec<Subtree>,
    /// Names it may not certify.
    pub excluded: Vec<Subtree>,
}

struct Row {
    profile: Profile,
    name: &'static str,
    /// The purpose that such a certificate is good for.
    purpose: Purpose,
    usage: Usage,
    extended: Option<ObjectIdentifier>,
}

/// What the key does.
#[derive(Clone, Copy)]
enum Usage {
    Certifies,
    Signs,
    /// Signs, and with RSA also takes keys encrypted to it: TLS 1.2 without ephemeral keys.
    SignsOrTransports,
    /// Takes keys wrapped to it.
    Transports,
}

#[rustfmt::skip]
const TABLE: [Row; 7] = [
    Row { profile: Profile::Authority,   name: "ca",           purpose: Purpose::Authority,   usage: Usage::Certifies,         extended: None },
    Row { profile: Profile::TlsServer,   name: "tls-server",   purpose: Purpose::TlsServer,   usage: Usage::SignsOrTransports, extended: Some(ID_KP_SERVER_AUTH) },
    Row { profile: Profile::TlsClient,   name: "tls-client",   purpose: Purpose::TlsClient,   usage: Usage::Signs,             extended: Some(ID_KP_CLIENT_AUTH) },
    Row { profile: Profile::CodeSigning, name: "code-signing", purpose: Purpose::CodeSigning, usage: Usage::Signs,             extended: Some(ID_KP_CODE_SIGNING) },
    Row { profile: Profile::Ocsp,        name: "ocsp",         purpose: Purpose::Ocsp,        usage: Usage::Signs,             extended: Some(ID_KP_OCSP_SIGNING) },
    Row { profile: Profile::Identity,    name: "identity",     purpose: Purpose::Identity,    usage: Usage::Signs,             extended: None },
    Row { profile: Profile::Recipient,   name: "recipient",    purpose: Purpose::Recipient,   usage: Usage::Transports,        extended: None },
];

impl Profile {
    /// The name as people type it.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What a certificate of this sort is good for.
    pub fn purpose(self) -> Purpose {
        self.row().purpose
    }

    /// Basic constraints, key usage and what goes with them.
    pub(super) fn extensions(
        self,
        key: &SubjectPublicKeyInfoOwned,
        limits: &AuthorityLimits,
    ) -> der::Result<Vec<Extension>> {
        let ca = self == Profile::Authority;
        let basic = BasicConstraints { ca, path_len_constraint: limits.path_length };
        let usage = KeyUsage(self.row().usage.flags(key.algorithm.oid == RSA_ENCRYPTION));
        let mut extensions =
            vec![extension(Weight::Critical, &basic)?, extension(Weight::Critical, &usage)?];
        if let Some(extended) = self.row().extended {
            extensions.push(extension(Weight::Plain, &ExtendedKeyUsage(vec![extended]))?);
        }
        if self == Profile::Ocsp {
            extensions.push(extension_named(ID_PKIX_OCSP_NOCHECK, Weight::Plain, &Null)?);
        }
        if !limits.permitted.is_empty() || !limits.excluded.is_empty() {
            let constraints = NameConstraints {
                permitted_subtrees: subtrees(&limits.permitted),
                excluded_subtrees: subtrees(&limits.excluded),
            };
            extensions.push(extension(Weight::Critical, &constraints)?);
        }
        Ok(extensions)
    }

    fn row(self) -> &'static Row {
        TABLE
            .iter()
            .find(|row| row.profile == self)
            .expect("a test holds that every profile has its row")
    }
}

impl Usage {
    fn flags(self, is_rsa: bool) -> FlagSet<KeyUsages> {
        use KeyUsages::{CRLSign, DigitalSignature, KeyAgreement, KeyCertSign, KeyEncipherment};
        match self {
            // An authority signs OCSP answers as well.
            Usage::Certifies => DigitalSignature | KeyCertSign | CRLSign,
            Usage::SignsOrTransports if is_rsa => DigitalSignature | KeyEncipherment,
            Usage::Signs | Usage::SignsOrTransports => DigitalSignature.into(),
            Usage::Transports if is_rsa => KeyEncipherment.into(),
            Usage::Transports => KeyAgreement.into(),
        }
    }
}

fn subtrees(trees: &[Subtree]) -> Option<Vec<GeneralSubtree>> {
    let subtree =
        |tree: &Subtree| GeneralSubtree { base: tree.0.clone(), minimum: 0, maximum: None };
    (!trees.is_empty()).then(|| trees.iter().map(subtree).collect())
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        TABLE.iter().find(|row| row.name == text).map(|row| row.profile).ok_or_else(|| {
            let names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
            Kind::Usage
                .because(format!("{text:?} is not a profile"))
                .advise(format!("one of {}", names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_has_its_row_and_its_name_is_read_back() {
        for number in 1..=u8::MAX {
            let row = TABLE.get(usize::from(number) - 1).map(|row| row.profile);
            assert_eq!(Profile::try_from(number).ok(), row);
            if let Some(profile) = row {
                assert_eq!(profile.name().parse::<Profile>().expect("known"), profile);
            }
        }
    }
}
