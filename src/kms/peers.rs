//! Keys for and with other tokens.

use super::Kms;
use crate::domain::envelope::OaepHash;
use crate::domain::exchange::Group;
use crate::domain::key::KeyName;
use crate::domain::pki::Certificate;
use crate::domain::share::SignedShare;
use crate::error::Result;
use crate::port::Channel;
use crate::service::{Credential, Established, Expected, Received, Reception, SessionKey};

/// Each is the use case of the same name of [`service::Kms`](crate::service::Kms), where its errors
/// are told; those of the session are told at [`Kms::change`]. The others (an exchange by
/// messages that the program carries, an unauthenticated agreement) go through [`Kms::change`].
impl Kms {
    /// Wraps a key in the token for each recipient, signed by us, and writes down who has it.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) for a key that was not made for sharing or a recipient
    /// whom the security officer does not trust;
    /// [`Kind::NotAuthentic`](crate::Kind::NotAuthentic) for a certificate that no root vouches for.
    pub fn share_key(
        &self,
        name: &KeyName,
        recipients: &[Vec<Certificate>],
        hash: Option<OaepHash>,
        credential: &Credential<'_>,
        expected: &Expected<'_>,
    ) -> Result<SignedShare> {
        self.change(|kms| kms.share_key(name, recipients, hash, credential, expected))
    }

    /// Takes a key that was shared with this token.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`](crate::Kind::NotAuthentic) when it is not signed by somebody who is
    /// expected; [`Kind::Refused`](crate::Kind::Refused) when it is too old or not for us;
    /// [`Kind::Exists`](crate::Kind::Exists) when it came before.
    pub fn receive_key(
        &self,
        signed: &SignedShare,
        expected: &Expected<'_>,
        request: &Reception<'_>,
    ) -> Result<Received> {
        self.change(|kms| kms.receive_key(signed, expected, request))
    }

    /// Agrees on a key with a peer who waits for us, each proving with a certificate who it is.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`](crate::Kind::NotAuthentic) when the peer is not the one that is expected
    /// or somebody stands between; [`Kind::File`](crate::Kind::File) when the connection fails.
    pub fn exchange_as_initiator(
        &self,
        channel: &mut dyn Channel,
        group: Group,
        credential: &Credential<'_>,
        expected: &Expected<'_>,
        target: SessionKey<'_>,
    ) -> Result<Established> {
        self.change_together(|kms| {
            kms.exchange_as_initiator(channel, group, credential, expected, target)
        })
    }

    /// As [`Kms::exchange_as_initiator`], with a peer who comes to us.
    ///
    /// # Errors
    /// As [`Kms::exchange_as_initiator`]; [`Kind::Refused`](crate::Kind::Refused) for a group that is
    /// not among ours.
    pub fn exchange_as_responder(
        &self,
        channel: &mut dyn Channel,
        groups: &[Group],
        credential: &Credential<'_>,
        expected: &Expected<'_>,
        target: SessionKey<'_>,
    ) -> Result<Established> {
        self.change_together(|kms| {
            kms.exchange_as_responder(channel, groups, credential, expected, target)
        })
    }
}
