//! SIGMA-I (Krawczyk, CRYPTO 2003) as a state machine: what is hashed, signed, sealed and derived,
//! and in which order. Nothing here holds a secret; the keys are made in the tokens from the data
//! that this module computes. `docs/exchange.md` has the protocol and why it is as it is.

use der::asn1::OctetString;
use der::{Decode, Encode, Sequence};

use super::{Group, Hello, Message, Sealed};
use crate::domain::hash::sha256;
use crate::domain::key::KeyId;
use crate::error::{Kind, Result};

/// Names the protocol; a change of it changes the name.
const DOMAIN: &[u8] = b"keyway exchange v1";

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends messages 1 and 3.
    Initiator,
    /// Sends message 2.
    Responder,
}

impl Role {
    /// The other side.
    pub fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }

    fn name(self) -> &'static [u8] {
        match self {
            Self::Initiator => b"initiator",
            Self::Responder => b"responder",
        }
    }
}

/// What a derived key is for. One key a purpose and direction, so that nothing that one side said
/// means anything when it is sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Seals the identity of this side.
    Seal(Role),
    /// Proves that this side has the keys and who it is.
    Prove(Role),
}

/// What both sides said in the clear: everything but the identities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    offer: Hello,
    reply: Hello,
    hash: [u8; 32],
}

/// A run that both sides have ended: the hash of all three messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished([u8; 32]);

/// Who a side is and the proofs of it: the plaintext of message 2 and of message 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate and those above it, each in DER.
    pub chain: Vec<Vec<u8>>,
    /// Over [`Handshake::to_be_signed`], by the key of the first certificate.
    pub signature: Vec<u8>,
    /// HMAC-SHA-256 of [`Handshake::to_be_proved`] under the key of [`Purpose::Prove`].
    pub proof: Vec<u8>,
}

#[derive(Sequence)]
struct IdentityDer {
    chain: Vec<OctetString>,
    signature: OctetString,
    proof: OctetString,
}

impl Handshake {
    /// The responder's side: an offer, and our own greeting in its group.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a message that is no offer, and for our own value sent back.
    pub fn answering(offer: &[u8], own: Hello) -> Result<Self> {
        Self::new(offer, own)
    }

    /// Either side, once the reply is there: the handshake and the responder's sealed identity.
    ///
    /// # Errors
    /// [`Kind::Refused`] for messages out of order, a reply in another group than was offered, or
    /// our own value sent back.
    pub fn replied(offer: &[u8], reply: &[u8]) -> Result<(Self, Sealed)> {
        let (hello, sealed) = Message::from_der(reply)?.reply()?;
        Ok((Self::new(offer, hello)?, sealed))
    }

    fn new(offer_bytes: &[u8], reply: Hello) -> Result<Self> {
        let offer = Message::from_der(offer_bytes)?.offer()?;
        let (offered, replied) = (offer.public.group(), reply.public.group());
        if offered != replied {
            return Err(Kind::Refused
                .because(format!("{offered} was offered and the answer is in {replied}"))
                .advise("somebody may be trying to bring the exchange to a weaker group"));
        }
        if offer.public == reply.public || offer.nonce == reply.nonce {
            return Err(Kind::Refused
                .because("the peer's greeting is our own: somebody sent it back")
                .advise("each side takes the other's messages"));
        }
        let group = replied.name().as_bytes();
        let hash = hashed(&[DOMAIN, offer_bytes, group, reply.public.as_bytes(), &reply.nonce]);
        Ok(Self { offer, reply, hash })
    }

    /// The group of both ephemeral values.
    pub fn group(&self) -> Group {
        self.offer.public.group()
    }

    /// What this side said in the clear.
    pub fn hello(&self, role: Role) -> &Hello {
        match role {
            Role::Initiator => &self.offer,
            Role::Responder => &self.reply,
        }
    }

    /// The 32 bytes that CKM_AES_CBC_ENCRYPT_DATA encrypts under the shared base, for one key.
    pub fn derivation_data(&self, purpose: Purpose) -> [u8; 32] {
        let (what, role) = match purpose {
            Purpose::Seal(role) => (&b"seal"[..], role),
            Purpose::Prove(role) => (&b"prove"[..], role),
        };
        hashed(&[DOMAIN, b"key", what, role.name(), &self.hash])
    }

    /// The associated data of this side's sealed identity.
    pub fn associated(&self, role: Role) -> [u8; 32] {
        hashed(&[DOMAIN, b"identity", role.name(), &self.hash])
    }

    /// What this side signs: both greetings, its role, and, for the initiator, the reply as he
    /// received it. The responder has received nothing but the offer and gives `None`.
    pub fn to_be_signed(&self, role: Role, reply: Option<&[u8]>) -> Vec<u8> {
        let hash = hashed(&[&self.hash, reply.unwrap_or_default()]);
        [DOMAIN, b": signature of the ", role.name(), b"\0", &hash].concat()
    }

    /// What this side's proof covers: as [`Handshake::to_be_signed`], with its certificates.
    pub fn to_be_proved(&self, role: Role, reply: Option<&[u8]>, chain: &[Vec<u8>]) -> Vec<u8> {
        let certificates: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        let hash = hashed(&[&self.hash, reply.unwrap_or_default(), &hashed(&certificates)]);
        [DOMAIN, b": proof of the ", role.name(), b"\0", &hash].concat()
    }

    /// The end: all three messages.
    pub fn finished(&self, reply: &[u8], closing: &[u8]) -> Finished {
        Finished(hashed(&[DOMAIN, b"finished", &self.hash, reply, closing]))
    }
}

impl Finished {
    /// As [`Handshake::derivation_data`], for the session key.
    pub fn derivation_data(&self) -> [u8; 32] {
        hashed(&[DOMAIN, b"session key", &self.0])
    }

    /// As [`Handshake::derivation_data`], for what this side sends after the exchange.
    pub fn link_data(&self, role: Role) -> [u8; 32] {
        hashed(&[DOMAIN, b"link key", role.name(), &self.0])
    }

    /// The associated data of what this side sends after the exchange.
    pub fn link_associated(&self, role: Role) -> [u8; 32] {
        hashed(&[DOMAIN, b"link", role.name(), &self.0])
    }

    /// The identifier of the session key: the same on both sides.
    pub fn key_id(&self) -> KeyId {
        let mut id = [0; KeyId::LEN];
        id.copy_from_slice(&hashed(&[DOMAIN, b"identifier", &self.0])[..KeyId::LEN]);
        KeyId::new(id)
    }
}

impl Identity {
    /// The plaintext.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it.
    pub fn to_der(&self) -> Result<Vec<u8>> {
        let octets = |bytes: &Vec<u8>| OctetString::new(&bytes[..]);
        let encode = || {
            IdentityDer {
                chain: self.chain.iter().map(octets).collect::<der::Result<_>>()?,
                signature: octets(&self.signature)?,
                proof: octets(&self.proof)?,
            }
            .to_der()
        };
        encode().map_err(|error| Kind::Internal.because("cannot encode identity").caused_by(error))
    }

    /// Reads the plaintext.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is no identity or names no certificate.
    pub fn from_der(bytes: &[u8]) -> Result<Self> {
        let malformed = || Kind::Malformed.because("the peer's identity is malformed");
        let identity =
            IdentityDer::from_der(bytes).map_err(|error| malformed().caused_by(error))?;
        if identity.chain.is_empty() {
            return Err(Kind::Malformed.because("the peer's identity has no certificate"));
        }
        Ok(Self {
            chain: identity.chain.iter().map(|der| der.as_bytes().to_vec()).collect(),
            signature: identity.signature.as_bytes().to_vec(),
            proof: identity.proof.as_bytes().to_vec(),
        })
    }
}

/// SHA-256 over the parts, each with its length as 8 bytes, big-endian, before it.
fn hashed(parts: &[&[u8]]) -> [u8; 32] {
    let mut input = Vec::new();
    for part in parts {
        input.extend_from_slice(&(part.len() as u64).to_be_bytes());
        input.extend_from_slice(part);
    }
    sha256(&[&input])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::exchange::PublicValue;

    fn hello(first: u8) -> Hello {
        let value = [vec![first], vec![7; 31]].concat();
        Hello::new(PublicValue::new(Group::X25519, &value).expect("valid"), &[first; 32])
            .expect("a greeting")
    }

    fn offer(first: u8) -> Vec<u8> {
        Message::Offer(hello(first)).to_der().expect("DER")
    }

    fn handshake(first: u8, second: u8) -> Handshake {
        Handshake::answering(&offer(first), hello(second)).expect("a handshake")
    }

    fn reply(first: u8) -> Vec<u8> {
        let sealed = Sealed { nonce: vec![0; 12], ciphertext: vec![1; 20] };
        Message::Reply(hello(first), sealed).to_der().expect("DER")
    }

    #[test]
    fn both_sides_come_to_the_same() {
        let (initiator, _) = Handshake::replied(&offer(1), &reply(2)).expect("a handshake");
        assert_eq!(initiator, handshake(1, 2));
    }

    #[test]
    fn every_part_of_both_greetings_changes_everything() {
        let all = [handshake(1, 2), handshake(1, 3), handshake(3, 2), handshake(2, 1)];
        let mut data = HashSet::new();
        for handshake in &all {
            for role in [Role::Initiator, Role::Responder] {
                for purpose in [Purpose::Seal(role), Purpose::Prove(role)] {
                    assert!(data.insert(handshake.derivation_data(purpose)));
                }
                assert!(data.insert(handshake.associated(role)));
                assert!(data.insert(sha256(&[&handshake.to_be_signed(role, None)])));
                assert!(data.insert(sha256(&[&handshake.to_be_signed(role, Some(b"reply"))])));
                assert!(data.insert(sha256(&[&handshake.to_be_proved(role, None, &[])])));
                let chain = [b"certificate".to_vec()];
                assert!(data.insert(sha256(&[&handshake.to_be_proved(role, None, &chain)])));
            }
            for (reply, closing) in [(b"ab", b"c"), (b"aa", b"c"), (b"ab", b"d")] {
                let finished = handshake.finished(reply, closing);
                assert!(data.insert(finished.derivation_data()));
                for role in [Role::Initiator, Role::Responder] {
                    assert!(data.insert(finished.link_data(role)));
                    assert!(data.insert(finished.link_associated(role)));
                }
            }
        }
    }

    #[test]
    fn a_reflected_greeting_is_refused() {
        let error = Handshake::replied(&offer(1), &reply(1)).expect_err("refused");
        assert!(error.to_string().contains("sent it back"), "{error}");
    }

    #[test]
    fn another_group_than_was_offered_is_refused() {
        use p256::elliptic_curve::sec1::ToSec1Point;
        let point = p256::PublicKey::from_affine(p256::AffinePoint::GENERATOR).expect("a point");
        let point = point.to_sec1_point(false);
        let value = PublicValue::new(Group::P256, point.as_bytes()).expect("valid");
        let own = Hello::new(value, &[5; 32]).expect("a greeting");
        let error = Handshake::answering(&offer(1), own).expect_err("refused");
        assert!(error.to_string().contains("x25519 was offered"), "{error}");
    }

    #[test]
    fn an_identity_is_read_back_and_none_without_a_certificate() {
        let identity =
            Identity { chain: vec![vec![1], vec![2]], signature: vec![3], proof: vec![4; 32] };
        let der = identity.to_der().expect("DER");
        assert_eq!(Identity::from_der(&der).expect("read"), identity);
        let nobody = Identity { chain: vec![], ..identity }.to_der().expect("DER");
        assert!(Identity::from_der(&nobody).is_err());
    }
}
