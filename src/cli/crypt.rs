//! `keyway encrypt` and `keyway decrypt`.

use super::arguments::{DecryptArguments, EncryptArguments, Options};
use super::file::{self, Readers};
use super::open::with_kms;
use super::print::warn;
use crate::domain::envelope::{Scheme, armor, unarmor};
use crate::error::Result;

pub(super) fn encrypt(options: &Options, arguments: &EncryptArguments) -> Result<()> {
    let data = file::read(arguments.files.input.as_deref())?;
    let message = with_kms(options, |kms| kms.encrypt(&arguments.key, arguments.scheme, &data))?;
    if let Some(scheme @ (Scheme::AesCbc | Scheme::RsaPkcs1)) = arguments.scheme {
        warn(format_args!("warning: {scheme} does not notice changes to the ciphertext"));
    }
    let message = if arguments.armor { armor(&message)? } else { message };
    file::write(arguments.files.output.as_deref(), &message, Readers::Anybody)
}

pub(super) fn decrypt(options: &Options, arguments: &DecryptArguments) -> Result<()> {
    let input = file::read(arguments.files.input.as_deref())?;
    let unarmored = unarmor(&input)?;
    let message = unarmored.as_deref().unwrap_or(&input);
    let data = with_kms(options, |kms| kms.decrypt(arguments.key.as_ref(), message))?;
    file::write(arguments.files.output.as_deref(), &data, Readers::Owner)
}
