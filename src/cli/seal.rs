//! `keyway seal` and `keyway open`: files of any size, in the age format.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::arguments::Options;
use super::file::{self, Readers};
use super::open::with_kms;
use super::output::Output;
use super::print::tell_saved;
use super::progress::Watched;
use crate::domain::key::KeyName;
use crate::error::{Kind, Result};
use crate::service::Recipient;

/// The ending of sealed files.
const ENDING: &str = "age";

const SEAL_EXAMPLES: &str = "Examples:
  keyway seal disk.img --to backup                 makes disk.img.age
  keyway seal disk.img --to backup --to age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
                                                   also for the holder of an age identity
  keyway seal disk.img --to laptop                 a pair: create it with --algorithm x25519
  tar c photos | keyway seal - --to backup > photos.tar.age

The file is in the age format (age-encryption.org/v1). Its key is wrapped inside the token; age
itself opens it with the plugin: age-plugin-keyway --key NAME > id; age -d -i id disk.img.age";

const OPEN_EXAMPLES: &str = "Examples:
  keyway open disk.img.age                         makes disk.img
  keyway open disk.img.age --out /mnt/disk.img
  keyway open - < photos.tar.age | tar x

A file shows under its name only when all of it was authentic. On standard output the pieces come
as they are checked: what was printed before an error is authentic, but not whole.";

#[derive(Args, Debug)]
#[command(after_help = SEAL_EXAMPLES)]
pub(super) struct SealArguments {
    /// What to seal; - for standard input
    file: PathBuf,
    /// A key of the token, or an age recipient; may be given several times. The token's only key
    /// that encrypts if none is named
    #[arg(long, value_name = "KEY")]
    to: Vec<Recipient>,
    /// Where to; FILE.age if not named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(after_help = OPEN_EXAMPLES)]
pub(super) struct OpenArguments {
    /// What to open; - for standard input
    file: PathBuf,
    /// The key that the file has to be sealed to
    #[arg(long)]
    key: Option<KeyName>,
    /// Where to; FILE without .age if not named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn seal(options: &Options, arguments: &SealArguments) -> Result<()> {
    let target = target(&arguments.file, arguments.out.as_deref(), sealed_name)?;
    let input = file::open(named(&arguments.file))?;
    let mut output = Output::create(target.as_deref(), Readers::Anybody)?;
    with_kms(options, |kms| kms.seal(&arguments.to, &mut Watched::new(input), &mut output))?;
    output.finish()?;
    tell_saved(options, target.as_deref(), &json!({}))
}

pub(super) fn open(options: &Options, arguments: &OpenArguments) -> Result<()> {
    let target = target(&arguments.file, arguments.out.as_deref(), opened_name)?;
    let input = file::open(named(&arguments.file))?;
    let mut output = Output::create(target.as_deref(), Readers::Owner)?;
    with_kms(options, |kms| {
        kms.open(arguments.key.as_ref(), &mut Watched::new(input), &mut output)
    })?;
    output.finish()?;
    tell_saved(options, target.as_deref(), &json!({}))
}

/// `None` for standard input.
fn named(file: &Path) -> Option<&Path> {
    (file != Path::new("-")).then_some(file)
}

/// Where the result goes. Only a name that was given takes the place of a file.
fn target(
    file: &Path,
    out: Option<&Path>,
    name: impl Fn(&Path) -> Result<PathBuf>,
) -> Result<Option<PathBuf>> {
    let (Some(file), None) = (named(file), out) else { return Ok(out.map(Path::to_owned)) };
    let target = name(file)?;
    if target.exists() {
        return Err(Kind::Exists
            .because(format!("{} exists already", target.display()))
            .advise("name another file, or this one, with --out"));
    }
    Ok(Some(target))
}

fn sealed_name(file: &Path) -> Result<PathBuf> {
    let mut name = OsString::from(file);
    name.push(format!(".{ENDING}"));
    Ok(name.into())
}

fn opened_name(file: &Path) -> Result<PathBuf> {
    match file.extension() {
        Some(ending) if ending == ENDING => Ok(file.with_extension("")),
        _ => Err(Kind::Usage
            .because(format!("{} does not end in .{ENDING}", file.display()))
            .advise("say where to with --out FILE")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_each_other() {
        let sealed = sealed_name(Path::new("a/disk.img")).expect("a name");
        assert_eq!(sealed, Path::new("a/disk.img.age"));
        assert_eq!(opened_name(&sealed).expect("a name"), Path::new("a/disk.img"));
        assert!(opened_name(Path::new("disk.img")).is_err());
    }
}
