//! From the options to an open token.

use std::path::PathBuf;
use std::sync::Arc;

use super::arguments::Options;
use super::pin;
use super::turn::Turn;
use crate::clock::SystemClock;
use crate::domain::uri::Uri;
use crate::error::{Kind, Result};
use crate::journal::{FileJournal, Journaled};
use crate::local::is_own;
use crate::registry::Records;
use crate::service::Kms;
use crate::token::{
    Module, OWN_MODULE, OpenToken, Pin, TokenRecords, TokenVault, named_module_places,
    own_module_places,
};

/// The options with what a PKCS#11 URI in the place of the token's label adds: its module and its
/// PIN's file, where no option names another.
pub(super) fn resolved(mut options: Options) -> Result<Options> {
    if let Some(text) = options.token.as_deref().filter(|text| Uri::is(text)) {
        let uri: Uri = text.parse()?;
        options.pin_file = options.pin_file.or(uri.pin_file);
        if options.module.is_none() {
            let named = uri.module_name.map(|name| named_module(&name));
            options.module = uri.module_path.or(named.transpose()?);
        }
    }
    Ok(options)
}

fn named_module(name: &str) -> Result<PathBuf> {
    let places = named_module_places(name);
    places.iter().find(|place| place.exists()).cloned().ok_or_else(|| {
        Kind::NotFound
            .because(format!("no module called {name} lies where libraries lie"))
            .advise("name its file: module-path=/path/to/module.so in the URI, or --module")
    })
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

fn own_module() -> Result<PathBuf> {
    let executable = std::env::current_exe().and_then(|path| path.canonicalize()).ok();
    let places = own_module_places(executable.as_deref());
    places.iter().find(|place| place.exists()).cloned().ok_or_else(|| {
        let directories: Vec<_> = places
            .iter()
            .filter_map(|place| place.parent())
            .map(|directory| directory.display().to_string())
            .collect();
        Kind::NotFound
            .because(format!("{OWN_MODULE} is not in {}", directories.join(", ")))
            .advise("name a module: --module /path/to/module.so, or set KEYWAY_MODULE")
    })
}

/// As [`with_kms`], for a use case that changes keys.
pub(super) fn with_kms_in_turn<T>(
    options: &Options,
    run: impl FnOnce(Kms<'_>) -> Result<T>,
) -> Result<T> {
    // Before the module is loaded: what it then reads is what the last change left.
    let _turn = Turn::take();
    with_kms(options, run)
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
    // Our own tokens keep events of their own.
    let journal = match is_own(&module_path(options)?) {
        true => None,
        false => Some(FileJournal::of(token.serial())?),
    };
    let records = Records::new(TokenRecords::new(&token));
    let (vault, registry) = (TokenVault::new(&token), Journaled { registry: records, journal });
    run(Kms::new(&vault, &registry, &SystemClock), token.label())
        .map_err(|error| error.while_doing(format!("token {}", token.label())))
}
