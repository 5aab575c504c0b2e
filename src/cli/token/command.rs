//! What can be said after `keyway token`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Initialise the token in a free slot and set its user PIN
    #[command(after_help = INIT_EXAMPLES)]
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
    #[command(after_help = CHANGE_PIN_EXAMPLES)]
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
    #[command(after_help = UNLOCK_EXAMPLES)]
    Unlock {
        /// File with the new PIN; else KEYWAY_NEW_PIN, else the terminal is asked
        #[arg(long, value_name = "FILE", env = "KEYWAY_NEW_PIN_FILE")]
        new_pin_file: Option<PathBuf>,
        /// File with the security officer's PIN; else KEYWAY_SO_PIN, else the terminal is asked
        #[arg(long, value_name = "FILE", env = "KEYWAY_SO_PIN_FILE")]
        so_pin_file: Option<PathBuf>,
    },
    /// Bring keys and certificates in from another token or another program's store
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArguments),
    /// Compare two tokens that ought to hold the same objects, and copy what one of them lacks
    #[command(after_help = SYNC_EXAMPLES)]
    Sync(SyncArguments),
    /// Verify a whole token: its file, every record, the set of objects, the chain of events
    #[command(after_help = CHECK_EXAMPLES)]
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
    /// Give a token another root key in an HSM, without which no PIN opens it, or none
    #[command(after_help = REWRAP_EXAMPLES)]
    Rewrap {
        /// The root key so far, as a PKCS#11 URI, where it is not the one of keyway.toml
        #[arg(long, value_name = "URI")]
        root: Option<String>,
        /// The root key from now on, as a PKCS#11 URI, or none; else the one of keyway.toml
        #[arg(long, value_name = "URI|none")]
        to: Option<String>,
        /// File with the security officer's PIN; else KEYWAY_SO_PIN, else the terminal is asked
        #[arg(long, value_name = "FILE", env = "KEYWAY_SO_PIN_FILE")]
        so_pin_file: Option<PathBuf>,
    },
    /// List every token of the module
    #[command(after_help = LIST_EXAMPLES)]
    List,
    /// Show one token
    #[command(after_help = SHOW_EXAMPLES)]
    Show {
        /// List its mechanisms and what it does with each; of a slot that bridges to another
        /// module's token also who does it: that token (inner), keyway's engine, or both (composed)
        #[arg(long)]
        mechanisms: bool,
    },
    /// Write one encrypted file that holds the whole token, while programs go on using it
    #[command(after_help = BACKUP_EXAMPLES)]
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
    #[command(after_help = RESTORE_EXAMPLES)]
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
        /// Do not ask
        #[arg(long, requires = "replace")]
        yes: bool,
    },
}

/// What to import, and from where.
#[derive(Args, Debug)]
pub(crate) struct ImportArguments {
    /// SoftHSM2's token directory (directories.tokendir), or the directory of one token
    #[arg(long, value_name = "DIR", required_unless_present_any = ["from_pkcs12", "from_module"])]
    pub from_softhsm: Option<PathBuf>,
    /// A PKCS#12 file (.p12, .pfx)
    #[arg(long, value_name = "FILE", conflicts_with = "from_softhsm")]
    pub from_pkcs12: Option<PathBuf>,
    /// The PKCS#11 module of another token: keys go over wrapped, from token to token
    #[arg(long, value_name = "PATH", conflicts_with_all = ["from_softhsm", "from_pkcs12"])]
    pub from_module: Option<PathBuf>,
    /// The source's label, when there are several tokens; of a module also a PKCS#11 URI
    #[arg(
        long,
        visible_alias = "from-token",
        value_name = "LABEL|URI",
        conflicts_with = "from_pkcs12"
    )]
    pub source_token: Option<String>,
    /// File with the source's PIN or passphrase; else KEYWAY_SOURCE_PIN, else the terminal is asked
    #[arg(
        long,
        visible_alias = "from-pin-file",
        value_name = "FILE",
        env = "KEYWAY_SOURCE_PIN_FILE"
    )]
    pub source_pin_file: Option<PathBuf>,
    /// Name of the imported key, where the PKCS#12 file gives none
    #[arg(long, conflicts_with_all = ["from_softhsm", "from_module"])]
    pub label: Option<String>,
    /// Let the token take each object for a moment, and prove it, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What to compare --token with.
#[derive(Args, Debug)]
pub(crate) struct SyncArguments {
    /// The other token: its label, serial number or PKCS#11 URI
    #[arg(long, value_name = "LABEL|URI")]
    pub with_token: Option<String>,
    /// The PKCS#11 module of the other token, where it is another one
    #[arg(long, value_name = "PATH", required_unless_present = "with_token")]
    pub with_module: Option<PathBuf>,
    /// File with the other token's PIN; else KEYWAY_SOURCE_PIN, else the terminal is asked
    #[arg(long, value_name = "FILE", env = "KEYWAY_SOURCE_PIN_FILE")]
    pub with_pin_file: Option<PathBuf>,
    /// Copy what is only on the other token here, what is only here there, or both
    #[arg(long, value_name = "here|there|both")]
    pub repair: Option<RepairArgument>,
}

/// Where objects are copied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RepairArgument {
    Here,
    There,
    Both,
}

const SYNC_EXAMPLES: &str = "Examples:
  keyway --token first token sync --with-token second
  keyway --token first token sync --with-token second --repair there
  keyway --token first token sync --with-module /usr/lib/vendor-pkcs11.so --with-token standby

Without --repair nothing is written: what could be copied is tried for a moment. Keys go over wrapped
and are proved before they stay, as with import; nothing is overwritten, changed or destroyed. What
was destroyed on one token is only on the other, too: look before you copy. The exit code is 5 as
long as the tokens differ.";

const IMPORT_EXAMPLES: &str = "Examples:
  keyway --token new token import --from-softhsm /var/lib/softhsm/tokens --source-token old --dry-run
  keyway --token new token import --from-pkcs12 web.p12 --label web
  keyway --token new token import --from-module /usr/lib/vendor-pkcs11.so --source-token old --dry-run

The keys stay as sensitive and as extractable as they were; from PKCS#12 they become sensitive and
not extractable. What is in the token already is left alone: it can be run again.

From a module every key goes over wrapped and is proved before it stays; one that the source does not
let out is reported, with the reason. The source is not changed: this copies.";

const INIT_EXAMPLES: &str = "Examples:
  keyway token init --label demo
  keyway token init --label demo --so-pin-file so-pin --pin-file pin
  keyway --token demo token init --label demo --force --yes";

const CHANGE_PIN_EXAMPLES: &str = "Examples:
  keyway token change-pin
  keyway token change-pin --new-pin-file new-pin
  keyway token change-pin --security-officer --so-pin-file so-pin --new-pin-file new-so-pin";

const UNLOCK_EXAMPLES: &str = "Examples:
  keyway --token demo token unlock --so-pin-file so-pin --new-pin-file pin";

const CHECK_EXAMPLES: &str = "Examples:
  keyway token check
  keyway token check --without-pin
  keyway token check --accept --yes";

const REWRAP_EXAMPLES: &str = "Examples:
  keyway --token demo token rewrap
  keyway --token demo token rewrap --root 'pkcs11:token=old;object=root?module-path=/usr/lib/hsm.so&pin-source=/etc/keyway/old.pin'
  keyway --token demo token rewrap --to none

The first gives the token the root that keyway.toml names for its slot; the second does so too, and
says under which one it was. It takes both PINs, for both open the token. It is done or not done,
whenever it is interrupted, and programs that use the token go on. Backups keep the root of their day.";

const LIST_EXAMPLES: &str = "Examples:
  keyway token list
  keyway --module /usr/lib/softhsm/libsofthsm2.so token list";

const SHOW_EXAMPLES: &str = "Examples:
  keyway --token demo token show
  keyway token show --output json
  keyway --token production token show --mechanisms";

const BACKUP_EXAMPLES: &str = "Examples:
  keyway --token demo token backup --out demo.backup
  keyway token backup --out demo.backup --passphrase-file passphrase --without-pin";

const RESTORE_EXAMPLES: &str = "Examples:
  keyway token restore --in demo.backup
  keyway token restore --in demo.backup --replace --yes";
