//! Backups of our own tokens, and putting tokens back.

use std::path::Path;

use keyway_pkcs11::admin::backup::{self, Backup, DEFAULT_COST, Restored};
use keyway_pkcs11::backend::Pin;
use keyway_pkcs11::error::{Code, Error as Local};

use super::error::local_error;
use super::{LocalToken, configuration};
use crate::domain::time::Timestamp;
use crate::error::{Error, Kind, Result};

/// What a backup holds, in words.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The token's label.
    pub label: String,
    /// The token's serial number.
    pub serial: String,
    /// How many objects it has.
    pub objects: u64,
    /// How many events its log has.
    pub events: u64,
    /// When the backup was taken.
    pub taken_at: Timestamp,
}

/// Where a token was put back.
#[derive(Clone, Debug)]
pub struct Place {
    /// What the backup held.
    pub contents: Contents,
    /// The token's slot.
    pub slot: u32,
    /// The token's database.
    pub file: String,
    /// The database whose place it took, under its new name.
    pub replaced: Option<String>,
}

impl LocalToken {
    /// Writes a backup that was read again and checked; with the user PIN, object by object.
    ///
    /// # Errors
    /// [`Kind::Exists`] for a file that is there, [`Kind::Pin`] for a wrong PIN or a passphrase that
    /// is too short, [`Kind::File`] for a file that cannot be written, [`Kind::Token`] for a token
    /// that is damaged.
    pub fn back_up(&self, out: &Path, passphrase: &str, pin: Option<&str>) -> Result<Contents> {
        let made = self.admin.back_up(&Backup {
            out,
            passphrase: passphrase.as_bytes(),
            pin: pin.map(|pin| Pin(pin.as_bytes())),
            cost: DEFAULT_COST,
        });
        made.map(|manifest| contents(&manifest)).map_err(|error| match error.code() {
            Code::FunctionRejected => Kind::Exists
                .because(error.context())
                .advise("choose another name, such as one with the date"),
            Code::PinLenRange => Kind::Pin
                .because(error.context())
                .advise("for backups by a program, make one: openssl rand -base64 32"),
            Code::FunctionFailed => Kind::File.because(error.to_string()),
            _ => local_error(error),
        })
    }
}

/// Puts the token of a backup into the configured token directory.
///
/// # Errors
/// [`Kind::Exists`] if it is there and must not be replaced, [`Kind::Pin`] for a wrong passphrase,
/// [`Kind::NotAuthentic`] for a damaged backup, [`Kind::Malformed`] for a file that is none.
pub fn restore(
    module: Option<&Path>,
    backup: &Path,
    passphrase: &str,
    replace: bool,
) -> Result<Place> {
    let config = configuration(module)?;
    let answer = backup::restore(&config.embedded(), backup, passphrase.as_bytes(), replace);
    let Restored { manifest, slot, file, replaced } =
        answer.map_err(|error| restore_error(error, backup))?;
    Ok(Place {
        contents: contents(&manifest),
        slot,
        file: file.display().to_string(),
        replaced: replaced.map(|path| path.display().to_string()),
    })
}

fn contents(manifest: &backup::Manifest) -> Contents {
    Contents {
        label: manifest.label.clone(),
        serial: manifest.serial.clone(),
        objects: manifest.objects,
        events: manifest.events,
        taken_at: Timestamp::from_unix(manifest.taken_at / 1000),
    }
}

fn restore_error(error: Local, backup: &Path) -> Error {
    let told = |kind: Kind| kind.because(format!("{}: {}", backup.display(), error.context()));
    match error.code() {
        Code::FunctionRejected => Kind::Exists
            .because(error.context())
            .advise("--replace puts the backup in its place and keeps it beside"),
        Code::PinIncorrect => told(Kind::Pin).advise("it is the passphrase of --passphrase-file"),
        Code::EncryptedDataInvalid | Code::EncryptedDataLenRange => {
            told(Kind::NotAuthentic).advise("use another copy of the backup")
        }
        Code::DataInvalid => told(Kind::Malformed),
        Code::FunctionFailed => Kind::File.because(error.to_string()),
        _ => local_error(error),
    }
}
