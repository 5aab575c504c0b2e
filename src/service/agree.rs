//! Agreeing on a key with a peer: ephemeral Diffie-Hellman inside the token.

use super::Kms;
use crate::domain::exchange::{Group, Label, PublicValue, Transcript};
use crate::domain::key::{Algorithm, KeyId, KeyName, Usage};
use crate::domain::record::{KeyRecord, Origin};
use crate::error::{Kind, Result};
use crate::port::{Ephemeral, KeySpec, SessionUse};

/// An agreed key and the proof that the peer has the same.
#[derive(Clone, Debug)]
pub struct Agreed {
    /// The key.
    pub record: KeyRecord,
    /// The tag to compare with the peer's: equal tags, equal keys. It says nothing of the key.
    pub confirmation: [u8; 32],
}

impl Kms<'_> {
    /// Makes an ephemeral pair in the token and answers the public value for the peer.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] when the token lacks the group.
    pub fn start_agreement(&self, group: Group) -> Result<PublicValue> {
        self.vault.start_agreement(group)
    }

    /// Derives the agreed AES-256 key in the token under a name, and destroys the ephemeral pair.
    ///
    /// # Errors
    /// [`Kind::NotFound`] without a pair in the peer's group; [`Kind::Refused`] for a foreign
    /// group or our own value sent back.
    pub fn finish_agreement(
        &self,
        name: &KeyName,
        usage: Option<Usage>,
        own: Option<&PublicValue>,
        peer: &PublicValue,
    ) -> Result<Agreed> {
        let usage = Algorithm::Aes256.usage(usage)?;
        let own = self.ephemeral(own, peer.group())?;
        let transcript = Transcript::new(&own.public, peer)?;
        self.require_free(name)?;
        let base = self.vault.agree(&own, peer)?;
        let agreed = self.with_temporary(base, |base| {
            let confirmation = self.confirmation(base, &transcript)?;
            let data = transcript.derivation_data(Label::Key);
            let record = self.keep_agreed(base, &data, transcript.key_id(), name, usage)?;
            Ok(Agreed { record, confirmation })
        })?;
        self.vault.destroy(own.id)?;
        Ok(agreed)
    }

    /// Derives an AES-256 key from the base under a name and records it.
    pub(super) fn keep_agreed(
        &self,
        base: KeyId,
        data: &[u8; 32],
        id: KeyId,
        name: &KeyName,
        usage: Usage,
    ) -> Result<KeyRecord> {
        let algorithm = Algorithm::Aes256;
        let shareable = false;
        let spec = KeySpec { name: name.clone(), id, algorithm, usage, shareable };
        let now = self.clock.now();
        let record = KeyRecord::new(name.clone(), algorithm, usage, Origin::Agreed, id, now)?;
        self.vault.derive_key(base, data, &spec)?;
        if let Err(error) = self.registry.save(None, &record) {
            self.discard(name, id)?;
            return Err(error);
        }
        Ok(record)
    }

    /// Runs something with a key of the session and destroys it, whatever became of it.
    pub(super) fn with_temporary<T>(
        &self,
        key: KeyId,
        work: impl FnOnce(KeyId) -> Result<T>,
    ) -> Result<T> {
        let done = work(key);
        let gone = self.vault.destroy(key);
        // What failed first says why.
        let done = done?;
        gone.map(|()| done)
    }

    /// The tag that proves to a peer that both have the same key: HMAC-SHA-256 of the transcript
    /// under the key derived with [`Label::Confirm`].
    fn confirmation(&self, base: KeyId, transcript: &Transcript) -> Result<[u8; 32]> {
        let data = transcript.derivation_data(Label::Confirm);
        let key = self.vault.derive_session_key(base, &data, SessionUse::Authenticate)?;
        let tag =
            self.with_temporary(key, |key| self.vault.authenticate(key, transcript.as_bytes()))?;
        tag.try_into().map_err(|_| Kind::Token.because("an HMAC-SHA-256 tag of wrong length"))
    }

    /// Destroys every ephemeral pair that waits for a peer and answers how many there were.
    ///
    /// # Errors
    /// The token refuses.
    pub fn cancel_agreements(&self) -> Result<usize> {
        let pending = self.vault.pending_agreements()?;
        for ephemeral in &pending {
            self.vault.destroy(ephemeral.id)?;
        }
        Ok(pending.len())
    }

    /// Those pairs that are whole. An interruption while one is destroyed leaves its public half,
    /// which agrees on nothing and goes.
    fn whole(&self, pending: Vec<Ephemeral>) -> Result<Vec<Ephemeral>> {
        let mut whole = Vec::new();
        for ephemeral in pending {
            match self.vault.holds(ephemeral.id)? {
                true => whole.push(ephemeral),
                false => self.vault.destroy(ephemeral.id)?,
            }
        }
        Ok(whole)
    }

    /// The ephemeral pair with our public value, or the only one in the group.
    pub(super) fn ephemeral(&self, own: Option<&PublicValue>, group: Group) -> Result<Ephemeral> {
        let mut pending = self.vault.pending_agreements()?;
        pending.retain(|ephemeral| match own {
            Some(own) => ephemeral.public == *own,
            None => ephemeral.public.group() == group,
        });
        let mut pending = self.whole(pending)?;
        match (pending.len(), own) {
            (1, _) => Ok(pending.remove(0)),
            (0, None) => Err(Kind::NotFound
                .because(format!("no agreement in {group} was started on this token"))
                .advise(format!("start one: keyway agree start --group {group}"))),
            (0, Some(_)) => Err(Kind::NotFound
                .because("the agreement with that public value is not on this token")
                .advise("it was finished or cancelled: start again; or this is another token")),
            (count, _) => Err(Kind::Usage
                .because(format!("{count} agreements in {group} wait for their peers"))
                .advise("name ours with --own FILE, the file that agree start wrote")),
        }
    }
}
