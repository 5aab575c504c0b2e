//! `keyway key recover`: the way back from compromised.

use std::path::Path;

use super::{Options, confirm, say};
use crate::cli::pin;
use crate::error::Result;
use crate::local::LocalToken;

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
    let recovered = token.recover(label, &so_pin, &pin)?;
    for object in &recovered {
        say(format_args!("{label:?}  object {object}: deactivated"))?;
    }
    say(format_args!("{} object(s) process again; nothing new is protected", recovered.len()))
}
