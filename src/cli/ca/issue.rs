//! `keyway ca issue`: a certificate for a request.

use std::path::PathBuf;

use clap::Args;

use super::limits::LimitArguments;
use super::{from_now, write_chain};
use crate::cli::arguments::Options;
use crate::cli::file;
use crate::cli::open::with_kms_in_turn;
use crate::domain::key::KeyName;
use crate::domain::pki::issue::{Profile, Request};
use crate::domain::pki::{AlternativeName, Subject};
use crate::domain::time::Period;
use crate::error::Result;
use crate::service::CertificateOrder;

pub(super) const EXAMPLES: &str = "Examples:
  keyway ca issue --ca web --csr www.csr --profile tls-server --san dns:www.example.com --out www.pem
  keyway ca issue --ca web --csr responder.csr --profile ocsp --valid-for 30d --out responder.pem

The signature of the request is checked: whoever sent it has the private key. The names that a
request asks for are certified only if --san or --san-from-request says so.";

#[derive(Args, Debug)]
pub(in crate::cli) struct IssueArguments {
    /// The authority
    #[arg(long, value_name = "NAME")]
    ca: KeyName,
    /// The request
    #[arg(long, value_name = "FILE")]
    csr: PathBuf,
    /// tls-server, tls-client, code-signing, ocsp, identity, recipient or ca
    #[arg(long)]
    profile: Profile,
    /// The name to certify; the one of the request if none is given
    #[arg(long, value_name = "DN")]
    subject: Option<Subject>,
    /// Alternative names: dns:www.example.com,ip:192.0.2.1,email:a@example.com,uri:https://...
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    san: Vec<AlternativeName>,
    /// Certify the alternative names that the request asks for
    #[arg(long, conflicts_with = "san")]
    san_from_request: bool,
    /// How long it lasts: 1y, 90d, 12h; 90 days (an authority: ten years), or what its authority
    /// has left, if not named
    #[arg(long, value_name = "PERIOD")]
    valid_for: Option<Period>,
    #[command(flatten)]
    limits: LimitArguments,
    /// Write those above it, too
    #[arg(long)]
    chain: bool,
    /// Where to, as PEM; standard output if not named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(options: &Options, arguments: IssueArguments) -> Result<()> {
    let request = Request::read(&file::read(Some(&arguments.csr))?)
        .map_err(|error| error.while_doing(arguments.csr.display()))?;
    let names = match arguments.san_from_request {
        true => request.names.clone(),
        false => arguments.san,
    };
    let order = CertificateOrder {
        authority: arguments.ca,
        request,
        profile: arguments.profile,
        subject: arguments.subject,
        names,
        until: arguments.valid_for.map(from_now),
        limits: arguments.limits.into(),
    };
    let issued = with_kms_in_turn(options, |kms| kms.issue_certificate(&order))?;
    write_chain(options, arguments.out.as_deref(), &issued, arguments.chain)
}
