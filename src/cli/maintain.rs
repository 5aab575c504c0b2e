//! `keyway maintain`: doing whatever is due.

use std::path::PathBuf;

use clap::Args;

use super::arguments::Options;
use super::key::read_all;
use super::open::{with_kms, with_kms_in_turn};
use super::print::{say, warn};
use crate::error::{Kind, Result};
use crate::service::Action;

/// Whether to do it.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct MaintainArguments {
    /// Only say what is due
    #[arg(long)]
    pub dry_run: bool,
    /// Accept these reports of a compromise first: a file, or every *.report in a directory
    #[arg(long, value_name = "PATH", conflicts_with = "dry_run")]
    pub reports: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  keyway maintain --dry-run
  keyway maintain
  keyway maintain --reports /var/spool/keyway

It can be run at any time and as often as wanted, also from two machines at once: what is done is
not done again. Expired keys refuse to protect without it, too.";

pub(super) fn run(options: &Options, arguments: &MaintainArguments) -> Result<()> {
    if arguments.dry_run {
        let due = with_kms(options, |kms| kms.due())?;
        for Action { name, due, .. } in &due {
            say(format_args!("key {name}: to do: {due}"))?;
        }
        return nothing_if(due.is_empty(), "nothing is due");
    }
    let reports = arguments.reports.as_deref().map(read_all).transpose()?.unwrap_or_default();
    let done = with_kms_in_turn(options, |kms| {
        for (file, report) in &reports {
            // One that is not believed must not keep the others from being acted on.
            match kms.accept_report(report) {
                Ok(Some(record)) => {
                    say(format_args!("key {}: suspended: reported in {file}", record.name()))?;
                }
                Ok(None) => {}
                Err(error) => warn(format_args!("{file}: not accepted: {error}")),
            }
        }
        kms.maintain()
    })?;
    let mut failed = 0;
    for Action { name, due, failure } in &done.actions {
        match failure {
            None => say(format_args!("key {name}: done: {due}"))?,
            Some(error) => {
                failed += 1;
                warn(format_args!("key {name}: failed: {due}: {error}"));
            }
        }
    }
    for (name, evidence) in &done.suspended {
        say(format_args!("key {name}: suspended: {evidence}"))?;
    }
    if failed > 0 {
        return Err(Kind::Token
            .because(format!("{failed} of {} actions failed", done.actions.len()))
            .advise("see the lines above, mend it and run keyway maintain again"));
    }
    nothing_if(done.actions.is_empty() && done.suspended.is_empty(), "nothing was due")
}

fn nothing_if(nothing: bool, line: &str) -> Result<()> {
    if nothing { say(line) } else { Ok(()) }
}
