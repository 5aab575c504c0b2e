//! Sharing a key with other tokens, wrapped for each of them.

use super::peer::{Credential, Expected};
use super::{ATTEMPTS, Kms};
use crate::domain::entry::Entry;
use crate::domain::envelope::OaepHash;
use crate::domain::key::{KeyId, KeyName};
use crate::domain::pki::{Certificate, Purpose};
use crate::domain::record::KeyRecord;
use crate::domain::share::{Given, Recipient, Share, SignedShare, Wrapped};
use crate::error::{Kind, Result};
use crate::port::Book;

/// Who else has a key.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// Who got which version, and when for the first time.
    pub given: Vec<Given>,
    /// What is written down and not to be trusted.
    pub problems: Vec<String>,
}

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

    /// Who got which version of a key, oldest first, as far as the ledger is to be trusted.
    ///
    /// # Errors
    /// The token failed.
    pub(super) fn shares_of(&self, record: &KeyRecord) -> Result<Shares> {
        let starts: Vec<_> = record.versions().iter().map(|v| format!("{}-", v.id)).collect();
        let page = self.registry.read(Book::Given, None)?.starting(&starts);
        let name = record.name();
        let mut shares = Shares::default();
        for (entry, der) in &page.entries {
            match Given::from_der(der) {
                Ok(given) => shares.given.push(given),
                Err(error) => {
                    shares.problems.push(format!("key {name}: who has it: entry {entry}: {error}"));
                }
            }
        }
        let damaged = page.problems.iter();
        shares.problems.extend(damaged.map(|problem| {
            format!("key {name}: who has it is not known for certain: {}", problem.what)
        }));
        shares.given.sort_by_key(|given| (given.version, given.at, given.subject.clone()));
        Ok(shares)
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
