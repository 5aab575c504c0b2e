//! `keyway sign` and `keyway verify`.

use super::arguments::{Options, SignArguments, VerifyArguments};
use super::file::{self, Readers};
use super::open::with_kms;
use super::print::say;
use crate::error::Result;

pub(super) fn sign(options: &Options, arguments: &SignArguments) -> Result<()> {
    let message = file::read(arguments.files.input.as_deref())?;
    let signature = with_kms(options, |kms| kms.sign(&arguments.key, arguments.scheme, &message))?;
    file::write(arguments.files.output.as_deref(), &signature, Readers::Anybody)
}

pub(super) fn verify(options: &Options, arguments: &VerifyArguments) -> Result<()> {
    let message = file::read(arguments.input.as_deref())?;
    let signature = file::read(Some(&arguments.signature))?;
    let verified = with_kms(options, |kms| {
        kms.verify(&arguments.key, arguments.scheme, &message, &signature)
    })?;
    say(format_args!(
        "signed by key {} version {} ({})",
        arguments.key, verified.version, verified.state
    ))?;
    Ok(())
}
