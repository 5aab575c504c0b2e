//! What is told to somebody whose command line is not understood.

use std::error::Error as _;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::ValueEnum;
use clap::error::{ContextKind, ErrorKind};

use super::print::{Format, report};
use crate::error::{Error, Kind};

/// The format that arguments and environment ask for, before they are understood.
pub(super) fn format_of(arguments: &[OsString]) -> Format {
    let mut asked = None;
    for (at, argument) in arguments.iter().enumerate() {
        let Some(argument) = argument.to_str() else { continue };
        match argument.strip_prefix("--output") {
            Some("") => asked = arguments.get(at + 1).and_then(|next| next.to_str()),
            Some(rest) => asked = rest.strip_prefix('=').or(asked),
            None => {}
        }
    }
    let variable = std::env::var("KEYWAY_OUTPUT").ok();
    let name = asked.or(variable.as_deref());
    name.and_then(|name| Format::from_str(name, false).ok()).unwrap_or_default()
}

/// clap's message, help and version; the exit code for wrong use is ours, too.
pub(super) fn tell(format: Format, error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Nothing can be told to somebody whose terminal is gone.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    match (refused_value(error), format) {
        (Some(ours), _) => report(format, &ours),
        (None, Format::Json) => report(format, &in_words(error)),
        (None, Format::Text) => {
            let _ = error.print();
            ExitCode::from(Kind::Usage.exit_code())
        }
    }
}

/// Why one of our types refused a value. clap's own message would leave the advice out.
fn refused_value(error: &clap::Error) -> Option<Error> {
    let ours = error.source()?.downcast_ref::<Error>()?;
    let message = match error.get(ContextKind::InvalidArg) {
        Some(argument) => format!("{argument}: {ours}"),
        None => ours.to_string(),
    };
    let told = Kind::Usage.because(message);
    Some(match ours.advice() {
        Some(advice) => told.advise(advice),
        None => told,
    })
}

/// What clap says before it comes to usage and help.
fn in_words(error: &clap::Error) -> Error {
    let text = error.to_string();
    let message = text.split("\n\n").next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let lines: Vec<&str> = message.lines().map(str::trim).collect();
    Kind::Usage.because(lines.join(" ")).advise("see --help")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_known_before_the_arguments_are() {
        for (arguments, format) in [
            (&["keyway", "--output", "json", "nonsense"][..], Format::Json),
            (&["keyway", "nonsense", "--output=json"], Format::Json),
            (&["keyway", "--output=xml"], Format::Text),
            (&["keyway", "--output"], Format::Text),
            (&["keyway", "--output-file", "json"], Format::Text),
        ] {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            assert_eq!(format_of(&arguments), format, "{arguments:?}");
        }
    }
}
