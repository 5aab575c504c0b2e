//! What both sides hash: the group and both public values, in an order that both know.

use super::PublicValue;
use crate::domain::hash::sha256;
use crate::domain::key::KeyId;
use crate::error::{Kind, Result};

/// Names the construction; a change of it changes the name.
const DOMAIN: &[u8] = b"keyway agreement v1";

/// The hash of an agreement's public part. Equal on both sides, whoever computes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transcript([u8; 32]);

/// What a derived key is for. One label a key, so that no key says anything about another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// The key that was agreed on.
    Key,
    /// The key that proves that both sides have the same.
    Confirm,
}

impl Transcript {
    /// SHA-256 over domain, group and both values, each with its length, the lower value first.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the values are equal (a reflected message) or of two groups.
    pub fn new(own: &PublicValue, peer: &PublicValue) -> Result<Self> {
        if own.group() != peer.group() {
            return Err(Kind::Refused.because(format!(
                "the peer's value is in {}, ours in {}",
                peer.group(),
                own.group()
            )));
        }
        if own == peer {
            return Err(Kind::Refused
                .because("the peer's public value is our own: somebody sent it back")
                .advise("exchange the files with the peer: each takes the other's"));
        }
        let (low, high) = match own.as_bytes() < peer.as_bytes() {
            true => (own.as_bytes(), peer.as_bytes()),
            false => (peer.as_bytes(), own.as_bytes()),
        };
        let group = own.group().name().as_bytes();
        let mut input = Vec::new();
        for part in [DOMAIN, group, low, high] {
            let length = u32::try_from(part.len()).expect("public values are short");
            input.extend_from_slice(&length.to_be_bytes());
            input.extend_from_slice(part);
        }
        Ok(Self(sha256(&[&input])))
    }

    /// The hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The identifier of the agreed key: the same on both sides, so that each knows the key in the
    /// other's ciphertexts.
    pub fn key_id(&self) -> KeyId {
        let hash = sha256(&[b"keyway agreement v1: identifier", &self.0]);
        let mut id = [0; KeyId::LEN];
        id.copy_from_slice(&hash[..KeyId::LEN]);
        KeyId::new(id)
    }

    /// The 32 bytes that CKM_AES_CBC_ENCRYPT_DATA encrypts for this label:
    /// SHA-256(label || transcript hash).
    pub fn derivation_data(&self, label: Label) -> [u8; 32] {
        let label: &[u8] = match label {
            Label::Key => b"keyway agreement v1: key",
            Label::Confirm => b"keyway agreement v1: confirm",
        };
        sha256(&[label, &self.0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::exchange::Group;

    fn value(first: u8) -> PublicValue {
        PublicValue::new(Group::X25519, &[vec![first], vec![7; 31]].concat()).expect("valid")
    }

    #[test]
    fn both_sides_hash_the_same() {
        let (a, b) = (value(1), value(2));
        assert_eq!(Transcript::new(&a, &b).expect("one"), Transcript::new(&b, &a).expect("other"));
    }

    #[test]
    fn another_value_gives_another_hash() {
        let (a, b, c) = (value(1), value(2), value(3));
        assert_ne!(Transcript::new(&a, &b).expect("one"), Transcript::new(&a, &c).expect("other"));
    }

    #[test]
    fn a_reflected_value_is_refused() {
        assert_eq!(Transcript::new(&value(1), &value(1)).expect_err("no").kind(), Kind::Refused);
    }

    #[test]
    fn each_label_has_its_own_data() {
        let transcript = Transcript::new(&value(1), &value(2)).expect("a transcript");
        let [key, confirm] = [Label::Key, Label::Confirm].map(|l| transcript.derivation_data(l));
        assert_ne!(key, confirm);
    }
}
