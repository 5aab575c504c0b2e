//! What an exchange is for within one process: messages that only the peer opens.

use zeroize::Zeroizing;

use super::Kms;
use super::exchange::{GCM_NONCE, not_of_this_run};
use super::peer::{Credential, Expected};
use crate::domain::exchange::{EXCHANGE_MESSAGE_MAX, Finished, Group, Message, Role, Sealed};
use crate::domain::key::KeyId;
use crate::domain::pki::Certificate;
use crate::error::{Kind, Result};
use crate::port::{Channel, Cipher, SessionUse};

/// What a message needs beside its text, in bytes.
const OVERHEAD: usize = 64;

/// Both ends of an exchange that has ended. Its two keys, one a direction, are objects of the
/// session: no record names them, and they are destroyed with this value or with the session.
/// Messages are counted, so none is taken twice or out of order.
pub struct Link<'k> {
    kms: Kms<'k>,
    finished: Finished,
    role: Role,
    peer: Certificate,
    seals: KeyId,
    opens: KeyId,
    sent: u64,
    taken: u64,
}

impl<'k> Kms<'k> {
    /// The initiator's whole run over a channel, for a link.
    ///
    /// # Errors
    /// As [`Kms::exchange_as_initiator`].
    pub fn link_as_initiator(
        &self,
        channel: &mut dyn Channel,
        group: Group,
        credential: &Credential<'_>,
        expected: &Expected<'_>,
    ) -> Result<Link<'k>> {
        self.initiate_for(channel, group, credential, expected, &self.linking())
    }

    /// The responder's whole run over a channel, for a link.
    ///
    /// # Errors
    /// As [`Kms::exchange_as_responder`].
    pub fn link_as_responder(
        &self,
        channel: &mut dyn Channel,
        groups: &[Group],
        credential: &Credential<'_>,
        expected: &Expected<'_>,
    ) -> Result<Link<'k>> {
        self.respond_for(channel, groups, credential, expected, &self.linking())
    }

    /// Takes message 2 and answers message 3 and a link.
    ///
    /// # Errors
    /// As [`Kms::finish_exchange`].
    pub fn finish_with_link(
        &self,
        offer: &[u8],
        reply: &[u8],
        credential: &Credential<'_>,
        expected: &Expected<'_>,
    ) -> Result<(Vec<u8>, Link<'k>)> {
        self.finish_for(offer, reply, credential, expected, &self.linking())
    }

    /// Takes message 3 and answers a link.
    ///
    /// # Errors
    /// As [`Kms::complete_exchange`].
    pub fn complete_with_link(
        &self,
        offer: &[u8],
        reply: &[u8],
        closing: &[u8],
        expected: &Expected<'_>,
    ) -> Result<Link<'k>> {
        self.complete_for(offer, reply, closing, expected, &self.linking())
    }

    fn linking(&self) -> impl Fn(KeyId, Finished, Role, Certificate) -> Result<Link<'k>> {
        |base, finished, role, peer| {
            let derive =
                |role, usage| self.vault.derive_session_key(base, &finished.link_data(role), usage);
            let seals = derive(role, SessionUse::Encrypt)?;
            let opens = derive(role.other(), SessionUse::Decrypt).inspect_err(|_| {
                // Whatever fails here, the key is gone with the session.
                let _ = self.vault.destroy(seals);
            })?;
            Ok(Link { kms: *self, finished, role, peer, seals, opens, sent: 0, taken: 0 })
        }
    }
}

impl Link<'_> {
    /// Who the peer is: his certificate, which a root vouches for.
    pub fn peer(&self) -> &Certificate {
        &self.peer
    }

    /// Makes our next message.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a text of nearly 64 KiB or more; the token failed.
    pub fn seal(&mut self, text: &[u8]) -> Result<Vec<u8>> {
        if text.len() > EXCHANGE_MESSAGE_MAX - OVERHEAD {
            return Err(Kind::Usage
                .because(format!("{} bytes do not fit into one message", text.len()))
                .advise("send less at once: at most 64 KiB with everything"));
        }
        let nonce = nonce(self.sent);
        let associated = self.finished.link_associated(self.role);
        let cipher = Cipher::AesGcm { nonce: &nonce, associated: &associated };
        let ciphertext = self.kms.vault.encrypt(self.seals, cipher, text)?;
        self.sent += 1;
        Message::Data(Sealed { nonce: nonce.to_vec(), ciphertext }).to_der()
    }

    /// Opens the peer's next message.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`] when it is not that: changed, replayed, left out, or of another run.
    pub fn open(&mut self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let sealed = Message::from_der(message)?.data()?;
        let nonce = nonce(self.taken);
        if sealed.nonce != nonce {
            return Err(Kind::NotAuthentic
                .because("this is not the peer's next message")
                .advise("it was replayed, or one before it is missing: start again"));
        }
        let associated = self.finished.link_associated(self.role.other());
        let cipher = Cipher::AesGcm { nonce: &nonce, associated: &associated };
        let text = self.kms.vault.decrypt(self.opens, cipher, &sealed.ciphertext);
        let text = text.map_err(not_of_this_run)?;
        self.taken += 1;
        Ok(text)
    }
}

impl Drop for Link<'_> {
    fn drop(&mut self) {
        for key in [self.seals, self.opens] {
            // Whatever fails here, the key is gone with the session.
            let _ = self.kms.vault.destroy(key);
        }
    }
}

/// A counter: each of the two keys is of one run and of one direction.
fn nonce(count: u64) -> [u8; GCM_NONCE] {
    let mut nonce = [0; GCM_NONCE];
    nonce[GCM_NONCE - 8..].copy_from_slice(&count.to_be_bytes());
    nonce
}
