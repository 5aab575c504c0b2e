//! What can be said after `keyway key`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::import_key::ImportKeyArguments;
use crate::domain::key::{Algorithm, KeyId, KeyName, Usage};
use crate::domain::lifecycle::{Reason, State};
use crate::domain::public_format::PublicFormat;
use crate::domain::record::Owner;
use crate::domain::time::{Period, Timestamp};

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Create a key
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateArguments),
    /// List every key
    #[command(after_help = LIST_EXAMPLES)]
    List(Filter),
    /// Show one key and check its objects
    #[command(after_help = SHOW_EXAMPLES)]
    Show {
        /// The key
        name: KeyName,
    },
    /// Try every key of the token, whoever made it: pairs, certificates, known weaknesses
    #[command(after_help = CHECK_EXAMPLES)]
    Check {
        /// Only keys with this label
        label: Option<String>,
    },
    /// Make a new version that protects from now on; the old ones only process
    #[command(after_help = ROTATE_EXAMPLES)]
    Rotate {
        /// The key
        name: KeyName,
    },
    /// Set a key aside: it processes what it protected, and protects nothing until it is resumed
    #[command(after_help = SUSPEND_EXAMPLES)]
    Suspend {
        /// The key
        name: KeyName,
    },
    /// Take a suspended key back into use
    #[command(after_help = RESUME_EXAMPLES)]
    Resume {
        /// The key
        name: KeyName,
    },
    /// Revoke a key
    #[command(after_help = REVOKE_EXAMPLES)]
    Revoke(RevokeArguments),
    /// Let a compromised key process again: it never protects
    #[command(after_help = RECOVER_EXAMPLES)]
    Recover {
        /// The key, or the label of objects on Keyway's own token that keyway does not manage
        label: String,
        /// Why, on one line; it stands in the key's record
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
        /// File with the security officer's PIN; else KEYWAY_SO_PIN, else the terminal is asked
        #[arg(long, value_name = "FILE", env = "KEYWAY_SO_PIN_FILE")]
        so_pin_file: Option<PathBuf>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Make a signed report that a key is compromised
    #[command(after_help = REPORT_EXAMPLES)]
    Report(ReportArguments),
    /// Check a report and suspend its key at once; keyway maintain then revokes it
    #[command(after_help = ACCEPT_EXAMPLES)]
    AcceptReport {
        /// The file that keyway key report wrote
        file: PathBuf,
    },
    /// Destroy a key: what it encrypted is lost
    #[command(after_help = DESTROY_EXAMPLES)]
    Destroy {
        /// The key
        name: KeyName,
        /// Not now, but by the first maintenance after this moment
        #[arg(long, value_name = "MOMENT", conflicts_with = "strays")]
        at: Option<Timestamp>,
        /// Only destroy objects of this name that belong to no version
        #[arg(long)]
        strays: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Import a key that was made elsewhere
    Import(ImportKeyArguments),
    /// Write the public key
    #[command(after_help = EXPORT_EXAMPLES)]
    ExportPublic {
        /// The key
        name: KeyName,
        /// The version; the newest if none is named
        #[arg(long = "version-number", value_name = "N")]
        version: Option<u32>,
        /// pem, der, jwk, openssh or age
        #[arg(long, default_value = "pem")]
        format: PublicFormat,
        /// Where to; standard output if not named
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// A new key and its terms.
#[derive(Args, Debug)]
pub(crate) struct CreateArguments {
    /// Its name, unique in the token
    pub name: KeyName,
    /// aes-256, aes-128, rsa-2048, rsa-3072, rsa-4096, ec-p256, ec-p384, ec-p521, ed25519, x25519,
    /// hmac-sha256, hmac-sha384 or hmac-sha512
    #[arg(long)]
    pub algorithm: Algorithm,
    /// encrypt, sign, wrap, agree or mac; the algorithm's first if none is named
    #[arg(long = "use", value_name = "USE")]
    pub usage: Option<Usage>,
    /// Whose it is
    #[arg(long, value_name = "NAME")]
    pub owner: Option<Owner>,
    /// Not in use before this moment: 2027-01-31 or 2027-01-31T08:00:00Z
    #[arg(long, value_name = "MOMENT")]
    pub activate_at: Option<Timestamp>,
    /// How long each version protects: 90d, 1y, 6mo, 2w, 12h
    #[arg(long, value_name = "PERIOD")]
    pub expire_after: Option<Period>,
    /// When the key stops to protect, with all its versions
    #[arg(long, value_name = "MOMENT")]
    pub expire_at: Option<Timestamp>,
    /// How old a version becomes before keyway maintain makes the next one
    #[arg(long, value_name = "PERIOD")]
    pub rotate_every: Option<Period>,
    /// Whose reports of a compromise are believed: a public key or a certificate in PEM
    #[arg(long, value_name = "FILE")]
    pub reporter: Option<PathBuf>,
    /// It may be given to other tokens
    #[arg(long)]
    pub shareable: bool,
}

/// Which key is compromised, and who says so.
#[derive(Args, Debug)]
pub(crate) struct ReportArguments {
    /// The key
    pub name: KeyName,
    /// What speaks for the compromise, on one line
    #[arg(long, value_name = "TEXT")]
    pub evidence: String,
    /// The key of this token that signs the report: the key itself, or its reporter's
    #[arg(long, value_name = "KEY")]
    pub sign_with: KeyName,
    /// The identifier of the key's newest version, as keyway key show prints it, when the key is on
    /// another token than the one that signs
    #[arg(long, value_name = "HEX")]
    pub id: Option<KeyId>,
    /// Where to; standard output if not named
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Which keys to list.
#[derive(Args, Debug)]
pub(crate) struct Filter {
    /// Only this owner's
    #[arg(long, value_name = "NAME")]
    pub owner: Option<Owner>,
    /// Only those that are pre-active, active, suspended, deactivated, compromised or destroyed
    #[arg(long)]
    pub state: Option<State>,
    /// Only those of this algorithm
    #[arg(long)]
    pub algorithm: Option<Algorithm>,
}

/// Which key to revoke, and why.
#[derive(Args, Debug)]
pub(crate) struct RevokeArguments {
    /// The key
    pub name: KeyName,
    /// compromise, superseded, cessation, affiliation or unspecified
    #[arg(long)]
    pub reason: Reason,
    /// After a compromise, only clear the token's flags: whoever has the PIN can set them again
    #[arg(long)]
    pub recoverable: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

const CREATE_EXAMPLES: &str = "Examples:
  keyway key create backup --algorithm aes-256 --expire-after 1y --rotate-every 90d
  keyway key create web --algorithm ec-p256 --use sign --owner 'Web team' --activate-at 2027-01-31

Months and years are those of the calendar: 1y after 2028-02-29 is 2029-02-28. Moments are in UTC.";

const REPORT_EXAMPLES: &str = "Examples:
  keyway key create backup --algorithm aes-256 --reporter security.pem
  keyway key report backup --evidence 'found in a core dump' --sign-with security --out backup.report
  keyway maintain --reports backup.report";

const RECOVER_EXAMPLES: &str = "Examples:
  keyway key recover backup --why 'the report was a mistake' --so-pin-file so-pin

A key that was revoked with --recoverable comes back with the user's PIN alone. Any other comes back
only on Keyway's own token, and only with the security officer's PIN beside the user's.";

const REVOKE_EXAMPLES: &str = "Examples:
  keyway key revoke backup --reason compromise --yes
  keyway key revoke web --reason superseded --yes

After a compromise the key decrypts nowhere any more; for any other reason it only stops to protect.";

const LIST_EXAMPLES: &str = "Examples:
  keyway key list
  keyway key list --owner 'Web team' --state active
  keyway key list --algorithm rsa-2048 --output json";

const SHOW_EXAMPLES: &str = "Examples:
  keyway key show backup
  keyway key show 'pkcs11:token=demo;object=backup'
  keyway key show backup --output json";

const CHECK_EXAMPLES: &str = "Examples:
  keyway key check
  keyway key check web";

const ROTATE_EXAMPLES: &str = "Examples:
  keyway key rotate backup";

const SUSPEND_EXAMPLES: &str = "Examples:
  keyway key suspend web";

const RESUME_EXAMPLES: &str = "Examples:
  keyway key resume web";

const ACCEPT_EXAMPLES: &str = "Examples:
  keyway key accept-report backup.report";

const DESTROY_EXAMPLES: &str = "Examples:
  keyway key destroy old --yes
  keyway key destroy old --at 2027-01-31 --yes
  keyway key destroy old --strays --yes                 objects that belong to no version";

const EXPORT_EXAMPLES: &str = "Examples:
  keyway key export-public web --out web.pem
  keyway key export-public web --format openssh >> ~/.ssh/authorized_keys
  keyway key export-public web --format jwk --version-number 1";
