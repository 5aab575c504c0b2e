//! `keyway log`: what happened to a token.

use super::arguments::{LogArguments, Options};
use super::pin;
use super::print::say;
use crate::error::{Kind, Result};
use crate::local::{Entry, LocalToken};

pub(super) fn run(options: &Options, arguments: &LogArguments) -> Result<()> {
    let token = LocalToken::open(options.module.as_deref(), options.token.as_deref())?;
    let log = token.log(&pin::user(options)?)?;
    for entry in log.entries.iter().filter(|entry| is_asked_for(entry, arguments)) {
        say(line(entry))?;
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
    since && key
}

fn line(entry: &Entry) -> String {
    let mut line = format!("{:>6}  {}  {}", entry.sequence, entry.at, entry.what);
    if let Some(object) = &entry.object {
        match &entry.label {
            Some(label) => line.push_str(&format!("  {label:?}  object {object}")),
            None => line.push_str(&format!("  object {object}")),
        }
    }
    if let Some(fault) = &entry.fault {
        line.push_str(&format!("  WRONG: {fault}"));
    }
    line
}
