//! `keyway key suspend` and `keyway key revoke`.

use super::command::RevokeArguments;
use crate::cli::arguments::Options;
use crate::cli::confirm::confirm;
use crate::cli::open::with_kms_in_turn;
use crate::cli::print::{say, warn};
use crate::domain::key::KeyName;
use crate::error::Result;
use crate::port::Block;
use crate::service::{Finality, Revoked};

pub(super) fn suspend(options: &Options, name: &KeyName) -> Result<()> {
    let suspended = with_kms_in_turn(options, |kms| kms.suspend_key(name))?;
    say(format_args!("key {name} is suspended: it protects nothing until it is resumed"))?;
    if suspended.block == Block::FlagsOnly {
        warn(
            "warning: this token knows no states: its flags are cleared, and whoever has the PIN \
             can set them again",
        );
    }
    Ok(())
}

pub(super) fn run(options: &Options, arguments: &RevokeArguments) -> Result<()> {
    let RevokeArguments { name, reason, recoverable, yes } = arguments;
    let reason = *reason;
    confirm(*yes, &format!("Revoke key {name} for {reason}; it will be {}", reason.state()))?;
    let finality = if *recoverable { Finality::Recoverable } else { Finality::Final };
    let revoked = with_kms_in_turn(options, |kms| kms.revoke_key_with(name, reason, finality))?;
    for version in revoked.record.versions() {
        say(format_args!("key {name} version {}: {}", version.number, version.state))?;
    }
    match (revoked.block, finality) {
        (None, _) => {}
        (Some(Block::Final), _) => say("the token refuses it to every program")?,
        (Some(Block::FlagsOnly), Finality::Recoverable) => warn(format_args!(
            "warning: keyway refuses the key for ever, but its flags on the token are only \
             cleared: whoever has the PIN can set them again and decrypt with another program; \
             keyway key destroy {name} is final"
        )),
        (Some(Block::FlagsOnly), Finality::Final) => warn(format_args!(
            "warning: this token makes no unmodifiable copy: whoever has the PIN can set the \
             key's flags again; keyway key destroy {name} is final"
        )),
    }
    tell_dependents(name, &revoked)
}

/// What still depends on the key and is not revoked with it.
fn tell_dependents(name: &KeyName, revoked: &Revoked) -> Result<()> {
    for issued in &revoked.revoked {
        say(format_args!(
            "certificate {} of {} ({}) is revoked; publish it: keyway ca crl",
            issued.serial, issued.authority, issued.subject
        ))?;
    }
    for subject in &revoked.certificates {
        say(format_args!("a certificate still names key {name}: {subject}"))?;
    }
    if revoked.record.terms().shareable {
        say(format_args!("key {name} is shareable: tokens that received it still have it"))?;
    }
    Ok(())
}
