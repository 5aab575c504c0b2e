//! `keyway encrypt --raw` and `keyway decrypt --raw`: data of other systems.

use clap::Args;
use serde_json::json;

use super::arguments::{Files, Options};
use super::file::{self, Readers};
use super::open::with_kms;
use super::print::{notice, tell_saved};
use crate::domain::envelope::{BareParameters, BareScheme, OaepHash, Scheme};
use crate::domain::key::KeyName;
use crate::error::Result;
use crate::service::Bare;

/// What data without our header does not say itself.
#[derive(Args, Debug)]
pub(super) struct RawArguments {
    /// Without keyway's header, for other systems: --scheme is wanted, and what it takes
    #[arg(long, requires = "scheme", conflicts_with = "pairs")]
    pub raw: bool,
    /// The IV of raw aes-cbc, 32 hexadecimal digits; else it stands before the ciphertext
    #[arg(long, value_name = "HEX", requires = "raw")]
    iv: Option<String>,
    /// The hash of raw rsa-oaep: sha256 (the default) or sha1
    #[arg(long, value_name = "HASH", requires = "raw")]
    oaep_hash: Option<OaepHash>,
    /// The label of raw rsa-oaep
    #[arg(long, value_name = "TEXT", requires = "raw")]
    label: Option<String>,
}

impl RawArguments {
    fn read(&self, key: &KeyName, version: Option<u32>, scheme: Scheme) -> Result<Bare> {
        let parameters =
            BareParameters { iv: self.iv.clone(), hash: self.oaep_hash, label: self.label.clone() };
        let scheme = BareScheme::new(scheme, &parameters)?;
        Ok(Bare { key: key.clone(), version, scheme })
    }
}

pub(super) fn encrypt(
    options: &Options,
    raw: &RawArguments,
    key: &KeyName,
    scheme: Scheme,
    files: &Files,
) -> Result<()> {
    let how = raw.read(key, None, scheme)?;
    let data = file::read(files.input.as_deref())?;
    let bytes = with_kms(options, |kms| kms.encrypt_bare(&how, &data))?;
    let out = files.output.as_deref();
    file::write(out, &bytes, Readers::Anybody)?;
    tell_saved(options, out, &json!({ "key": key.as_str(), "armor": false }))
}

pub(super) fn decrypt(
    options: &Options,
    raw: &RawArguments,
    key: &KeyName,
    version: Option<u32>,
    scheme: Scheme,
    files: &Files,
) -> Result<()> {
    let how = raw.read(key, version, scheme)?;
    let bytes = file::read(files.input.as_deref())?;
    let data = with_kms(options, |kms| kms.decrypt_bare(&how, &bytes))?;
    let out = files.output.as_deref();
    file::write(out, &data, Readers::Owner)?;
    if !scheme.is_authenticated() {
        let warning = format_args!(
            "warning: {scheme} does not notice changes: do not tell whoever sends such data whether \
             it decrypted"
        );
        notice(options, warning);
    }
    tell_saved(options, out, &json!({}))
}
