//! `keyway sign` and `keyway verify`.

use serde::Serialize;
use serde_json::json;

use super::arguments::{Options, SignArguments, VerifyArguments};
use super::file::{self, Readers};
use super::open::with_kms;
use super::page::Page;
use super::print::{Answer, tell, tell_saved, text};
use crate::domain::key::KeyName;
use crate::domain::lifecycle::State;
use crate::error::Result;
use crate::service::Verified;

pub(super) fn sign(options: &Options, arguments: &SignArguments) -> Result<()> {
    let message = file::read(arguments.files.input.as_deref())?;
    let signature = with_kms(options, |kms| kms.sign(&arguments.key, arguments.scheme, &message))?;
    let out = arguments.files.output.as_deref();
    file::write(out, &signature, Readers::Anybody)?;
    let scheme = arguments.scheme.map(|scheme| scheme.to_string());
    tell_saved(options, out, &json!({ "key": arguments.key.as_str(), "scheme": scheme }))
}

pub(super) fn verify(options: &Options, arguments: &VerifyArguments) -> Result<()> {
    let message = file::read(arguments.input.as_deref())?;
    let signature = file::read(Some(&arguments.signature))?;
    let verified = with_kms(options, |kms| {
        kms.verify(&arguments.key, arguments.scheme, &message, &signature)
    })?;
    let Verified { version, state } = verified;
    tell(options, &Told { key: &arguments.key, version, state })
}

/// Whose signature it is.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(serialize_with = "text")]
    key: &'a KeyName,
    version: u32,
    #[serde(serialize_with = "text")]
    state: State,
}

impl Answer for Told<'_> {
    fn text(&self, page: &mut Page) {
        let Self { key, version, state } = self;
        page.line(format_args!("signed by key {key} version {version} ({state})"));
    }
}
