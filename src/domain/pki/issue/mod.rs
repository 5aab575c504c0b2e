//! What an authority makes: certificates, revocation lists, and requests to another one. All of
//! them are built here up to the bytes to be signed, and put together with the signature.

mod certificate;
mod list;
mod profile;
mod request;

pub use certificate::{CertificateTemplate, Points};
pub(super) use list::crl_reason;
pub use list::{ListTemplate, ListedRevocation};
pub use profile::{AuthorityLimits, Profile};
pub use request::{Request, RequestTemplate};

use der::asn1::{GeneralizedTime, OctetString, UtcTime};
use der::oid::AssociatedOid;
use der::{Encode, asn1::ObjectIdentifier};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::ext::Extension;
use x509_cert::time::Time;

use super::signed::Signed;
use crate::domain::signature::SignatureScheme;
use crate::domain::time::Timestamp;
use crate::error::{Error, Kind, Result};

/// The DER of something whose signature is still missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    body: Vec<u8>,
    scheme: SignatureScheme,
}

impl Unsigned {
    fn new(body: &impl Encode, scheme: SignatureScheme) -> Result<Self> {
        Ok(Self { body: body.to_der().map_err(encoding)?, scheme })
    }

    /// What is to be signed.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.body
    }

    /// How.
    pub fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    /// The whole, in DER.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it, which the types rule out.
    pub fn with_signature(&self, signature: &[u8]) -> Result<Vec<u8>> {
        let algorithm = super::algorithm_of(self.scheme)?;
        Signed::assemble(&self.body, algorithm, signature).map_err(encoding)
    }
}

fn encoding(error: der::Error) -> Error {
    Kind::Internal.because("cannot encode for signing").caused_by(error)
}

/// RFC 5280, 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050.
fn time(moment: Timestamp) -> der::Result<Time> {
    let moment = moment.date_time();
    match moment.year() <= UtcTime::MAX_YEAR {
        true => UtcTime::from_date_time(moment).map(Time::UtcTime),
        false => Ok(Time::GeneralTime(GeneralizedTime::from_date_time(moment))),
    }
}

/// Whether an extension has to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Critical,
    Plain,
}

fn extension<T: Encode + AssociatedOid>(weight: Weight, value: &T) -> der::Result<Extension> {
    extension_named(T::OID, weight, value)
}

fn extension_named(
    extn_id: ObjectIdentifier,
    weight: Weight,
    value: &impl Encode,
) -> der::Result<Extension> {
    let extn_value = OctetString::new(value.to_der()?)?;
    Ok(Extension { extn_id, critical: weight == Weight::Critical, extn_value })
}

/// The identifier of a key: SHA-1 of its bits (RFC 5280, 4.2.1.2, method 1). It is a name, and no
/// security rests on the hash.
pub fn key_identifier(key: &SubjectPublicKeyInfoOwned) -> Vec<u8> {
    use sha1::{Digest, Sha1};
    Sha1::digest(key.subject_public_key.raw_bytes()).to_vec()
}
