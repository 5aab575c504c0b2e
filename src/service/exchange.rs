//! The authenticated exchange (SIGMA-I): the steps of both sides, over messages that somebody
//! carries. `docs/exchange.md` has the protocol.

use super::Kms;
use super::peer::{Credential, Expected};
use crate::domain::exchange::{
    Finished, Group, Handshake, Hello, Identity, Message, Purpose, Role, Sealed,
};
use crate::domain::key::{Algorithm, KeyId, KeyName, Usage};
use crate::domain::peer::require_signature;
use crate::domain::pki::{self, Certificate};
use crate::domain::record::KeyRecord;
use crate::error::{Error, Kind, Result};
use crate::port::{Channel, Cipher, SessionUse};

/// Bytes of the nonce of AES-GCM.
pub(super) const GCM_NONCE: usize = 12;
/// Most certificates that a peer may send.
const CHAIN_MAX: usize = 10;

/// What the session key is to be.
#[derive(Clone, Copy, Debug)]
pub struct SessionKey<'a> {
    /// Its name on our token.
    pub name: &'a KeyName,
    /// What it is for; `None` is to encrypt.
    pub usage: Option<Usage>,
}

/// The end of an exchange: a key that nobody else has, and who has it.
#[derive(Clone, Debug)]
pub struct Established {
    /// The session key.
    pub record: KeyRecord,
    /// The peer's certificate, which a root vouches for.
    pub peer: Certificate,
}

/// Makes the outcome of an exchange from its base key, what both sides have said, our role and the
/// peer's certificate.
pub(super) type Outcome<'o, T> = dyn Fn(KeyId, Finished, Role, Certificate) -> Result<T> + 'o;

impl Kms<'_> {
    /// Makes message 1. The ephemeral pair waits in the token for message 2.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] when the token lacks the group.
    pub fn start_exchange(&self, group: Group) -> Result<Vec<u8>> {
        Message::Offer(self.new_hello(group)?).to_der()
    }

    /// Answers message 1 by message 2. The ephemeral pair waits in the token for message 3.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a group that is not among ours; the message or our certificate is
    /// refused.
    pub fn answer_exchange(
        &self,
        offer: &[u8],
        groups: &[Group],
        credential: &Credential<'_>,
    ) -> Result<Vec<u8>> {
        let group = Message::from_der(offer)?.offer()?.public.group();
        if !groups.contains(&group) {
            let names: Vec<_> = groups.iter().map(|group| group.name()).collect();
            return Err(Kind::Refused
                .because(format!("the peer offers {group}, which is not allowed here"))
                .advise(format!("ask for {}, or allow it with --group", names.join(" or "))));
        }
        let own = self.new_hello(group)?;
        let reply = Handshake::answering(offer, own.clone()).and_then(|handshake| {
            let sealed = self.with_base(&handshake, Role::Responder, |base| {
                self.seal_identity(base, &handshake, Role::Responder, None, credential)
            })?;
            Message::Reply(own.clone(), sealed).to_der()
        });
        reply.or_else(|error| self.abandon(&own, error))
    }

    /// Takes message 2, stores the session key and answers message 3. The ephemeral pair is gone
    /// then; it stays when the message is refused, for the true one.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`] when the message or the peer is not what it has to be,
    /// [`Kind::NotFound`] when this token has not started the exchange or has ended it.
    pub fn finish_exchange(
        &self,
        offer: &[u8],
        reply: &[u8],
        credential: &Credential<'_>,
        expected: &Expected<'_>,
        target: SessionKey<'_>,
    ) -> Result<(Vec<u8>, Established)> {
        self.finish_for(offer, reply, credential, expected, &self.keeping(target)?)
    }

    /// Takes message 3 and stores the session key. The ephemeral pair is gone then; it stays when
    /// the message is refused, for the true one.
    ///
    /// # Errors
    /// As [`Kms::finish_exchange`].
    pub fn complete_exchange(
        &self,
        offer: &[u8],
        reply: &[u8],
        closing: &[u8],
        expected: &Expected<'_>,
        target: SessionKey<'_>,
    ) -> Result<Established> {
        self.complete_for(offer, reply, closing, expected, &self.keeping(target)?)
    }

    /// The initiator's whole run over a channel. Nothing waits in the token afterwards, whatever
    /// became of it.
    ///
    /// # Errors
    /// As [`Kms::finish_exchange`]; the channel failed.
    pub fn exchange_as_initiator(
        &self,
        channel: &mut dyn Channel,
        group: Group,
        credential: &Credential<'_>,
        expected: &Expected<'_>,
        target: SessionKey<'_>,
    ) -> Result<Established> {
        self.initiate_for(channel, group, credential, expected, &self.keeping(target)?)
    }

    /// The responder's whole run over a channel. Nothing waits in the token afterwards, whatever
    /// became of it.
    ///
    /// # Errors
    /// As [`Kms::complete_exchange`]; the channel failed.
    pub fn exchange_as_responder(
        &self,
        channel: &mut dyn Channel,
        groups: &[Group],
        credential: &Credential<'_>,
        expected: &Expected<'_>,
        target: SessionKey<'_>,
    ) -> Result<Established> {
        self.respond_for(channel, groups, credential, expected, &self.keeping(target)?)
    }

    /// [`Kms::finish_exchange`], whatever the outcome is made of.
    pub(super) fn finish_for<T>(
        &self,
        offer: &[u8],
        reply: &[u8],
        credential: &Credential<'_>,
        expected: &Expected<'_>,
        outcome: &Outcome<'_, T>,
    ) -> Result<(Vec<u8>, T)> {
        let (handshake, sealed) = Handshake::replied(offer, reply)?;
        let ended = self.with_base(&handshake, Role::Initiator, |base| {
            let (role, ours) = (Role::Responder, Role::Initiator);
            let peer = self.open_identity(base, &handshake, role, None, &sealed, expected)?;
            let own = self.seal_identity(base, &handshake, ours, Some(reply), credential)?;
            let closing = Message::Closing(own).to_der()?;
            let finished = handshake.finished(reply, &closing);
            Ok((closing, outcome(base, finished, ours, peer)?))
        })?;
        self.forget_ephemeral(&handshake, Role::Initiator)?;
        Ok(ended)
    }

    /// [`Kms::complete_exchange`], whatever the outcome is made of.
    pub(super) fn complete_for<T>(
        &self,
        offer: &[u8],
        reply: &[u8],
        closing: &[u8],
        expected: &Expected<'_>,
        outcome: &Outcome<'_, T>,
    ) -> Result<T> {
        let (handshake, _) = Handshake::replied(offer, reply)?;
        let sealed = Message::from_der(closing)?.closing()?;
        let ended = self.with_base(&handshake, Role::Responder, |base| {
            let role = Role::Initiator;
            let peer =
                self.open_identity(base, &handshake, role, Some(reply), &sealed, expected)?;
            outcome(base, handshake.finished(reply, closing), Role::Responder, peer)
        })?;
        self.forget_ephemeral(&handshake, Role::Responder)?;
        Ok(ended)
    }

    /// [`Kms::exchange_as_initiator`], whatever the outcome is made of.
    pub(super) fn initiate_for<T>(
        &self,
        channel: &mut dyn Channel,
        group: Group,
        credential: &Credential<'_>,
        expected: &Expected<'_>,
        outcome: &Outcome<'_, T>,
    ) -> Result<T> {
        let own = self.new_hello(group)?;
        let mut run = || {
            let offer = Message::Offer(own.clone()).to_der()?;
            channel.send(&offer)?;
            let reply = channel.receive()?;
            let (closing, ended) =
                self.finish_for(&offer, &reply, credential, expected, outcome)?;
            channel.send(&closing)?;
            Ok(ended)
        };
        run().or_else(|error| self.abandon(&own, error))
    }

    /// [`Kms::exchange_as_responder`], whatever the outcome is made of.
    pub(super) fn respond_for<T>(
        &self,
        channel: &mut dyn Channel,
        groups: &[Group],
        credential: &Credential<'_>,
        expected: &Expected<'_>,
        outcome: &Outcome<'_, T>,
    ) -> Result<T> {
        let offer = channel.receive()?;
        let reply = self.answer_exchange(&offer, groups, credential)?;
        let (own, _) = Message::from_der(&reply)?.reply()?;
        let mut run = || {
            channel.send(&reply)?;
            let closing = channel.receive()?;
            self.complete_for(&offer, &reply, &closing, expected, outcome)
        };
        run().or_else(|error| self.abandon(&own, error))
    }

    /// The outcome that is a session key in the token.
    fn keeping<'t>(
        &'t self,
        target: SessionKey<'t>,
    ) -> Result<impl Fn(KeyId, Finished, Role, Certificate) -> Result<Established> + 't> {
        self.require_free(target.name)?;
        let usage = Algorithm::Aes256.usage(target.usage)?;
        Ok(move |base, finished: Finished, _, peer| {
            let (data, id) = (finished.derivation_data(), finished.key_id());
            let record = self.keep_agreed(base, &data, id, target.name, usage)?;
            Ok(Established { record, peer })
        })
    }

    fn new_hello(&self, group: Group) -> Result<Hello> {
        let nonce = self.vault.random(Hello::NONCE_LEN)?;
        Hello::new(self.vault.start_agreement(group)?, &nonce)
    }

    /// Destroys the ephemeral pair of a run that failed, and answers why it failed.
    fn abandon<T>(&self, own: &Hello, error: Error) -> Result<T> {
        match self.ephemeral(Some(&own.public), own.public.group()) {
            Ok(ephemeral) => self.vault.destroy(ephemeral.id)?,
            // It is gone: the run failed after that.
            Err(gone) if gone.kind() == Kind::NotFound => {}
            Err(failed) => return Err(failed),
        }
        Err(error)
    }

    fn forget_ephemeral(&self, handshake: &Handshake, role: Role) -> Result<()> {
        let own = &handshake.hello(role).public;
        self.vault.destroy(self.ephemeral(Some(own), handshake.group())?.id)
    }

    /// Runs something with the base key that both sides share, and destroys it.
    fn with_base<T>(
        &self,
        handshake: &Handshake,
        ours: Role,
        work: impl FnOnce(KeyId) -> Result<T>,
    ) -> Result<T> {
        let theirs = ours.other();
        let own = self.ephemeral(Some(&handshake.hello(ours).public), handshake.group())?;
        let base = self.vault.agree(&own, &handshake.hello(theirs).public)?;
        self.with_temporary(base, work)
    }

    fn seal_identity(
        &self,
        base: KeyId,
        handshake: &Handshake,
        role: Role,
        reply: Option<&[u8]>,
        credential: &Credential<'_>,
    ) -> Result<Sealed> {
        let chain = credential.chain_der();
        let signature = self.sign_as(credential, &handshake.to_be_signed(role, reply))?;
        let data = handshake.derivation_data(Purpose::Prove(role));
        let key = self.vault.derive_session_key(base, &data, SessionUse::Authenticate)?;
        let proof = self.with_temporary(key, |key| {
            self.vault.authenticate(key, &handshake.to_be_proved(role, reply, &chain))
        })?;
        let identity = Identity { chain, signature, proof }.to_der()?;
        let (nonce, associated) = (self.vault.random(GCM_NONCE)?, handshake.associated(role));
        let data = handshake.derivation_data(Purpose::Seal(role));
        let key = self.vault.derive_session_key(base, &data, SessionUse::Encrypt)?;
        let ciphertext = self.with_temporary(key, |key| {
            let cipher = Cipher::AesGcm { nonce: &nonce, associated: &associated };
            self.vault.encrypt(key, cipher, &identity)
        })?;
        Ok(Sealed { nonce, ciphertext })
    }

    fn open_identity(
        &self,
        base: KeyId,
        handshake: &Handshake,
        role: Role,
        reply: Option<&[u8]>,
        sealed: &Sealed,
        expected: &Expected<'_>,
    ) -> Result<Certificate> {
        if sealed.nonce.len() != GCM_NONCE {
            return Err(Kind::Malformed.because("a sealed identity with a nonce of wrong length"));
        }
        let (nonce, associated) = (&sealed.nonce[..], handshake.associated(role));
        let data = handshake.derivation_data(Purpose::Seal(role));
        let key = self.vault.derive_session_key(base, &data, SessionUse::Decrypt)?;
        let identity = self.with_temporary(key, |key| {
            let cipher = Cipher::AesGcm { nonce, associated: &associated };
            self.vault.decrypt(key, cipher, &sealed.ciphertext).map_err(not_of_this_run)
        })?;
        let identity = Identity::from_der(&identity)?;
        let data = handshake.derivation_data(Purpose::Prove(role));
        let key = self.vault.derive_session_key(base, &data, SessionUse::Check)?;
        let proved = handshake.to_be_proved(role, reply, &identity.chain);
        let proof = |key| self.vault.is_authentic(key, &proved, &identity.proof);
        if !self.with_temporary(key, proof)? {
            return Err(Kind::NotAuthentic.because("the peer does not prove that he has the keys"));
        }
        self.require_identity(&identity, &handshake.to_be_signed(role, reply), expected)
    }

    /// Checks certificate and signature: who it is that has the keys.
    fn require_identity(
        &self,
        identity: &Identity,
        signed: &[u8],
        expected: &Expected<'_>,
    ) -> Result<Certificate> {
        if identity.chain.len() > CHAIN_MAX {
            return Err(Kind::Malformed.because("the peer sent more than 10 certificates"));
        }
        let chain: Vec<Certificate> =
            identity.chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<_>>()?;
        let peer = self.require_trusted(&chain, expected, pki::Purpose::Identity)?;
        require_signature(&peer, signed, &identity.signature)?;
        Ok(peer)
    }
}

pub(super) fn not_of_this_run(error: Error) -> Error {
    match error.kind() {
        Kind::NotAuthentic => Kind::NotAuthentic
            .because("the message is not from whoever has the other ephemeral key of this run")
            .advise("it was changed or replayed, or somebody stands in the middle: start again"),
        _ => error,
    }
}
