//! `keyway token import`: other programs' stores.

use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::arguments::{ImportArguments, Options};
use super::pin;
use super::print::{say, warn};
use crate::error::{Kind, Result};
use crate::foreign::{ForeignObject, pkcs12, softhsm};
use crate::token::{Import, Module, OpenToken, Outcome, import};

/// Longest PKCS#12 file that is read.
const FILE_MAX: u64 = 16 << 20;

pub(super) fn run(
    options: &Options,
    module: Arc<Module>,
    arguments: &ImportArguments,
) -> Result<()> {
    let objects = read(arguments)?;
    let token = OpenToken::open(module, options.token.as_deref(), &pin::user(options)?)?;
    let mode = if arguments.dry_run { Import::DryRun } else { Import::Real };
    let outcomes = import(&token, &objects, mode)?;
    let (mut imported, mut present, mut refused) = (0, 0, 0);
    for (object, outcome) in objects.iter().zip(&outcomes) {
        match outcome {
            Outcome::Imported => imported += 1,
            Outcome::Present => present += 1,
            Outcome::Refused(_) => refused += 1,
        }
        say(line(object, outcome, mode))?;
        if *outcome == Outcome::Imported {
            for loss in &object.losses {
                warn(format_args!("note: {} {:?} loses {loss}", object.kind(), object.label()));
            }
        }
    }
    let verb = if arguments.dry_run { "could be imported" } else { "imported" };
    say(format_args!(
        "token {}: {imported} {verb}, {present} there before, {refused} refused",
        token.label()
    ))?;
    if refused > 0 {
        return Err(Kind::Refused
            .because(format!("{refused} of {} objects cannot be imported", objects.len()))
            .advise("the others are not affected; see the reasons above"));
    }
    Ok(())
}

fn read(arguments: &ImportArguments) -> Result<Vec<ForeignObject>> {
    let secret = pin::source(arguments.source_pin_file.as_deref())?;
    match (&arguments.from_softhsm, &arguments.from_pkcs12) {
        (Some(directory), _) => {
            let token = softhsm::read(directory, arguments.source_token.as_deref(), &secret)?;
            say(format_args!(
                "SoftHSM2's token {}: {} object(s)",
                token.label,
                token.objects.len()
            ))?;
            Ok(token.objects)
        }
        (None, Some(file)) => pkcs12::read(&contents(file)?, &secret, arguments.label.as_deref()),
        (None, None) => Err(Kind::Usage
            .because("nothing to import from")
            .advise("name --from-softhsm DIR or --from-pkcs12 FILE")),
    }
}

fn contents(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    use std::io::Read;
    let failed =
        |error| Kind::File.because(format!("cannot read {}", path.display())).caused_by(error);
    let mut bytes = Zeroizing::new(Vec::new());
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(FILE_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn line(object: &ForeignObject, outcome: &Outcome, mode: Import) -> String {
    let verdict = match (outcome, mode) {
        (Outcome::Imported, Import::Real) => "imported",
        (Outcome::Imported, Import::DryRun) => "possible",
        (Outcome::Present, _) => "present",
        (Outcome::Refused(_), _) => "refused",
    };
    let id: String = object.id().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut line = format!("{verdict:<9} {:<12} {:?}", object.kind(), object.label());
    if !id.is_empty() {
        line.push_str(&format!("  id {id}"));
    }
    if let Outcome::Refused(reason) = outcome {
        line.push_str(&format!(": {reason}"));
    }
    line
}
