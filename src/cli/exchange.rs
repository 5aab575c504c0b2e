//! `keyway exchange`: a session key with a peer whom a certificate authority knows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::arguments::Options;
use super::file::{self, Readers};
use super::key::{Done, DoneWith};
use super::open::{with_kms, with_kms_in_turn};
use super::page::Page;
use super::print::{Answer, notice, tell, tell_saved};
use super::share::tell_received;
use super::trust::{TrustArguments, certificates};
use crate::clock::SystemClock;
use crate::domain::envelope::OaepHash;
use crate::domain::exchange::Group;
use crate::domain::key::{KeyName, Usage};
use crate::domain::pki::Certificate;
use crate::domain::time::Period;
use crate::error::{Kind, Result};
use crate::port::Clock;
use crate::service::{
    Credential, Dispatch, Established, Expected, Kms, Link, Received, Reception, SessionKey,
};
use crate::transport::{Listener, Place, TcpChannel};

/// Seconds that a peer is waited for at most.
const PATIENCE_MAX: u64 = 86_400;

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
             --sign-with alice --cert alice.pem --trust root.pem --peer bob.example

A key that was created with --shareable, to the peer's key that unwraps:
  bob$   keyway exchange listen --addr 127.0.0.1:7000 --receive --with bob-unwraps \\
             --sign-with bob --cert bob.pem --trust root.pem --peer alice
  alice$ keyway exchange connect --addr 127.0.0.1:7000 --send backup --to bob-unwraps.pem \\
             --sign-with alice --cert alice.pem --trust root.pem --peer bob

Over files, who starts may send: finish --send backup --to bob-unwraps.pem --fourth 4 in the place of
--name, and at the peer finish --receive --with bob-unwraps --fourth 4.";

const START_EXAMPLES: &str = "Examples:
  keyway exchange start --out 1
  keyway exchange start --group ffdhe3072 --out 1";

const ANSWER_EXAMPLES: &str = "Examples:
  keyway exchange answer --in 1 --out 2 --sign-with bob --cert bob.pem";

const FINISH_EXAMPLES: &str = "Examples, for whoever began, and for whoever answered:
  keyway exchange finish --first 1 --in 2 --out 3 --name with-bob \\
      --sign-with alice --cert alice.pem --trust root.pem --peer bob.example
  keyway exchange finish --first 1 --second 2 --in 3 --name with-alice \\
      --trust root.pem --peer alice.example";

const LISTEN_EXAMPLES: &str = "Examples:
  keyway exchange listen --addr 127.0.0.1:7000 --name with-alice \\
      --sign-with bob --cert bob.pem --trust root.pem --peer alice.example";

const CONNECT_EXAMPLES: &str = "Examples:
  keyway exchange connect --addr 127.0.0.1:7000 --name with-bob \\
      --sign-with alice --cert alice.pem --trust root.pem --peer bob.example";

#[derive(Debug, Subcommand)]
pub(super) enum ExchangeCommand {
    /// Make message 1: begin an exchange
    #[command(after_help = START_EXAMPLES)]
    Start {
        /// x25519, p256 or ffdhe3072
        #[arg(long, default_value = "x25519")]
        group: Group,
        /// Where message 1 goes; standard output if not named
        #[arg(long = "out", value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Answer message 1 by message 2
    #[command(after_help = ANSWER_EXAMPLES)]
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
    #[command(after_help = FINISH_EXAMPLES)]
    Finish(FinishArguments),
    /// Wait for a peer on a TCP port and exchange
    #[command(after_help = LISTEN_EXAMPLES)]
    Listen {
        /// Where: a name or an address; port 0 takes a free one and prints it
        #[arg(long, value_name = "HOST:PORT")]
        addr: Place,
        /// Take only this group; may be given several times
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<Group>,
        #[command(flatten)]
        run: RunArguments,
    },
    /// Connect to a listening peer and exchange
    #[command(after_help = CONNECT_EXAMPLES)]
    Connect {
        /// Where: a name or an address
        #[arg(long, value_name = "HOST:PORT")]
        addr: Place,
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

/// What comes of the exchange: a session key, or a key that is sent or received.
#[derive(Args, Debug)]
pub(super) struct TargetArguments {
    /// Name of the session key, or of the received key: the sender's if none is given
    #[arg(long, required_unless_present_any = ["send", "receive"], conflicts_with = "send")]
    name: Option<KeyName>,
    /// encrypt or wrap
    #[arg(long = "use", value_name = "USE", conflicts_with_all = ["send", "receive"])]
    usage: Option<Usage>,
    /// Keep no session key: send the peer this key, created with --shareable
    #[arg(long, value_name = "KEY", requires = "to", conflicts_with = "receive")]
    send: Option<KeyName>,
    /// File with the certificate of the peer's key that unwraps, then intermediate ones
    #[arg(long, value_name = "CERT", requires = "send")]
    to: Option<PathBuf>,
    /// As for keyway share
    #[arg(long, value_name = "HASH", requires = "send")]
    oaep: Option<OaepHash>,
    /// Keep no session key: take a key from the peer
    #[arg(long, requires = "with")]
    receive: bool,
    /// Our key that it is wrapped for
    #[arg(long, value_name = "KEY", requires = "receive")]
    with: Option<KeyName>,
    /// How old it may be: message 4 in a file may wait
    #[arg(long, value_name = "PERIOD", default_value = "1w", requires = "receive")]
    max_age: Period,
}

/// The same, read.
enum Target<'a> {
    Session(SessionKey<'a>),
    Send { key: &'a KeyName, recipient: Vec<Certificate>, hash: Option<OaepHash> },
    Receive(Reception<'a>),
}

/// What came of it.
enum Outcome {
    Session(Established),
    Sent { key: KeyName, peer: Certificate },
    Received(Received),
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
    /// Message 4: where it goes with --send, where it is with --receive
    #[arg(long, value_name = "FILE")]
    fourth: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct RunArguments {
    #[command(flatten)]
    own: OwnArguments,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    target: TargetArguments,
    /// How long a peer has to come, and again for the whole exchange; a day at most
    #[arg(long, value_name = "PERIOD", default_value = "1min")]
    timeout: Period,
}

pub(super) fn run(options: &Options, command: ExchangeCommand) -> Result<()> {
    match command {
        ExchangeCommand::Start { group, output } => {
            let offer = with_kms_in_turn(options, |kms| kms.start_exchange(group))?;
            file::write(output.as_deref(), &offer, Readers::Anybody)?;
            tell_saved(options, output.as_deref(), &json!({ "message": 1 }))
        }
        ExchangeCommand::Answer { input, output, groups, own } => {
            let (offer, chain) = (file::read(Some(&input))?, certificates(&own.cert)?);
            let credential = Credential { key: &own.sign_with, chain: &chain };
            let groups = or_every(groups);
            let reply =
                with_kms_in_turn(options, |kms| kms.answer_exchange(&offer, &groups, &credential))?;
            file::write(output.as_deref(), &reply, Readers::Anybody)?;
            tell_saved(options, output.as_deref(), &json!({ "message": 2 }))
        }
        ExchangeCommand::Finish(arguments) => finish(options, &arguments),
        ExchangeCommand::Listen { addr, groups, run } => listen(options, &addr, groups, &run),
        ExchangeCommand::Connect { addr, group, run } => connect(options, &addr, group, &run),
    }
}

fn finish(options: &Options, arguments: &FinishArguments) -> Result<()> {
    let target = arguments.target.read()?;
    if let (Target::Session(_), Some(_)) = (&target, &arguments.fourth) {
        return Err(Kind::Usage
            .because("--fourth is the message with a key, and a session key needs none")
            .advise("leave it out, or say what is sent or received: --send KEY, --receive"));
    }
    let outcome = match &arguments.second {
        Some(second) => complete(options, arguments, second, &target)?,
        None => close(options, arguments, &target)?,
    };
    tell_outcome(options, &outcome)
}

/// The initiator's end: message 3, and message 4 if a key is sent.
fn close(options: &Options, arguments: &FinishArguments, target: &Target<'_>) -> Result<Outcome> {
    let (Some(key), Some(cert)) = (&arguments.sign_with, &arguments.cert) else {
        return Err(Kind::Usage
            .because("who we are is not said")
            .advise("name our key with --sign-with and its certificate with --cert"));
    };
    let (offer, reply) = (file::read(Some(&arguments.first))?, file::read(Some(&arguments.input))?);
    let (chain, mut trust) = (certificates(cert)?, arguments.trust.read()?);
    let credential = Credential { key, chain: &chain };
    let (closing, fourth, outcome) = with_kms_in_turn(options, |kms| {
        let expected = trust.expected(&kms)?;
        match target {
            Target::Session(target) => {
                let (closing, established) =
                    kms.finish_exchange(&offer, &reply, &credential, &expected, *target)?;
                Ok((closing, None, Outcome::Session(established)))
            }
            Target::Send { key, recipient, hash } => {
                arguments.fourth()?;
                let (closing, mut link) =
                    kms.finish_with_link(&offer, &reply, &credential, &expected)?;
                let dispatch = Dispatch { key, recipient, hash: *hash };
                let (message, _) =
                    kms.dispatch_key(&mut link, &dispatch, &credential, &expected)?;
                let peer = link.peer().clone();
                Ok((closing, Some(message), Outcome::Sent { key: (*key).clone(), peer }))
            }
            Target::Receive(_) => Err(Kind::Usage
                .because("over files, only who starts the exchange sends a key")
                .advise("let the peer start, or exchange over TCP")),
        }
    })?;
    file::write(arguments.output.as_deref(), &closing, Readers::Anybody)?;
    if let Some(message) = fourth {
        file::write(Some(arguments.fourth()?), &message, Readers::Anybody)?;
    }
    Ok(outcome)
}

/// The responder's end.
fn complete(
    options: &Options,
    arguments: &FinishArguments,
    second: &Path,
    target: &Target<'_>,
) -> Result<Outcome> {
    let (offer, reply, closing) = (
        file::read(Some(&arguments.first))?,
        file::read(Some(second))?,
        file::read(Some(&arguments.input))?,
    );
    let mut trust = arguments.trust.read()?;
    with_kms_in_turn(options, |kms| {
        let expected = trust.expected(&kms)?;
        match target {
            Target::Session(target) => kms
                .complete_exchange(&offer, &reply, &closing, &expected, *target)
                .map(Outcome::Session),
            Target::Receive(request) => {
                let message = file::read(Some(arguments.fourth()?))?;
                let mut link = kms.complete_with_link(&offer, &reply, &closing, &expected)?;
                let (received, _) = kms.accept_key(&mut link, &message, &expected, request)?;
                Ok(Outcome::Received(received))
            }
            Target::Send { .. } => Err(Kind::Usage
                .because("over files, only who starts the exchange sends a key")
                .advise("start an exchange yourself: keyway exchange start")),
        }
    })
}

/// The peer is on another machine or in another process of ours: nobody takes turns here.
fn listen(options: &Options, place: &Place, groups: Vec<Group>, run: &RunArguments) -> Result<()> {
    let (chain, mut trust, groups) =
        (certificates(&run.own.cert)?, run.trust.read()?, or_every(groups));
    let (credential, target, patience) = (
        Credential { key: &run.own.sign_with, chain: &chain },
        run.target.read()?,
        run.patience()?,
    );
    let outcome = with_kms(options, |kms| {
        let expected = trust.expected(&kms)?;
        let listener = Listener::bind(place)?;
        notice(options, format_args!("listening on {}", listener.address()));
        let mut channel = listener.accept(patience)?;
        if let Target::Session(target) = target {
            let run =
                kms.exchange_as_responder(&mut channel, &groups, &credential, &expected, target);
            return run.map(Outcome::Session);
        }
        let link = kms.link_as_responder(&mut channel, &groups, &credential, &expected)?;
        transfer(&kms, &mut channel, link, &target, &credential, &expected)
    })?;
    tell_outcome(options, &outcome)
}

fn connect(options: &Options, peer: &Place, group: Group, run: &RunArguments) -> Result<()> {
    let (chain, mut trust) = (certificates(&run.own.cert)?, run.trust.read()?);
    let (credential, target, patience) = (
        Credential { key: &run.own.sign_with, chain: &chain },
        run.target.read()?,
        run.patience()?,
    );
    let outcome = with_kms(options, |kms| {
        let expected = trust.expected(&kms)?;
        let mut channel = TcpChannel::connect(peer, patience)?;
        if let Target::Session(target) = target {
            let run =
                kms.exchange_as_initiator(&mut channel, group, &credential, &expected, target);
            return run.map(Outcome::Session);
        }
        let link = kms.link_as_initiator(&mut channel, group, &credential, &expected)?;
        transfer(&kms, &mut channel, link, &target, &credential, &expected)
    })?;
    tell_outcome(options, &outcome)
}

/// Sends or receives a key over a link.
fn transfer(
    kms: &Kms<'_>,
    channel: &mut TcpChannel,
    mut link: Link<'_>,
    target: &Target<'_>,
    credential: &Credential<'_>,
    expected: &Expected<'_>,
) -> Result<Outcome> {
    match target {
        Target::Send { key, recipient, hash } => {
            let dispatch = Dispatch { key, recipient, hash: *hash };
            kms.send_key(channel, &mut link, &dispatch, credential, expected)?;
            Ok(Outcome::Sent { key: (*key).clone(), peer: link.peer().clone() })
        }
        Target::Receive(request) => {
            kms.take_key(channel, &mut link, expected, request).map(Outcome::Received)
        }
        Target::Session(_) => Err(Kind::Internal.because("a session key needs no link")),
    }
}

fn or_every(groups: Vec<Group>) -> Vec<Group> {
    match groups.is_empty() {
        true => Group::ALL.map(|(group, _)| group).to_vec(),
        false => groups,
    }
}

/// A key that went to the peer.
#[derive(Serialize)]
struct Sent {
    sent: String,
    peer: String,
}

impl Answer for Sent {
    fn text(&self, page: &mut Page) {
        page.line(format_args!("key {} sent to {}", self.sent, self.peer));
    }
}

fn tell_outcome(options: &Options, outcome: &Outcome) -> Result<()> {
    match outcome {
        Outcome::Session(Established { record, peer }) => {
            let peer = peer.subject().to_string();
            let done = Done::made(record, &format!("exchanged with {peer}"));
            tell(options, &DoneWith { done, more: json!({ "peer": peer }) })
        }
        Outcome::Sent { key, peer } => {
            tell(options, &Sent { sent: key.to_string(), peer: peer.subject().to_string() })
        }
        Outcome::Received(received) => tell_received(options, received),
    }
}

impl TargetArguments {
    fn read(&self) -> Result<Target<'_>> {
        let name = self.name.as_ref();
        match (&self.send, &self.to, &self.with, name) {
            (Some(key), Some(to), ..) => {
                Ok(Target::Send { key, recipient: certificates(to)?, hash: self.oaep })
            }
            (_, _, Some(unwrap_with), name) => {
                Ok(Target::Receive(Reception { unwrap_with, name, max_age: self.max_age }))
            }
            (.., Some(name)) => Ok(Target::Session(SessionKey { name, usage: self.usage })),
            _ => Err(Kind::Usage
                .because("what is to come of the exchange is not said")
                .advise("name a session key with --name, or say --send KEY or --receive")),
        }
    }
}

impl FinishArguments {
    fn fourth(&self) -> Result<&Path> {
        self.fourth.as_deref().ok_or_else(|| {
            Kind::Usage
                .because("message 4 has no file")
                .advise("name it with --fourth: it carries the key")
        })
    }
}

impl RunArguments {
    fn patience(&self) -> Result<Duration> {
        let now = SystemClock.now();
        let seconds = self.timeout.after(now).unix() - now.unix();
        match seconds {
            0..=PATIENCE_MAX => Ok(Duration::from_secs(seconds)),
            _ => Err(Kind::Usage
                .because(format!("a time-out of {} is too long", self.timeout))
                .advise("a day is the most: --timeout 24h")),
        }
    }
}
