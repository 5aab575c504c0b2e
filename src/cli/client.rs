//! `keyway client`: those whom keys are shared with.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::arguments::Options;
use super::file::{self, Readers};
use super::open::{module, with_kms_in_turn};
use super::pin;
use super::print::say;
use super::trust::{RootArguments, certificates};
use crate::clock::SystemClock;
use crate::domain::key::{Algorithm, KeyName};
use crate::domain::pki::{AlternativeName, Label, Purpose, Subject, to_pem};
use crate::domain::share::Recipient;
use crate::error::Result;
use crate::port::Clock;
use crate::service::{NewClient, trusted_certificate};
use crate::token;

#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Make a key that others wrap keys for, and the request for its certificate
    #[command(after_help = ENROLL_EXAMPLES)]
    Enroll(EnrollArguments),
    /// Make a recipient's certified key a trusted wrapping key, as the security officer
    Trust(TrustArguments),
}

const ENROLL_EXAMPLES: &str = "\
The recipient makes the key, the authority certifies it, the distributor's officer trusts it:
  alice$ keyway client enroll alice --subject CN=alice --csr alice.csr
  ca$    keyway ca issue --ca root --csr alice.csr --profile recipient --out alice.pem
  admin$ keyway client trust alice.pem --trust root.pem

The key signs its request and then may unwrap and nothing else.";

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
    say(format_args!(
        "key {} made: {}, to unwrap and nothing else; its request is {}",
        record.name(),
        record.algorithm(),
        csr.display()
    ))
}

fn trust(options: &Options, arguments: &TrustArguments) -> Result<()> {
    let (chain, trust) = (certificates(&arguments.cert)?, arguments.trust.read()?);
    let now = SystemClock.now();
    let certificate = trusted_certificate(&chain, &trust.expected(), now, Purpose::Recipient)?;
    let recipient = Recipient::of(&certificate)?;
    let so_pin = pin::so(arguments.so_pin_file.as_deref())?;
    let module = module(options)?;
    let label = token::trust(&module, options.token.as_deref(), &so_pin, &recipient)?;
    say(format_args!("token {label} wraps shareable keys for {}", recipient.subject))
}
