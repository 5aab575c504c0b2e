//! `keyway log` on a token that keeps no events of its own: the journal of this machine.

use super::arguments::{LogArguments, Options};
use super::log::{Event, Verified, table};
use super::open::module;
use super::print::{tell, tell_each};
use crate::error::{Kind, Result};
use crate::journal::{Entry, FileJournal};
use crate::token::chosen;
use crate::users::Users;

pub(super) fn run(options: &Options, arguments: &LogArguments) -> Result<()> {
    if arguments.used {
        return Err(Kind::Unsupported
            .because("another maker's token has no list of its keys' uses")
            .advise("leave --used out: the journal tells what keyway changed"));
    }
    let token = chosen(&module(options)?, options.token.as_deref())?;
    let journal = FileJournal::of(&token.serial)?;
    let story = journal.read()?;
    let users = Users::of_this_machine();
    let named = story.entries.iter().map(|entry| (entry, users.name(entry.user)));
    let wanted = named.filter(|(entry, user)| is_asked_for(entry, user, arguments));
    let events: Vec<Event> = wanted.map(|(entry, user)| event(entry, user)).collect();
    tell_each(options, &events, table)?;
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

fn event(entry: &Entry, user: String) -> Event {
    let entry = entry.clone();
    Event {
        sequence: entry.sequence,
        at: entry.at,
        user: Some(user),
        program: Some("keyway".to_owned()),
        process: Some(entry.process),
        what: entry.what,
        key: Some(entry.key),
        object: None,
        fault: None,
    }
}

fn is_asked_for(entry: &Entry, user: &str, arguments: &LogArguments) -> bool {
    let since = arguments.since.is_none_or(|since| entry.moment().is_none_or(|at| at >= since));
    let key = arguments.key.as_ref().is_none_or(|key| *key == entry.key);
    since && key && arguments.user.as_ref().is_none_or(|wanted| wanted == user)
}
