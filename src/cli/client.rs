//! `keyway client`: those whom keys are shared with.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::arguments::Options;
use super::file::{self, Readers};
use super::key::{Done, DoneWith};
use super::open::{module, with_kms, with_kms_in_turn};
use super::page::Page;
use super::pin;
use super::print::{Answer, tell};
use super::trust::{RootArguments, certificates};
use crate::clock::SystemClock;
use crate::domain::key::{Algorithm, KeyName};
use crate::domain::pki::{AlternativeName, Label, Purpose, Subject, to_pem};
use crate::domain::share::Recipient;
use crate::error::Result;
use crate::port::Clock;
use crate::service::{Expected, NewClient, trusted_certificate};
use crate::token;

#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Make a key that others wrap keys for, and the request for its certificate
    #[command(after_help = ENROLL_EXAMPLES)]
    Enroll(EnrollArguments),
    /// Make a recipient's certified key a trusted wrapping key, as the security officer
    #[command(after_help = TRUST_EXAMPLES)]
    Trust(TrustArguments),
}

const ENROLL_EXAMPLES: &str = "\
The recipient makes the key, the authority certifies it, the distributor's officer trusts it:
  alice$ keyway client enroll alice --subject CN=alice --csr alice.csr
  ca$    keyway ca issue --ca root --csr alice.csr --profile recipient --out alice.pem
  admin$ keyway client trust alice.pem --trust root.pem

The key signs its request and then may unwrap and nothing else.";

const TRUST_EXAMPLES: &str = "Examples:
  keyway client trust alice.pem --trust root.pem --so-pin-file so-pin";

/// Who wants to have keys shared with him.
#[derive(Args, Debug)]
pub(super) struct EnrollArguments {
    /// Name of the key
    name: KeyName,
    /// The name to ask for, as CN=alice,O=Example
    #[arg(long, value_name = "DN")]
    subject: Subject,
    /// Where the request goes, as PEM
    #[arg(long, value_name = "FILE")]
    csr: PathBuf,
    /// rsa-2048, rsa-3072 or rsa-4096
    #[arg(long, default_value = "rsa-3072")]
    algorithm: Algorithm,
    /// Alternative names to ask for: dns:alice.example.com,email:...,uri:...
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    san: Vec<AlternativeName>,
}

/// Whose key is trusted.
#[derive(Args, Debug)]
pub(super) struct TrustArguments {
    /// File with the recipient's certificate, then intermediate ones
    cert: PathBuf,
    #[command(flatten)]
    trust: RootArguments,
    /// File with the security officer's PIN; else KEYWAY_SO_PIN, else the terminal is asked
    #[arg(long, value_name = "FILE", env = "KEYWAY_SO_PIN_FILE")]
    so_pin_file: Option<PathBuf>,
}

/// For whom a token wraps shareable keys from now on.
#[derive(Serialize)]
struct Trusted {
    token: String,
    recipient: String,
}

impl Answer for Trusted {
    fn text(&self, page: &mut Page) {
        let Self { token, recipient } = self;
        page.line(format_args!("token {token} wraps shareable keys for {recipient}"));
    }
}

pub(super) fn run(options: &Options, command: ClientCommand) -> Result<()> {
    match command {
        ClientCommand::Enroll(arguments) => enroll(options, arguments),
        ClientCommand::Trust(arguments) => trust(options, &arguments),
    }
}

fn enroll(options: &Options, arguments: EnrollArguments) -> Result<()> {
    let EnrollArguments { name, subject, csr, algorithm, san } = arguments;
    let client = NewClient { name, algorithm, subject, names: san };
    let record = with_kms_in_turn(options, |kms| {
        kms.enroll_client(&client, |request| {
            let pem = to_pem(Label::Request, request)?;
            file::write(Some(&csr), pem.as_bytes(), Readers::Anybody)
        })
    })?;
    let (name, algorithm, csr) = (record.name(), record.algorithm(), csr.display().to_string());
    let sentence =
        format!("key {name} made: {algorithm}, to unwrap and nothing else; its request is {csr}");
    let done = Done::new(&record, sentence);
    tell(options, &DoneWith { done, more: json!({ "csr": csr }) })
}

fn trust(options: &Options, arguments: &TrustArguments) -> Result<()> {
    let (chain, mut trust) = (certificates(&arguments.cert)?, arguments.trust.read()?);
    let check = |expected: &Expected<'_>| {
        trusted_certificate(&chain, expected, SystemClock.now(), Purpose::Recipient)
    };
    let certificate = match trust.named() {
        Some(expected) => check(&expected)?,
        None => with_kms(options, |kms| check(&trust.expected(&kms)?))?,
    };
    let recipient = Recipient::of(&certificate)?;
    let so_pin = pin::so(arguments.so_pin_file.as_deref())?;
    let module = module(options)?;
    let label = token::trust(&module, options.token.as_deref(), &so_pin, &recipient)?;
    tell(options, &Trusted { token: label, recipient: recipient.subject })
}
