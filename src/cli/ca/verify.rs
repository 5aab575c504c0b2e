//! `keyway ca verify`: a certificate checked as its users do. It needs no token.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::arguments::Options;
use crate::cli::page::Page;
use crate::cli::print::{Answer, tell, text};
use crate::cli::trust::{certificates, lists};
use crate::clock::SystemClock;
use crate::domain::pki::{Certificate, Purpose, Trust, validate};
use crate::domain::time::Timestamp;
use crate::error::Result;
use crate::port::Clock;

pub(super) const EXAMPLES: &str = "Examples:
  keyway ca verify www.pem --root root.pem --purpose tls-server
  keyway ca verify www.pem --root root.pem --intermediate web.pem --crl web.crl --crl root.crl

With a revocation list, every certificate below the root needs one of its issuer.";

#[derive(Args, Debug)]
pub(in crate::cli) struct VerifyArguments {
    /// The certificate; further ones in the file count as intermediate
    certificate: PathBuf,
    /// Roots that are trusted
    #[arg(long, value_name = "FILE", required = true)]
    root: Vec<PathBuf>,
    /// Certificates between it and a root
    #[arg(long, value_name = "FILE")]
    intermediate: Vec<PathBuf>,
    /// Revocation lists, full and delta
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// At this moment instead of now: 2026-11-22 or 2026-11-22T08:00:00Z
    #[arg(long, value_name = "MOMENT")]
    at: Option<Timestamp>,
    /// any, tls-server, tls-client, code-signing, ocsp, ca, identity or recipient
    #[arg(long, default_value = "any")]
    purpose: Purpose,
}

pub(super) fn run(options: &Options, arguments: &VerifyArguments) -> Result<()> {
    let mut chain = certificates(&arguments.certificate)?;
    for path in &arguments.intermediate {
        chain.extend(certificates(path)?);
    }
    let mut roots = Vec::new();
    for path in &arguments.root {
        roots.extend(certificates(path)?);
    }
    let mut crls = Vec::new();
    for path in &arguments.crl {
        crls.extend(lists(path)?);
    }
    let trust = Trust { roots: &roots, crls: &crls };
    let at = arguments.at.unwrap_or_else(|| SystemClock.now());
    let path = validate(&chain, &trust, at, arguments.purpose)?;
    let subject = |one: &Certificate| one.subject().to_string();
    let path = path.certificates().iter().map(subject).collect();
    tell(options, &Trusted { purpose: arguments.purpose, at, revocation: !crls.is_empty(), path })
}

/// A certificate that is trusted.
#[derive(Debug, Serialize)]
struct Trusted {
    #[serde(serialize_with = "text")]
    purpose: Purpose,
    #[serde(serialize_with = "text")]
    at: Timestamp,
    /// Whether lists were given, so that revocation counts.
    #[serde(rename = "revocation_checked")]
    revocation: bool,
    /// The subjects from the certificate to its root.
    path: Vec<String>,
}

impl Answer for Trusted {
    fn text(&self, page: &mut Page) {
        let revocation = if self.revocation { "" } else { ", revocation not looked at" };
        page.line(format_args!("trusted for {} at {}{revocation}", self.purpose, self.at));
        for (depth, subject) in self.path.iter().enumerate() {
            page.line(format_args!("{depth}  {subject}"));
        }
    }
}
