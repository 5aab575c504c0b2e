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
use super::token::TokenCommand;
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
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor,
    /// Who used, made or changed which key when, and what became of the PINs, from the token's
    /// chained events
    Log(LogArguments),
    /// Write the completions of a shell, for its startup file
    #[command(after_help = COMPLETIONS_EXAMPLES)]
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
#[command(after_help = SIGN_EXAMPLES)]
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
#[command(after_help = LOG_EXAMPLES)]
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
#[command(after_help = VERIFY_EXAMPLES)]
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
    #[command(after_help = AGREE_START_EXAMPLES)]
    Start {
        /// x25519, p256 or ffdhe3072
        #[arg(long)]
        group: Group,
        /// Where to; standard output if not named
        #[arg(long, value_name = "FILE")]
        public_out: Option<PathBuf>,
    },
    /// Derive the agreed key in the token, and print the tag to compare with the peer's
    #[command(after_help = AGREE_FINISH_EXAMPLES)]
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
    #[command(after_help = AGREE_CANCEL_EXAMPLES)]
    Cancel {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

const SIGN_EXAMPLES: &str = "Examples:
  keyway sign --key web --in release.tar --out release.sig
  keyway sign --key rsa --scheme rsa-pkcs1 --in release.tar --out release.sig";

const VERIFY_EXAMPLES: &str = "Examples:
  keyway verify --key web --in release.tar --signature release.sig

Every version of the key is tried that may still verify.";

const LOG_EXAMPLES: &str = "Examples:
  keyway log --key backup
  keyway log --since 2026-11-01 --used --user www-data
  keyway log --verify
  keyway log --output json | tail -n 1                  a document an event";

const DOCTOR_EXAMPLES: &str = "Examples:
  keyway doctor
  keyway doctor --module /usr/lib/softhsm/libsofthsm2.so
  keyway doctor --output json";

const COMPLETIONS_EXAMPLES: &str = "Examples:
  keyway completions bash > ~/.local/share/bash-completion/completions/keyway
  keyway completions zsh > ~/.zfunc/_keyway";

const AGREE_START_EXAMPLES: &str = "Examples:
  keyway agree start --group x25519 --public-out mine.pem";

const AGREE_FINISH_EXAMPLES: &str = "Examples:
  keyway agree finish --peer theirs.pem --name session
  keyway agree finish --peer theirs.pem --own mine.pem --name session --use wrap

Nobody vouches for the peer: compare the tag with his by another way. keyway exchange has
certificates for that.";

const AGREE_CANCEL_EXAMPLES: &str = "Examples:
  keyway agree cancel --yes";

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
