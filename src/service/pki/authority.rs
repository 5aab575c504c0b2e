//! Making an authority, and looking at those there are.

use super::{Issuer, issuing_scheme};
use crate::domain::key::{Algorithm, KeyId, KeyName, Usage};
use crate::domain::pki::issue::{AuthorityLimits, Points, Profile};
use crate::domain::pki::register::{Authority, Issued, Revocation};
use crate::domain::pki::{Certificate, Subject};
use crate::domain::record::KeyRecord;
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};
use crate::port::Book;
use crate::service::pki::issue::Order;
use crate::service::{Kms, NewKey};

/// What a new authority is to be.
#[derive(Clone, Debug)]
pub struct NewAuthority {
    /// Its name, and that of its key.
    pub name: KeyName,
    /// Its distinguished name; `CN=` and its name if none is given.
    pub subject: Option<Subject>,
    /// What its key is made of.
    pub algorithm: Algorithm,
    /// The authority of this token that certifies it; `None` makes a root.
    pub parent: Option<KeyName>,
    /// Last moment of its certificate; `None` takes ten years, or what its parent has left.
    pub until: Option<Timestamp>,
    /// What it may not exceed.
    pub limits: AuthorityLimits,
    /// Where revocation is told, for its certificates.
    pub points: Points,
}

/// An authority and what it did.
#[derive(Clone, Debug)]
pub struct AuthorityListing {
    /// The authority.
    pub authority: Authority,
    /// What it issued, by serial number.
    pub issued: Vec<Issued>,
    /// What it revoked.
    pub revoked: Vec<Revocation>,
}

impl Kms<'_> {
    /// Makes an authority: a key in the token, a certificate, an entry in the register.
    ///
    /// After an interruption the same command goes on: with the key of this name if there is no
    /// entry yet, and else with the certificate that is missing beside the key.
    ///
    /// # Errors
    /// [`Kind::Exists`] for a name that an authority has, or a key that is not for signing;
    /// [`Kind::NotAuthentic`] when its parent may have no such authority below it.
    pub fn init_authority(&self, new: &NewAuthority) -> Result<Authority> {
        let name = &new.name;
        if let Some(known) = self.entry::<Authority>(Book::Authorities, name)? {
            return self.complete_authority(known);
        }
        // Before a key is made for nothing.
        let parent = new.parent.as_ref().map(|parent| self.issuer(parent)).transpose()?;
        let record = self.authority_key(new)?;
        let version = record.primary()?;
        let public = self.vault.public_key(version.id, record.algorithm())?.to_spki()?;
        let subject = match &new.subject {
            Some(subject) => subject.clone(),
            None => format!("CN={name}").parse()?,
        };
        let issuer = match parent {
            Some(parent) => parent,
            None => Issuer {
                name: name.clone(),
                key: version.id,
                scheme: issuing_scheme(&record)?,
                subject: subject.0.clone(),
                public: public.clone(),
                points: Points::default(),
                chain: Vec::new(),
            },
        };
        let certificate = self.issue(
            &issuer,
            &Order {
                subject: &subject.0,
                key: &public,
                names: &[],
                profile: Profile::Authority,
                limits: &new.limits,
                until: new.until,
            },
        )?;
        self.register_authority(new, version.id, certificate)
    }

    fn register_authority(
        &self,
        new: &NewAuthority,
        key: KeyId,
        certificate: Certificate,
    ) -> Result<Authority> {
        let authority = Authority {
            name: new.name.clone(),
            key,
            parent: new.parent.clone(),
            certificate,
            points: new.points.clone(),
            created: self.clock.now(),
        };
        self.add_entry(Book::Authorities, &authority)?;
        self.vault.add_certificate(&authority.name, key, authority.certificate.der())?;
        Ok(authority)
    }

    /// Puts the certificate of an authority beside its key, which an interruption kept away.
    fn complete_authority(&self, authority: Authority) -> Result<Authority> {
        let der = authority.certificate.der();
        if self.vault.stored_certificates()?.iter().any(|stored| stored.der == der) {
            return Err(Kind::Exists
                .because(format!("there is an authority {} already", authority.name))
                .advise("see: keyway ca show"));
        }
        self.vault.add_certificate(&authority.name, authority.key, der)?;
        Ok(authority)
    }

    /// A new key, or the one that an interrupted attempt left.
    fn authority_key(&self, new: &NewAuthority) -> Result<KeyRecord> {
        let Some(stored) = self.registry.load(&new.name)? else {
            return self.create_key(&NewKey {
                name: new.name.clone(),
                algorithm: new.algorithm,
                usage: Some(Usage::Sign),
            });
        };
        let record = stored.record().clone();
        if record.algorithm() != new.algorithm || record.usage() != Usage::Sign {
            return Err(Kind::Exists
                .because(format!(
                    "there is a key {} already, {} to {}",
                    new.name,
                    record.algorithm(),
                    record.usage()
                ))
                .advise("choose another name"));
        }
        Ok(record)
    }

    /// Every authority of the token, by name, with what it did.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`] when the register was tampered with.
    pub fn list_authorities(&self) -> Result<Vec<AuthorityListing>> {
        let authorities: Vec<Authority> = self.book(Book::Authorities)?;
        let issued: Vec<Issued> = self.book(Book::Issued)?;
        let revoked: Vec<Revocation> = self.book(Book::Revoked)?;
        let listing = |authority: Authority| {
            let name = authority.name.clone();
            AuthorityListing {
                authority,
                issued: issued.iter().filter(|one| one.authority == name).cloned().collect(),
                revoked: revoked.iter().filter(|one| one.authority == name).cloned().collect(),
            }
        };
        Ok(authorities.into_iter().map(listing).collect())
    }

    /// One authority with what it did, and its chain up to the highest one on this token.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is none of this name.
    pub fn show_authority(&self, name: &KeyName) -> Result<(AuthorityListing, Vec<Certificate>)> {
        let chain = self.chain(self.authority(name)?)?;
        let mut listings = self.list_authorities()?;
        listings.retain(|listing| listing.authority.name == *name);
        let listing = listings.pop().ok_or_else(|| Kind::NotFound.because("it went away"))?;
        Ok((listing, chain))
    }
}
