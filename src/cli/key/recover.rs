//! `keyway key recover`: the way back from compromised.

use std::path::PathBuf;

use serde::Serialize;

use super::view::KeyView;
use super::{Options, confirm};
use crate::cli::open::with_kms_and_pin;
use crate::cli::page::Page;
use crate::cli::pin;
use crate::cli::print::{Answer, tell};
use crate::domain::key::KeyName;
use crate::domain::record::{Authority, KeyRecord};
use crate::error::{Kind, Result};
use crate::local::LocalToken;
use crate::token::Pin;
use crate::turn::Turn;

/// What is to be recovered, and why.
pub(super) struct Request {
    pub label: String,
    pub why: Option<String>,
    pub so_pin_file: Option<PathBuf>,
    pub yes: bool,
}

/// What processes again.
#[derive(Serialize)]
struct Recovered<'a> {
    label: &'a str,
    state: &'static str,
    objects: Vec<String>,
    /// The key's record after it, if keyway manages the key.
    key: Option<KeyView>,
}

pub(super) fn run(options: &Options, request: &Request) -> Result<()> {
    let (label, state) = (request.label.as_str(), "deactivated");
    let pin = pin::user(options)?;
    let managed = Managed::find(options, &pin, label)?;
    if let Some(record) = managed.as_ref().filter(|key| key.way_back == Some(Authority::User)) {
        confirmed(request)?;
        let _turn = Turn::take()?;
        let key = Some(KeyView::from(&record.follow(options, &pin, request)?));
        return tell(options, &Recovered { label, state, objects: Vec::new(), key });
    }
    let token = LocalToken::open(options.module.as_deref(), options.token.as_deref())?;
    confirmed(request)?;
    let so_pin = pin::so(request.so_pin_file.as_deref())?;
    let _turn = Turn::take()?;
    let behind = managed.filter(|key| key.way_back == Some(Authority::SecurityOfficer));
    let (objects, nothing) = match token.recover(label, &so_pin, &pin) {
        // An interruption may have left the token ahead of the record.
        Err(error) if error.kind() == Kind::NotFound && behind.is_some() => {
            (Vec::new(), Some(error))
        }
        recovered => (recovered?, None),
    };
    let key = match (behind.map(|key| key.follow(options, &pin, request)), nothing) {
        (Some(Err(refused)), Some(nothing)) if refused.kind() == Kind::Refused => {
            return Err(nothing);
        }
        (followed, _) => followed.transpose()?.as_ref().map(KeyView::from),
    };
    tell(options, &Recovered { label, state, objects, key })
}

fn confirmed(request: &Request) -> Result<()> {
    let question = format!("Let the compromised key {:?} decrypt and verify again", request.label);
    confirm(request.yes, &question)
}

/// A key that keyway manages.
struct Managed {
    name: KeyName,
    way_back: Option<Authority>,
}

impl Managed {
    fn find(options: &Options, pin: &Pin, label: &str) -> Result<Option<Self>> {
        let Ok(name) = label.parse::<KeyName>() else { return Ok(None) };
        match with_kms_and_pin(options, pin, |kms, _| kms.way_back(&name)) {
            Ok(way_back) => Ok(Some(Self { name, way_back })),
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Brings the record to what the token lets the key do.
    fn follow(&self, options: &Options, pin: &Pin, request: &Request) -> Result<KeyRecord> {
        let why = request.why.as_deref();
        with_kms_and_pin(options, pin, |kms, _| kms.recover_key(&self.name, why))
    }
}

impl Answer for Recovered<'_> {
    fn text(&self, page: &mut Page) {
        let Self { label, state, objects, key } = self;
        for object in objects {
            page.line(format_args!("{label:?}  object {object}: {state}"));
        }
        let versions = key.iter().flat_map(|key| &key.versions);
        for version in versions.filter(|version| version.recovery.is_some()) {
            let (number, state) = (version.number, version.state);
            page.line(format_args!("key {label} version {number}: {state}, recovered"));
        }
        match objects.len() {
            0 => page.line("it processes again; nothing new is protected"),
            count => {
                page.line(format_args!("{count} object(s) process again; nothing new is protected"))
            }
        }
    }
}
