//! The messages of the authenticated exchange, in DER. `docs/exchange.md` draws them.

use der::asn1::OctetString;
use der::{Decode, Encode, Sequence};

use super::{Group, PublicValue};
use crate::error::{Error, Kind, Result};

/// The version of the protocol that is spoken. It is in the first message, whose hash enters every
/// key: a changed version changes all of them.
const FORMAT: u8 = 1;

/// Longest message in bytes: a chain of certificates fits many times over.
pub const EXCHANGE_MESSAGE_MAX: usize = 65_536;

/// What each side says in the clear: its ephemeral public value and a nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The ephemeral public value, checked.
    pub public: PublicValue,
    /// Random bytes of this run.
    pub nonce: [u8; Self::NONCE_LEN],
}

impl Hello {
    /// Bytes of the nonce.
    pub const NONCE_LEN: usize = 32;

    /// A greeting with a nonce of [`Hello::NONCE_LEN`] bytes.
    ///
    /// # Errors
    /// [`Kind::Malformed`] for a nonce of another length.
    pub fn new(public: PublicValue, nonce: &[u8]) -> Result<Self> {
        let length = nonce.len();
        let nonce = nonce.try_into().map_err(|_| {
            Kind::Malformed.because(format!("a nonce of {length} bytes in place of 32"))
        })?;
        Ok(Self { public, nonce })
    }
}

/// Something that only the peer can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The nonce of AES-GCM, 12 bytes.
    pub nonce: Vec<u8>,
    /// What it is, under AES-256-GCM, with its tag.
    pub ciphertext: Vec<u8>,
}

/// One of the messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The initiator's first.
    Offer(Hello),
    /// The responder's answer.
    Reply(Hello, Sealed),
    /// The initiator's last of the exchange.
    Closing(Sealed),
    /// Whatever either side sends after it.
    Data(Sealed),
}

#[derive(Sequence)]
struct MessageDer {
    format: u8,
    step: u8,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true", constructed = "true")]
    hello: Option<HelloDer>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true", constructed = "true")]
    sealed: Option<SealedDer>,
}

#[derive(Sequence)]
struct HelloDer {
    group: String,
    value: OctetString,
    nonce: OctetString,
}

#[derive(Sequence)]
struct SealedDer {
    nonce: OctetString,
    ciphertext: OctetString,
}

impl Message {
    /// Which one it is, from 1. Everything after the exchange is 4.
    pub fn step(&self) -> u8 {
        match self {
            Self::Offer(_) => 1,
            Self::Reply(..) => 2,
            Self::Closing(_) => 3,
            Self::Data(_) => 4,
        }
    }

    /// The bytes that travel.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it, which the types rule out.
    pub fn to_der(&self) -> Result<Vec<u8>> {
        let (hello, sealed) = match self {
            Self::Offer(hello) => (Some(hello), None),
            Self::Reply(hello, sealed) => (Some(hello), Some(sealed)),
            Self::Closing(sealed) | Self::Data(sealed) => (None, Some(sealed)),
        };
        let hello = hello.map(HelloDer::try_from).transpose();
        let sealed = sealed.map(SealedDer::try_from).transpose();
        let encode = || {
            MessageDer { format: FORMAT, step: self.step(), hello: hello?, sealed: sealed? }
                .to_der()
        };
        encode().map_err(encoding)
    }

    /// Reads a message. What it says in the clear has been checked, but comes from anybody.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is none, [`Kind::Refused`] for an unknown group,
    /// [`Kind::NotAuthentic`] for an invalid public value.
    pub fn from_der(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > EXCHANGE_MESSAGE_MAX {
            return Err(Kind::Malformed.because("a message of more than 64 KiB"));
        }
        let message = MessageDer::from_der(bytes).map_err(|error| {
            Kind::Malformed
                .because("not a message of an exchange")
                .caused_by(error)
                .advise("it may be cut off: ask the peer for it again")
        })?;
        if message.format != FORMAT {
            return Err(Kind::Malformed
                .because(format!("a message of protocol version {}", message.format))
                .advise("both sides need a keyway that speaks the same version"));
        }
        let hello = message.hello.as_ref().map(Hello::try_from).transpose()?;
        let sealed = message.sealed.as_ref().map(Sealed::from);
        match (message.step, hello, sealed) {
            (1, Some(hello), None) => Ok(Self::Offer(hello)),
            (2, Some(hello), Some(sealed)) => Ok(Self::Reply(hello, sealed)),
            (3, None, Some(sealed)) => Ok(Self::Closing(sealed)),
            (4, None, Some(sealed)) => Ok(Self::Data(sealed)),
            (step, ..) => Err(Kind::Malformed.because(format!("message {step} without its parts"))),
        }
    }

    /// The first message's greeting.
    ///
    /// # Errors
    /// [`Kind::Refused`] for another message.
    pub fn offer(self) -> Result<Hello> {
        match self {
            Self::Offer(hello) => Ok(hello),
            other => Err(other.out_of_order(1)),
        }
    }

    /// The second message's greeting and identity.
    ///
    /// # Errors
    /// [`Kind::Refused`] for another message.
    pub fn reply(self) -> Result<(Hello, Sealed)> {
        match self {
            Self::Reply(hello, sealed) => Ok((hello, sealed)),
            other => Err(other.out_of_order(2)),
        }
    }

    /// The third message's identity.
    ///
    /// # Errors
    /// [`Kind::Refused`] for another message.
    pub fn closing(self) -> Result<Sealed> {
        match self {
            Self::Closing(sealed) => Ok(sealed),
            other => Err(other.out_of_order(3)),
        }
    }

    /// What came after the exchange.
    ///
    /// # Errors
    /// [`Kind::Refused`] for another message.
    pub fn data(self) -> Result<Sealed> {
        match self {
            Self::Data(sealed) => Ok(sealed),
            other => Err(other.out_of_order(4)),
        }
    }

    fn out_of_order(&self, expected: u8) -> Error {
        Kind::Refused
            .because(format!("this is message {}, message {expected} was expected", self.step()))
            .advise("somebody may have sent a message back; take the peer's next one")
    }
}

impl TryFrom<&Hello> for HelloDer {
    type Error = der::Error;

    fn try_from(hello: &Hello) -> der::Result<Self> {
        Ok(Self {
            group: hello.public.group().name().to_owned(),
            value: OctetString::new(hello.public.as_bytes())?,
            nonce: OctetString::new(hello.nonce)?,
        })
    }
}

impl TryFrom<&HelloDer> for Hello {
    type Error = Error;

    fn try_from(hello: &HelloDer) -> Result<Self> {
        let group: Group = hello.group.parse().map_err(|error: Error| {
            Kind::Refused.because("the message is in a foreign group").caused_by(error)
        })?;
        Self::new(PublicValue::new(group, hello.value.as_bytes())?, hello.nonce.as_bytes())
    }
}

impl TryFrom<&Sealed> for SealedDer {
    type Error = der::Error;

    fn try_from(sealed: &Sealed) -> der::Result<Self> {
        Ok(Self {
            nonce: OctetString::new(&sealed.nonce[..])?,
            ciphertext: OctetString::new(&sealed.ciphertext[..])?,
        })
    }
}

impl From<&SealedDer> for Sealed {
    fn from(sealed: &SealedDer) -> Self {
        Self {
            nonce: sealed.nonce.as_bytes().to_vec(),
            ciphertext: sealed.ciphertext.as_bytes().to_vec(),
        }
    }
}

fn encoding(error: der::Error) -> Error {
    Kind::Internal.because("cannot encode a message").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages() -> [Message; 4] {
        let public = PublicValue::new(Group::X25519, &[9; 32]).expect("valid");
        let hello = Hello::new(public, &[7; 32]).expect("a greeting");
        let sealed = Sealed { nonce: vec![1; 12], ciphertext: vec![2; 40] };
        [
            Message::Offer(hello.clone()),
            Message::Reply(hello, sealed.clone()),
            Message::Closing(sealed.clone()),
            Message::Data(sealed),
        ]
    }

    #[test]
    fn a_message_is_read_back_as_it_was_written() {
        for message in messages() {
            let der = message.to_der().expect("DER");
            assert_eq!(Message::from_der(&der).expect("read"), message);
        }
    }

    #[test]
    fn a_shortened_message_is_refused_and_no_changed_bit_makes_a_panic() {
        for message in messages() {
            let der = message.to_der().expect("DER");
            for at in 0..der.len() {
                assert!(Message::from_der(&der[..at]).is_err(), "{at} bytes");
                for bit in 0..8 {
                    let mut changed = der.clone();
                    changed[at] ^= 1 << bit;
                    assert_ne!(Message::from_der(&changed).ok().as_ref(), Some(&message));
                }
            }
        }
    }

    #[test]
    fn a_message_out_of_order_is_refused() {
        let [offer, reply, closing, data] = messages();
        assert_eq!(data.closing().expect_err("refused").kind(), Kind::Refused);
        assert_eq!(closing.clone().data().expect_err("refused").kind(), Kind::Refused);
        assert_eq!(reply.clone().offer().expect_err("refused").kind(), Kind::Refused);
        assert_eq!(offer.clone().closing().expect_err("refused").kind(), Kind::Refused);
        assert_eq!(closing.reply().expect_err("refused").kind(), Kind::Refused);
        assert_eq!(offer.reply().expect_err("refused").kind(), Kind::Refused);
    }

    #[test]
    fn an_oversized_message_and_another_version_are_refused() {
        assert!(Message::from_der(&vec![0x30; EXCHANGE_MESSAGE_MAX + 1]).is_err());
        let mut der = messages()[0].to_der().expect("DER");
        let at = der.windows(3).position(|w| w == [2, 1, 1]).expect("the version") + 2;
        der[at] = 2;
        let error = Message::from_der(&der).expect_err("refused");
        assert!(error.to_string().contains("version 2"), "{error}");
    }
}
