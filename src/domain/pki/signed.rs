//! The envelope that certificates, revocation lists and requests share: something to be signed,
//! an algorithm, a signature.

use der::asn1::{Any, BitString};
use der::{Decode, Encode, Sequence};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::{Refusal, verify};

/// RFC 5280, 4.1.1: what was signed stays as it was read, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct Signed {
    body: Any,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

impl Signed {
    /// Splits the DER of a signed object.
    pub fn from_der(der: &[u8]) -> der::Result<Self> {
        <Self as Decode>::from_der(der)
    }

    /// The DER of something and its signature.
    pub fn assemble(
        body: &[u8],
        algorithm: AlgorithmIdentifierOwned,
        signature: &[u8],
    ) -> der::Result<Vec<u8>> {
        let (body, signature) = (Any::from_der(body)?, BitString::from_bytes(signature)?);
        Self { body, algorithm, signature }.to_der()
    }

    /// Checks the signature with the key of whoever is to have signed. `inner` is the algorithm
    /// that the signed part itself names, which has to be the same (RFC 5280, 4.1.1.2).
    pub fn verify(
        &self,
        inner: &AlgorithmIdentifierOwned,
        key: &SubjectPublicKeyInfoOwned,
    ) -> Result<(), Refusal> {
        if *inner != self.algorithm {
            return Err(Refusal::Malformed("two signature algorithms are named".to_owned()));
        }
        let body = self.body.to_der().map_err(|error| Refusal::Malformed(error.to_string()))?;
        let signature = self.signature.as_bytes().ok_or(Refusal::Forged)?;
        verify(key, &self.algorithm, &body, signature)
    }
}
