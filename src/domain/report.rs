//! A signed report that a key is compromised. `docs/lifecycle.md` says whose are believed.

use der::asn1::{GeneralizedTime, OctetString};
use der::{Decode, Encode, Sequence};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::hash::sha256;
use super::key::{KeyId, KeyName};
use super::pki::{algorithm_of, verify};
use super::signature::SignatureScheme;
use super::time::Timestamp;
use crate::error::{Error, Kind, Result};

/// The version of the format.
const FORMAT: u8 = 1;
/// Stands before what is signed, so that the signature means nothing else.
const CONTEXT: &[u8] = b"keyway compromise report v1\0";
/// Longest evidence, in characters.
const EVIDENCE_MAX: usize = 1000;

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The key.
    pub key: KeyName,
    /// The newest version that it concerns; it concerns all before that one, too.
    pub id: KeyId,
    /// When it was made.
    pub at: Timestamp,
    /// What speaks for the compromise.
    pub evidence: String,
    /// The SubjectPublicKeyInfo that signed it, in DER.
    pub signer: Vec<u8>,
    scheme: AlgorithmIdentifierOwned,
}

#[derive(Sequence)]
struct SignedDer {
    body: OctetString,
    signature: OctetString,
}

#[derive(Sequence)]
struct BodyDer {
    format: u8,
    key: String,
    id: OctetString,
    at: GeneralizedTime,
    evidence: String,
    signer: SubjectPublicKeyInfoOwned,
    algorithm: AlgorithmIdentifierOwned,
}

impl Report {
    /// A report that is yet to be signed with a scheme by a public key in DER.
    ///
    /// # Errors
    /// [`Kind::Usage`] for evidence that is empty, too long or on several lines.
    pub fn new(
        (key, id): (KeyName, KeyId),
        at: Timestamp,
        evidence: &str,
        signer: Vec<u8>,
        scheme: SignatureScheme,
    ) -> Result<Self> {
        let (evidence, scheme) = (evidence.to_owned(), algorithm_of(scheme)?);
        check_evidence(&evidence, Kind::Usage)?;
        Ok(Self { key, id, at, evidence, signer, scheme })
    }

    /// What is to be signed.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it.
    pub fn message(&self) -> Result<Vec<u8>> {
        Ok([CONTEXT, &self.body()?].concat())
    }

    /// The report with its signature, in DER.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it.
    pub fn signed(&self, signature: &[u8]) -> Result<Vec<u8>> {
        let body = OctetString::new(self.body()?).map_err(encoding)?;
        let signature = OctetString::new(signature).map_err(encoding)?;
        SignedDer { body, signature }.to_der().map_err(encoding)
    }

    /// Reads a report and checks that its signer signed it. Whether the signer is to be believed is
    /// another question.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is no report, [`Kind::NotAuthentic`] when the signature is not
    /// the signer's.
    pub fn open(der: &[u8]) -> Result<Self> {
        let signed = SignedDer::from_der(der).map_err(malformed)?;
        let body = BodyDer::from_der(signed.body.as_bytes()).map_err(malformed)?;
        if body.format != FORMAT {
            return Err(Kind::Malformed.because(format!("a report of format {}", body.format)));
        }
        check_evidence(&body.evidence, Kind::Malformed)?;
        let message = [CONTEXT, signed.body.as_bytes()].concat();
        verify(&body.signer, &body.algorithm, &message, signed.signature.as_bytes()).map_err(
            |refusal| {
                Kind::NotAuthentic
                    .because(format!("the report on key {}: {refusal}", body.key))
                    .advise("it was changed, or another key signed it: ask for it again")
            },
        )?;
        Ok(Self {
            key: body.key.parse()?,
            id: KeyId::try_from(body.id.as_bytes())?,
            at: body.at.to_date_time().into(),
            evidence: body.evidence,
            signer: body.signer.to_der().map_err(encoding)?,
            scheme: body.algorithm,
        })
    }

    /// SHA-256 of the signer's SubjectPublicKeyInfo.
    pub fn reporter(&self) -> [u8; 32] {
        sha256(&[&self.signer])
    }

    fn body(&self) -> Result<Vec<u8>> {
        let body = || {
            BodyDer {
                format: FORMAT,
                key: self.key.as_str().to_owned(),
                id: OctetString::new(self.id.as_bytes())?,
                at: GeneralizedTime::from_date_time(self.at.date_time()),
                evidence: self.evidence.clone(),
                signer: SubjectPublicKeyInfoOwned::from_der(&self.signer)?,
                algorithm: self.scheme.clone(),
            }
            .to_der()
        };
        body().map_err(encoding)
    }
}

fn check_evidence(evidence: &str, kind: Kind) -> Result<()> {
    let length = evidence.chars().count();
    if !(1..=EVIDENCE_MAX).contains(&length) || evidence.contains(char::is_control) {
        return Err(kind
            .because("the evidence of a report is empty, too long or not on one line")
            .advise(format!("say it in 1 to {EVIDENCE_MAX} characters, on one line")));
    }
    Ok(())
}

fn malformed(error: der::Error) -> Error {
    Kind::Malformed.because("not a compromise report").caused_by(error)
}

fn encoding(error: der::Error) -> Error {
    Kind::Internal.because("cannot encode a report").caused_by(error)
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;
    use crate::domain::public_key::PublicKey;

    fn signed() -> (Report, Vec<u8>) {
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = PublicKey::Ed25519(key.verifying_key().as_bytes().to_vec());
        let signer = public.to_der().expect("DER");
        let about = ("backup".parse().expect("a name"), KeyId::new([3; 16]));
        let at = Timestamp::from_unix(1_800_000_000);
        let scheme = SignatureScheme::Ed25519;
        let report = Report::new(about, at, "found in a dump", signer, scheme).expect("a report");
        let signature = key.sign(&report.message().expect("a message")).to_bytes();
        let der = report.signed(&signature).expect("DER");
        (report, der)
    }

    #[test]
    fn a_report_is_read_back_and_every_changed_bit_is_noticed() {
        let (report, der) = signed();
        assert_eq!(Report::open(&der).expect("opened"), report);
        for at in 0..der.len() {
            let mut changed = der.clone();
            changed[at] ^= 1;
            assert!(Report::open(&changed).is_err(), "byte {at}");
            assert!(Report::open(&der[..at]).is_err(), "shortened to {at}");
        }
    }

    #[test]
    fn evidence_is_one_line_of_some_length() {
        let (report, _) = signed();
        for wrong in ["", "a\nb", &"x".repeat(1001)] {
            let about = (report.key.clone(), report.id);
            let scheme = SignatureScheme::Ed25519;
            let made = Report::new(about, report.at, wrong, report.signer.clone(), scheme);
            assert_eq!(made.expect_err("refused").kind(), Kind::Usage);
        }
    }
}
