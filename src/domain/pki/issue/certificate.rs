//! A certificate to be signed (RFC 5280, 4.1).

use der::Sequence;
use der::asn1::{Ia5String, OctetString};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, CrlDistributionPoints,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Time;

use super::{
    AuthorityLimits, Profile, Unsigned, Weight, encoding, extension, key_identifier, time,
};
use crate::domain::pki::{AlternativeName, Serial, algorithm_of};
use crate::domain::signature::SignatureScheme;
use crate::domain::time::Timestamp;
use crate::error::Result;

/// Where those who check find an authority's word on revocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Points {
    /// URI of the revocation list.
    pub list: Option<String>,
    /// URI of the delta list.
    pub delta: Option<String>,
    /// URI of the OCSP responder.
    pub responder: Option<String>,
}

/// What a certificate is to say.
#[derive(Clone, Debug)]
pub struct CertificateTemplate<'a> {
    /// Its number.
    pub serial: Serial,
    /// Who issues it.
    pub issuer: &'a Name,
    /// Whose key issues it.
    pub issuer_key: &'a SubjectPublicKeyInfoOwned,
    /// How that key signs.
    pub scheme: SignatureScheme,
    /// Whom it is for.
    pub subject: &'a Name,
    /// The key it certifies.
    pub key: &'a SubjectPublicKeyInfoOwned,
    /// First and last moment.
    pub validity: (Timestamp, Timestamp),
    /// Its sort.
    pub profile: Profile,
    /// For an authority.
    pub limits: &'a AuthorityLimits,
    /// Alternative names.
    pub names: &'a [AlternativeName],
    /// Where revocation is told.
    pub points: &'a Points,
}

#[derive(Sequence)]
struct TbsCertificate {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: u8,
    serial: SerialNumber,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: Validity,
    subject: Name,
    key: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Extensions,
}

#[derive(Sequence)]
struct Validity {
    not_before: Time,
    not_after: Time,
}

/// X.509 version 3 counts from 0.
const V3: u8 = 2;

impl CertificateTemplate<'_> {
    /// The certificate to be signed.
    ///
    /// # Errors
    /// [`crate::Kind::Internal`] when DER cannot express it.
    pub fn build(&self) -> Result<Unsigned> {
        let body = TbsCertificate {
            version: V3,
            serial: SerialNumber::new(self.serial.as_bytes()).map_err(encoding)?,
            signature: algorithm_of(self.scheme)?,
            issuer: self.issuer.clone(),
            validity: Validity {
                not_before: time(self.validity.0).map_err(encoding)?,
                not_after: time(self.validity.1).map_err(encoding)?,
            },
            subject: self.subject.clone(),
            key: self.key.clone(),
            extensions: self.extensions().map_err(encoding)?,
        };
        Unsigned::new(&body, self.scheme)
    }

    fn extensions(&self) -> der::Result<Extensions> {
        let mut extensions = self.profile.extensions(self.key, self.limits)?;
        let own = SubjectKeyIdentifier(OctetString::new(key_identifier(self.key))?);
        let issuer = AuthorityKeyIdentifier {
            key_identifier: Some(OctetString::new(key_identifier(self.issuer_key))?),
            ..Default::default()
        };
        extensions.push(extension(Weight::Plain, &own)?);
        extensions.push(extension(Weight::Plain, &issuer)?);
        if !self.names.is_empty() {
            let names = self.names.iter().map(|name| name.0.clone()).collect();
            // RFC 5280, 4.2.1.6: it has to be understood when there is no other name.
            let weight = if self.subject.is_empty() { Weight::Critical } else { Weight::Plain };
            extensions.push(extension(weight, &SubjectAltName(names))?);
        }
        if let Some(uri) = &self.points.list {
            let points = CrlDistributionPoints(vec![distribution_point(uri)?]);
            extensions.push(extension(Weight::Plain, &points)?);
        }
        if let Some(uri) = &self.points.responder {
            let access = AccessDescription {
                access_method: const_oid::db::rfc5280::ID_AD_OCSP,
                access_location: uri_name(uri)?,
            };
            extensions.push(extension(Weight::Plain, &AuthorityInfoAccessSyntax(vec![access]))?);
        }
        Ok(extensions)
    }
}

/// The place of a list.
pub(super) fn distribution_point(uri: &str) -> der::Result<DistributionPoint> {
    let name = DistributionPointName::FullName(vec![uri_name(uri)?]);
    Ok(DistributionPoint { distribution_point: Some(name), reasons: None, crl_issuer: None })
}

fn uri_name(uri: &str) -> der::Result<GeneralName> {
    Ok(GeneralName::UniformResourceIdentifier(Ia5String::new(uri)?))
}
