//! `keyway key recover`: the way back from compromised.

use std::path::Path;

use serde::Serialize;

use super::{Options, confirm};
use crate::cli::page::Page;
use crate::cli::pin;
use crate::cli::print::{Answer, tell};
use crate::error::Result;
use crate::local::LocalToken;

/// What processes again.
#[derive(Serialize)]
struct Recovered<'a> {
    label: &'a str,
    state: &'static str,
    objects: Vec<String>,
}

pub(super) fn run(
    options: &Options,
    label: &str,
    so_pin_file: Option<&Path>,
    yes: bool,
) -> Result<()> {
    let token = LocalToken::open(options.module.as_deref(), options.token.as_deref())?;
    confirm(yes, &format!("Let the compromised key {label:?} decrypt and verify again"))?;
    let so_pin = pin::so(so_pin_file)?;
    let pin = pin::user(options)?;
    let objects = token.recover(label, &so_pin, &pin)?.iter().map(ToString::to_string).collect();
    tell(options, &Recovered { label, state: "deactivated", objects })
}

impl Answer for Recovered<'_> {
    fn text(&self, page: &mut Page) {
        let Self { label, state, objects } = self;
        for object in objects {
            page.line(format_args!("{label:?}  object {object}: {state}"));
        }
        let count = objects.len();
        page.line(format_args!("{count} object(s) process again; nothing new is protected"));
    }
}
