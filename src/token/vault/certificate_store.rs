//! Certificate objects.

use cryptoki::object::{Attribute, AttributeType, CertificateType, ObjectClass};
use der::Encode;
use der::asn1::Uint;

use crate::domain::key::{KeyId, KeyName};
use crate::domain::pki::Certificate;
use crate::error::{Kind, Result};
use crate::port::StoredCertificate;
use crate::token::open::OpenToken;

pub(super) fn add(token: &OpenToken, label: &KeyName, id: KeyId, der: &[u8]) -> Result<()> {
    let id = Attribute::Id(id.as_bytes().to_vec());
    let class = Attribute::Class(ObjectClass::CERTIFICATE);
    let same = [class.clone(), id.clone(), Attribute::Value(der.to_vec())];
    if !token.find(&same)?.is_empty() {
        return Ok(());
    }
    let certificate = Certificate::from_der(der)?;
    let encoding =
        |error: der::Error| Kind::Internal.because("cannot encode a name").caused_by(error);
    let serial = Uint::new(certificate.serial()).and_then(|serial| serial.to_der());
    let template = [
        class,
        id,
        Attribute::CertificateType(CertificateType::X_509),
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Label(label.as_str().as_bytes().to_vec()),
        Attribute::Subject(certificate.subject().to_der().map_err(encoding)?),
        Attribute::Issuer(certificate.issuer().to_der().map_err(encoding)?),
        Attribute::SerialNumber(serial.map_err(encoding)?),
        Attribute::Value(der.to_vec()),
    ];
    token
        .session()
        .create_object(&template)
        .map_err(|error| token.failed("cannot store a certificate", error))?;
    Ok(())
}

pub(super) fn all(token: &OpenToken) -> Result<Vec<StoredCertificate>> {
    let types = [AttributeType::Label, AttributeType::Id, AttributeType::Value];
    let mut certificates = Vec::new();
    for object in token.find(&[Attribute::Class(ObjectClass::CERTIFICATE)])? {
        let (mut label, mut id, mut der) = (Vec::new(), Vec::new(), Vec::new());
        for attribute in token.attributes(object, &types)? {
            match attribute {
                Attribute::Label(bytes) => label = bytes,
                Attribute::Id(bytes) => id = bytes,
                Attribute::Value(bytes) => der = bytes,
                _ => {}
            }
        }
        let label = String::from_utf8_lossy(&label).into_owned();
        certificates.push(StoredCertificate { label, id, der });
    }
    Ok(certificates)
}

pub(super) fn trusted(token: &OpenToken) -> Result<Vec<Vec<u8>>> {
    let template = [Attribute::Class(ObjectClass::CERTIFICATE), Attribute::Trusted(true)];
    let mut certificates = Vec::new();
    for object in token.find(&template)? {
        for attribute in token.attributes(object, &[AttributeType::Value])? {
            if let Attribute::Value(der) = attribute {
                certificates.push(der);
            }
        }
    }
    Ok(certificates)
}
