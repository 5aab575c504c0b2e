//! Requests for certificates (PKCS#10, RFC 2986).

use der::asn1::SetOfVec;
use der::oid::AssociatedOid;
use der::{Decode, Document};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, ExtensionReq, Version};

use super::{Unsigned, Weight, encoding, extension};
use crate::domain::pki::signed::Signed;
use crate::domain::pki::{AlternativeName, Refusal};
use crate::domain::signature::SignatureScheme;
use crate::error::{Kind, Result};

/// Labels of requests in PEM; the second one is of old programs.
const LABELS: [&str; 2] = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];

/// A request whose signature was checked: whoever made it has the private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The name that it asks for.
    pub subject: Name,
    /// The key to be certified.
    pub key: SubjectPublicKeyInfoOwned,
    /// The alternative names that it asks for.
    pub names: Vec<AlternativeName>,
}

/// What a request is to say.
#[derive(Clone, Debug)]
pub struct RequestTemplate<'a> {
    /// The name to ask for.
    pub subject: &'a Name,
    /// The key to be certified.
    pub key: &'a SubjectPublicKeyInfoOwned,
    /// How it signs.
    pub scheme: SignatureScheme,
    /// The alternative names to ask for.
    pub names: &'a [AlternativeName],
}

impl Request {
    /// Reads a request, in PEM or DER, and checks that its key signed it.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is none, [`Kind::NotAuthentic`] when the key that it names did
    /// not sign it: then nobody showed that he has the private key.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let der = to_der(bytes)?;
        let malformed =
            |error: der::Error| Kind::Malformed.because("not a request").caused_by(error);
        let request = CertReq::from_der(&der).map_err(malformed)?;
        let signed = Signed::from_der(&der).map_err(malformed)?;
        let (info, algorithm) = (request.info, request.algorithm);
        signed.verify(&algorithm, &info.public_key).map_err(|refusal| {
            let why = match refusal {
                Refusal::Forged => "it is not signed by the key that it names".to_owned(),
                other => other.to_string(),
            };
            Kind::NotAuthentic
                .because(format!("request for {}: {why}", info.subject))
                .advise("whoever sent it may not have the private key: ask for a new one")
        })?;
        let names = requested_names(&info).map_err(malformed)?;
        Ok(Self { subject: info.subject, key: info.public_key, names })
    }
}

impl RequestTemplate<'_> {
    /// The request to be signed.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it.
    pub fn build(&self) -> Result<Unsigned> {
        let info = CertReqInfo {
            version: Version::V1,
            subject: self.subject.clone(),
            public_key: self.key.clone(),
            attributes: self.attributes().map_err(encoding)?,
        };
        Unsigned::new(&info, self.scheme)
    }

    fn attributes(&self) -> der::Result<SetOfVec<Attribute>> {
        if self.names.is_empty() {
            return Ok(SetOfVec::new());
        }
        let names = SubjectAltName(self.names.iter().map(|name| name.0.clone()).collect());
        let wanted = ExtensionReq(vec![extension(Weight::Plain, &names)?]);
        SetOfVec::try_from(vec![Attribute::try_from(wanted)?])
    }
}

fn to_der(bytes: &[u8]) -> Result<Vec<u8>> {
    if bytes.first() == Some(&0x30) {
        return Ok(bytes.to_vec());
    }
    let none = || Kind::Malformed.because("no request, in PEM or DER");
    let text = std::str::from_utf8(bytes).map_err(|_| none())?;
    let start = text.find("-----BEGIN ").ok_or_else(none)?;
    let (label, document) =
        Document::from_pem(&text[start..]).map_err(|error| none().caused_by(error))?;
    match LABELS.contains(&label) {
        true => Ok(document.as_bytes().to_vec()),
        false => Err(Kind::Malformed.because(format!("a {label} is no request"))),
    }
}

fn requested_names(info: &CertReqInfo) -> der::Result<Vec<AlternativeName>> {
    let mut names = Vec::new();
    for attribute in info.attributes.iter().filter(|one| one.oid == ExtensionReq::OID) {
        for value in attribute.values.iter() {
            let ExtensionReq(extensions) = value.decode_as()?;
            for wanted in extensions.iter().filter(|one| one.extn_id == SubjectAltName::OID) {
                let SubjectAltName(wanted) =
                    SubjectAltName::from_der(wanted.extn_value.as_bytes())?;
                names.extend(wanted.into_iter().map(AlternativeName));
            }
        }
    }
    Ok(names)
}
