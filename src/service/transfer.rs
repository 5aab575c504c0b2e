//! A shareable key over an exchange: the exchange says who is there, the share wraps the key.
//!
//! A key that was created for sharing is wrapped by trusted keys only, and a key derived in an
//! exchange is none. So what goes through the link is a share for the peer's trusted key.

use super::Kms;
use super::link::Link;
use super::peer::{Credential, Expected};
use super::receive::{Received, Reception};
use crate::domain::envelope::OaepHash;
use crate::domain::hash::sha256;
use crate::domain::key::KeyName;
use crate::domain::pki::Certificate;
use crate::domain::share::SignedShare;
use crate::error::{Error, Kind, Result};
use crate::port::Channel;

/// What is sent to the peer of an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Dispatch<'a> {
    /// The key, created for sharing.
    pub key: &'a KeyName,
    /// The certificate of the peer's key that unwraps, then intermediate ones.
    pub recipient: &'a [Certificate],
    /// The hash in OAEP, as for [`Kms::share_key`].
    pub hash: Option<OaepHash>,
}

impl Kms<'_> {
    /// The message with a key for the peer of a link, and what he answers when he has it.
    ///
    /// # Errors
    /// As [`Kms::share_key`]; [`Kind::Refused`] when the recipient's certificate names somebody
    /// else than the peer's.
    pub fn dispatch_key(
        &self,
        link: &mut Link<'_>,
        dispatch: &Dispatch<'_>,
        credential: &Credential<'_>,
        expected: &Expected<'_>,
    ) -> Result<(Vec<u8>, [u8; 32])> {
        let recipient = dispatch.recipient.first().ok_or_else(|| {
            Kind::Usage.because("no certificate of the recipient").advise("name its file with --to")
        })?;
        let (there, wanted) = (link.peer().subject().to_string(), recipient.subject().to_string());
        if there != wanted {
            return Err(Kind::Refused
                .because(format!("the peer is {there}, and the key would go to {wanted}"))
                .advise("name the recipient's certificate of this peer with --to"));
        }
        // Who the peer has to be was checked in the exchange, by his other certificate.
        let anybody = Expected { name: None, ..*expected };
        let to = [dispatch.recipient.to_vec()];
        let share = self.share_key(dispatch.key, &to, dispatch.hash, credential, &anybody)?;
        let share = share.to_der()?;
        Ok((link.seal(&share)?, sha256(&[&share])))
    }

    /// Takes the key from the peer's message, and answers the receipt for him.
    ///
    /// # Errors
    /// As [`Kms::receive_key`]; [`Kind::NotAuthentic`] for the share of somebody else than the peer.
    pub fn accept_key(
        &self,
        link: &mut Link<'_>,
        message: &[u8],
        expected: &Expected<'_>,
        request: &Reception<'_>,
    ) -> Result<(Received, Vec<u8>)> {
        let share = link.open(message)?;
        let signed = SignedShare::from_der(&share)?;
        if signed.chain()?.first().map(Certificate::der) != Some(link.peer().der()) {
            return Err(Kind::NotAuthentic
                .because(format!("{} sent a share of somebody else", link.peer().subject()))
                .advise("a share goes on as a file: keyway receive"));
        }
        let received = self.receive_key(&signed, expected, request)?;
        Ok((received, link.seal(&sha256(&[&share]))?))
    }

    /// Sends a key over a channel on which a link was made, and waits until the peer has it.
    ///
    /// # Errors
    /// As [`Kms::dispatch_key`]; the peer did not take it.
    pub fn send_key(
        &self,
        channel: &mut dyn Channel,
        link: &mut Link<'_>,
        dispatch: &Dispatch<'_>,
        credential: &Credential<'_>,
        expected: &Expected<'_>,
    ) -> Result<()> {
        let (message, receipt) = self.dispatch_key(link, dispatch, credential, expected)?;
        channel.send(&message)?;
        let answer = channel.receive().map_err(|error| untaken(dispatch.key, error))?;
        if *link.open(&answer)? != receipt {
            return Err(Kind::NotAuthentic
                .because(format!("the peer's receipt is not for key {}", dispatch.key))
                .advise("ask him what he received"));
        }
        Ok(())
    }

    /// Takes a key that comes over a channel on which a link was made, and says that it is here.
    ///
    /// # Errors
    /// As [`Kms::accept_key`]; the channel failed.
    pub fn take_key(
        &self,
        channel: &mut dyn Channel,
        link: &mut Link<'_>,
        expected: &Expected<'_>,
        request: &Reception<'_>,
    ) -> Result<Received> {
        let message = channel.receive()?;
        let (received, receipt) = self.accept_key(link, &message, expected, request)?;
        channel.send(&receipt)?;
        Ok(received)
    }
}

fn untaken(key: &KeyName, error: Error) -> Error {
    error
        .while_doing(format!("the peer did not say that he took key {key}"))
        .advise("his side says why; it can be sent again")
}
