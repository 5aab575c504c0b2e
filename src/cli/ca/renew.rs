//! `keyway ca renew`: a certificate for the same names and key, with a later end.

use std::path::PathBuf;

use clap::Args;

use super::{certificate, from_now, write_chain};
use crate::cli::arguments::Options;
use crate::cli::open::with_kms_in_turn;
use crate::domain::time::Period;
use crate::error::Result;

pub(super) const EXAMPLES: &str = "Examples:
  keyway ca renew --cert www.pem --out www-2.pem
  keyway ca renew --cert www.pem --valid-for 1y --chain --out www-2.pem

The old certificate stays good until its end. Where the key is to be new as well, request a
certificate for it: keyway csr create.";

#[derive(Args, Debug)]
pub(in crate::cli) struct RenewArguments {
    /// The certificate, which has not expired
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// How long it lasts: 1y, 90d, 12h; as long as the old one if not named
    #[arg(long, value_name = "PERIOD")]
    valid_for: Option<Period>,
    /// Write those above it, too
    #[arg(long)]
    chain: bool,
    /// Where to, as PEM; standard output if not named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(options: &Options, arguments: &RenewArguments) -> Result<()> {
    let old = certificate(&arguments.cert)?;
    let until = arguments.valid_for.map(from_now);
    let issued = with_kms_in_turn(options, |kms| kms.renew_certificate(&old, until))?;
    write_chain(options, arguments.out.as_deref(), &issued, arguments.chain)
}
