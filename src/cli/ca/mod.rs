//! `keyway ca`: a certificate authority whose key lies in the token.

mod crl;
mod init;
mod issue;
mod limits;
mod list;
mod ocsp;
mod renew;
mod revoke;
mod show;
mod verify;
mod view;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use self::view::CertificateView;
use super::arguments::Options;
use super::file::{self, Readers};
use super::print::tell_saved;
use super::trust::certificates;
use crate::clock::SystemClock;
use crate::domain::key::KeyName;
use crate::domain::pki::Certificate;
use crate::domain::time::{Period, Timestamp};
use crate::error::Result;
use crate::port::Clock;

#[derive(Debug, Subcommand)]
pub(super) enum CaCommand {
    /// Make an authority: its key in the token, its certificate
    #[command(after_help = init::EXAMPLES)]
    Init(init::InitArguments),
    /// Issue a certificate for a request
    #[command(after_help = issue::EXAMPLES)]
    Issue(issue::IssueArguments),
    /// Issue a certificate again, for the same names and key
    #[command(after_help = renew::EXAMPLES)]
    Renew(renew::RenewArguments),
    /// List the authorities of the token, or the certificates that one issued
    #[command(after_help = LIST_EXAMPLES)]
    List {
        /// The authority
        #[arg(long, value_name = "NAME")]
        ca: Option<KeyName>,
    },
    /// Show an authority, and write its certificate with those above it
    #[command(after_help = SHOW_EXAMPLES)]
    Show {
        /// The authority
        name: KeyName,
        /// Write the certificates here, as PEM
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Revoke a certificate
    #[command(after_help = revoke::EXAMPLES)]
    Revoke(revoke::RevokeArguments),
    /// Make a revocation list
    #[command(after_help = crl::EXAMPLES)]
    Crl(crl::CrlArguments),
    /// Answer an OCSP request (RFC 6960)
    #[command(after_help = ocsp::EXAMPLES)]
    Ocsp(ocsp::OcspArguments),
    /// Check a certificate as its users do (RFC 5280): path, names, uses, revocation
    #[command(after_help = verify::EXAMPLES)]
    Verify(verify::VerifyArguments),
}

const LIST_EXAMPLES: &str = "Examples:
  keyway ca list
  keyway ca list --ca web";

const SHOW_EXAMPLES: &str = "Examples:
  keyway ca show web
  keyway ca show web --out chain.pem";

pub(super) fn run(options: &Options, command: CaCommand) -> Result<()> {
    match command {
        CaCommand::Init(arguments) => init::run(options, arguments),
        CaCommand::Issue(arguments) => issue::run(options, arguments),
        CaCommand::Renew(arguments) => renew::run(options, &arguments),
        CaCommand::List { ca: None } => list::authorities(options),
        CaCommand::List { ca: Some(name) } => list::certificates(options, &name),
        CaCommand::Show { name, out } => show::run(options, &name, out.as_deref()),
        CaCommand::Revoke(arguments) => revoke::run(options, &arguments),
        CaCommand::Crl(arguments) => crl::run(options, &arguments),
        CaCommand::Ocsp(arguments) => ocsp::run(options, &arguments),
        CaCommand::Verify(arguments) => verify::run(options, &arguments),
    }
}

fn certificate(path: &Path) -> Result<Certificate> {
    Ok(certificates(path)?.remove(0))
}

/// Writes a certificate, and those above it if they are wanted.
fn write_chain(
    options: &Options,
    out: Option<&Path>,
    issued: &[Certificate],
    whole: bool,
) -> Result<()> {
    let count = if whole { issued.len() } else { 1 };
    file::write(out, pem(&issued[..count])?.as_bytes(), Readers::Anybody)?;
    tell_saved(options, out, &CertificateView::from(&issued[0]))
}

fn pem(certificates: &[Certificate]) -> Result<String> {
    certificates.iter().map(Certificate::to_pem).collect()
}

fn from_now(period: Period) -> Timestamp {
    period.after(SystemClock.now())
}
