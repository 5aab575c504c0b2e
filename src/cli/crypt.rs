//! `keyway encrypt`, `keyway decrypt` and `keyway reencrypt`.

use std::io::Read;
use std::path::PathBuf;

use clap::Args;

use super::arguments::{Files, Options};
use super::file::{self, Readers};
use super::open::with_kms;
use super::output::Output;
use super::print::warn;
use super::progress::Watched;
use crate::domain::envelope::{Context, Scheme, armor};
use crate::domain::key::KeyName;
use crate::error::Result;
use crate::service::{Encryption, Kms, Reencryption};

const ENCRYPT_EXAMPLES: &str = "Examples:
  keyway encrypt --key backup --in a.txt --out a.kw
  keyway encrypt --key db --context tenant=acme --context table=orders --in row --out row.kw

Everything is encrypted inside the token, long input in pieces of 1 MiB. keyway seal is faster for
large files and lets other people have them, too.";

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
    #[arg(long)]
    armor: bool,
    /// aes-gcm or aes-cbc, rsa-oaep or rsa-pkcs1; the first is the default
    #[arg(long)]
    scheme: Option<Scheme>,
}

#[derive(Args, Debug)]
pub(super) struct DecryptArguments {
    /// The key that the ciphertext has to be for
    #[arg(long)]
    key: Option<KeyName>,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    context: ContextArgument,
}

#[derive(Args, Debug)]
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
    let how = Encryption {
        key: arguments.key.clone(),
        scheme: arguments.scheme,
        context: arguments.context.read()?,
    };
    if arguments.armor {
        let data = file::read(arguments.files.input.as_deref())?;
        let mut message = Vec::new();
        with_kms(options, |kms| kms.encrypt_from(&how, &mut data.as_slice(), &mut message))?;
        file::write(arguments.files.output.as_deref(), &armor(&message)?, Readers::Anybody)?;
    } else {
        flow(options, &arguments.files, Readers::Anybody, |kms, input, output| {
            kms.encrypt_from(&how, input, output)
        })?;
    }
    if let Some(scheme) = arguments.scheme.filter(|scheme| !scheme.is_authenticated()) {
        warn(format_args!("warning: {scheme} does not notice changes to the ciphertext"));
    }
    Ok(())
}

pub(super) fn decrypt(options: &Options, arguments: &DecryptArguments) -> Result<()> {
    let context = arguments.context.read()?;
    flow(options, &arguments.files, Readers::Owner, |kms, input, output| {
        kms.decrypt_to(arguments.key.as_ref(), &context, input, output)
    })
}

pub(super) fn reencrypt(options: &Options, arguments: &ReencryptArguments) -> Result<()> {
    let how = Reencryption { to: arguments.key.clone(), context: arguments.context.read()? };
    let files = Files { input: arguments.input.clone(), output: arguments.output.clone() };
    flow(options, &files, Readers::Anybody, |kms, input, output| kms.reencrypt(&how, input, output))
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
