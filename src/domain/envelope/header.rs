//! The header of a ciphertext: which key, which version, which scheme, which parameters.

use der::asn1::OctetString;
use der::{Decode, Encode, Reader, Sequence, SliceReader};

use super::{OaepHash, Scheme};
use crate::domain::key::{KeyId, KeyName};
use crate::error::{Error, Kind, Result};

/// First bytes of every ciphertext file.
const MAGIC: &[u8; 8] = b"keyway\x00\x01";
/// The version of the format for a message without context and in one piece.
const FORMAT: u8 = 1;
/// The version of the format for the others: who knows only the first cannot read them.
const FORMAT_2: u8 = 2;

/// What a reader has to know before it can decrypt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// How the data is encrypted.
    pub scheme: Scheme,
    /// The key's name in its token.
    pub key: KeyName,
    /// The key's version.
    pub version: u32,
    /// The identifier of that version, which tells two keys of one name apart.
    pub id: KeyId,
    /// Nonce or initialisation vector, of [`Scheme::nonce_len`] bytes.
    pub nonce: Vec<u8>,
    /// The wrapped data key, where the scheme has one.
    pub data_key: Option<WrappedDataKey>,
    /// The names of the context, sorted; their values are associated data.
    pub context: Vec<String>,
    /// Bytes of data in every piece but the last, if the body is in pieces.
    pub piece: Option<u32>,
}

/// A data key wrapped with RSA-OAEP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedDataKey {
    /// The hash of OAEP.
    pub hash: OaepHash,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

/// A ciphertext taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The header.
    pub header: Header,
    /// The bytes that the header was read from: the associated data.
    pub associated: &'a [u8],
    /// What is encrypted, with the tag at its end where the scheme has one.
    pub body: &'a [u8],
}

#[derive(Sequence)]
struct HeaderDer {
    format: u8,
    scheme: Scheme,
    key: String,
    version: u32,
    id: OctetString,
    nonce: OctetString,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    data_key: Option<DataKeyDer>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    context: Option<Vec<String>>,
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", optional = "true")]
    piece: Option<u32>,
}

#[derive(Sequence)]
struct DataKeyDer {
    hash: OaepHash,
    wrapped: OctetString,
}

impl Header {
    /// Magic and DER: what stands before the body and is its associated data.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it, which the types rule out.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let data_key = self.data_key.as_ref().map(|key| {
            Ok(DataKeyDer { hash: key.hash, wrapped: OctetString::new(key.wrapped.as_slice())? })
        });
        let header = HeaderDer {
            format: self.format(),
            scheme: self.scheme,
            key: self.key.as_str().to_owned(),
            version: self.version,
            id: OctetString::new(self.id.as_bytes()).map_err(encoding)?,
            nonce: OctetString::new(self.nonce.as_slice()).map_err(encoding)?,
            data_key: data_key.transpose().map_err(encoding)?,
            context: (!self.context.is_empty()).then(|| self.context.clone()),
            piece: self.piece,
        };
        let mut bytes = MAGIC.to_vec();
        header.encode_to_vec(&mut bytes).map_err(encoding)?;
        Ok(bytes)
    }

    fn format(&self) -> u8 {
        match self.context.is_empty() && self.piece.is_none() {
            true => FORMAT,
            false => FORMAT_2,
        }
    }
}

impl<'a> Message<'a> {
    /// Takes a ciphertext apart.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is not one, or of a newer format.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| {
            Kind::Malformed
                .because("the input is not a keyway ciphertext")
                .advise("decrypt takes what keyway encrypt made")
        })?;
        let mut reader = SliceReader::new(rest).map_err(malformed)?;
        let header = HeaderDer::decode(&mut reader).map_err(malformed)?;
        let header_len = bytes.len() - usize::try_from(reader.remaining_len()).unwrap_or(0);
        if ![FORMAT, FORMAT_2].contains(&header.format) {
            return Err(Kind::Malformed
                .because(format!("a ciphertext of format {}", header.format))
                .advise("a newer keyway made it: update this one"));
        }
        let (associated, body) = bytes.split_at(header_len);
        Ok(Self { header: header.try_into()?, associated, body })
    }
}

impl TryFrom<HeaderDer> for Header {
    type Error = Error;

    fn try_from(header: HeaderDer) -> Result<Self> {
        let nonce = header.nonce.as_bytes().to_vec();
        if nonce.len() != header.scheme.nonce_len() {
            return Err(Kind::Malformed.because("a ciphertext with a nonce of wrong length"));
        }
        if header.data_key.is_some() != (header.scheme == Scheme::RsaOaep) {
            return Err(Kind::Malformed.because("a data key does not fit the ciphertext's scheme"));
        }
        let authenticated = header.scheme.is_authenticated();
        if !authenticated && (header.context.is_some() || header.piece.is_some()) {
            return Err(
                Kind::Malformed.because("a ciphertext whose scheme has no context or pieces")
            );
        }
        let format = header.format;
        let header = Self {
            scheme: header.scheme,
            key: header.key.parse()?,
            version: header.version,
            id: KeyId::try_from(header.id.as_bytes())?,
            nonce,
            data_key: header.data_key.map(|key| WrappedDataKey {
                hash: key.hash,
                wrapped: key.wrapped.as_bytes().to_vec(),
            }),
            context: header.context.unwrap_or_default(),
            piece: header.piece,
        };
        if header.format() != format {
            return Err(
                Kind::Malformed.because("a ciphertext whose format does not fit its header")
            );
        }
        Ok(header)
    }
}

fn malformed(error: der::Error) -> Error {
    Kind::Malformed.because("the ciphertext's header is damaged").caused_by(error)
}

fn encoding(error: der::Error) -> Error {
    Kind::Internal.because("cannot encode a header").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            scheme: Scheme::RsaOaep,
            key: "backup".parse().expect("a name"),
            version: 3,
            id: KeyId::new([5; 16]),
            nonce: vec![1; 12],
            data_key: Some(WrappedDataKey { hash: OaepHash::Sha1, wrapped: vec![2; 256] }),
            context: vec!["tenant".to_owned()],
            piece: Some(1 << 20),
        }
    }

    #[test]
    fn a_message_is_taken_apart_as_it_was_put_together() {
        let bytes = [header().to_bytes().expect("bytes"), b"body".to_vec()].concat();
        let message = Message::parse(&bytes).expect("parsed");
        assert_eq!(message.header, header());
        assert_eq!(message.body, b"body");
        assert_eq!(message.associated, header().to_bytes().expect("bytes"));
    }

    #[test]
    fn no_changed_or_shortened_byte_makes_a_panic() {
        let bytes = header().to_bytes().expect("bytes");
        for at in 0..bytes.len() {
            assert!(Message::parse(&bytes[..at]).is_err());
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                let _ = Message::parse(&changed);
            }
        }
    }

    #[test]
    fn a_message_that_needs_nothing_new_is_of_the_first_format() {
        let header = Header { context: Vec::new(), piece: None, ..header() };
        let bytes = header.to_bytes().expect("bytes");
        // Behind the magic: SEQUENCE with a long length, INTEGER format.
        assert_eq!(bytes[12..15], [2, 1, 1]);
        assert_eq!(Message::parse(&bytes).expect("parsed").header, header);
    }

    #[test]
    fn a_nonce_of_wrong_length_is_refused() {
        let header = Header { nonce: vec![1; 11], ..header() };
        assert!(Message::parse(&header.to_bytes().expect("bytes")).is_err());
    }
}
