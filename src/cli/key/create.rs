//! `keyway key create`.

use super::command::CreateArguments;
use super::report;
use crate::cli::arguments::Options;
use crate::cli::open::with_kms_in_turn;
use crate::cli::print::say;
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
    let from = version.activates.map(|at| format!(", from {at} on")).unwrap_or_default();
    let until = version.expires.map(|at| format!(", until {at}")).unwrap_or_default();
    say(format_args!(
        "key {} created: {}, to {}{from}{until}",
        record.name(),
        record.algorithm(),
        record.usage()
    ))
}
