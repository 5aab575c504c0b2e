//! The DER of a share.

use der::asn1::{GeneralizedTime, OctetString};
use der::{Decode, Encode, Sequence};

use super::{SHARE_MAX, Share, SignedShare, Wrapped};
use crate::domain::envelope::OaepHash;
use crate::domain::key::{Algorithm, KeyId, Usage};
use crate::error::{Error, Kind, Result};

/// The version of the format that is written.
const FORMAT: u8 = 1;

#[derive(Sequence)]
struct SignedDer {
    body: OctetString,
    chain: Vec<OctetString>,
    signature: OctetString,
}

#[derive(Sequence)]
struct ShareDer {
    format: u8,
    made: GeneralizedTime,
    name: String,
    version: u32,
    key: OctetString,
    algorithm: Algorithm,
    usage: Usage,
    recipients: Vec<WrappedDer>,
}

#[derive(Sequence)]
struct WrappedDer {
    recipient: OctetString,
    subject: String,
    hash: OaepHash,
    wrapped: OctetString,
}

impl Share {
    pub(super) fn to_der(&self) -> Result<Vec<u8>> {
        let encode = || {
            ShareDer {
                format: FORMAT,
                made: GeneralizedTime::from_date_time(self.made.date_time()),
                name: self.name.as_str().to_owned(),
                version: self.version,
                key: OctetString::new(self.key.as_bytes())?,
                algorithm: self.algorithm,
                usage: self.usage,
                recipients: self
                    .recipients
                    .iter()
                    .map(WrappedDer::try_from)
                    .collect::<der::Result<_>>()?,
            }
            .to_der()
        };
        encode().map_err(encoding)
    }

    pub(super) fn from_der(bytes: &[u8]) -> Result<Self> {
        let share = ShareDer::from_der(bytes).map_err(malformed)?;
        if share.format != FORMAT {
            return Err(Kind::Malformed
                .because(format!("a share of format {}", share.format))
                .advise("a newer keyway wrote it: update this one"));
        }
        Ok(Self {
            made: share.made.to_date_time().into(),
            name: share.name.parse()?,
            version: share.version,
            key: KeyId::try_from(share.key.as_bytes())?,
            algorithm: share.algorithm,
            usage: share.algorithm.usage(Some(share.usage))?,
            recipients: share.recipients.iter().map(Wrapped::try_from).collect::<Result<_>>()?,
        })
    }
}

impl SignedShare {
    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it.
    pub fn to_der(&self) -> Result<Vec<u8>> {
        let octets = |bytes: &[u8]| OctetString::new(bytes);
        let encode = || {
            SignedDer {
                body: octets(&self.body)?,
                chain: self.chain.iter().map(|der| octets(der)).collect::<der::Result<_>>()?,
                signature: octets(&self.signature)?,
            }
            .to_der()
        };
        encode().map_err(encoding)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is no share.
    pub fn from_der(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > SHARE_MAX {
            return Err(Kind::Malformed.because("a share of more than 4 MiB"));
        }
        let signed = SignedDer::from_der(bytes).map_err(malformed)?;
        Ok(Self {
            body: signed.body.as_bytes().to_vec(),
            chain: signed.chain.iter().map(|der| der.as_bytes().to_vec()).collect(),
            signature: signed.signature.as_bytes().to_vec(),
        })
    }
}

impl TryFrom<&Wrapped> for WrappedDer {
    type Error = der::Error;

    fn try_from(wrapped: &Wrapped) -> der::Result<Self> {
        Ok(Self {
            recipient: OctetString::new(wrapped.recipient)?,
            subject: wrapped.subject.clone(),
            hash: wrapped.hash,
            wrapped: OctetString::new(&wrapped.wrapped[..])?,
        })
    }
}

impl TryFrom<&WrappedDer> for Wrapped {
    type Error = Error;

    fn try_from(wrapped: &WrappedDer) -> Result<Self> {
        let recipient = wrapped.recipient.as_bytes().try_into();
        Ok(Self {
            recipient: recipient
                .map_err(|_| Kind::Malformed.because("a recipient's hash of wrong length"))?,
            subject: wrapped.subject.clone(),
            hash: wrapped.hash,
            wrapped: wrapped.wrapped.as_bytes().to_vec(),
        })
    }
}

fn encoding(error: der::Error) -> Error {
    Kind::Internal.because("cannot encode a share").caused_by(error)
}

fn malformed(error: der::Error) -> Error {
    Kind::Malformed.because("not a share").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::super::tests::share;
    use super::*;

    #[test]
    fn a_share_is_read_back_as_it_was_written() {
        let signed = share().into_signed(vec![vec![1], vec![2, 3]], vec![4; 64]).expect("signed");
        let read = SignedShare::from_der(&signed.to_der().expect("DER")).expect("read");
        assert_eq!(read, signed);
        assert_eq!(read.share().expect("a share"), share());
    }

    #[test]
    fn no_changed_or_shortened_byte_makes_a_panic_or_the_same_share() {
        let signed = share().into_signed(vec![vec![1]], vec![4; 8]).expect("signed");
        let der = signed.to_der().expect("DER");
        for at in 0..der.len() {
            assert!(SignedShare::from_der(&der[..at]).is_err());
            for bit in 0..8 {
                let mut changed = der.clone();
                changed[at] ^= 1 << bit;
                if let Ok(read) = SignedShare::from_der(&changed) {
                    assert_ne!(read, signed);
                    let _ = read.share();
                }
            }
        }
    }
}
