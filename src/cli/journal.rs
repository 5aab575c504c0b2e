//! `keyway log` on a token that keeps no events of its own: the journal of this machine.

use super::arguments::{LogArguments, Options};
use super::log::{Event, Verified};
use super::open::module;
use super::page::Page;
use super::print::{tell, tell_each};
use crate::error::{Kind, Result};
use crate::journal::{Entry, FileJournal};
use crate::token::chosen;

pub(super) fn run(options: &Options, arguments: &LogArguments) -> Result<()> {
    if arguments.used {
        return Err(Kind::Unsupported
            .because("another maker's token has no list of its keys' uses")
            .advise("leave --used out: the journal tells what keyway changed"));
    }
    let token = chosen(&module(options)?, options.token.as_deref())?;
    let journal = FileJournal::of(&token.serial)?;
    let story = journal.read()?;
    let wanted = story.entries.iter().filter(|entry| is_asked_for(entry, arguments));
    let events: Vec<Event> = wanted.map(Event::from).collect();
    tell_each(options, &events, lines)?;
    if !arguments.verify {
        return Ok(());
    }
    let path = journal.path().display().to_string();
    match story.faults.as_slice() {
        [] => {
            let verified = story.entries.len();
            tell(options, &Verified { token: &token.label, verified, journal: Some(path) })
        }
        [first, ..] => Err(Kind::Unsound
            .because(format!("{path}: {first}"))
            .advise("find out who wrote this file")),
    }
}

impl From<&Entry> for Event {
    fn from(entry: &Entry) -> Self {
        Self {
            sequence: entry.sequence,
            at: entry.at.clone(),
            user: Some(entry.user.to_string()),
            program: Some("keyway".to_owned()),
            process: Some(entry.process),
            what: entry.what.clone(),
            key: Some(entry.key.clone()),
            object: None,
            fault: None,
        }
    }
}

fn lines(events: &[Event], page: &mut Page) {
    for Event { sequence, at, user, process, key, what, .. } in events {
        let (user, key) = (user.as_deref().unwrap_or("-"), key.as_deref().unwrap_or("-"));
        let process = process.unwrap_or_default();
        page.line(format_args!(
            "{sequence:>6}  {at}  user {user}  keyway[{process}]  key {key}: {what}"
        ));
    }
}

fn is_asked_for(entry: &Entry, arguments: &LogArguments) -> bool {
    let since = arguments.since.is_none_or(|since| entry.moment().is_none_or(|at| at >= since));
    let key = arguments.key.as_ref().is_none_or(|key| *key == entry.key);
    let user = arguments.user.as_ref().is_none_or(|user| *user == entry.user.to_string());
    since && key && user
}
