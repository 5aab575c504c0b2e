//! `keyway csr`: requests to an authority, signed by a key of the token.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::arguments::Options;
use super::file::{self, Readers};
use super::open::with_kms;
use super::print::tell_saved;
use crate::domain::key::KeyName;
use crate::domain::pki::{AlternativeName, Label, Subject, to_pem};
use crate::error::Result;

#[derive(Debug, Subcommand)]
pub(super) enum CsrCommand {
    /// Write a request for a certificate of a key
    #[command(after_help = EXAMPLES)]
    Create {
        /// The key
        #[arg(long)]
        key: KeyName,
        /// The name to ask for, as CN=www.example.com,O=Example
        #[arg(long, value_name = "DN")]
        subject: Subject,
        /// Alternative names to ask for: dns:www.example.com,ip:192.0.2.1,email:...,uri:...
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        san: Vec<AlternativeName>,
        /// Where to, as PEM; standard output if not named
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

const EXAMPLES: &str = "Examples:
  keyway key create www --algorithm ec-p256 --use sign
  keyway csr create --key www --subject CN=www.example.com --san dns:www.example.com --out www.csr
  openssl req -in www.csr -noout -text -verify";

pub(super) fn run(options: &Options, command: CsrCommand) -> Result<()> {
    let CsrCommand::Create { key, subject, san, out } = command;
    let der = with_kms(options, |kms| kms.request_certificate(&key, &subject, &san))?;
    file::write(out.as_deref(), to_pem(Label::Request, &der)?.as_bytes(), Readers::Anybody)?;
    let what = json!({ "key": key.as_str(), "subject": subject.to_string() });
    tell_saved(options, out.as_deref(), &what)
}
