//! `keyway data-key`: keys for programs that encrypt by themselves.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::arguments::Options;
use super::crypt::ContextArgument;
use super::file::{self, Readers};
use super::open::with_kms;
use super::print::tell_saved;
use crate::domain::key::KeyName;
use crate::error::Result;

const EXAMPLES: &str = "Examples:
  keyway data-key --key backup --plain dk --out dk.kw       encrypt with dk, keep dk.kw, delete dk
  keyway decrypt --in dk.kw --out dk                        when the data is needed again
  keyway data-key --key backup --wrapped-only --out dk.kw   for a program that decrypts it itself";

/// A data key of 32 random bytes.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct DataKeyArguments {
    /// The key that wraps it
    #[arg(long)]
    key: KeyName,
    #[command(flatten)]
    context: ContextArgument,
    /// Where the wrapped form goes to; standard output if not named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where the data key itself goes to, for its owner only
    #[arg(long, value_name = "FILE", required_unless_present = "wrapped_only")]
    plain: Option<PathBuf>,
    /// Forget the data key: only the wrapped form is written
    #[arg(long, conflicts_with = "plain")]
    wrapped_only: bool,
}

pub(super) fn run(options: &Options, arguments: &DataKeyArguments) -> Result<()> {
    let context = arguments.context.read()?;
    let made = with_kms(options, |kms| kms.data_key(&arguments.key, context))?;
    // The wrapped form first: a data key without it would be lost with what it encrypts.
    file::write(arguments.out.as_deref(), &made.wrapped, Readers::Anybody)?;
    if let Some(plain) = &arguments.plain {
        file::write(Some(plain), &made.plain, Readers::Owner)?;
    }
    let plain = arguments.plain.as_ref().map(|plain| plain.display().to_string());
    let what = json!({ "key": arguments.key.as_str(), "plain": plain });
    tell_saved(options, arguments.out.as_deref(), &what)
}
