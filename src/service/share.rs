//! Sharing a key with other tokens, wrapped for each of them.

use super::peer::{Credential, Expected};
use super::{ATTEMPTS, Kms};
use crate::domain::envelope::OaepHash;
use crate::domain::key::{KeyId, KeyName};
use crate::domain::pki::{Certificate, Purpose};
use crate::domain::share::{Given, Recipient, Share, SignedShare, Wrapped};
use crate::error::{Kind, Result};
use crate::port::Book;

impl Kms<'_> {
    /// Wraps a key's primary version in the token for every recipient, and signs the whole. Without
    /// a hash for OAEP it is the best that this token has; the recipients' may know fewer. The
    /// ledger says who got it before anybody has it.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a key that was not created for sharing, and for a recipient whose key
    /// is not trusted by the token; [`Kind::NotAuthentic`] for one whom no root vouches for.
    pub fn share_key(
        &self,
        name: &KeyName,
        recipients: &[Vec<Certificate>],
        hash: Option<OaepHash>,
        credential: &Credential<'_>,
        expected: &Expected<'_>,
    ) -> Result<SignedShare> {
        let record = self.load(name)?.body.record;
        if !record.algorithm().material().is_secret_key() {
            return Err(Kind::Refused
                .because(format!("key {name} is a pair: private keys are not shared"))
                .advise("share its public part: keyway key export-public"));
        }
        let version = record.primary()?;
        let mut wrapped = Vec::new();
        for chain in recipients {
            wrapped.push(self.wrap_for(version.id, chain, hash, expected).map_err(|error| {
                error.while_doing(format!("key {name} version {}", version.number))
            })?);
        }
        let share = Share {
            made: self.clock.now(),
            name: name.clone(),
            version: version.number,
            key: version.id,
            algorithm: record.algorithm(),
            usage: record.usage(),
            recipients: wrapped,
        };
        let chain = credential.chain_der();
        let signature = self.sign_as(credential, &share.to_be_signed(&chain)?)?;
        for given in share.given() {
            self.write_down(&given)?;
        }
        share.into_signed(chain, signature)
    }

    /// Who got which version of a key of this token, and when for the first time: oldest first.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`] when the ledger was changed by somebody else.
    pub fn shares_of(&self, name: &KeyName) -> Result<Vec<Given>> {
        let mut given: Vec<Given> = self.book(Book::Given)?;
        given.retain(|given| given.name == *name);
        given.sort_by_key(|given| (given.version, given.at, given.subject.clone()));
        Ok(given)
    }

    /// Adds an entry, unless this recipient got this version before.
    fn write_down(&self, given: &Given) -> Result<()> {
        let mut last = Ok(());
        for _ in 0..ATTEMPTS {
            last = match self.add_entry(Book::Given, given) {
                Err(error) if error.kind() == Kind::Exists => return Ok(()),
                Err(error) if error.kind() == Kind::Conflict => Err(error),
                written => return written,
            };
        }
        last
    }

    fn wrap_for(
        &self,
        key: KeyId,
        chain: &[Certificate],
        hash: Option<OaepHash>,
        expected: &Expected<'_>,
    ) -> Result<Wrapped> {
        let certificate = self.require_trusted(chain, expected, Purpose::Recipient)?;
        let recipient = Recipient::of(&certificate)?;
        let (hash, wrapped) = self
            .vault
            .wrap_for(key, recipient.id(), hash)
            .map_err(|error| error.while_doing(format!("for {}", recipient.subject)))?;
        Ok(Wrapped { recipient: recipient.hash, subject: recipient.subject, hash, wrapped })
    }
}
