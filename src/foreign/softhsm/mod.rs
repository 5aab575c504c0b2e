//! Tokens of SoftHSM2, read from its directory (`objectstore.backend = file`): also keys that it
//! would not give away, which is why this needs the token's user PIN.

mod attribute;
mod file;
mod seal;

use std::path::{Path, PathBuf};

use cryptoki_sys::{CK_ATTRIBUTE_TYPE, CKA_PRIVATE};
use zeroize::Zeroizing;

use self::file::Value;
use self::seal::TokenKey;
use super::ForeignObject;
use crate::error::{Kind, Result};

/// What SoftHSM2 calls the attributes of `token.object`: CKA_VENDOR_DEFINED, "SH", a number.
const TOKEN_LABEL: CK_ATTRIBUTE_TYPE = 0x8000_5349;
const TOKEN_USER_PIN: CK_ATTRIBUTE_TYPE = 0x8000_534D;

const TOKEN_FILE: &str = "token.object";

/// A token that was read.
#[derive(Debug)]
pub struct SoftHsmToken {
    /// Its label.
    pub label: String,
    /// Its objects, in the order of their files' names.
    pub objects: Vec<ForeignObject>,
}

/// Reads a token below SoftHSM2's token directory, or the directory of one token. `label` chooses
/// among several.
///
/// # Errors
/// [`Kind::NotFound`] when there is no such token, [`Kind::Usage`] when there are several,
/// [`Kind::Pin`] when the PIN does not open it, [`Kind::File`] and [`Kind::Malformed`] when its
/// files cannot be read.
pub fn read(directory: &Path, label: Option<&str>, pin: &str) -> Result<SoftHsmToken> {
    let (place, label, token) = choose(directory, label)?;
    let sealed = match file::find(&token, TOKEN_USER_PIN) {
        Some(Value::Bytes(sealed)) if !sealed.is_empty() => sealed,
        _ => {
            return Err(Kind::Pin
                .because(format!("SoftHSM2's token {label} has no user PIN"))
                .advise("it never had one, so there are no keys to import"));
        }
    };
    let key = TokenKey::open(sealed, pin).ok_or_else(|| {
        Kind::Pin
            .because(format!("the PIN does not open SoftHSM2's token {label}"))
            .advise("give the user PIN of the SoftHSM2 token, not that of the new one")
    })?;
    let mut files = list(&place)?;
    files.retain(|path| {
        path.extension().is_some_and(|extension| extension == "object")
            && path.file_name().is_some_and(|name| name != TOKEN_FILE)
    });
    files.sort();
    let mut objects = Vec::new();
    for path in &files {
        objects.push(attribute::object(&opened(file::read(path)?, &key, path)?));
    }
    Ok(SoftHsmToken { label, objects })
}

/// The attributes of an object in clear.
fn opened(mut values: file::Values, key: &TokenKey, path: &Path) -> Result<file::Values> {
    if !matches!(file::find(&values, CKA_PRIVATE), Some(Value::Flag(true))) {
        return Ok(values);
    }
    for (name, value) in &mut values {
        let Value::Bytes(sealed) = value else { continue };
        // SoftHSM2 seals no empty string.
        if !sealed.is_empty() {
            *sealed = key.decrypt(sealed).ok_or_else(|| {
                Kind::Malformed
                    .because(format!("{}: attribute {name:#x} does not decrypt", path.display()))
                    .advise("the file is damaged, or it belongs to another token")
            })?;
        }
    }
    Ok(values)
}

/// The token's directory, its label and the contents of `token.object`.
fn choose(directory: &Path, label: Option<&str>) -> Result<(PathBuf, String, file::Values)> {
    let mut places = list(directory)?;
    places.push(directory.to_owned());
    if places.iter().any(|place| place.join("sqlite3.db").exists()) {
        return Err(Kind::Unsupported
            .because(format!("{} is of SoftHSM2's database backend", directory.display()))
            .advise("only objectstore.backend = file can be read"));
    }
    let mut tokens = Vec::new();
    for place in places {
        if !place.join(TOKEN_FILE).exists() {
            continue;
        }
        let values = file::read(&place.join(TOKEN_FILE))?;
        let name = match file::find(&values, TOKEN_LABEL) {
            Some(Value::Bytes(name)) => String::from_utf8_lossy(name).trim_end().to_owned(),
            _ => String::new(),
        };
        if label.is_none_or(|label| label == name) {
            tokens.push((place, name, values));
        }
    }
    match tokens.len() {
        1 => Ok(tokens.remove(0)),
        0 => Err(Kind::NotFound
            .because(match label {
                Some(label) => format!("{} has no token {label}", directory.display()),
                None => format!("{} has no SoftHSM2 token", directory.display()),
            })
            .advise("name the directory that directories.tokendir in softhsm2.conf names")),
        _ => {
            let names: Vec<_> = tokens.iter().map(|(_, name, _)| name.as_str()).collect();
            Err(Kind::Usage
                .because(format!(
                    "{} has several tokens: {}",
                    directory.display(),
                    names.join(", ")
                ))
                .advise("choose one with --source-token"))
        }
    }
}

fn list(directory: &Path) -> Result<Vec<PathBuf>> {
    let failed =
        |error| Kind::File.because(format!("cannot read {}", directory.display())).caused_by(error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    Ok(paths)
}

type Bytes = Zeroizing<Vec<u8>>;
