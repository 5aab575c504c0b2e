//! `keyway token check`: is the token what Keyway left there?

use super::arguments::Options;
use super::confirm::confirm;
use super::pin;
use super::print::say;
use crate::error::{Kind, Result};
use crate::local::{Health, LocalToken};

/// `accept` says that damage is to be accepted, and whether without asking.
pub(super) fn run(options: &Options, without_pin: bool, accept: Option<bool>) -> Result<()> {
    let token = LocalToken::open(options.module.as_deref(), options.token.as_deref())?;
    let pin = (!without_pin).then(|| pin::user(options)).transpose()?;
    let health = token.check(pin.as_ref())?;
    tell(&health)?;
    match (health.damage.is_empty(), accept, &pin) {
        (true, ..) => Ok(()),
        (false, Some(yes), Some(pin)) => {
            confirm(yes, "accept the objects and accounts that are there now")?;
            token.accept(pin)?;
            let health = token.check(Some(pin))?;
            tell(&health)?;
            verdict(&health)
        }
        _ => verdict(&health),
    }
}

fn verdict(health: &Health) -> Result<()> {
    match health.damage.len() {
        0 => Ok(()),
        1 => Err(Kind::Unsound.because("one thing is wrong")),
        n => Err(Kind::Unsound.because(format!("{n} things are wrong"))),
    }
}

fn tell(health: &Health) -> Result<()> {
    let Health { label, objects, events, unattested, .. } = health;
    say(format_args!("token {label}: {objects} objects, {events} events"))?;
    if *unattested > 0 {
        say(format_args!(
            "{unattested} objects changed without a login; the user's next login vouches for them"
        ))?;
    }
    for damage in &health.damage {
        say(format_args!("wrong: {}", damage.what))?;
        say(format_args!("       {}", damage.advice))?;
    }
    match (health.damage.is_empty(), health.unlocked) {
        (true, true) => say(format_args!("everything is as Keyway left it")),
        (true, false) => say(format_args!("nothing wrong is seen without the PIN")),
        (false, _) => Ok(()),
    }
}
