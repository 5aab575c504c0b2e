//! `keyway ca crl`: a revocation list.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::from_now;
use crate::cli::arguments::Options;
use crate::cli::file::{self, Readers};
use crate::cli::open::with_kms_in_turn;
use crate::cli::print::tell_saved;
use crate::domain::key::KeyName;
use crate::domain::pki::{Label, to_pem};
use crate::domain::time::Period;
use crate::error::Result;
use crate::service::ListKind;

pub(super) const EXAMPLES: &str = "Examples:
  keyway ca crl --ca web --out web.crl
  keyway ca crl --ca web --delta --der --out web.delta";

#[derive(Args, Debug)]
pub(in crate::cli) struct CrlArguments {
    /// The authority
    #[arg(long, value_name = "NAME")]
    ca: KeyName,
    /// Only what was revoked since the oldest full list that is still current
    #[arg(long)]
    delta: bool,
    /// When the next one is due at the latest: 7d, 12h
    #[arg(long, value_name = "PERIOD", default_value = "7d")]
    valid_for: Period,
    /// Write DER instead of PEM
    #[arg(long)]
    der: bool,
    /// Where to; standard output if not named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(options: &Options, arguments: &CrlArguments) -> Result<()> {
    let kind = if arguments.delta { ListKind::Delta } else { ListKind::Full };
    let next = from_now(arguments.valid_for);
    let der = with_kms_in_turn(options, |kms| kms.make_list(&arguments.ca, kind, next))?;
    let bytes = match arguments.der {
        true => der,
        false => to_pem(Label::List, &der)?.into_bytes(),
    };
    file::write(arguments.out.as_deref(), &bytes, Readers::Anybody)?;
    let what = json!({
        "authority": arguments.ca.as_str(),
        "delta": arguments.delta,
        "next_update": next.to_string(),
    });
    tell_saved(options, arguments.out.as_deref(), &what)
}
