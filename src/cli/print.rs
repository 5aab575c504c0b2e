//! The one place that prints: what a command answers, for people or as JSON.
//!
//! A command makes a value and a text of it ([`Answer`]); `--output` says which of the two stands on
//! standard output. In JSON every document is one line. A reader that went away (`keyway key list |
//! head -1`) is no failure, and never a panic.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::ValueEnum;
use serde::{Serialize, Serializer};

use super::arguments::Options;
use super::page::Page;
use crate::error::{Error, Kind, Result};

/// What standard output is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// People.
    #[default]
    Text,
    /// Programs.
    Json,
}

/// What a command answers: a document for programs and a text for people. Field names are those in
/// the tables of `docs/cli.md` and stay; what is not known is null, not left out.
pub(super) trait Answer: Serialize {
    /// Writes it for people.
    fn text(&self, page: &mut Page);
}

/// Prints what a command answers.
///
/// # Errors
/// [`Kind::File`] when it cannot be written, unless the reader went away.
pub(super) fn tell(options: &Options, answer: &impl Answer) -> Result<()> {
    match options.output {
        Format::Json => document(answer),
        Format::Text => {
            let mut page = Page::for_terminal();
            answer.text(&mut page);
            say_page(&page)
        }
    }
}

/// Prints a series: for programs a document each, for people one text of all.
///
/// # Errors
/// As [`tell`].
pub(super) fn tell_each<T: Serialize>(
    options: &Options,
    series: &[T],
    text: impl FnOnce(&[T], &mut Page),
) -> Result<()> {
    match options.output {
        Format::Json => series.iter().try_for_each(document),
        Format::Text => {
            let mut page = Page::for_terminal();
            text(series, &mut page);
            say_page(&page)
        }
    }
}

/// For programs, tells what was written to a file. Data on standard output stays alone, and people
/// see the file.
///
/// # Errors
/// As [`tell`].
pub(super) fn tell_saved(
    options: &Options,
    out: Option<&Path>,
    what: &impl Serialize,
) -> Result<()> {
    #[derive(Serialize)]
    struct Saved<'a, T> {
        #[serde(flatten)]
        what: &'a T,
        out: String,
        bytes: Option<u64>,
    }
    let (Format::Json, Some(out)) = (options.output, out) else { return Ok(()) };
    let file = std::fs::metadata(out).ok().filter(std::fs::Metadata::is_file);
    let bytes = file.map(|file| file.len());
    document(&Saved { what, out: out.display().to_string(), bytes })
}

/// Tells something on standard error that is no part of an answer: a warning, an address.
pub(super) fn notice(options: &Options, line: impl Display) {
    match options.output {
        Format::Text => warn(line),
        Format::Json => warn(serde_json::json!({ "notice": line.to_string() })),
    }
}

/// Tells a failure on standard error and answers its exit code.
pub(super) fn report(format: Format, error: &Error) -> ExitCode {
    #[derive(Serialize)]
    struct Failure<'a> {
        error: Kind,
        message: String,
        advice: Option<&'a str>,
        exit_code: u8,
    }
    let exit_code = error.kind().exit_code();
    let (message, advice) = (error.to_string(), error.advice());
    match format {
        Format::Json => {
            let failure = Failure { error: error.kind(), message, advice, exit_code };
            warn(serde_json::to_string(&failure).unwrap_or_default());
        }
        Format::Text => {
            warn(format_args!("keyway: {message}"));
            if let Some(advice) = advice {
                warn(format_args!("        {advice}"));
            }
        }
    }
    ExitCode::from(exit_code)
}

/// A failure in one line, for whoever tells it among other things.
pub(super) fn in_one_line(error: &Error) -> String {
    match error.advice() {
        Some(advice) => format!("{error} ({advice})"),
        None => error.to_string(),
    }
}

/// A line on standard output.
///
/// # Errors
/// As [`tell`].
pub(super) fn say(line: impl Display) -> Result<()> {
    put(&format!("{line}\n"))
}

/// A line on standard error. When it cannot be written nobody can be told.
pub(super) fn warn(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// For `#[serde(serialize_with)]`: a value as its text.
pub(super) fn text<S: Serializer>(value: &impl Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// For `#[serde(serialize_with)]`: a value as its text, or null.
pub(super) fn text_or_null<S: Serializer>(
    value: &Option<impl Display>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => to.collect_str(value),
        None => to.serialize_none(),
    }
}

fn document(value: &impl Serialize) -> Result<()> {
    let document = serde_json::to_string(value).map_err(|error| {
        Kind::Internal.because("the answer cannot be written as JSON").caused_by(error)
    })?;
    say(document)
}

fn say_page(page: &Page) -> Result<()> {
    put(page.output())?;
    page.warnings().iter().for_each(warn);
    Ok(())
}

fn put(text: &str) -> Result<()> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Kind::File.because("cannot write to standard output").caused_by(error))
        }
        _ => Ok(()),
    }
}
