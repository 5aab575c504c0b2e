//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use super::crypt::{DecryptArguments, EncryptArguments, ReencryptArguments};
use super::data_key::DataKeyArguments;
use super::key::KeyCommand;
use super::maintain::MaintainArguments;
use super::print::Format;
use super::seal::{OpenArguments, SealArguments};
use crate::domain::exchange::Group;
use crate::domain::key::{KeyName, Usage};
use crate::domain::signature::SignatureScheme;
use crate::domain::time::Timestamp;
use crate::error::Kind;

/// Key management on any PKCS#11 token.
#[derive(Debug, Parser)]
#[command(name = "keyway", version, arg_required_else_help = true, after_help = after_help())]
pub(super) struct Arguments {
    #[command(flatten)]
    pub options: Options,
    #[command(subcommand)]
    pub command: Command,
}

/// Which token, and how to log in.
#[derive(Args, Debug)]
pub(super) struct Options {
    /// The PKCS#11 module; keyway's own if none is named
    #[arg(long, global = true, value_name = "PATH", env = "KEYWAY_MODULE")]
    pub module: Option<PathBuf>,
    /// The token's label, or its PKCS#11 URI (RFC 7512), which may name module and PIN file as well;
    /// may be left out when there is only one
    #[arg(long, global = true, value_name = "LABEL|URI", env = "KEYWAY_TOKEN")]
    pub token: Option<String>,
    /// File with the user PIN; else KEYWAY_PIN, else the terminal is asked
    #[arg(long, global = true, value_name = "FILE", env = "KEYWAY_PIN_FILE")]
    pub pin_file: Option<PathBuf>,
    /// What standard output is for: people, or programs
    // A name of its own: subcommands have an `output`, which is a file.
    #[arg(
        id = "output-format",
        long = "output",
        global = true,
        value_name = "FORMAT",
        env = "KEYWAY_OUTPUT",
        default_value = "text"
    )]
    pub output: Format,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Tokens: make one, see what there is
    #[command(subcommand)]
    Token(TokenCommand),
    /// Keys: create, rotate, suspend, revoke, destroy
    #[command(subcommand)]
    Key(KeyCommand),
    /// Do whatever is due: activation, expiry, rotation, revocation, destruction
    Maintain(MaintainArguments),
    /// Encrypt with a key's newest version
    Encrypt(EncryptArguments),
    /// Decrypt with the version that the ciphertext names
    Decrypt(DecryptArguments),
    /// Encrypt again, with the newest version or another key
    Reencrypt(ReencryptArguments),
    /// Make a key for another program's data, wrapped with a key of the token
    DataKey(DataKeyArguments),
    /// Seal a file of any size, in the age format
    Seal(SealArguments),
    /// Open a sealed file
    Open(OpenArguments),
    /// Sign with a key's newest version
    Sign(SignArguments),
    /// Verify a signature
    Verify(VerifyArguments),
    /// Agree on a key with a peer: ephemeral Diffie-Hellman inside both tokens
    #[command(subcommand)]
    Agree(AgreeCommand),
    /// Exchange a session key with a peer whom a certificate authority knows
    #[command(subcommand, after_help = super::exchange::EXAMPLES)]
    Exchange(super::exchange::ExchangeCommand),
    /// Certificates: an authority in the token, and checking what others issued
    #[command(subcommand)]
    Ca(super::ca::CaCommand),
    /// Requests for certificates
    #[command(subcommand)]
    Csr(super::csr::CsrCommand),
    /// Wrap a shareable key for the tokens of others
    #[command(after_help = super::share::SHARE_EXAMPLES)]
    Share(super::share::ShareArguments),
    /// Take a key that was shared with this token
    Receive(super::share::ReceiveArguments),
    /// Those whom keys are shared with
    #[command(subcommand)]
    Client(super::client::ClientCommand),
    /// Say what is wrong with module, configuration, files and tokens, and what mends it
    Doctor,
    /// Who used, made or changed which key when, and what became of the PINs, from the token's
    /// chained events
    Log(LogArguments),
    /// Write the completions of a shell, for its startup file
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Write the manual pages
    #[command(hide = true)]
    Man {
        /// Where to
        directory: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Initialise the token in a free slot and set its user PIN
    Init {
        /// The new token's label
        #[arg(long)]
        label: String,
        /// File with the security officer's PIN; else KEYWAY_SO_PIN, else the terminal is asked
        #[arg(long, value_name = "FILE", env = "KEYWAY_SO_PIN_FILE")]
        so_pin_file: Option<PathBuf>,
        /// Make it in the place of --token, whose objects are destroyed: its security officer's PIN
        /// is locked or forgotten
        #[arg(long)]
        force: bool,
        /// Do not ask
        #[arg(long, requires = "force")]
        yes: bool,
    },
    /// Change the user PIN, or the security officer's
    ChangePin {
        /// File with the new PIN; else KEYWAY_NEW_PIN, else the terminal is asked
        #[arg(long, value_name = "FILE", env = "KEYWAY_NEW_PIN_FILE")]
        new_pin_file: Option<PathBuf>,
        /// Change the security officer's PIN
        #[arg(long)]
        security_officer: bool,
        /// File with the security officer's PIN so far; else KEYWAY_SO_PIN, else the terminal is asked
        #[arg(long, value_name = "FILE", env = "KEYWAY_SO_PIN_FILE")]
        so_pin_file: Option<PathBuf>,
    },
    /// Set a new user PIN as the security officer: the old one is locked or forgotten
    Unlock {
        /// File with the new PIN; else KEYWAY_NEW_PIN, else the terminal is asked
        #[arg(long, value_name = "FILE", env = "KEYWAY_NEW_PIN_FILE")]
        new_pin_file: Option<PathBuf>,
        /// File with the security officer's PIN; else KEYWAY_SO_PIN, else the terminal is asked
        #[arg(long, value_name = "FILE", env = "KEYWAY_SO_PIN_FILE")]
        so_pin_file: Option<PathBuf>,
    },
    /// Bring keys and certificates in from another program's store
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArguments),
    /// Verify a whole token: its file, every record, the set of objects, the chain of events
    Check {
        /// Look only at what needs no PIN
        #[arg(long, conflicts_with = "accept")]
        without_pin: bool,
        /// Accept the set of objects and accounts as it is, after damage or a partial restore
        #[arg(long)]
        accept: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// List every token of the module
    List,
    /// Show one token
    Show,
    /// Write one encrypted file that holds the whole token, while programs go on using it
    Backup {
        /// The file to make
        #[arg(long = "out", value_name = "FILE")]
        output: PathBuf,
        /// File with the backup's passphrase; else KEYWAY_BACKUP_PASSPHRASE, else the terminal is
        /// asked
        #[arg(long, value_name = "FILE", env = "KEYWAY_BACKUP_PASSPHRASE_FILE")]
        passphrase_file: Option<PathBuf>,
        /// Do not log in: private objects are then copied without being opened and checked
        #[arg(long)]
        without_pin: bool,
    },
    /// Put a token back from its backup
    Restore {
        /// The backup
        #[arg(long = "in", value_name = "FILE")]
        input: PathBuf,
        /// As for backup
        #[arg(long, value_name = "FILE", env = "KEYWAY_BACKUP_PASSPHRASE_FILE")]
        passphrase_file: Option<PathBuf>,
        /// Take the place of the same token, which is kept beside it; no program may use it
        /// meanwhile
        #[arg(long)]
        replace: bool,
    },
}

/// What to import, and from where.
#[derive(Args, Debug)]
pub(super) struct ImportArguments {
    /// SoftHSM2's token directory (directories.tokendir), or the directory of one token
    #[arg(long, value_name = "DIR", required_unless_present = "from_pkcs12")]
    pub from_softhsm: Option<PathBuf>,
    /// A PKCS#12 file (.p12, .pfx)
    #[arg(long, value_name = "FILE", conflicts_with = "from_softhsm")]
    pub from_pkcs12: Option<PathBuf>,
    /// The label of the SoftHSM2 token, when there are several
    #[arg(long, value_name = "LABEL", conflicts_with = "from_pkcs12")]
    pub source_token: Option<String>,
    /// File with the source's PIN or passphrase; else KEYWAY_SOURCE_PIN, else the terminal is asked
    #[arg(long, value_name = "FILE", env = "KEYWAY_SOURCE_PIN_FILE")]
    pub source_pin_file: Option<PathBuf>,
    /// Name of the imported key, where the PKCS#12 file gives none
    #[arg(long, conflicts_with = "from_softhsm")]
    pub label: Option<String>,
    /// Let the token take each object for a moment and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

const IMPORT_EXAMPLES: &str = "Examples:
  keyway --token new token import --from-softhsm /var/lib/softhsm/tokens --source-token old --dry-run
  keyway --token new token import --from-pkcs12 web.p12 --label web

The keys stay as sensitive and as extractable as they were; from PKCS#12 they become sensitive and
not extractable. What is in the token already is left alone: it can be run again.";

/// Where data comes from and goes to.
#[derive(Args, Debug)]
pub(super) struct Files {
    /// Where from; standard input if not named
    #[arg(long = "in", value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Where to, whole or not at all; standard output if not named
    #[arg(long = "out", value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct SignArguments {
    /// The key
    #[arg(long)]
    pub key: KeyName,
    #[command(flatten)]
    pub files: Files,
    /// rsa-pss or rsa-pkcs1, ecdsa-p256, ecdsa-p384, ecdsa-p521, ed25519, hmac-sha256, hmac-sha384,
    /// hmac-sha512; the key's first is the default
    #[arg(long)]
    pub scheme: Option<SignatureScheme>,
}

#[derive(Args, Debug)]
pub(super) struct LogArguments {
    /// Only what concerns objects with this label
    #[arg(long, value_name = "LABEL")]
    pub key: Option<String>,
    /// Only what this user did: the name, or the number of one that has none here
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Only uses of keys: the first of each key, function and mechanism in a login of a process
    #[arg(long)]
    pub used: bool,
    /// Only from this moment on: 2026-11-22 or 2026-11-22T08:00:00Z
    #[arg(long, value_name = "MOMENT")]
    pub since: Option<Timestamp>,
    /// Say whether the chain is whole, and fail if it is not
    #[arg(long)]
    pub verify: bool,
}

#[derive(Args, Debug)]
pub(super) struct VerifyArguments {
    /// The key
    #[arg(long)]
    pub key: KeyName,
    /// File with the signature
    #[arg(long, value_name = "FILE")]
    pub signature: PathBuf,
    /// What was signed; standard input if not named
    #[arg(long = "in", value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// As for sign
    #[arg(long)]
    pub scheme: Option<SignatureScheme>,
}

#[derive(Debug, Subcommand)]
pub(super) enum AgreeCommand {
    /// Make an ephemeral pair and write its public value for the peer
    Start {
        /// x25519, p256 or ffdhe3072
        #[arg(long)]
        group: Group,
        /// Where to; standard output if not named
        #[arg(long, value_name = "FILE")]
        public_out: Option<PathBuf>,
    },
    /// Derive the agreed key in the token, and print the tag to compare with the peer's
    Finish {
        /// File with the peer's public value
        #[arg(long, value_name = "FILE")]
        peer: PathBuf,
        /// Name of the agreed key
        #[arg(long)]
        name: KeyName,
        /// encrypt or wrap
        #[arg(long = "use", value_name = "USE")]
        usage: Option<Usage>,
        /// Our own public value, when several agreements wait
        #[arg(long, value_name = "FILE")]
        own: Option<PathBuf>,
    },
    /// Destroy every ephemeral pair that waits for a peer
    Cancel {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

fn after_help() -> String {
    let mut text = "Examples:\n  keyway token init --label demo\n  keyway key create backup \
                    --algorithm aes-256\n  keyway encrypt --key backup --in a.txt --out a.kw\n  \
                    keyway decrypt --in a.kw --out a.txt\n\nExit codes:\n    0  done\n"
        .to_owned();
    for (_, code, meaning) in Kind::TABLE {
        text.push_str(&format!("  {code:3}  {meaning}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_argument_takes_a_pin() {
        let help = Arguments::command().render_long_help().to_string();
        assert!(!help.contains("--pin "), "{help}");
    }
}
