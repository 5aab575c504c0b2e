//! A file key that is sealed to a pair: the body of the stanza `keyway 2`.
//! `docs/sealed-files.md` draws it.

use der::asn1::OctetString;
use der::{Decode, Encode, Sequence};

use crate::domain::hash::sha256;
use crate::domain::key::{KeyId, KeyName};
use crate::error::{Error, Kind, Result};

/// Stands before what the sealing key is derived from.
const LABEL: &[u8] = b"keyway sealed file v2";

/// Who can open it, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedTo {
    /// The key's name in its token.
    pub key: KeyName,
    /// The key's version.
    pub version: u32,
    /// The identifier of that version.
    pub id: KeyId,
    /// The sender's ephemeral public value.
    pub ephemeral: Vec<u8>,
}

#[derive(Sequence)]
struct SealedToDer {
    key: String,
    version: u32,
    id: OctetString,
    ephemeral: OctetString,
}

#[derive(Sequence)]
struct BodyDer {
    to: SealedToDer,
    sealed: OctetString,
}

impl SealedTo {
    /// The DER: the associated data of what is sealed.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it, which the types rule out.
    pub fn to_der(&self) -> Result<Vec<u8>> {
        self.encoded().and_then(|to| to.to_der()).map_err(encoding)
    }

    /// What the sealing key is derived from, beside the shared secret: SHA-256 over the label, 0,
    /// the DER and the recipient's public value, so that the key is bound to both values.
    ///
    /// # Errors
    /// As [`SealedTo::to_der`].
    pub fn derivation(&self, recipient: &[u8]) -> Result<[u8; 32]> {
        Ok(sha256(&[LABEL, &[0], &self.to_der()?, recipient]))
    }

    /// The stanza's body.
    ///
    /// # Errors
    /// As [`SealedTo::to_der`].
    pub fn with_sealed(&self, sealed: &[u8]) -> Result<Vec<u8>> {
        let body = || BodyDer { to: self.encoded()?, sealed: OctetString::new(sealed)? }.to_der();
        body().map_err(encoding)
    }

    /// Reads a stanza's body. Answers what is sealed, too.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is none.
    pub fn read(body: &[u8]) -> Result<(Self, Vec<u8>)> {
        let body = BodyDer::from_der(body)
            .map_err(|error| Kind::Malformed.because("a damaged keyway stanza").caused_by(error))?;
        let to = Self {
            key: body.to.key.parse()?,
            version: body.to.version,
            id: KeyId::try_from(body.to.id.as_bytes())?,
            ephemeral: body.to.ephemeral.as_bytes().to_vec(),
        };
        Ok((to, body.sealed.as_bytes().to_vec()))
    }

    fn encoded(&self) -> der::Result<SealedToDer> {
        Ok(SealedToDer {
            key: self.key.as_str().to_owned(),
            version: self.version,
            id: OctetString::new(self.id.as_bytes())?,
            ephemeral: OctetString::new(self.ephemeral.as_slice())?,
        })
    }
}

fn encoding(error: der::Error) -> Error {
    Kind::Internal.because("cannot encode a stanza").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to() -> SealedTo {
        SealedTo {
            key: "k".parse().expect("a name"),
            version: 2,
            id: KeyId::new([3; 16]),
            ephemeral: vec![4; 65],
        }
    }

    #[test]
    fn a_body_is_read_back() {
        let body = to().with_sealed(b"sealed").expect("DER");
        assert_eq!(SealedTo::read(&body).expect("read"), (to(), b"sealed".to_vec()));
    }

    #[test]
    fn every_part_and_the_recipient_change_the_key() {
        let key = to().derivation(b"recipient").expect("a key");
        assert_ne!(key, to().derivation(b"another").expect("a key"));
        let others = [
            SealedTo { key: "l".parse().expect("a name"), ..to() },
            SealedTo { version: 3, ..to() },
            SealedTo { id: KeyId::new([4; 16]), ..to() },
            SealedTo { ephemeral: vec![5; 65], ..to() },
        ];
        for other in others {
            assert_ne!(key, other.derivation(b"recipient").expect("a key"), "{other:?}");
        }
    }

    #[test]
    fn damaged_bodies_do_not_panic() {
        let body = to().with_sealed(b"sealed").expect("DER");
        for at in 0..body.len() {
            assert!(SealedTo::read(&body[..at]).is_err());
            for bit in 0..8 {
                let mut changed = body.clone();
                changed[at] ^= 1 << bit;
                let _ = SealedTo::read(&changed);
            }
        }
    }
}
