//! Checking every key of a token.

use super::Kms;
use crate::domain::key::KeyName;
use crate::domain::record::Version;
use crate::domain::soundness::{Verdict, judge};
use crate::error::{Kind, Result};

/// A key with what was found.
#[derive(Clone, Debug)]
pub struct CheckedKey {
    /// CKA_LABEL.
    pub label: String,
    /// CKA_ID.
    pub id: Vec<u8>,
    /// What is to be said of it.
    pub verdict: Verdict,
}

impl Kms<'_> {
    /// Suspends the keys of keyway's own that a check found unsound; the next maintenance revokes
    /// them. Answers those that were not suspended for it before.
    ///
    /// # Errors
    /// The token failed.
    pub fn suspect_unsound(&self, checked: &[CheckedKey]) -> Result<Vec<KeyName>> {
        let records = self.registry.list()?.records;
        let mut suspended = Vec::new();
        for key in checked.iter().filter(|key| !key.verdict.problems.is_empty()) {
            let evidence = key.verdict.problems.join("; ");
            for stored in &records {
                let record = stored.record();
                let is_it = |version: &Version| version.id.as_bytes() == key.id;
                let Some(version) = record.versions().iter().find(|v| is_it(v)) else { continue };
                let suspect = self.suspect_versions(record.name(), version.number, &evidence)?;
                suspended.extend(suspect.map(|record| record.name().clone()));
            }
        }
        Ok(suspended)
    }

    /// Tries every private and secret key of the token, whoever made it, or those of one label.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is none with this label; the token failed.
    pub fn check_keys(&self, label: Option<&str>) -> Result<Vec<CheckedKey>> {
        // All are looked at even for one: an RSA key may share a prime with any other.
        let evidence = self.vault.evidence()?;
        let verdicts = judge(&evidence);
        let mut checked: Vec<CheckedKey> = evidence
            .into_iter()
            .zip(verdicts)
            .map(|(evidence, verdict)| CheckedKey {
                label: evidence.label,
                id: evidence.id,
                verdict,
            })
            .collect();
        if let Some(label) = label {
            checked.retain(|key| key.label == label);
            if checked.is_empty() {
                return Err(Kind::NotFound
                    .because(format!("there is no private or secret key labelled {label}"))
                    .advise("see: keyway key check"));
            }
        }
        Ok(checked)
    }
}
