//! Putting a token back from its backup.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::scratch::Scratch;
use super::{Manifest, extract, sync_directory};
use crate::admin::Admin;
use crate::backend::SlotId;
use crate::backend::embedded::{EmbeddedBackend, EmbeddedConfig, EmbeddedToken};
use crate::error::{Code, Context, Result};
use crate::store::event::{self, EventKind};
use crate::store::sqlite::{SqliteStore, make_directory};

/// A token that was put back.
#[derive(Clone, Debug)]
pub struct Restored {
    pub manifest: Manifest,
    pub slot: SlotId,
    pub file: PathBuf,
    /// Where the token lies whose place it took.
    pub replaced: Option<PathBuf>,
}

/// Puts the token of a backup into the token directory, after everything in it was checked that can
/// be checked without a PIN. It keeps its slot number if that is free. Its PINs, and how often a
/// wrong one was tried, are those of the backup.
///
/// With `replace` it takes the place of the token that has the same serial number or label, whose
/// file stays beside it under another name; no other program may use that token meanwhile.
///
/// # Errors
/// FunctionRejected if that token is there and `replace` is not given, SessionExists if a program
/// uses it; PinIncorrect for a wrong passphrase; EncryptedDataInvalid and EncryptedDataLenRange for
/// a damaged backup, DataInvalid for what is none; FunctionFailed for files that cannot be written.
pub fn restore(
    config: &EmbeddedConfig,
    backup: &Path,
    passphrase: &[u8],
    replace: bool,
) -> Result<Restored> {
    let story = format!("cannot make the token directory {}", config.token_dir.display());
    make_directory(&config.token_dir).or_code(Code::FunctionFailed, story)?;
    let scratch = Scratch::within(&config.token_dir)?;
    let (manifest, token) = extract(backup, passphrase, &scratch, None)?;
    let old = same_token(config, &manifest)?;
    if let (Some(old), false) = (&old, replace) {
        return Err(Code::FunctionRejected.because(format!(
            "token {} (serial {}) is there already, in {}",
            manifest.label,
            manifest.serial,
            old.file.display()
        )));
    }
    if token.verify()? != manifest.objects {
        return Err(Code::DeviceError.because("the backup does not hold as much as it says"));
    }
    token.record(EventKind::Restored)?;
    let database = settle(&token, &scratch)?;
    let (slot, file, replaced) = match old {
        Some(old) => {
            let aside = old.file.with_extension(format!("replaced-{}", event::now() / 1000));
            let (slot, file) = (old.slot, old.file.clone());
            drop(old);
            SqliteStore::new(&file).replace(&database, &aside)?;
            (slot, file, Some(aside))
        }
        None => {
            let (slot, file) = free_place(config, manifest.slot)?;
            SqliteStore::new(&file).fill(&database)?;
            (slot, file, None)
        }
    };
    sync_directory(&file).or_code(Code::FunctionFailed, "flush the token directory")?;
    Ok(Restored { manifest, slot, file, replaced })
}

/// The token of the directory that a backup would stand beside, or in the place of.
fn same_token(config: &EmbeddedConfig, manifest: &Manifest) -> Result<Option<Admin>> {
    let mut same = Vec::new();
    for token in Admin::all(config)? {
        match token.info() {
            Ok(info) if info.serial == manifest.serial => return Ok(Some(token)),
            Ok(info) if info.initialized && info.label == manifest.label => same.push(token),
            Ok(_) => {}
            // A damaged file in the token's own slot is what a backup is for.
            Err(_) if token.slot() == manifest.slot => same.insert(0, token),
            Err(e) => log::warn!("{} cannot be read: {e}", token.file.display()),
        }
    }
    Ok((!same.is_empty()).then(|| same.remove(0)))
}

/// Brings the log home, so that the database file is all there is, and flushes it.
fn settle(token: &EmbeddedToken, scratch: &Scratch) -> Result<PathBuf> {
    token.settle()?;
    let database = scratch.database();
    let flushed = File::open(&database).and_then(|file| file.sync_all());
    flushed.or_code(Code::FunctionFailed, "flush the restored token")?;
    Ok(database)
}

/// The slot that the token had, or the next number that no token has.
fn free_place(config: &EmbeddedConfig, wanted: SlotId) -> Result<(SlotId, PathBuf)> {
    let backend = EmbeddedBackend::new(config.clone());
    let taken: Vec<SlotId> = Admin::all(config)?.iter().map(Admin::slot).collect();
    let slot = match taken.contains(&wanted) {
        false => wanted,
        true => taken.iter().max().map_or(1, |last| last + 1),
    };
    Ok((slot, backend.file(slot)))
}
