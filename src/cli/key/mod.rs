//! `keyway key`: the life of keys.

mod check;
mod command;
mod create;
mod list;
mod recover;
mod report;
mod revoke;

pub(super) use self::command::KeyCommand;
pub(super) use self::report::read_all;
use super::arguments::Options;
use super::confirm::confirm;
use super::file::{self, Readers};
use super::import_key;
use super::open::{with_kms, with_kms_in_turn};
use super::print::say;
use crate::domain::key::KeyName;
use crate::error::Result;

pub(super) fn run(options: &Options, command: KeyCommand) -> Result<()> {
    match command {
        KeyCommand::Create(arguments) => create::run(options, arguments),
        KeyCommand::List(filter) => list::all(options, &filter),
        KeyCommand::Show { name } => list::one(options, &name),
        KeyCommand::Check { label } => check::run(options, label.as_deref()),
        KeyCommand::Rotate { name } => {
            let record = with_kms_in_turn(options, |kms| kms.rotate_key(&name))?;
            say(format_args!("key {name} rotated: version {} protects", record.latest().number))
        }
        KeyCommand::Suspend { name } => revoke::suspend(options, &name),
        KeyCommand::Resume { name } => {
            let record = with_kms_in_turn(options, |kms| kms.resume_key(&name))?;
            say(format_args!("key {name} is {} again", record.state()))
        }
        KeyCommand::Revoke(arguments) => revoke::run(options, &arguments),
        KeyCommand::Recover { label, so_pin_file, yes } => {
            recover::run(options, &label, so_pin_file.as_deref(), yes)
        }
        KeyCommand::Report(arguments) => report::make(options, &arguments),
        KeyCommand::AcceptReport { file } => report::accept(options, &file),
        KeyCommand::Destroy { name, strays: true, yes, .. } => destroy_strays(options, &name, yes),
        KeyCommand::Destroy { name, at: Some(at), yes, .. } => {
            confirm(yes, &format!("Destroy key {name} at {at} and lose what it encrypted"))?;
            with_kms_in_turn(options, |kms| kms.destroy_key_at(&name, at))?;
            say(format_args!("key {name} will be destroyed by the first maintenance after {at}"))
        }
        KeyCommand::Destroy { name, yes, .. } => {
            confirm(yes, &format!("Destroy key {name} and lose what it encrypted"))?;
            with_kms_in_turn(options, |kms| kms.destroy_key(&name))?;
            say(format_args!("key {name} destroyed"))
        }
        KeyCommand::Import(arguments) => import_key::run(options, &arguments),
        KeyCommand::ExportPublic { name, version, format, out } => {
            let key = with_kms(options, |kms| kms.export_public(&name, version, format))?;
            file::write(out.as_deref(), &key, Readers::Anybody)
        }
    }
}

fn destroy_strays(options: &Options, name: &KeyName, yes: bool) -> Result<()> {
    confirm(yes, &format!("Destroy the objects named {name} that belong to no version"))?;
    let strays = with_kms_in_turn(options, |kms| kms.destroy_strays(name))?;
    say(format_args!("{} stray key(s) named {name} destroyed", strays.len()))
}
