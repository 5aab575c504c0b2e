//! `keyway key create`.

use super::command::CreateArguments;
use super::report;
use super::view::Done;
use crate::cli::arguments::Options;
use crate::cli::open::with_kms_in_turn;
use crate::cli::print::tell;
use crate::domain::record::Terms;
use crate::error::Result;
use crate::service::NewKey;

pub(super) fn run(options: &Options, arguments: CreateArguments) -> Result<()> {
    let reporter = arguments.reporter.as_deref().map(report::reporter).transpose()?;
    let CreateArguments { name, algorithm, usage, activate_at, .. } = arguments;
    let request = NewKey { name, algorithm, usage };
    let terms = Terms {
        owner: arguments.owner,
        shareable: arguments.shareable,
        expire_after: arguments.expire_after,
        expire_at: arguments.expire_at,
        rotate_every: arguments.rotate_every,
        reporter,
        ..Terms::default()
    };
    let record =
        with_kms_in_turn(options, |kms| kms.create_key_under(&request, &terms, activate_at))?;
    let version = record.latest();
    let mut done = Done::made(&record, "created");
    if let Some(from) = version.activates {
        done.sentence.push_str(&format!(", from {from} on"));
    }
    if let Some(until) = version.expires {
        done.sentence.push_str(&format!(", until {until}"));
    }
    tell(options, &done)
}
