//! Who we are and who the peer is, by certificates: for the exchange and for sharing.

use der::EncodePem;
use der::pem::LineEnding;

use super::Kms;
use crate::domain::key::KeyName;
use crate::domain::peer::{require_name, scheme_of};
use crate::domain::pki::register::Authority;
use crate::domain::pki::{Certificate, Purpose, Trust, validate};
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};
use crate::port::Book;

/// Who we are: a key of the token that signs, and its certificate with those above it.
#[derive(Clone, Copy, Debug)]
pub struct Credential<'a> {
    /// The key.
    pub key: &'a KeyName,
    /// Its certificate, then intermediate ones.
    pub chain: &'a [Certificate],
}

/// Whom we believe.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Roots and revocation lists.
    pub trust: Trust<'a>,
    /// The peer's name; `None` takes everybody whom a root vouches for.
    pub name: Option<&'a str>,
}

impl Credential<'_> {
    /// The certificate of the key.
    ///
    /// # Errors
    /// [`Kind::Usage`] when there is none.
    pub(super) fn certificate(&self) -> Result<&Certificate> {
        self.chain.first().ok_or_else(|| {
            Kind::Usage
                .because(format!("no certificate of key {} was given", self.key))
                .advise("name the file with --cert")
        })
    }

    /// Every certificate in DER.
    pub(super) fn chain_der(&self) -> Vec<Vec<u8>> {
        self.chain.iter().map(|certificate| certificate.der().to_vec()).collect()
    }
}

impl Kms<'_> {
    /// Signs as the certificate says who we are.
    ///
    /// # Errors
    /// [`Kind::Usage`] when the certificate is not that of the key's active version.
    pub(super) fn sign_as(&self, credential: &Credential<'_>, message: &[u8]) -> Result<Vec<u8>> {
        let certificate = credential.certificate()?;
        let record = self.load(credential.key)?.body.record;
        let ours = self.vault.public_key(record.primary()?.id, record.algorithm())?.to_pem()?;
        if public_key_pem(certificate)? != ours {
            return Err(Kind::Usage
                .because(format!(
                    "the certificate of {} is not for the active version of key {}",
                    certificate.subject(),
                    credential.key
                ))
                .advise("name the key that it was issued for, or have a new one issued"));
        }
        self.sign(credential.key, Some(scheme_of(certificate.public_key())?), message)
    }

    /// The roots that the token itself believes: those of its own authorities, and certificates of
    /// authorities that its security officer marked as trusted (CKA_TRUSTED).
    ///
    /// # Errors
    /// [`Kind::Usage`] when there are none.
    pub fn believed_roots(&self) -> Result<Vec<Certificate>> {
        let own: Vec<Authority> = self.book(Book::Authorities)?;
        let own = own.into_iter().filter(|authority| authority.parent.is_none());
        let mut roots: Vec<_> = own.map(|authority| authority.certificate).collect();
        for der in self.vault.trusted_certificates()? {
            let certificate = Certificate::from_der(&der)?;
            if certificate.is_authority() && !roots.contains(&certificate) {
                roots.push(certificate);
            }
        }
        if roots.is_empty() {
            return Err(Kind::Usage
                .because("no root certificate was named, and the token believes none")
                .advise("name the file with --trust"));
        }
        Ok(roots)
    }

    /// Decides whether a chain of certificates is that of whoever is expected, now.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`] with the reason.
    pub(super) fn require_trusted(
        &self,
        chain: &[Certificate],
        expected: &Expected<'_>,
        purpose: Purpose,
    ) -> Result<Certificate> {
        trusted_certificate(chain, expected, self.clock.now(), purpose)
    }
}

/// Decides whether a chain of certificates is that of whoever is expected, at a moment.
///
/// # Errors
/// [`Kind::NotAuthentic`] with the reason.
pub fn trusted_certificate(
    chain: &[Certificate],
    expected: &Expected<'_>,
    at: Timestamp,
    purpose: Purpose,
) -> Result<Certificate> {
    let path = validate(chain, &expected.trust, at, purpose)?;
    if let Some(name) = expected.name {
        require_name(path.certificate(), name)?;
    }
    Ok(path.certificate().clone())
}

fn public_key_pem(certificate: &Certificate) -> Result<String> {
    certificate.public_key().to_pem(LineEnding::LF).map_err(|error| {
        Kind::Malformed.because("the certificate's key cannot be encoded").caused_by(error)
    })
}
