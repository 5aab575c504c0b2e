//! Reporting that a key is compromised, and acting on such a report.

use super::Kms;
use crate::domain::hash::sha256;
use crate::domain::key::{KeyId, KeyName, Usage};
use crate::domain::lifecycle::State;
use crate::domain::record::KeyRecord;
use crate::domain::report::Report;
use crate::domain::signature::SignatureScheme;
use crate::error::{Kind, Result};

impl Kms<'_> {
    /// Makes a report that a key and all its versions so far are compromised, signed with a key of
    /// this token. `id` names the newest version when the key itself is on another token.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is no such key, [`Kind::Refused`] when the signer does not
    /// sign, [`Kind::Usage`] for evidence that is not one line.
    pub fn report_key(
        &self,
        name: &KeyName,
        id: Option<KeyId>,
        evidence: &str,
        signer: &KeyName,
    ) -> Result<Vec<u8>> {
        let id = match id {
            Some(id) => id,
            None => self.load(name)?.record().latest().id,
        };
        let stored = self.load(signer)?;
        let record = stored.record();
        record.require(Usage::Sign)?;
        let scheme = SignatureScheme::for_key(record.algorithm(), None)?;
        let version = record.primary()?;
        let public = self.vault.public_key(version.id, record.algorithm())?.to_der()?;
        let about = (name.clone(), id);
        let report = Report::new(about, self.clock.now(), evidence, public, scheme)?;
        let signature = self.vault.sign(version.id, scheme, &report.message()?)?;
        report.signed(&signature)
    }

    /// Checks a report and suspends its key at once; the next maintenance revokes it. `None` when
    /// that was done before.
    ///
    /// Believed is the reporter that the key's record names, and the key itself: whoever can sign
    /// with it either owns it or has proved the compromise.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`] for a bad signature or a signer that is not believed,
    /// [`Kind::NotFound`] when the key or its version is not on this token.
    pub fn accept_report(&self, report: &[u8]) -> Result<Option<KeyRecord>> {
        let report = Report::open(report)?;
        let stored = self.load(&report.key)?;
        let record = stored.record();
        let versions = record.versions();
        let version = versions.iter().find(|version| version.id == report.id).ok_or_else(|| {
            let (key, id) = (&report.key, report.id);
            Kind::NotFound
                .because(format!(
                    "the report is on a version of key {key} (id {id}) not on this token"
                ))
                .advise("look for the token that holds it: keyway key show")
        })?;
        if !self.is_believed(record, &report)? {
            return Err(Kind::NotAuthentic
                .because(format!("the report on key {} is signed by somebody else", report.key))
                .advise(
                    "believed are the key itself and its --reporter: keyway key revoke it by hand",
                ));
        }
        let evidence = format!("reported {}: {}", report.at, report.evidence);
        self.suspect_versions(&report.key, version.number, &evidence)
    }

    fn is_believed(&self, record: &KeyRecord, report: &Report) -> Result<bool> {
        let reporter = report.reporter();
        if record.terms().reporter == Some(reporter) {
            return Ok(true);
        }
        if record.usage() != Usage::Sign {
            return Ok(false);
        }
        for version in record.versions().iter().filter(|v| v.state != State::Destroyed) {
            match self.vault.public_key(version.id, record.algorithm()) {
                Ok(own) if sha256(&[&own.to_der()?]) == reporter => return Ok(true),
                Err(error) if error.kind() != Kind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(false)
    }
}
