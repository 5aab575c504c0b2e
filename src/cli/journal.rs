//! `keyway log` on a token that keeps no events of its own: the journal of this machine.

use super::arguments::{LogArguments, Options};
use super::open::module;
use super::print::say;
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
    for entry in story.entries.iter().filter(|entry| is_asked_for(entry, arguments)) {
        let Entry { sequence, at, user, process, key, what, .. } = entry;
        say(format_args!(
            "{sequence:>6}  {at}  user {user}  keyway[{process}]  key {key}: {what}"
        ))?;
    }
    if !arguments.verify {
        return Ok(());
    }
    match story.faults.as_slice() {
        [] => say(format_args!(
            "token {}: all {} entries of {} follow",
            token.label,
            story.entries.len(),
            journal.path().display()
        )),
        [first, ..] => Err(Kind::Unsound
            .because(format!("{}: {first}", journal.path().display()))
            .advise("find out who wrote this file")),
    }
}

fn is_asked_for(entry: &Entry, arguments: &LogArguments) -> bool {
    let since = arguments.since.is_none_or(|since| entry.moment().is_none_or(|at| at >= since));
    let key = arguments.key.as_ref().is_none_or(|key| *key == entry.key);
    let user = arguments.user.as_ref().is_none_or(|user| *user == entry.user.to_string());
    since && key && user
}
