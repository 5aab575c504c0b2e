//! `keyway token backup` and `restore`.

use std::path::Path;

use super::arguments::Options;
use super::pin::{self, Asked};
use super::print::{say, warn};
use crate::error::Result;
use crate::local::{Contents, LocalToken, restore as put_back};

pub(super) fn make(
    options: &Options,
    output: &Path,
    passphrase: Option<&Path>,
    without_pin: bool,
) -> Result<()> {
    let token = LocalToken::open(options.module.as_deref(), options.token.as_deref())?;
    let pin = (!without_pin).then(|| pin::user_text(options)).transpose()?;
    let passphrase = pin::passphrase(passphrase, Asked::Twice)?;
    let made = token.back_up(output, &passphrase, pin.as_ref().map(|pin| pin.as_str()))?;
    say(format_args!("{}: {}", output.display(), described(&made)))?;
    match without_pin {
        true => warn("private objects were copied, not opened: without the PIN nobody can"),
        false => say("read again, decrypted, every object opened")?,
    }
    Ok(())
}

pub(super) fn restore(
    options: &Options,
    input: &Path,
    passphrase: Option<&Path>,
    replace: bool,
) -> Result<()> {
    let passphrase = pin::passphrase(passphrase, Asked::Once)?;
    let place = put_back(options.module.as_deref(), input, &passphrase, replace)?;
    say(described(&place.contents))?;
    say(format_args!("restored to slot {}: {}", place.slot, place.file))?;
    if let Some(replaced) = place.replaced {
        say(format_args!("the token before it is kept: {replaced}"))?;
    }
    Ok(())
}

fn described(contents: &Contents) -> String {
    let Contents { label, serial, objects, events, taken_at } = contents;
    format!("token {label} (serial {serial}), {objects} objects, {events} events, as of {taken_at}")
}
