//! `keyway key suspend` and `keyway key revoke`.

use serde::Serialize;

use super::command::RevokeArguments;
use super::view::{Done, KeyView, ShareView};
use crate::cli::arguments::Options;
use crate::cli::confirm::confirm;
use crate::cli::open::with_kms_in_turn;
use crate::cli::page::{Cell, Page};
use crate::cli::print::{Answer, tell};
use crate::domain::key::KeyName;
use crate::domain::lifecycle::State;
use crate::error::Result;
use crate::port::Block;
use crate::service::{Finality, Revoked};

const KNOWS_NO_STATES: &str = "this token knows no states: its flags are cleared, and whoever has \
                               the PIN can set them again";
const ONLY_THROUGH_KEYWAY: &str = "every program that comes through Keyway is refused; whoever talks to the \
                           token behind it, with its PIN, is not";

/// What a revocation reached.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    key: KeyView,
    /// Whether the token refuses the key to every program, for good; null where it need not.
    refused_by_token: Option<bool>,
    warning: Option<String>,
    /// Those that were revoked with the key.
    revoked_certificates: Vec<RevokedCertificate>,
    /// The subjects of those that still name it.
    other_certificates: Vec<String>,
    /// For whom a version of it was wrapped.
    shares: Vec<ShareView>,
    /// What is written down of that and not to be trusted.
    problems: Vec<String>,
}

#[derive(Serialize)]
struct RevokedCertificate {
    serial: String,
    authority: String,
    subject: String,
}

pub(super) fn suspend(options: &Options, name: &KeyName) -> Result<()> {
    let suspended = with_kms_in_turn(options, |kms| kms.suspend_key(name))?;
    let sentence = format!("key {name} is suspended: it protects nothing until it is resumed");
    let warning = match suspended.block {
        Block::Final => None,
        Block::ThroughKeyway => Some(ONLY_THROUGH_KEYWAY),
        Block::FlagsOnly => Some(KNOWS_NO_STATES),
    };
    tell(options, &Done { warning, ..Done::new(&suspended.record, sentence) })
}

pub(super) fn run(options: &Options, arguments: &RevokeArguments) -> Result<()> {
    let RevokeArguments { name, reason, recoverable, yes } = arguments;
    let reason = *reason;
    confirm(*yes, &format!("Revoke key {name} for {reason}; it will be {}", reason.state()))?;
    let finality = if *recoverable { Finality::Recoverable } else { Finality::Final };
    let revoked = with_kms_in_turn(options, |kms| kms.revoke_key_with(name, reason, finality))?;
    tell(options, &Told::of(&revoked, finality))
}

impl Told {
    fn of(revoked: &Revoked, finality: Finality) -> Self {
        let name = revoked.record.name();
        let warning = match (revoked.block, finality) {
            (None | Some(Block::Final), _) => None,
            (Some(Block::ThroughKeyway), _) => {
                Some(format!("{ONLY_THROUGH_KEYWAY}: keyway key destroy {name} is final"))
            }
            (Some(Block::FlagsOnly), Finality::Recoverable) => Some(format!(
                "keyway refuses the key for ever, but its flags on the token are only cleared: \
                 whoever has the PIN can set them again and decrypt with another program; keyway \
                 key destroy {name} is final"
            )),
            (Some(Block::FlagsOnly), Finality::Final) => Some(format!(
                "this token makes no unmodifiable copy: whoever has the PIN can set the key's \
                 flags again; keyway key destroy {name} is final"
            )),
        };
        let certificates = revoked.revoked.iter().map(|issued| RevokedCertificate {
            serial: issued.serial.to_string(),
            authority: issued.authority.to_string(),
            subject: issued.subject.to_string(),
        });
        Self {
            key: KeyView::from(&revoked.record),
            refused_by_token: revoked.block.map(|block| block == Block::Final),
            warning,
            revoked_certificates: certificates.collect(),
            other_certificates: revoked.certificates.clone(),
            shares: revoked.shares.iter().map(ShareView::from).collect(),
            problems: revoked.problems.clone(),
        }
    }
}

impl Answer for Told {
    fn text(&self, page: &mut Page) {
        let name = &self.key.name;
        for version in &self.key.versions {
            let state = page.painted(&Cell::state(version.state));
            page.line(format_args!("key {name} version {}: {state}", version.number));
        }
        if self.refused_by_token == Some(true) {
            page.line("the token refuses it to every program");
        }
        if let Some(warning) = &self.warning {
            page.warning(format_args!("warning: {warning}"));
        }
        for RevokedCertificate { serial, authority, subject } in &self.revoked_certificates {
            page.line(format_args!(
                "certificate {serial} of {authority} ({subject}) is revoked; publish it: keyway ca \
                 crl"
            ));
        }
        for subject in &self.other_certificates {
            page.line(format_args!("a certificate still names key {name}: {subject}"));
        }
        for ShareView { version, subject, since } in &self.shares {
            page.line(format_args!("{subject} has version {version} since {since}"));
        }
        for problem in &self.problems {
            page.warning(format_args!("warning: {problem}"));
        }
        if self.key.state == State::Compromised {
            page.line(format_args!(
                "what key {name} encrypted or wrapped, data keys and sealed files among it, opens \
                 no more; which that is nobody has written down"
            ));
        }
        if self.key.shareable {
            page.line(format_args!(
                "key {name} is shareable: tokens that received it still have it"
            ));
        }
    }
}
