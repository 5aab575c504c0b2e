//! `keyway key`: the life of keys.

mod check;
mod command;
mod create;
mod list;
mod recover;
mod report;
mod revoke;
mod view;

pub(super) use self::command::KeyCommand;
pub(super) use self::report::read_all;
pub(super) use self::view::{Done, DoneWith, hex};
use serde::Serialize;

use self::view::StrayView;
use super::arguments::Options;
use super::confirm::confirm;
use super::file::{self, Readers};
use super::import_key;
use super::open::{with_kms, with_kms_in_turn};
use super::page::Page;
use super::print::{Answer, tell, tell_saved};
use crate::domain::key::KeyName;
use crate::domain::time::Timestamp;
use crate::error::Result;

pub(super) fn run(options: &Options, command: KeyCommand) -> Result<()> {
    match command {
        KeyCommand::Create(arguments) => create::run(options, arguments),
        KeyCommand::List(filter) => list::all(options, &filter),
        KeyCommand::Show { name } => list::one(options, &name),
        KeyCommand::Check { label } => check::run(options, label.as_deref()),
        KeyCommand::Rotate { name } => {
            let record = with_kms_in_turn(options, |kms| kms.rotate_key(&name))?;
            let newest = record.latest().number;
            let sentence = format!("key {name} rotated: version {newest} protects");
            tell(options, &Done::new(&record, sentence))
        }
        KeyCommand::Suspend { name } => revoke::suspend(options, &name),
        KeyCommand::Resume { name } => {
            let record = with_kms_in_turn(options, |kms| kms.resume_key(&name))?;
            let sentence = format!("key {name} is {} again", record.state());
            tell(options, &Done::new(&record, sentence))
        }
        KeyCommand::Revoke(arguments) => revoke::run(options, &arguments),
        KeyCommand::Recover { label, why, so_pin_file, yes } => {
            let request = recover::Request { label, why, so_pin_file, yes };
            recover::run(options, &request)
        }
        KeyCommand::Report(arguments) => report::make(options, &arguments),
        KeyCommand::AcceptReport { file } => report::accept(options, &file),
        KeyCommand::Destroy { name, at, strays, yes } => match (strays, at) {
            (true, _) => destroy_strays(options, &name, yes),
            (false, at) => destroy(options, &name, at, yes),
        },
        KeyCommand::Import(arguments) => import_key::run(options, &arguments),
        KeyCommand::ExportPublic { name, version, format, out } => {
            let key = with_kms(options, |kms| kms.export_public(&name, version, format))?;
            file::write(out.as_deref(), &key, Readers::Anybody)?;
            tell_saved(options, out.as_deref(), &serde_json::json!({ "key": name.as_str() }))
        }
    }
}

fn destroy(options: &Options, name: &KeyName, at: Option<Timestamp>, yes: bool) -> Result<()> {
    let when = at.map(|at| format!(" at {at}")).unwrap_or_default();
    confirm(yes, &format!("Destroy key {name}{when} and lose what it encrypted"))?;
    let (record, sentence) = with_kms_in_turn(options, |kms| match at {
        Some(at) => Ok((
            kms.destroy_key_at(name, at)?,
            format!("key {name} will be destroyed by the first maintenance after {at}"),
        )),
        None => Ok((kms.destroy_key(name)?, format!("key {name} destroyed"))),
    })?;
    tell(options, &Done::new(&record, sentence))
}

/// Objects that belonged to no version, and are no more.
#[derive(Serialize)]
struct Strays<'a> {
    name: &'a str,
    destroyed: Vec<StrayView>,
}

fn destroy_strays(options: &Options, name: &KeyName, yes: bool) -> Result<()> {
    confirm(yes, &format!("Destroy the objects named {name} that belong to no version"))?;
    let strays = with_kms_in_turn(options, |kms| kms.destroy_strays(name))?;
    let destroyed = strays.iter().map(StrayView::from).collect();
    tell(options, &Strays { name: name.as_str(), destroyed })
}

impl Answer for Strays<'_> {
    fn text(&self, page: &mut Page) {
        let (name, count) = (self.name, self.destroyed.len());
        page.line(format_args!("{count} stray key(s) named {name} destroyed"));
    }
}
