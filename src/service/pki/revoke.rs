//! Revoking certificates, one by one or with their key.

use crate::domain::hash::sha256;
use crate::domain::lifecycle::{Reason, State};
use crate::domain::pki::Serial;
use crate::domain::pki::issue::ListedRevocation;
use crate::domain::pki::register::{Issued, Revocation};
use crate::domain::record::{KeyRecord, Version};
use crate::error::{Kind, Result};
use crate::port::Book;
use crate::service::{ATTEMPTS, Kms};

/// A certificate of the register and whether it is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateState {
    /// The certificate.
    pub issued: Issued,
    /// Its revocation.
    pub revocation: Option<Revocation>,
}

impl Kms<'_> {
    /// Revokes a certificate that an authority of this token issued.
    ///
    /// # Errors
    /// [`Kind::NotFound`] for a number that none gave, [`Kind::Refused`] when it is revoked.
    pub fn revoke_certificate(&self, serial: Serial, reason: Reason) -> Result<Revocation> {
        let issued: Issued = self.issued(serial)?;
        for _ in 0..ATTEMPTS {
            if let Some(known) = self.entry::<Revocation>(Book::Revoked, &serial.entry_name())? {
                return Err(Kind::Refused
                    .because(format!(
                        "certificate {serial} was revoked at {} ({})",
                        known.listed.at, known.listed.reason
                    ))
                    .advise("publish it: keyway ca crl"));
            }
            let listed = ListedRevocation { serial, at: self.clock.now(), reason };
            let revocation = Revocation { authority: issued.authority.clone(), listed };
            match self.add_entry(Book::Revoked, &revocation) {
                Err(error) if matches!(error.kind(), Kind::Conflict | Kind::Exists) => {}
                added => return added.map(|()| revocation),
            }
        }
        Err(Kind::Conflict
            .because(format!("other processes keep revoking certificate {serial}"))
            .advise("look again: keyway ca list"))
    }

    /// Revokes the certificates of the versions of a key that a revocation concerned, as far as
    /// they are not revoked yet, and answers them: for a compromise those of the versions that the
    /// record says are compromised, for every other reason those of all.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`] when somebody damaged the register.
    pub(in crate::service) fn revoke_certificates(
        &self,
        record: &KeyRecord,
        reason: Reason,
    ) -> Result<Vec<Issued>> {
        let all = reason.state() != State::Compromised;
        let concerned = |version: &Version| all || version.state == State::Compromised;
        let mut revoked = Vec::new();
        for state in self.certificates_of_versions(record, concerned)? {
            if state.revocation.is_some() {
                continue;
            }
            match self.revoke_certificate(state.issued.serial, reason) {
                // Another process was faster.
                Err(error) if error.kind() == Kind::Refused => {}
                Err(error) => return Err(error),
                Ok(_) => revoked.push(state.issued),
            }
        }
        Ok(revoked)
    }

    fn certificates_of_versions(
        &self,
        record: &KeyRecord,
        concerned: impl Fn(&Version) -> bool,
    ) -> Result<Vec<CertificateState>> {
        if record.algorithm().material().is_secret_key() {
            return Ok(Vec::new());
        }
        let mut hashes = Vec::new();
        for version in record.versions().iter().filter(|version| concerned(version)) {
            match self.vault.public_key(version.id, record.algorithm()) {
                Ok(public) => hashes.push(sha256(&[&public.to_der()?])),
                // Destroyed, and with it what its certificates could be known by.
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let issued: Vec<Issued> = self.book(Book::Issued)?;
        let mine = issued.into_iter().filter(|issued| hashes.contains(&issued.key));
        mine.map(|issued| {
            let revocation = self.entry(Book::Revoked, &issued.serial.entry_name())?;
            Ok(CertificateState { issued, revocation })
        })
        .collect()
    }

    pub(super) fn issued(&self, serial: Serial) -> Result<Issued> {
        self.entry(Book::Issued, &serial.entry_name())?.ok_or_else(|| {
            Kind::NotFound
                .because(format!("no authority of this token issued certificate {serial}"))
                .advise("see what they issued: keyway ca list")
        })
    }
}
