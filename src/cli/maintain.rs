//! `keyway maintain`: doing whatever is due.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::arguments::Options;
use super::key::read_all;
use super::open::{with_kms, with_kms_in_turn};
use super::page::Page;
use super::print::{Answer, in_one_line, tell};
use crate::domain::key::KeyName;
use crate::domain::record::KeyRecord;
use crate::error::{Error, Kind, Result};
use crate::service::{Action, Maintenance};

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

/// What is due.
#[derive(Serialize)]
struct ToDo {
    due: Vec<Task>,
}

/// What a maintenance did and found.
#[derive(Default, Serialize)]
struct Told {
    reports: Vec<Report>,
    actions: Vec<Task>,
    /// Where the token was not as a record says, and is again.
    mended: Vec<Task>,
    suspended: Vec<Suspended>,
    /// Keys without an authentic record, and what was done with their objects.
    outlawed: Vec<Outlaw>,
    #[serde(skip)]
    finished: bool,
}

/// What became of a report.
#[derive(Serialize)]
struct Report {
    file: String,
    /// The key that it suspended.
    key: Option<String>,
    /// Why it is not believed.
    error: Option<String>,
}

#[derive(Serialize)]
struct Task {
    key: String,
    what: String,
    /// Why it was not done.
    error: Option<String>,
}

#[derive(Serialize)]
struct Suspended {
    key: String,
    evidence: String,
}

#[derive(Serialize)]
struct Outlaw {
    key: String,
    what: String,
    evidence: String,
}

pub(super) fn run(options: &Options, arguments: &MaintainArguments) -> Result<()> {
    if arguments.dry_run {
        let due = with_kms(options, |kms| kms.due())?;
        return tell(options, &ToDo { due: due.iter().map(Task::from).collect() });
    }
    let reports = arguments.reports.as_deref().map(read_all).transpose()?.unwrap_or_default();
    let mut told = Told::default();
    let done = with_kms_in_turn(options, |kms| {
        // One that is not believed must not keep the others from being acted on.
        told.reports = reports
            .into_iter()
            .map(|(file, report)| Report::of(file, kms.accept_report(&report)))
            .collect();
        let done = kms.maintain()?;
        told.take(done);
        told.finished = true;
        Ok(())
    });
    if done.is_ok() || !told.reports.is_empty() {
        tell(options, &told)?;
    }
    done?;
    let tasks = || told.actions.iter().chain(&told.mended);
    match tasks().filter(|task| task.error.is_some()).count() {
        0 => Ok(()),
        failed => Err(Kind::Token
            .because(format!("{failed} of {} actions failed", tasks().count()))
            .advise("see what failed, mend it and run keyway maintain again")),
    }
}

impl Told {
    fn take(&mut self, done: Maintenance) {
        self.actions = done.actions.iter().map(Task::from).collect();
        let mended = done.upheld.iter().map(|(key, upheld)| Task::of(key, upheld, None));
        let failed =
            done.failures.iter().map(|(key, error)| Task::of(key, "look after it", Some(error)));
        self.mended = mended.chain(failed).collect();
        let suspended = done.suspended.into_iter();
        self.suspended =
            suspended.map(|(key, evidence)| Suspended { key: key.to_string(), evidence }).collect();
        let outlawed = done.outlawed.into_iter().map(|(key, how, evidence)| {
            let (key, what) = (key.to_string(), how.to_string());
            Outlaw { key, what, evidence }
        });
        self.outlawed = outlawed.collect();
    }

    fn is_empty(&self) -> bool {
        self.actions.is_empty()
            && self.mended.is_empty()
            && self.suspended.is_empty()
            && self.outlawed.is_empty()
    }
}

impl Task {
    fn of(key: &KeyName, what: impl ToString, error: Option<&Error>) -> Self {
        let error = error.map(in_one_line);
        Self { key: key.to_string(), what: what.to_string(), error }
    }
}

impl Report {
    fn of(file: String, accepted: Result<Option<KeyRecord>>) -> Self {
        match accepted {
            Ok(record) => {
                Self { file, key: record.map(|record| record.name().to_string()), error: None }
            }
            Err(error) => Self { file, key: None, error: Some(in_one_line(&error)) },
        }
    }
}

impl From<&Action> for Task {
    fn from(Action { name, due, failure }: &Action) -> Self {
        Self::of(name, due, failure.as_ref())
    }
}

impl Answer for ToDo {
    fn text(&self, page: &mut Page) {
        for Task { key, what, .. } in &self.due {
            page.line(format_args!("key {key}: to do: {what}"));
        }
        if self.due.is_empty() {
            page.line("nothing is due");
        }
    }
}

impl Answer for Told {
    fn text(&self, page: &mut Page) {
        for Report { file, key, error } in &self.reports {
            if let Some(key) = key {
                page.line(format_args!("key {key}: suspended: reported in {file}"));
            }
            if let Some(error) = error {
                page.warning(format_args!("{file}: not accepted: {error}"));
            }
        }
        for Task { key, what, error } in &self.actions {
            match error {
                None => page.line(format_args!("key {key}: done: {what}")),
                Some(error) => page.warning(format_args!("key {key}: failed: {what}: {error}")),
            }
        }
        for Task { key, what, error } in &self.mended {
            match error {
                None => page.line(format_args!("key {key}: mended: {what}")),
                Some(error) => page.warning(format_args!("key {key}: failed: {what}: {error}")),
            }
        }
        for Suspended { key, evidence } in &self.suspended {
            page.line(format_args!("key {key}: suspended: {evidence}"));
        }
        for Outlaw { key, what, evidence } in &self.outlawed {
            page.line(format_args!("key {key}: {what}: {evidence}"));
        }
        if self.finished && self.is_empty() {
            page.line("nothing was due");
        }
    }
}
