//! `keyway key import`: one key from a file.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use zeroize::Zeroizing;

use super::arguments::Options;
use super::key::Done;
use super::open::with_kms_in_turn;
use super::page::Page;
use super::print::{Answer, tell};
use super::{file, pin};
use crate::domain::key::{Algorithm, KeyName, Material as Shape, Usage};
use crate::error::{Kind, Result};
use crate::foreign::key_file::{self, KeyFile};
use crate::port::{Entry, Material};
use crate::service::ImportedKey;

const EXAMPLES: &str = "Examples:
  keyway key import web --in web.key                    PEM or DER: PKCS#8, PKCS#1, SEC1
  keyway key import web --in web.p12 --use sign         the one key of a PKCS#12 file
  keyway key import web --in web.jwk
  keyway key import old --in key.bin --format raw --algorithm aes-256

The key becomes sensitive and not extractable. It goes into the token wrapped for a key that the token
makes for this one time, where the token can unwrap it; else a note says why not. The file stays as it
is: destroy it when the key is in the token and backed up.";

/// A key from a file.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ImportKeyArguments {
    /// The key's name in the token
    name: KeyName,
    /// The file; standard input if not named
    #[arg(long = "in", value_name = "FILE")]
    input: Option<PathBuf>,
    /// auto, or raw for the bytes of a secret key
    #[arg(long, default_value = "auto", hide_possible_values = true)]
    format: Format,
    /// What the key has to be; wanted for raw bytes
    #[arg(long)]
    algorithm: Option<Algorithm>,
    /// encrypt, sign, wrap or agree; the algorithm's first if none is named
    #[arg(long = "use", value_name = "USE")]
    usage: Option<Usage>,
    /// File with the key file's passphrase; else KEYWAY_SOURCE_PIN, else the terminal is asked
    #[arg(long, value_name = "FILE", env = "KEYWAY_SOURCE_PIN_FILE")]
    source_pin_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Auto,
    Raw,
}

pub(super) fn run(options: &Options, arguments: &ImportKeyArguments) -> Result<()> {
    let bytes = file::read(arguments.input.as_deref())?;
    let found = match arguments.format {
        Format::Auto => {
            key_file::read(&bytes, || pin::source(arguments.source_pin_file.as_deref()))?
        }
        Format::Raw => KeyFile::Secret(Zeroizing::new(bytes.to_vec())),
    };
    let algorithm = algorithm(&found, arguments)?;
    let material = match &found {
        KeyFile::Private(der) => Material::Private(der),
        KeyFile::Secret(bytes) => Material::Secret(bytes),
    };
    let name = arguments.name.clone();
    let request = ImportedKey { name, algorithm, usage: arguments.usage, material };
    let (record, entry) = with_kms_in_turn(options, |kms| kms.import_key(&request))?;
    let clear = match entry {
        Entry::Wrapped => None,
        Entry::Clear(why) => Some(why),
    };
    tell(
        options,
        &Imported { done: Done::made(&record, "imported"), wrapped: clear.is_none(), clear },
    )
}

/// A key that came in, and how.
#[derive(Serialize)]
struct Imported {
    #[serde(flatten)]
    done: Done,
    wrapped: bool,
    /// Why it was not.
    #[serde(rename = "not_wrapped")]
    clear: Option<String>,
}

impl Answer for Imported {
    fn text(&self, page: &mut Page) {
        match &self.clear {
            None => page.line(format_args!("{}; wrapped on its way in", self.done.sentence)),
            Some(why) => {
                page.line(&self.done.sentence);
                page.warning(format_args!(
                    "note: the key went into the token in the clear, within this machine: {why}"
                ));
            }
        }
    }
}

fn algorithm(found: &KeyFile, arguments: &ImportKeyArguments) -> Result<Algorithm> {
    if arguments.format == Format::Raw && arguments.algorithm.is_none() {
        return Err(Kind::Usage
            .because("raw bytes do not say what they are")
            .advise("name it: --algorithm aes-256"));
    }
    // The bytes of a secret key do not tell AES from HMAC.
    if let (KeyFile::Secret(bytes), Some(asked)) = (found, arguments.algorithm)
        && let Shape::Aes { bytes: wanted } | Shape::Hmac { bytes: wanted } = asked.material()
    {
        return match bytes.len() == wanted {
            true => Ok(asked),
            false => Err(Kind::Malformed
                .because(format!("the file has {} bytes; {asked} has {wanted}", bytes.len()))
                .advise("look for the right file; raw means the bytes alone, no line end")),
        };
    }
    let algorithm = found.algorithm()?;
    match arguments.algorithm {
        Some(asked) if asked != algorithm => Err(Kind::Malformed
            .because(format!("the file holds a key for {algorithm}, not for {asked}"))
            .advise("leave --algorithm out, or look for the right file")),
        _ => Ok(algorithm),
    }
}
