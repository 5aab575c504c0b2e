//! `keyway share` and `keyway receive`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::arguments::Options;
use super::exchange::OwnArguments;
use super::file::{self, Readers};
use super::key::{Done, DoneWith};
use super::open::with_kms_in_turn;
use super::print::{tell, tell_saved};
use super::trust::{RootArguments, TrustArguments, certificates};
use crate::domain::envelope::OaepHash;
use crate::domain::key::KeyName;
use crate::domain::pki::Certificate;
use crate::domain::share::SignedShare;
use crate::domain::time::Period;
use crate::error::{Kind, Result};
use crate::service::{Credential, Received, Reception};

/// The examples of `keyway share --help`.
pub(super) const SHARE_EXAMPLES: &str = "\
The distributor, once for each recipient, as security officer:
  keyway client trust alice.pem --trust root.pem

Then, for each key that was created with --shareable:
  keyway share backup --to alice.pem --to bob.pem --trust root.pem \\
      --sign-with admin --cert admin.pem --out backup.share

The recipient, with the key that alice.pem is for:
  keyway receive backup.share --with alice --trust root.pem --peer admin.example";

/// What is shared with whom.
#[derive(Args, Debug)]
pub(super) struct ShareArguments {
    /// The key, created with --shareable
    key: KeyName,
    /// File with a recipient's certificate, then intermediate ones; may be given several times
    #[arg(long, value_name = "CERT", required_unless_present = "group")]
    to: Vec<PathBuf>,
    /// File that names such files, one a line; empty lines and lines after # do not count
    #[arg(long, value_name = "FILE")]
    group: Vec<PathBuf>,
    /// The hash in OAEP: sha256 or sha1; sha1 for a recipient on SoftHSM2, which knows no other
    #[arg(long, value_name = "HASH")]
    oaep: Option<OaepHash>,
    #[command(flatten)]
    own: OwnArguments,
    #[command(flatten)]
    trust: RootArguments,
    /// Where to; standard output if not named
    #[arg(long = "out", value_name = "FILE")]
    output: Option<PathBuf>,
}

const RECEIVE_EXAMPLES: &str = "Examples:
  keyway receive backup.share --with alice --trust root.pem --peer admin.example
  keyway receive backup.share --with alice --name backup-2 --trust root.pem --crl root.crl";

/// What is received, and with which key.
#[derive(Args, Debug)]
#[command(after_help = RECEIVE_EXAMPLES)]
pub(super) struct ReceiveArguments {
    /// The share
    file: PathBuf,
    /// Our key that it is wrapped for
    #[arg(long, value_name = "KEY")]
    with: KeyName,
    /// Name of the key here; the distributor's if none is given
    #[arg(long)]
    name: Option<KeyName>,
    /// How old a share may be: 1w, 12h, 30min
    #[arg(long, value_name = "PERIOD", default_value = "1w")]
    max_age: Period,
    #[command(flatten)]
    trust: TrustArguments,
}

pub(super) fn share(options: &Options, arguments: &ShareArguments) -> Result<()> {
    let own = certificates(&arguments.own.cert)?;
    let credential = Credential { key: &arguments.own.sign_with, chain: &own };
    let mut trust = arguments.trust.read()?;
    let recipients = recipients(arguments)?;
    let signed = with_kms_in_turn(options, |kms| {
        let expected = trust.expected(&kms)?;
        kms.share_key(&arguments.key, &recipients, arguments.oaep, &credential, &expected)
    })?;
    file::write(arguments.output.as_deref(), &signed.to_der()?, Readers::Anybody)?;
    let share = signed.share()?;
    let subjects: Vec<_> = share.recipients.iter().map(|to| to.subject.as_str()).collect();
    let what =
        json!({ "key": share.name.as_str(), "version": share.version, "recipients": subjects });
    tell_saved(options, arguments.output.as_deref(), &what)
}

/// What a group is.
const GROUP: &str = "a line for each recipient: the file of his certificate";

/// Every recipient's certificates: those that were named, and those of the groups.
fn recipients(arguments: &ShareArguments) -> Result<Vec<Vec<Certificate>>> {
    let mut paths = arguments.to.clone();
    for group in &arguments.group {
        let bytes = file::read(Some(group))?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            Kind::Malformed
                .because(format!("{} is no text", group.display()))
                .caused_by(error)
                .advise(GROUP)
        })?;
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let beside = group.parent().unwrap_or(Path::new(""));
        paths.extend(lines.filter(|line| !line.is_empty()).map(|line| beside.join(line)));
    }
    if paths.is_empty() {
        return Err(Kind::Usage.because("the group names nobody").advise(GROUP));
    }
    paths.iter().map(|path| certificates(path)).collect()
}

pub(super) fn receive(options: &Options, arguments: &ReceiveArguments) -> Result<()> {
    let bytes = file::read(Some(&arguments.file))?;
    let signed = SignedShare::from_der(&bytes)
        .map_err(|error| error.while_doing(arguments.file.display()))?;
    let mut trust = arguments.trust.read()?;
    let request = Reception {
        unwrap_with: &arguments.with,
        name: arguments.name.as_ref(),
        max_age: arguments.max_age,
    };
    let received = with_kms_in_turn(options, |kms| {
        let expected = trust.expected(&kms)?;
        kms.receive_key(&signed, &expected, &request)
    })?;
    tell_received(options, &received)
}

pub(super) fn tell_received(options: &Options, received: &Received) -> Result<()> {
    let distributor = received.distributor.subject().to_string();
    let done = Done::made(&received.record, &format!("received from {distributor}"));
    tell(options, &DoneWith { done, more: json!({ "distributor": distributor }) })
}
