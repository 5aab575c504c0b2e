//! `keyway key report` and what is done with its files.

use std::fs;
use std::path::{Path, PathBuf};

use der::pem::PemLabel;
use der::{DecodePem, Encode};
use serde::Serialize;
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::Certificate;

use super::command::ReportArguments;
use crate::cli::arguments::Options;
use crate::cli::file::{self, Readers};
use crate::cli::open::with_kms_in_turn;
use crate::cli::page::Page;
use crate::cli::print::{Answer, tell, tell_saved};
use crate::domain::hash::sha256;
use crate::error::{Error, Kind, Result};

/// Longest report that is read, in bytes.
const LONGEST: u64 = 64 << 10;
/// What the files of reports end with in a directory.
const EXTENSION: &str = "report";

pub(super) fn make(options: &Options, arguments: &ReportArguments) -> Result<()> {
    let ReportArguments { name, evidence, sign_with, id, out } = arguments;
    let report = with_kms_in_turn(options, |kms| kms.report_key(name, *id, evidence, sign_with))?;
    file::write(out.as_deref(), &report, Readers::Anybody)?;
    let what = serde_json::json!({ "key": name.as_str(), "signed_with": sign_with.as_str() });
    tell_saved(options, out.as_deref(), &what)
}

pub(super) fn accept(options: &Options, file: &Path) -> Result<()> {
    let report = read(file)?;
    let suspended = with_kms_in_turn(options, |kms| kms.accept_report(&report))?;
    tell(options, &Accepted { suspended: suspended.map(|record| record.name().to_string()) })
}

/// The key that a report brought under suspicion, unless it was before.
#[derive(Serialize)]
struct Accepted {
    suspended: Option<String>,
}

impl Answer for Accepted {
    fn text(&self, page: &mut Page) {
        match &self.suspended {
            Some(name) => page
                .line(format_args!("key {name} is suspended; the next keyway maintain revokes it")),
            None => page.line("the key is under suspicion, or revoked, already"),
        }
    }
}

/// SHA-256 of the public key in a PEM file, which may be a certificate.
pub(super) fn reporter(path: &Path) -> Result<[u8; 32]> {
    let pem = fs::read_to_string(path).map_err(|error| cannot_read(path, error))?;
    let key = if pem.contains(Certificate::PEM_LABEL) {
        Certificate::from_pem(&pem)
            .map(|certificate| certificate.tbs_certificate().subject_public_key_info().clone())
    } else {
        SubjectPublicKeyInfoOwned::from_pem(&pem)
    };
    key.and_then(|key| key.to_der()).map(|der| sha256(&[&der])).map_err(|error| {
        Kind::Malformed
            .because(format!("{} holds no public key and no certificate", path.display()))
            .caused_by(error)
            .advise("write one: keyway key export-public NAME --out FILE")
    })
}

/// A report, or every report of a directory, by its name.
pub(crate) fn read_all(path: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries = entries.map_err(|error| cannot_read(path, error))?;
        let is_report = |file: &PathBuf| file.extension().is_some_and(|e| e == EXTENSION);
        files = entries.iter().map(fs::DirEntry::path).filter(is_report).collect();
        files.sort();
    }
    let name = |file: &PathBuf| file.display().to_string();
    files.iter().map(|file| Ok((name(file), read(file)?))).collect()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = |error| cannot_read(path, error);
    if fs::metadata(path).map_err(failed)?.len() > LONGEST {
        return Err(Kind::Malformed
            .because(format!(
                "{} has more than {} KiB: it is no report",
                path.display(),
                LONGEST >> 10
            ))
            .advise("make one: keyway key report"));
    }
    fs::read(path).map_err(failed)
}

fn cannot_read(path: &Path, error: std::io::Error) -> Error {
    Kind::File.because(format!("cannot read {}", path.display())).caused_by(error)
}
