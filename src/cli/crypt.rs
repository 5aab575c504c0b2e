//! `keyway encrypt`, `keyway decrypt` and `keyway reencrypt`.

use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::arguments::{Files, Options};
use super::file::{self, Readers};
use super::open::with_kms;
use super::output::Output;
use super::print::{notice, tell_saved};
use super::progress::Watched;
use super::raw::{self, RawArguments};
use crate::domain::envelope::{Context, Scheme, armor};
use crate::domain::key::KeyName;
use crate::error::Result;
use crate::service::{Encryption, Kms, Reencryption};

const ENCRYPT_EXAMPLES: &str = "Examples:
  keyway encrypt --key backup --in a.txt --out a.kw
  keyway encrypt --key db --context tenant=acme --context table=orders --in row --out row.kw

  keyway encrypt --key partner --raw --scheme rsa-oaep --oaep-hash sha1 --in a.txt --out a.bin

Everything is encrypted inside the token, long input in pieces of 1 MiB. keyway seal is faster for
large files and lets other people have them, too.";

const DECRYPT_EXAMPLES: &str = "Examples:
  keyway decrypt --in a.kw --out a.txt
  keyway decrypt --in row.kw --out row --context tenant=acme --context table=orders
  keyway decrypt --key old --raw --scheme aes-cbc --iv 000102030405060708090a0b0c0d0e0f --in a.cbc
  keyway decrypt --key old --raw --scheme rsa-oaep --oaep-hash sha1 --in a.bin --out a.txt

Raw data is what other programs made, such as openssl: it names neither key nor version, so both have
to be known.";

const REENCRYPT_EXAMPLES: &str = "Examples:
  keyway reencrypt --in a.kw --out a.kw                 with the newest version
  keyway reencrypt --key archive --in a.kw --out a.kw";

/// What a ciphertext is bound to.
#[derive(Args, Debug)]
pub(super) struct ContextArgument {
    /// What the ciphertext belongs to; decryption wants the same. May be given several times
    #[arg(long = "context", value_name = "NAME=VALUE")]
    pairs: Vec<String>,
}

impl ContextArgument {
    /// The context.
    ///
    /// # Errors
    /// [`crate::Kind::Usage`] for what is no pair.
    pub fn read(&self) -> Result<Context> {
        Context::parse(&self.pairs)
    }
}

#[derive(Args, Debug)]
#[command(after_help = ENCRYPT_EXAMPLES)]
pub(super) struct EncryptArguments {
    /// The key
    #[arg(long)]
    key: KeyName,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    context: ContextArgument,
    /// Write text instead of bytes
    #[arg(long, conflicts_with = "raw")]
    armor: bool,
    /// aes-gcm or aes-cbc, rsa-oaep or rsa-pkcs1; the first is the default
    #[arg(long)]
    scheme: Option<Scheme>,
    #[command(flatten)]
    raw: RawArguments,
}

#[derive(Args, Debug)]
#[command(after_help = DECRYPT_EXAMPLES)]
pub(super) struct DecryptArguments {
    /// The key that the ciphertext has to be for
    #[arg(long, required_if_eq("raw", "true"))]
    key: Option<KeyName>,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    context: ContextArgument,
    /// How raw data is encrypted: aes-gcm, aes-cbc, rsa-oaep or rsa-pkcs1
    #[arg(long, requires = "raw")]
    scheme: Option<Scheme>,
    /// The version that raw data is for; the newest if none is named
    #[arg(long, value_name = "NUMBER", requires = "raw")]
    key_version: Option<u32>,
    #[command(flatten)]
    raw: RawArguments,
}

#[derive(Args, Debug)]
#[command(after_help = REENCRYPT_EXAMPLES)]
pub(super) struct ReencryptArguments {
    /// The ciphertext; standard input if not named
    #[arg(long = "in", value_name = "FILE")]
    input: Option<PathBuf>,
    /// Where the new one goes to; it may take the old one's place. Standard output if not named
    #[arg(long = "out", value_name = "FILE")]
    output: Option<PathBuf>,
    /// The key to encrypt with; the newest version of the same if none is named
    #[arg(long)]
    key: Option<KeyName>,
    #[command(flatten)]
    context: ContextArgument,
}

pub(super) fn encrypt(options: &Options, arguments: &EncryptArguments) -> Result<()> {
    if let (true, Some(scheme)) = (arguments.raw.raw, arguments.scheme) {
        raw::encrypt(options, &arguments.raw, &arguments.key, scheme, &arguments.files)?;
        warn_of(options, scheme);
        return Ok(());
    }
    let how = Encryption {
        key: arguments.key.clone(),
        scheme: arguments.scheme,
        context: arguments.context.read()?,
    };
    let out = arguments.files.output.as_deref();
    if arguments.armor {
        let data = file::read(arguments.files.input.as_deref())?;
        let mut message = Vec::new();
        with_kms(options, |kms| kms.encrypt_from(&how, &mut data.as_slice(), &mut message))?;
        file::write(out, &armor(&message)?, Readers::Anybody)?;
    } else {
        flow(options, &arguments.files, Readers::Anybody, |kms, input, output| {
            kms.encrypt_from(&how, input, output)
        })?;
    }
    if let Some(scheme) = arguments.scheme {
        warn_of(options, scheme);
    }
    tell_saved(options, out, &json!({ "key": arguments.key.as_str(), "armor": arguments.armor }))
}

fn warn_of(options: &Options, scheme: Scheme) {
    if !scheme.is_authenticated() {
        notice(
            options,
            format_args!("warning: {scheme} does not notice changes to the ciphertext"),
        );
    }
}

pub(super) fn decrypt(options: &Options, arguments: &DecryptArguments) -> Result<()> {
    if let (true, Some(key), Some(scheme)) = (arguments.raw.raw, &arguments.key, arguments.scheme) {
        let (raw, version) = (&arguments.raw, arguments.key_version);
        return raw::decrypt(options, raw, key, version, scheme, &arguments.files);
    }
    let context = arguments.context.read()?;
    flow(options, &arguments.files, Readers::Owner, |kms, input, output| {
        kms.decrypt_to(arguments.key.as_ref(), &context, input, output)
    })?;
    tell_saved(options, arguments.files.output.as_deref(), &json!({}))
}

pub(super) fn reencrypt(options: &Options, arguments: &ReencryptArguments) -> Result<()> {
    let how = Reencryption { to: arguments.key.clone(), context: arguments.context.read()? };
    let files = Files { input: arguments.input.clone(), output: arguments.output.clone() };
    flow(options, &files, Readers::Anybody, |kms, input, output| {
        kms.reencrypt(&how, input, output)
    })?;
    tell_saved(options, files.output.as_deref(), &json!({}))
}

/// Runs from input to output, which shows only when all of it is there.
fn flow(
    options: &Options,
    files: &Files,
    readers: Readers,
    run: impl FnOnce(Kms<'_>, &mut dyn Read, &mut Output) -> Result<()>,
) -> Result<()> {
    let mut input = Watched::new(file::open(files.input.as_deref())?);
    let mut output = Output::create(files.output.as_deref(), readers)?;
    with_kms(options, |kms| run(kms, &mut input, &mut output))?;
    output.finish()
}
