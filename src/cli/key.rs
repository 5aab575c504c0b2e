//! `keyway key`: the life of keys.

use super::arguments::{KeyCommand, Options};
use super::confirm::confirm;
use super::file::{self, Readers};
use super::open::{with_kms, with_kms_in_turn};
use super::print::{say, warn};
use crate::domain::key::KeyName;
use crate::domain::lifecycle::Reason;
use crate::domain::record::{KeyRecord, Version};
use crate::error::{Kind, Result};
use crate::port::{Block, Stray};
use crate::service::{CheckedKey, Inventory, NewKey};

pub(super) fn run(options: &Options, command: KeyCommand) -> Result<()> {
    match command {
        KeyCommand::Create { name, algorithm, usage } => {
            let request = NewKey { name, algorithm, usage };
            let record = with_kms_in_turn(options, |kms| kms.create_key(&request))?;
            say(format_args!(
                "key {} created: {}, to {}",
                record.name(),
                record.algorithm(),
                record.usage()
            ))?;
            Ok(())
        }
        KeyCommand::List => list(&with_kms(options, |kms| kms.list_keys())?),
        KeyCommand::Show { name } => show(&with_kms(options, |kms| kms.show_key(&name))?),
        KeyCommand::Check { label } => check(options, label.as_deref()),
        KeyCommand::Rotate { name } => {
            let record = with_kms_in_turn(options, |kms| kms.rotate_key(&name))?;
            say(format_args!("key {name} rotated: version {} protects", record.latest().number))?;
            Ok(())
        }
        KeyCommand::Revoke { name, reason, yes } => revoke(options, &name, reason, yes),
        KeyCommand::Destroy { name, strays: true, yes } => destroy_strays(options, &name, yes),
        KeyCommand::Destroy { name, strays: false, yes } => {
            confirm(yes, &format!("Destroy key {name} and lose what it encrypted"))?;
            with_kms_in_turn(options, |kms| kms.destroy_key(&name))?;
            say(format_args!("key {name} destroyed"))?;
            Ok(())
        }
        KeyCommand::ExportPublic { name, version, out } => {
            let pem = with_kms(options, |kms| kms.export_public(&name, version))?;
            file::write(out.as_deref(), pem.as_bytes(), Readers::Anybody)
        }
    }
}

fn revoke(options: &Options, name: &KeyName, reason: Reason, yes: bool) -> Result<()> {
    confirm(yes, &format!("Revoke key {name} for {reason}; it will be {}", reason.state()))?;
    let revoked = with_kms_in_turn(options, |kms| kms.revoke_key(name, reason))?;
    for version in revoked.record.versions() {
        say(format_args!("key {name} version {}: {}", version.number, version.state))?;
    }
    match revoked.block {
        None => {}
        Some(Block::Final) => say("the token refuses it to every program")?,
        Some(Block::FlagsOnly) => warn(format_args!(
            "warning: this token makes no unmodifiable copy: whoever has the PIN can set the \
             key's flags again; keyway key destroy {name} is final"
        )),
    }
    Ok(())
}

fn destroy_strays(options: &Options, name: &KeyName, yes: bool) -> Result<()> {
    confirm(yes, &format!("Destroy the objects named {name} that belong to no version"))?;
    let strays = with_kms_in_turn(options, |kms| kms.destroy_strays(name))?;
    say(format_args!("{} stray key(s) named {name} destroyed", strays.len()))?;
    Ok(())
}

fn list(inventory: &Inventory) -> Result<()> {
    say(format_args!(
        "{:<24} {:<9} {:<8} {:<8} {:<12} CREATED",
        "NAME", "ALGORITHM", "USE", "VERSIONS", "STATE"
    ))?;
    for record in &inventory.records {
        say(format_args!(
            "{:<24} {:<9} {:<8} {:<8} {:<12} {}",
            record.name().as_str(),
            record.algorithm().name(),
            record.usage().name(),
            record.versions().len(),
            record.state().name(),
            record.created()
        ))?;
    }
    report_problems(inventory);
    Ok(())
}

fn show(inventory: &Inventory) -> Result<()> {
    for record in &inventory.records {
        show_record(record)?;
    }
    report_problems(inventory);
    Ok(())
}

fn show_record(record: &KeyRecord) -> Result<()> {
    say(format_args!("key           {}", record.name()))?;
    say(format_args!("algorithm     {}", record.algorithm()))?;
    say(format_args!("use           {}", record.usage()))?;
    say(format_args!("created       {}", record.created()))?;
    for version in record.versions() {
        say(format_args!("version {:<5} {}", version.number, describe(version)))?;
    }
    Ok(())
}

fn describe(version: &Version) -> String {
    let reason = version.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{}{reason} since {}, id {}", version.state, version.changed, version.id)
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

fn check(options: &Options, label: Option<&str>) -> Result<()> {
    let keys = with_kms(options, |kms| kms.check_keys(label))?;
    let mut unsound = 0;
    for CheckedKey { label, id, verdict } in &keys {
        unsound += usize::from(!verdict.problems.is_empty());
        let mark = if verdict.problems.is_empty() { "ok" } else { "BAD" };
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        say(format_args!("{mark:<5} {label:?}  id {id}"))?;
        for (what, lines) in
            [("BAD", &verdict.problems), ("ok", &verdict.passed), ("?", &verdict.untried)]
        {
            for line in lines {
                say(format_args!("      {what:<4} {line}"))?;
            }
        }
    }
    say(format_args!("{} key(s) checked, {unsound} with problems", keys.len()))?;
    match unsound {
        0 => Ok(()),
        _ => Err(Kind::Unsound.because(format!("{unsound} key(s) are not what they should be"))),
    }
}
