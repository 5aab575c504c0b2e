//! Keys on their way to other tokens: what a share says, who signed it, whether it is fresh.
//! `docs/distribution.md` draws it.

mod encoding;
mod ledger;
mod recipient;

pub use ledger::{Given, Taken};
pub use recipient::Recipient;

use super::envelope::OaepHash;
use super::key::{Algorithm, KeyId, KeyName, Usage};
use super::pki::Certificate;
use super::time::{Period, Timestamp};
use crate::error::{Kind, Result};

/// Stands before the body in what is signed, so that the signature means nothing else.
const CONTEXT: &[u8] = b"keyway share v1\0";
/// How far the distributor's clock may be ahead, in seconds.
const AHEAD: u64 = 300;

/// The longest file of a share that is read, in bytes.
pub const SHARE_MAX: usize = 4 << 20;

/// One version of a key, wrapped for each of its recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// When it was made, by the distributor's clock.
    pub made: Timestamp,
    /// The key's name there.
    pub name: KeyName,
    /// The version's number there.
    pub version: u32,
    /// The version's identifier, the same on every token: its ciphertexts carry it.
    pub key: KeyId,
    /// What it is made of.
    pub algorithm: Algorithm,
    /// What it is for.
    pub usage: Usage,
    /// For whom it is wrapped.
    pub recipients: Vec<Wrapped>,
}

/// The key as one recipient gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// SHA-256 of the SubjectPublicKeyInfo that it is wrapped for.
    pub recipient: [u8; 32],
    /// The subject of the certificate, for people.
    pub subject: String,
    /// The hash in OAEP.
    pub hash: OaepHash,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

/// A share as it travels: anybody may have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedShare {
    body: Vec<u8>,
    chain: Vec<Vec<u8>>,
    signature: Vec<u8>,
}

impl Share {
    /// What the distributor signs: the share and the certificates that say who he is.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it.
    pub fn to_be_signed(&self, chain: &[Vec<u8>]) -> Result<Vec<u8>> {
        Ok(signed(&self.to_der()?, chain))
    }

    /// The share with its signature.
    ///
    /// # Errors
    /// As [`Share::to_be_signed`].
    pub fn into_signed(self, chain: Vec<Vec<u8>>, signature: Vec<u8>) -> Result<SignedShare> {
        Ok(SignedShare { body: self.to_der()?, chain, signature })
    }

    /// Refuses a share that is too old, or from the future.
    ///
    /// # Errors
    /// [`Kind::Refused`] when it is.
    pub fn require_fresh(&self, now: Timestamp, max_age: Period) -> Result<()> {
        if self.made.unix() > now.unix().saturating_add(AHEAD) {
            return Err(Kind::Refused
                .because(format!("the share was made at {}, which is to come", self.made))
                .advise("one of the two clocks is wrong"));
        }
        if max_age.after(self.made) < now {
            return Err(Kind::Refused
                .because(format!("the share is too old: it was made at {}", self.made))
                .advise("ask the distributor for a new one, or allow its age with --max-age"));
        }
        Ok(())
    }

    /// What is there for a recipient.
    ///
    /// # Errors
    /// [`Kind::Refused`] when nothing is.
    pub fn for_recipient(&self, recipient: &[u8; 32]) -> Result<&Wrapped> {
        self.recipients.iter().find(|wrapped| wrapped.recipient == *recipient).ok_or_else(|| {
            let names: Vec<_> = self.recipients.iter().map(|w| w.subject.as_str()).collect();
            Kind::Refused
                .because(format!("key {} is not shared with this key", self.name))
                .advise(format!("it is for {}: name another key with --with", names.join("; ")))
        })
    }
}

impl SignedShare {
    /// Who says that he made it.
    ///
    /// # Errors
    /// [`Kind::Malformed`] for something that is no certificate.
    pub fn chain(&self) -> Result<Vec<Certificate>> {
        self.chain.iter().map(|der| Certificate::from_der(der)).collect()
    }

    /// What has to be signed by him.
    pub fn signed(&self) -> Vec<u8> {
        signed(&self.body, &self.chain)
    }

    /// His signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// What it says. To be believed only when the signature has been checked.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is no share.
    pub fn share(&self) -> Result<Share> {
        Share::from_der(&self.body)
    }
}

/// Context, body and certificates, each of the parts with its length as 8 bytes before it.
fn signed(body: &[u8], chain: &[Vec<u8>]) -> Vec<u8> {
    let mut message = CONTEXT.to_vec();
    for part in [body].into_iter().chain(chain.iter().map(Vec::as_slice)) {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn share() -> Share {
        let wrapped = |byte: u8| Wrapped {
            recipient: [byte; 32],
            subject: format!("CN={byte}"),
            hash: OaepHash::Sha256,
            wrapped: vec![byte; 40],
        };
        Share {
            made: Timestamp::from_unix(1_800_000_000),
            name: "backup".parse().expect("a name"),
            version: 3,
            key: KeyId::new([7; 16]),
            algorithm: Algorithm::Aes256,
            usage: Usage::Encrypt,
            recipients: vec![wrapped(1), wrapped(2)],
        }
    }

    #[test]
    fn a_share_is_fresh_for_so_long() {
        let (share, made) = (share(), 1_800_000_000);
        let minute = "1min".parse().expect("a period");
        let at = |seconds| share.require_fresh(Timestamp::from_unix(seconds), minute);
        for moment in [made - AHEAD, made, made + 60] {
            at(moment).expect("fresh");
        }
        for moment in [made - AHEAD - 1, made + 61] {
            assert_eq!(at(moment).expect_err("refused").kind(), Kind::Refused);
        }
    }

    #[test]
    fn each_recipient_finds_his_own_and_nobody_else_anything() {
        let share = share();
        assert_eq!(share.for_recipient(&[2; 32]).expect("his").wrapped, [2; 40]);
        let error = share.for_recipient(&[3; 32]).expect_err("refused");
        assert!(error.advice().is_some_and(|advice| advice.contains("CN=1; CN=2")));
    }

    #[test]
    fn another_body_or_chain_is_another_message() {
        let (one, two) = (share(), Share { version: 4, ..share() });
        let message = |share: &Share, chain: &[Vec<u8>]| share.to_be_signed(chain).expect("DER");
        assert_ne!(message(&one, &[]), message(&two, &[]));
        assert_ne!(message(&one, &[]), message(&one, &[vec![1]]));
        assert_ne!(message(&one, &[vec![1, 2]]), message(&one, &[vec![1], vec![2]]));
    }
}
