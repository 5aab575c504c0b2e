//! `keyway exchange`: a session key with a peer whom a certificate authority knows.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::arguments::Options;
use super::file::{self, Readers};
use super::open::{with_kms, with_kms_in_turn};
use super::print::{say, warn};
use super::trust::{TrustArguments, certificates};
use crate::domain::exchange::Group;
use crate::domain::key::{KeyName, Usage};
use crate::error::{Kind, Result};
use crate::service::{Credential, Established, SessionKey};
use crate::transport::{Listener, TcpChannel};

/// The examples of `keyway exchange --help`.
pub(super) const EXAMPLES: &str = "\
Over files, which anybody may carry:
  alice$ keyway exchange start --group x25519 --out 1
  bob$   keyway exchange answer --in 1 --out 2 --sign-with bob --cert bob.pem
  alice$ keyway exchange finish --first 1 --in 2 --out 3 --name with-bob \\
             --sign-with alice --cert alice.pem --trust root.pem --peer bob.example
  bob$   keyway exchange finish --first 1 --second 2 --in 3 --name with-alice \\
             --trust root.pem --peer alice.example

Over TCP:
  bob$   keyway exchange listen --addr 127.0.0.1:7000 --name with-alice \\
             --sign-with bob --cert bob.pem --trust root.pem --peer alice.example
  alice$ keyway exchange connect --addr 127.0.0.1:7000 --name with-bob \\
             --sign-with alice --cert alice.pem --trust root.pem --peer bob.example";

#[derive(Debug, Subcommand)]
pub(super) enum ExchangeCommand {
    /// Make message 1: begin an exchange
    Start {
        /// x25519, p256 or ffdhe3072
        #[arg(long, default_value = "x25519")]
        group: Group,
        /// Where message 1 goes; standard output if not named
        #[arg(long = "out", value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Answer message 1 by message 2
    Answer {
        /// Message 1
        #[arg(long = "in", value_name = "FILE")]
        input: PathBuf,
        /// Where message 2 goes; standard output if not named
        #[arg(long = "out", value_name = "FILE")]
        output: Option<PathBuf>,
        /// Take only this group; may be given several times
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<Group>,
        #[command(flatten)]
        own: OwnArguments,
    },
    /// End an exchange: by message 3 for message 2, or by message 3 itself
    Finish(FinishArguments),
    /// Wait for a peer on a TCP port and exchange
    Listen {
        /// Where; port 0 takes a free one and prints it
        #[arg(long, value_name = "ADDRESS:PORT")]
        addr: SocketAddr,
        /// Take only this group; may be given several times
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<Group>,
        #[command(flatten)]
        run: RunArguments,
    },
    /// Connect to a listening peer and exchange
    Connect {
        /// Where
        #[arg(long, value_name = "ADDRESS:PORT")]
        addr: SocketAddr,
        /// x25519, p256 or ffdhe3072
        #[arg(long, default_value = "x25519")]
        group: Group,
        #[command(flatten)]
        run: RunArguments,
    },
}

/// Who we are.
#[derive(Args, Debug)]
pub(super) struct OwnArguments {
    /// The key of the token that signs for us
    #[arg(long, value_name = "KEY")]
    pub sign_with: KeyName,
    /// File with its certificate, then intermediate ones
    #[arg(long, value_name = "FILE")]
    pub cert: PathBuf,
}

/// What the session key is to be.
#[derive(Args, Debug)]
pub(super) struct TargetArguments {
    /// Name of the session key
    #[arg(long)]
    name: KeyName,
    /// encrypt or wrap
    #[arg(long = "use", value_name = "USE")]
    usage: Option<Usage>,
}

#[derive(Args, Debug)]
pub(super) struct FinishArguments {
    /// Message 1, sent or received
    #[arg(long, value_name = "FILE")]
    first: PathBuf,
    /// Message 2, when it was we who sent it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "sign_with", "cert"])]
    second: Option<PathBuf>,
    /// The peer's message: 2, or with --second 3
    #[arg(long = "in", value_name = "FILE")]
    input: PathBuf,
    /// Where message 3 goes
    #[arg(long = "out", value_name = "FILE", required_unless_present = "second")]
    output: Option<PathBuf>,
    /// The key of the token that signs for us
    #[arg(long, value_name = "KEY", required_unless_present = "second")]
    sign_with: Option<KeyName>,
    /// File with its certificate, then intermediate ones
    #[arg(long, value_name = "FILE", required_unless_present = "second")]
    cert: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    target: TargetArguments,
}

#[derive(Args, Debug)]
pub(super) struct RunArguments {
    #[command(flatten)]
    own: OwnArguments,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    target: TargetArguments,
    /// Seconds that a peer has to come, and again for the whole exchange
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

pub(super) fn run(options: &Options, command: ExchangeCommand) -> Result<()> {
    match command {
        ExchangeCommand::Start { group, output } => {
            let offer = with_kms_in_turn(options, |kms| kms.start_exchange(group))?;
            file::write(output.as_deref(), &offer, Readers::Anybody)
        }
        ExchangeCommand::Answer { input, output, groups, own } => {
            let (offer, chain) = (file::read(Some(&input))?, certificates(&own.cert)?);
            let credential = Credential { key: &own.sign_with, chain: &chain };
            let groups = or_every(groups);
            let reply =
                with_kms_in_turn(options, |kms| kms.answer_exchange(&offer, &groups, &credential))?;
            file::write(output.as_deref(), &reply, Readers::Anybody)
        }
        ExchangeCommand::Finish(arguments) => finish(options, &arguments),
        ExchangeCommand::Listen { addr, groups, run } => listen(options, addr, groups, &run),
        ExchangeCommand::Connect { addr, group, run } => connect(options, addr, group, &run),
    }
}

fn finish(options: &Options, arguments: &FinishArguments) -> Result<()> {
    let offer = file::read(Some(&arguments.first))?;
    let message = file::read(Some(&arguments.input))?;
    let trust = arguments.trust.read()?;
    let (expected, target) = (trust.expected(), arguments.target.session_key());
    let established = match (&arguments.second, &arguments.sign_with, &arguments.cert) {
        (Some(second), ..) => {
            let reply = file::read(Some(second))?;
            with_kms_in_turn(options, |kms| {
                kms.complete_exchange(&offer, &reply, &message, &expected, target)
            })?
        }
        (None, Some(key), Some(cert)) => {
            let chain = certificates(cert)?;
            let credential = Credential { key, chain: &chain };
            let (closing, established) = with_kms_in_turn(options, |kms| {
                kms.finish_exchange(&offer, &message, &credential, &expected, target)
            })?;
            file::write(arguments.output.as_deref(), &closing, Readers::Anybody)?;
            established
        }
        _ => return Err(Kind::Usage.because("--sign-with and --cert say who we are")),
    };
    tell(&established)
}

/// The peer is on another machine or in another process of ours: nobody takes turns here.
fn listen(
    options: &Options,
    address: SocketAddr,
    groups: Vec<Group>,
    run: &RunArguments,
) -> Result<()> {
    let (chain, trust, groups) =
        (certificates(&run.own.cert)?, run.trust.read()?, or_every(groups));
    let credential = Credential { key: &run.own.sign_with, chain: &chain };
    let listener = Listener::bind(address)?;
    warn(format_args!("listening on {}", listener.address()));
    let mut channel = listener.accept(run.patience())?;
    let (expected, target) = (trust.expected(), run.target.session_key());
    let established = with_kms(options, |kms| {
        kms.exchange_as_responder(&mut channel, &groups, &credential, &expected, target)
    })?;
    tell(&established)
}

fn connect(options: &Options, peer: SocketAddr, group: Group, run: &RunArguments) -> Result<()> {
    let (chain, trust) = (certificates(&run.own.cert)?, run.trust.read()?);
    let credential = Credential { key: &run.own.sign_with, chain: &chain };
    let mut channel = TcpChannel::connect(peer, run.patience())?;
    let (expected, target) = (trust.expected(), run.target.session_key());
    let established = with_kms(options, |kms| {
        kms.exchange_as_initiator(&mut channel, group, &credential, &expected, target)
    })?;
    tell(&established)
}

fn or_every(groups: Vec<Group>) -> Vec<Group> {
    match groups.is_empty() {
        true => Group::ALL.map(|(group, _)| group).to_vec(),
        false => groups,
    }
}

fn tell(established: &Established) -> Result<()> {
    let record = &established.record;
    say(format_args!(
        "key {} exchanged with {}: {}, to {}",
        record.name(),
        established.peer.subject(),
        record.algorithm(),
        record.usage()
    ))
}

impl TargetArguments {
    fn session_key(&self) -> SessionKey<'_> {
        SessionKey { name: &self.name, usage: self.usage }
    }
}

impl RunArguments {
    fn patience(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}
