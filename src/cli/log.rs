//! `keyway log`: who did what to a token, and used which key for what.

use serde::Serialize;

use super::arguments::{LogArguments, Options};
use super::journal;
use super::page::Page;
use super::pin;
use super::print::{Answer, tell, tell_each};
use crate::error::{Kind, Result};
use crate::local::{Entry, LocalToken, bridge, is_own};

/// One event, of a token of ours or of the journal.
#[derive(Serialize)]
pub(super) struct Event {
    pub sequence: u64,
    /// When, as `2026-11-22T08:00:00Z`.
    pub at: String,
    pub user: Option<String>,
    pub program: Option<String>,
    pub process: Option<u32>,
    pub what: String,
    pub key: Option<String>,
    /// CKA_UNIQUE_ID.
    pub object: Option<String>,
    /// What is wrong with the event.
    pub fault: Option<String>,
}

/// That every event follows from the one before it.
#[derive(Serialize)]
pub(super) struct Verified<'a> {
    pub token: &'a str,
    /// How many.
    pub verified: usize,
    /// The journal's file, where the token keeps no events.
    pub journal: Option<String>,
}

pub(super) fn run(options: &Options, arguments: &LogArguments) -> Result<()> {
    if options.module.as_deref().is_some_and(|module| !is_own(module)) {
        return journal::run(options, arguments);
    }
    let token = match LocalToken::open(options.module.as_deref(), options.token.as_deref()) {
        // What a slot of ours bridges to keeps no events.
        Err(e) if e.kind() == Kind::NotFound && bridge::is_anywhere()? => {
            return journal::run(options, arguments);
        }
        token => token?,
    };
    let log = token.log(&pin::user(options)?)?;
    let wanted = log.entries.iter().filter(|entry| is_asked_for(entry, arguments));
    let events: Vec<Event> = wanted.map(Event::from).collect();
    tell_each(options, &events, table)?;
    if !arguments.verify {
        return Ok(());
    }
    let faults = log.entries.iter().filter_map(|entry| entry.fault.as_ref()).chain(&log.end);
    match faults.collect::<Vec<_>>().as_slice() {
        [] => {
            let verified = log.entries.len();
            tell(options, &Verified { token: &log.label, verified, journal: None })
        }
        [first, rest @ ..] => Err(Kind::Unsound
            .because(format!("{first}{}", more(rest.len())))
            .advise("find out who wrote the token's file; see: keyway token check")),
    }
}

impl Answer for Verified<'_> {
    fn text(&self, page: &mut Page) {
        let Self { token, verified, journal } = self;
        match journal {
            None => page.line(format_args!("token {token}: all {verified} events follow")),
            Some(journal) => {
                page.line(format_args!(
                    "token {token}: all {verified} entries of {journal} follow"
                ));
            }
        }
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

impl From<&Entry> for Event {
    fn from(entry: &Entry) -> Self {
        let entry = entry.clone();
        Self {
            sequence: entry.sequence,
            at: entry.at.to_string(),
            user: entry.user,
            program: entry.program,
            process: entry.process,
            what: entry.what,
            key: entry.label,
            object: entry.object,
            fault: entry.fault,
        }
    }
}

pub(super) fn table(events: &[Event], page: &mut Page) {
    let rows: Vec<_> = events.iter().map(|event| (event, columns(event))).collect();
    let widths = widths(rows.iter().map(|row| &row.1));
    for (event, columns) in &rows {
        page.line(line(event, columns, widths));
    }
}

/// User, program and what happened; events of old versions say nothing of the first two.
fn columns(event: &Event) -> [String; 3] {
    let program = match (&event.program, event.process) {
        (Some(program), Some(process)) => format!("{program}[{process}]"),
        _ => "-".to_owned(),
    };
    [event.user.clone().unwrap_or_else(|| "-".to_owned()), program, event.what.clone()]
}

/// How wide each column is; one long line does not push all others to the right.
fn widths<'a>(rows: impl Iterator<Item = &'a [String; 3]>) -> [usize; 3] {
    const WIDEST: usize = 40;
    rows.fold([0; 3], |widths, row| {
        std::array::from_fn(|at| widths[at].max(row[at].chars().count().min(WIDEST)))
    })
}

fn line(event: &Event, columns: &[String; 3], widths: [usize; 3]) -> String {
    let [user, program, what] = columns;
    let [first, second, third] = widths;
    let mut line = format!(
        "{:>6}  {}  {user:first$}  {program:second$}  {what:third$}",
        event.sequence, event.at
    );
    if let Some(key) = &event.key {
        line.push_str(&format!("  {key:?}"));
    }
    if let Some(object) = &event.object {
        line.push_str(&format!("  object {object}"));
    }
    if let Some(fault) = &event.fault {
        line.push_str(&format!("  WRONG: {fault}"));
    }
    line.truncate(line.trim_end().len());
    line
}
