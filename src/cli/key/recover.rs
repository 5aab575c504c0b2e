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
use crate::error::{Error, Kind, Result};
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
    let record = Record::of(options, &pin, label)?;
    if record.way_back == Some(Authority::User) {
        confirmed(request)?;
        let _turn = Turn::take()?;
        let key = Some(KeyView::from(&record.follow(options, &pin, request)?));
        return tell(options, &Recovered { label, state, objects: Vec::new(), key });
    }
    let token = LocalToken::open(options.module.as_deref(), options.token.as_deref())?;
    confirmed(request)?;
    let so_pin = pin::so(request.so_pin_file.as_deref())?;
    let _turn = Turn::take()?;
    let objects = match token.recover(label, &so_pin, &pin) {
        // An interruption may have left the token ahead of the record.
        Err(error) if error.kind() == Kind::NotFound && record.may_be_behind() => {
            let key = record.follow(options, &pin, request).map_err(|_| error)?;
            let key = Some(KeyView::from(&key));
            return tell(options, &Recovered { label, state, objects: Vec::new(), key });
        }
        recovered => recovered?,
    };
    let key = match record.may_be_behind() {
        true => Some(KeyView::from(&record.follow(options, &pin, request)?)),
        false => None,
    };
    tell(options, &Recovered { label, state, objects, key })
}

fn confirmed(request: &Request) -> Result<()> {
    let question = format!("Let the compromised key {:?} decrypt and verify again", request.label);
    confirm(request.yes, &question)
}

/// The record of the key, if keyway manages it.
struct Record {
    name: Option<KeyName>,
    way_back: Option<Authority>,
}

impl Record {
    fn of(options: &Options, pin: &Pin, label: &str) -> Result<Self> {
        let unmanaged = Self { name: None, way_back: None };
        let Ok(name) = label.parse::<KeyName>() else { return Ok(unmanaged) };
        match with_kms_and_pin(options, pin, |kms, _| kms.way_back(&name)) {
            Ok(way_back) => Ok(Self { name: Some(name), way_back }),
            Err(error) if error.kind() == Kind::NotFound => Ok(unmanaged),
            Err(error) => Err(error),
        }
    }

    fn may_be_behind(&self) -> bool {
        self.way_back == Some(Authority::SecurityOfficer)
    }

    /// Brings the record to what the token lets the key do.
    fn follow(&self, options: &Options, pin: &Pin, request: &Request) -> Result<KeyRecord> {
        let unmanaged = || -> Error {
            Kind::NotFound.because(format!("keyway manages no key {}", request.label))
        };
        let name = self.name.as_ref().ok_or_else(unmanaged)?;
        with_kms_and_pin(options, pin, |kms, _| kms.recover_key(name, request.why.as_deref()))
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
