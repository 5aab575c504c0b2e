//! OCSP (RFC 6960): reading a request, building the answer.

use std::ops::RangeInclusive;

use const_oid::db::rfc5912::{ID_SHA_1, ID_SHA_256};
use const_oid::db::rfc6960::{ID_PKIX_OCSP_BASIC, ID_PKIX_OCSP_NONCE};
use der::asn1::{Any, BitString, GeneralizedTime, Null, ObjectIdentifier, OctetString};
use der::{Choice, Decode, Encode, Enumerated, Sequence};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::ext::pkix::CrlReason;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::{Extension, Extensions};
use x509_cert::serial_number::SerialNumber;

use super::issue::{crl_reason, key_identifier};
use super::{Certificate, Serial, algorithm_of};
use crate::domain::hash::sha256;
use crate::domain::lifecycle::Reason;
use crate::domain::signature::SignatureScheme;
use crate::domain::time::Timestamp;
use crate::error::{Error, Kind, Result};

/// Most certificates that one request may ask about.
const MOST: usize = 100;

/// Bytes of a nonce (RFC 9654, 2.1): whoever asks does not choose much of what we sign.
const NONCE: RangeInclusive<usize> = 1..=128;

/// What somebody asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Which certificates.
    pub certificates: Vec<CertificateId>,
    nonce: Option<Extension>,
}

/// A certificate by its issuer and number (RFC 6960, 4.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct CertificateId {
    hash: AlgorithmIdentifierOwned,
    issuer_name: OctetString,
    issuer_key: OctetString,
    serial: SerialNumber,
}

/// What the answer says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Issued and not revoked.
    Good,
    /// Revoked.
    Revoked {
        /// When.
        at: Timestamp,
        /// Why.
        reason: Reason,
    },
    /// Not one of this authority's.
    Unknown,
}

/// What an answer is to say.
#[derive(Clone, Debug)]
pub struct AnswerTemplate<'a> {
    /// Whose key signs it.
    pub responder: &'a SubjectPublicKeyInfoOwned,
    /// How.
    pub scheme: SignatureScheme,
    /// When it is made, and until when it may be used.
    pub updates: (Timestamp, Timestamp),
    /// What was asked; the nonce is given back.
    pub query: &'a Query,
    /// The status of each certificate that was asked about.
    pub statuses: &'a [Status],
    /// The responder's certificate, unless it is the authority itself.
    pub certificate: Option<&'a Certificate>,
}

/// An answer whose signature is still missing.
#[derive(Clone, Debug)]
pub struct UnsignedAnswer {
    body: Any,
    scheme: SignatureScheme,
    certificates: Option<Vec<Any>>,
    to_be_signed: Vec<u8>,
}

#[derive(Sequence)]
struct OcspRequest {
    body: TbsRequest,
    #[asn1(context_specific = "0", optional = "true", tag_mode = "EXPLICIT")]
    signature: Option<Any>,
}

#[derive(Sequence)]
struct TbsRequest {
    #[asn1(context_specific = "0", default = "Default::default", tag_mode = "EXPLICIT")]
    version: u8,
    #[asn1(context_specific = "1", optional = "true", tag_mode = "EXPLICIT")]
    requestor: Option<GeneralName>,
    requests: Vec<SingleRequest>,
    #[asn1(context_specific = "2", optional = "true", tag_mode = "EXPLICIT")]
    extensions: Option<Extensions>,
}

#[derive(Sequence)]
struct SingleRequest {
    certificate: CertificateId,
    #[asn1(context_specific = "0", optional = "true", tag_mode = "EXPLICIT")]
    extensions: Option<Extensions>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
enum ResponseStatus {
    Successful = 0,
}

#[derive(Sequence)]
struct OcspResponse {
    status: ResponseStatus,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    bytes: ResponseBytes,
}

#[derive(Sequence)]
struct ResponseBytes {
    kind: ObjectIdentifier,
    response: OctetString,
}

#[derive(Sequence)]
struct BasicResponse {
    body: Any,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
    #[asn1(context_specific = "0", optional = "true", tag_mode = "EXPLICIT")]
    certificates: Option<Vec<Any>>,
}

/// ResponseData; its version is the default and not encoded, its responderID is byKey.
#[derive(Sequence)]
struct ResponseData {
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT")]
    responder_key: OctetString,
    produced_at: GeneralizedTime,
    responses: Vec<SingleResponse>,
    #[asn1(context_specific = "1", optional = "true", tag_mode = "EXPLICIT")]
    extensions: Option<Extensions>,
}

#[derive(Sequence)]
struct SingleResponse {
    certificate: CertificateId,
    status: StatusDer,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    next_update: GeneralizedTime,
}

#[derive(Choice)]
enum StatusDer {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedDer),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

#[derive(Sequence)]
struct RevokedDer {
    at: GeneralizedTime,
    #[asn1(context_specific = "0", optional = "true", tag_mode = "EXPLICIT")]
    reason: Option<CrlReason>,
}

impl Query {
    /// Reads a request in DER. A signature on it is not looked at: everybody may ask.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is none, asks about too much, or has a critical extension.
    pub fn read(der: &[u8]) -> Result<Self> {
        let malformed =
            |why: String| Kind::Malformed.because(format!("not an OCSP request: {why}"));
        let request =
            OcspRequest::from_der(der).map_err(|error| malformed(error.to_string()))?.body;
        if request.version != 0 || !(1..=MOST).contains(&request.requests.len()) {
            return Err(malformed(format!("{} certificates", request.requests.len())));
        }
        let extensions = request.extensions.unwrap_or_default();
        let single = request.requests.iter().filter_map(|one| one.extensions.as_ref()).flatten();
        let known = |one: &&Extension| one.critical && one.extn_id != ID_PKIX_OCSP_NONCE;
        if let Some(unknown) = extensions.iter().chain(single).find(known) {
            return Err(malformed(format!("unknown critical extension {}", unknown.extn_id)));
        }
        let nonce = extensions.into_iter().find(|one| one.extn_id == ID_PKIX_OCSP_NONCE);
        let length = |nonce: &Extension| {
            let value = OctetString::from_der(nonce.extn_value.as_bytes());
            value.map_or(0, |value| value.as_bytes().len())
        };
        if nonce.as_ref().is_some_and(|nonce| !NONCE.contains(&length(nonce))) {
            return Err(malformed("a nonce has 1 to 128 bytes".to_owned()));
        }
        let certificates = request.requests.into_iter().map(|one| one.certificate).collect();
        Ok(Self { certificates, nonce })
    }
}

impl CertificateId {
    /// The serial number, when it is one that keyway could have given to a certificate of this
    /// issuer.
    ///
    /// # Errors
    /// [`Kind::Internal`] when the issuer cannot be encoded, which reading it ruled out.
    pub fn serial_from(&self, issuer: &Certificate) -> Result<Option<Serial>> {
        use sha1::{Digest, Sha1};
        let name = issuer.subject().to_der().map_err(encoding)?;
        let key = issuer.public_key().subject_public_key.raw_bytes();
        // SHA-1 is what everybody asks with (RFC 6960, 4.1.1): it finds the issuer and proves nothing.
        let hash: fn(&[u8]) -> Vec<u8> = match self.hash.oid {
            ID_SHA_1 => |bytes| Sha1::digest(bytes).to_vec(),
            ID_SHA_256 => |bytes| sha256(&[bytes]).to_vec(),
            _ => return Ok(None),
        };
        let same =
            self.issuer_name.as_bytes() == hash(&name) && self.issuer_key.as_bytes() == hash(key);
        Ok(same.then(|| Serial::try_from(self.serial.as_bytes()).ok()).flatten())
    }
}

impl AnswerTemplate<'_> {
    /// The answer to be signed.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it.
    pub fn build(&self) -> Result<UnsignedAnswer> {
        let (this, next) = (time(self.updates.0), time(self.updates.1));
        let pairs = self.query.certificates.iter().zip(self.statuses);
        let response = |(certificate, status): (&CertificateId, &Status)| SingleResponse {
            certificate: certificate.clone(),
            status: status.encode(),
            this_update: this,
            next_update: next,
        };
        let data = ResponseData {
            responder_key: OctetString::new(key_identifier(self.responder)).map_err(encoding)?,
            produced_at: this,
            responses: pairs.map(response).collect(),
            extensions: self.query.nonce.clone().map(|nonce| vec![nonce]),
        };
        let certificate = self.certificate.map(|certificate| Any::from_der(certificate.der()));
        let certificates = certificate.transpose().map_err(encoding)?.map(|one| vec![one]);
        let to_be_signed = data.to_der().map_err(encoding)?;
        let body = Any::from_der(&to_be_signed).map_err(encoding)?;
        Ok(UnsignedAnswer { body, scheme: self.scheme, certificates, to_be_signed })
    }
}

impl UnsignedAnswer {
    /// What is to be signed.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.to_be_signed
    }

    /// The whole answer, in DER.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it.
    pub fn with_signature(self, signature: &[u8]) -> Result<Vec<u8>> {
        let basic = BasicResponse {
            body: self.body,
            algorithm: algorithm_of(self.scheme)?,
            signature: BitString::from_bytes(signature).map_err(encoding)?,
            certificates: self.certificates,
        };
        let response = basic.to_der().and_then(OctetString::new).map_err(encoding)?;
        let bytes = ResponseBytes { kind: ID_PKIX_OCSP_BASIC, response };
        OcspResponse { status: ResponseStatus::Successful, bytes }.to_der().map_err(encoding)
    }
}

impl Status {
    fn encode(self) -> StatusDer {
        match self {
            Status::Good => StatusDer::Good(Null),
            Status::Unknown => StatusDer::Unknown(Null),
            Status::Revoked { at, reason } => {
                StatusDer::Revoked(RevokedDer { at: time(at), reason: crl_reason(reason) })
            }
        }
    }
}

fn time(moment: Timestamp) -> GeneralizedTime {
    GeneralizedTime::from_date_time(moment.date_time())
}

fn encoding(error: der::Error) -> Error {
    Kind::Internal.because("cannot encode an OCSP answer").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_changed_or_shortened_byte_of_a_request_makes_a_panic() {
        let name = OctetString::new(vec![1; 20]).expect("short");
        let certificate = CertificateId {
            hash: AlgorithmIdentifierOwned { oid: ID_SHA_1, parameters: Some(Any::null()) },
            issuer_name: name.clone(),
            issuer_key: name,
            serial: SerialNumber::from(77_u32),
        };
        let requests = vec![SingleRequest { certificate: certificate.clone(), extensions: None }];
        let body = TbsRequest { version: 0, requestor: None, requests, extensions: None };
        let der = OcspRequest { body, signature: None }.to_der().expect("DER");
        assert_eq!(Query::read(&der).expect("read").certificates, [certificate]);
        for at in 0..der.len() {
            assert!(Query::read(&der[..at]).is_err());
            for bit in 0..8 {
                let mut changed = der.clone();
                changed[at] ^= 1 << bit;
                let _ = Query::read(&changed);
            }
        }
    }
}
