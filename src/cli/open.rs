//! From the options to an open token.

use std::path::PathBuf;
use std::sync::Arc;

use super::arguments::Options;
use super::pin;
use crate::domain::uri::Uri;
use crate::error::Result;
use crate::kms::{module_of, own_module, with_use_cases};
use crate::service::Kms;
use crate::token::{Module, OpenToken, Pin};
use crate::turn::Turn;

/// The options with what a PKCS#11 URI in the place of the token's label adds: its module and its
/// PIN's file, where no option names another.
pub(super) fn resolved(mut options: Options) -> Result<Options> {
    if let Some(text) = options.token.as_deref().filter(|text| Uri::is(text)) {
        let uri: Uri = text.parse()?;
        options.pin_file = options.pin_file.or_else(|| uri.pin_file.clone());
        if options.module.is_none() {
            options.module = module_of(&uri)?;
        }
    }
    Ok(options)
}

/// The module that was named, or our own.
pub(super) fn module(options: &Options) -> Result<Arc<Module>> {
    Module::load(&module_path(options)?)
}

/// Where the module is.
pub(super) fn module_path(options: &Options) -> Result<PathBuf> {
    match &options.module {
        Some(path) => Ok(path.clone()),
        None => own_module(),
    }
}

/// As [`with_kms`], for a use case that changes keys.
pub(super) fn with_kms_in_turn<T>(
    options: &Options,
    run: impl FnOnce(Kms<'_>) -> Result<T>,
) -> Result<T> {
    Module::locate(&module_path(options)?)?;
    // Before the turn: nobody waits for a person who types.
    let pin = pin::user(options)?;
    // Before the module is loaded: what it then reads is what the last change left.
    let _turn = Turn::take()?;
    with_kms_and_pin(options, &pin, |kms, _| run(kms))
}

/// Opens the token, logs in and runs a use case on it.
pub(super) fn with_kms<T>(options: &Options, run: impl FnOnce(Kms<'_>) -> Result<T>) -> Result<T> {
    module(options)?;
    with_kms_and_pin(options, &pin::user(options)?, |kms, _| run(kms))
}

/// As [`with_kms`], with a PIN that is known. The use case gets the token's label, too.
pub(super) fn with_kms_and_pin<T>(
    options: &Options,
    pin: &Pin,
    run: impl FnOnce(Kms<'_>, &str) -> Result<T>,
) -> Result<T> {
    let token = OpenToken::open(module(options)?, options.token.as_deref(), pin)?;
    with_use_cases(&token, |kms| run(kms, token.label()))
        .map_err(|error| error.while_doing(format!("token {}", token.label())))
}
