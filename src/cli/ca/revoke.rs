//! `keyway ca revoke`: a certificate that is good no more.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::certificate;
use crate::cli::arguments::Options;
use crate::cli::confirm::confirm;
use crate::cli::open::with_kms_in_turn;
use crate::cli::page::Page;
use crate::cli::print::{Answer, tell, text};
use crate::domain::key::KeyName;
use crate::domain::lifecycle::Reason;
use crate::domain::pki::Serial;
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};

pub(super) const EXAMPLES: &str = "Examples:
  keyway ca revoke --cert www.pem --reason superseded
  keyway ca revoke --serial 2B7E151628AED2A6ABF7158809CF4F3C01020304 --reason compromise --yes

The certificate is revoked in the authority's register; keyway ca crl and keyway ca ocsp tell it.";

#[derive(Args, Debug)]
#[group(id = "which", required = true, multiple = false)]
pub(super) struct Which {
    /// Its serial number, as ca list and OpenSSL print it
    #[arg(long)]
    serial: Option<Serial>,
    /// The certificate
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct RevokeArguments {
    #[command(flatten)]
    which: Which,
    /// compromise, superseded, cessation, affiliation or unspecified
    #[arg(long)]
    reason: Reason,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(options: &Options, arguments: &RevokeArguments) -> Result<()> {
    let serial = match (&arguments.which.serial, &arguments.which.cert) {
        (Some(serial), _) => *serial,
        (None, Some(path)) => Serial::try_from(certificate(path)?.serial())?,
        (None, None) => return Err(Kind::Usage.because("which certificate?")),
    };
    confirm(arguments.yes, &format!("Revoke certificate {serial} for good"))?;
    let revocation =
        with_kms_in_turn(options, |kms| kms.revoke_certificate(serial, arguments.reason))?;
    tell(
        options,
        &Revoked {
            serial,
            authority: revocation.authority,
            at: revocation.listed.at,
            reason: revocation.listed.reason,
        },
    )
}

/// A certificate that is revoked now.
#[derive(Debug, Serialize)]
struct Revoked {
    #[serde(serialize_with = "text")]
    serial: Serial,
    #[serde(serialize_with = "text")]
    authority: KeyName,
    #[serde(rename = "revoked_at", serialize_with = "text")]
    at: Timestamp,
    #[serde(serialize_with = "text")]
    reason: Reason,
}

impl Answer for Revoked {
    fn text(&self, page: &mut Page) {
        let Self { serial, authority, at, reason } = self;
        page.line(format_args!(
            "certificate {serial} revoked at {at} ({reason}); publish it: keyway ca crl --ca \
             {authority}"
        ));
    }
}
