//! `keyway key list` and `keyway key show`.

use super::command::Filter;
use crate::cli::arguments::Options;
use crate::cli::open::with_kms;
use crate::cli::print::{say, warn};
use crate::domain::key::KeyName;
use crate::domain::record::{KeyRecord, Version};
use crate::error::Result;
use crate::port::Stray;
use crate::service::Inventory;

pub(super) fn all(options: &Options, filter: &Filter) -> Result<()> {
    let inventory = with_kms(options, |kms| kms.list_keys())?;
    say(format_args!(
        "{:<24} {:<11} {:<8} {:<8} {:<12} {:<20} OWNER",
        "NAME", "ALGORITHM", "USE", "VERSIONS", "STATE", "CREATED"
    ))?;
    for record in inventory.records.iter().filter(|record| filter.admits(record)) {
        let line = format!(
            "{:<24} {:<11} {:<8} {:<8} {:<12} {:<20} {}",
            record.name().as_str(),
            record.algorithm().name(),
            record.usage().name(),
            record.versions().len(),
            record.state().name(),
            record.created().to_string(),
            record.terms().owner.as_ref().map_or("", |owner| owner.as_str())
        );
        say(line.trim_end())?;
    }
    report_problems(&inventory);
    Ok(())
}

impl Filter {
    fn admits(&self, record: &KeyRecord) -> bool {
        self.owner.as_ref().is_none_or(|owner| record.terms().owner.as_ref() == Some(owner))
            && self.state.is_none_or(|state| record.state() == state)
            && self.algorithm.is_none_or(|algorithm| record.algorithm() == algorithm)
    }
}

pub(super) fn one(options: &Options, name: &KeyName) -> Result<()> {
    let inventory = with_kms(options, |kms| kms.show_key(name))?;
    for record in &inventory.records {
        show(record)?;
    }
    report_problems(&inventory);
    Ok(())
}

fn show(record: &KeyRecord) -> Result<()> {
    say(format_args!("key           {}", record.name()))?;
    say(format_args!("algorithm     {}", record.algorithm()))?;
    say(format_args!("use           {}", record.usage()))?;
    say(format_args!("created       {}", record.created()))?;
    let terms = record.terms();
    let lines = [
        ("owner", terms.owner.as_ref().map(ToString::to_string)),
        ("shareable", terms.shareable.then(|| "yes".to_owned())),
        ("expires after", terms.expire_after.map(|period| period.to_string())),
        ("expires at", terms.expire_at.map(|at| at.to_string())),
        ("rotates every", terms.rotate_every.map(|period| period.to_string())),
        ("destroyed at", terms.destroy_at.map(|at| at.to_string())),
        ("suspicion", record.suspicion().map(|s| format!("since {}: {}", s.since, s.evidence))),
    ];
    for (what, line) in lines.iter().filter_map(|(what, line)| Some((what, line.as_ref()?))) {
        say(format_args!("{what:<13} {line}"))?;
    }
    for version in record.versions() {
        say(format_args!("version {:<5} {}", version.number, describe(version)))?;
    }
    Ok(())
}

fn describe(version: &Version) -> String {
    let reason = version.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let start = version.activates.filter(|at| *at > version.changed);
    let start = start.map(|at| format!(", active from {at}")).unwrap_or_default();
    let end = version.expires.filter(|at| *at > version.changed);
    let end = end.map(|at| format!(", expires {at}")).unwrap_or_default();
    format!("{}{reason} since {}{start}{end}, id {}", version.state, version.changed, version.id)
}

fn report_problems(inventory: &Inventory) {
    for problem in &inventory.problems {
        warn(format_args!("warning: {problem}"));
    }
    for Stray { label, id } in &inventory.strays {
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        warn(format_args!(
            "note: the token has a key {label:?} (id {id}) that keyway does not manage"
        ));
    }
}
