//! `keyway log`: who did what to a token, and used which key for what.

use super::arguments::{LogArguments, Options};
use super::journal;
use super::pin;
use super::print::say;
use crate::error::{Kind, Result};
use crate::local::{Entry, LocalToken, is_own};

pub(super) fn run(options: &Options, arguments: &LogArguments) -> Result<()> {
    if options.module.as_deref().is_some_and(|module| !is_own(module)) {
        return journal::run(options, arguments);
    }
    let token = LocalToken::open(options.module.as_deref(), options.token.as_deref())?;
    let log = token.log(&pin::user(options)?)?;
    let wanted = log.entries.iter().filter(|entry| is_asked_for(entry, arguments));
    let rows: Vec<_> = wanted.map(|entry| (entry, columns(entry))).collect();
    let widths = widths(rows.iter().map(|row| &row.1));
    for (entry, columns) in &rows {
        say(line(entry, columns, widths))?;
    }
    if !arguments.verify {
        return Ok(());
    }
    let faults = log.entries.iter().filter_map(|entry| entry.fault.as_ref()).chain(&log.end);
    match faults.collect::<Vec<_>>().as_slice() {
        [] => say(format_args!("token {}: all {} events follow", log.label, log.entries.len())),
        [first, rest @ ..] => Err(Kind::Unsound
            .because(format!("{first}{}", more(rest.len())))
            .advise("find out who wrote the token's file; see: keyway token check")),
    }
}

fn more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(", and {count} more") }
}

fn is_asked_for(entry: &Entry, arguments: &LogArguments) -> bool {
    let since = arguments.since.is_none_or(|since| entry.at >= since);
    let key = arguments.key.is_none() || entry.label == arguments.key;
    let user = arguments.user.is_none() || entry.user == arguments.user;
    since && key && user && (!arguments.used || entry.is_use)
}

/// User, program and what happened; events of old versions say nothing of the first two.
fn columns(entry: &Entry) -> [String; 3] {
    let program = match (&entry.program, entry.process) {
        (Some(program), Some(process)) => format!("{program}[{process}]"),
        _ => "-".to_owned(),
    };
    [entry.user.clone().unwrap_or_else(|| "-".to_owned()), program, entry.what.clone()]
}

/// How wide each column is; one long line does not push all others to the right.
fn widths<'a>(rows: impl Iterator<Item = &'a [String; 3]>) -> [usize; 3] {
    const WIDEST: usize = 40;
    rows.fold([0; 3], |widths, row| {
        std::array::from_fn(|at| widths[at].max(row[at].chars().count().min(WIDEST)))
    })
}

fn line(entry: &Entry, columns: &[String; 3], widths: [usize; 3]) -> String {
    let [user, program, what] = columns;
    let [first, second, third] = widths;
    let mut line = format!(
        "{:>6}  {}  {user:first$}  {program:second$}  {what:third$}",
        entry.sequence, entry.at
    );
    if let Some(object) = &entry.object {
        match &entry.label {
            Some(label) => line.push_str(&format!("  {label:?}  object {object}")),
            None => line.push_str(&format!("  object {object}")),
        }
    }
    if let Some(fault) = &entry.fault {
        line.push_str(&format!("  WRONG: {fault}"));
    }
    line.truncate(line.trim_end().len());
    line
}
