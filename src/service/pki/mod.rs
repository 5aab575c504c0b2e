//! The certificate authority: one use case a file, over its register in the token.

mod authority;
mod issue;
mod list;
mod ocsp;
mod renew;
mod request;
mod revoke;

pub use authority::{AuthorityListing, NewAuthority};
pub use issue::CertificateOrder;
pub use list::ListKind;
pub use ocsp::Responder;
pub use revoke::CertificateState;

use spki::SubjectPublicKeyInfoOwned;
use x509_cert::name::Name;

use super::Kms;
use crate::domain::entry::Entry;
use crate::domain::key::{KeyId, KeyName};
use crate::domain::lifecycle::Duty;
use crate::domain::pki::Certificate;
use crate::domain::pki::issue::{Points, Unsigned};
use crate::domain::pki::register::Authority;
use crate::domain::record::KeyRecord;
use crate::domain::signature::SignatureScheme;
use crate::error::{Kind, Result};
use crate::port::Book;

/// Whoever signs for an authority, with what its certificates and lists say of it.
struct Issuer {
    name: KeyName,
    key: KeyId,
    scheme: SignatureScheme,
    subject: Name,
    public: SubjectPublicKeyInfoOwned,
    points: Points,
    /// Its certificate and those above it, as far as they are on this token. Empty for a root
    /// that is being made.
    chain: Vec<Certificate>,
}

impl Kms<'_> {
    /// Every entry of a book.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`] when there is one that is not to be trusted: a revocation that
    /// somebody damaged must not be passed over.
    pub(in crate::service) fn book<T: Entry>(&self, book: Book) -> Result<Vec<T>> {
        let page = self.registry.read(book, None)?;
        if !page.problems.is_empty() {
            return Err(Kind::NotAuthentic.because(page.wrong()).advise(
                "somebody changed the register outside keyway: restore the token's backup",
            ));
        }
        page.entries.iter().map(|(_, entry)| T::from_der(entry)).collect()
    }

    /// The entry of this name.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`] when there is one but it is not to be trusted.
    pub(in crate::service) fn entry<T: Entry>(
        &self,
        book: Book,
        name: &KeyName,
    ) -> Result<Option<T>> {
        let page = self.registry.read(book, Some(name))?;
        match page.entries.as_slice() {
            [(_, entry)] if page.problems.is_empty() => T::from_der(entry).map(Some),
            [] if page.problems.is_empty() => Ok(None),
            _ => Err(Kind::NotAuthentic
                .because(page.wrong())
                .advise("somebody changed the register outside keyway: it is not used")),
        }
    }

    pub(in crate::service) fn add_entry(&self, book: Book, entry: &impl Entry) -> Result<()> {
        self.registry.add(book, &entry.name(), &entry.to_der()?)
    }

    /// An authority of this token.
    fn authority(&self, name: &KeyName) -> Result<Authority> {
        self.entry(Book::Authorities, name)?.ok_or_else(|| {
            Kind::NotFound
                .because(format!("there is no authority {name} on this token"))
                .advise("see what there is: keyway ca list")
        })
    }

    /// An authority whose key may sign.
    fn issuer(&self, name: &KeyName) -> Result<Issuer> {
        let authority = self.authority(name)?;
        let stored = self.load(name)?;
        let record = stored.record();
        let version = record.versions().iter().find(|version| version.id == authority.key);
        let version = version.ok_or_else(|| {
            Kind::NotAuthentic
                .because(format!("authority {name}: its certificate is for another key"))
                .advise("the record of the key was changed: restore the token's backup")
        })?;
        record.require_duty(version, Duty::Protect).map_err(|error| {
            error
                .while_doing(format!("authority {name}"))
                .advise("a key that was rotated or revoked signs no more: make a new authority")
        })?;
        Ok(Issuer {
            name: name.clone(),
            key: authority.key,
            scheme: issuing_scheme(record)?,
            subject: authority.certificate.subject().clone(),
            public: authority.certificate.public_key().clone(),
            points: authority.points.clone(),
            chain: self.chain(authority)?,
        })
    }

    /// The certificate of an authority and those above it on this token.
    fn chain(&self, authority: Authority) -> Result<Vec<Certificate>> {
        let mut chain = vec![authority.certificate];
        let mut parent = authority.parent;
        while let Some(name) = parent {
            let above = self.authority(&name)?;
            chain.push(above.certificate);
            parent = above.parent;
        }
        Ok(chain)
    }

    fn complete(&self, key: KeyId, unsigned: &Unsigned) -> Result<Vec<u8>> {
        let signature = self.vault.sign(key, unsigned.scheme(), unsigned.to_be_signed())?;
        unsigned.with_signature(&signature)
    }
}

/// How a key signs certificates, lists and requests: RSA with PKCS#1 v1.5, which everybody reads.
fn issuing_scheme(record: &KeyRecord) -> Result<SignatureScheme> {
    match SignatureScheme::for_key(record.algorithm(), None)? {
        SignatureScheme::RsaPss => Ok(SignatureScheme::RsaPkcs1),
        scheme => Ok(scheme),
    }
}
