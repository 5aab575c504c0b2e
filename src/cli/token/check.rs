//! `keyway token check`: is the token what Keyway left there?

use serde::Serialize;

use crate::cli::arguments::Options;
use crate::cli::confirm::confirm;
use crate::cli::page::Page;
use crate::cli::pin;
use crate::cli::print::{Answer, notice, tell};
use crate::error::{Kind, Result};
use crate::local::{Health, LocalToken};

/// `accept` says that damage is to be accepted, and whether without asking.
pub(super) fn run(options: &Options, without_pin: bool, accept: Option<bool>) -> Result<()> {
    let token = LocalToken::open(options.module.as_deref(), options.token.as_deref())?;
    let pin = (!without_pin).then(|| pin::user(options)).transpose()?;
    let health = token.check(pin.as_ref())?;
    match (health.damage.is_empty(), accept, &pin) {
        (false, Some(yes), Some(pin)) => {
            // To be read before it is accepted; the answer is how it is then.
            for damage in &health.damage {
                notice(options, format_args!("wrong: {}", damage.what));
            }
            confirm(yes, "accept the objects and accounts that are there now")?;
            token.accept(pin)?;
            answer(options, &token.check(Some(pin))?)
        }
        _ => answer(options, &health),
    }
}

fn answer(options: &Options, health: &Health) -> Result<()> {
    tell(options, &Told::from(health))?;
    verdict(health)
}

fn verdict(health: &Health) -> Result<()> {
    let what = match health.damage.len() {
        0 => return Ok(()),
        1 => "one thing is wrong".to_owned(),
        n => format!("{n} things are wrong"),
    };
    Err(Kind::Unsound.because(what).advise("see above what to do about each"))
}

/// What was seen of a token.
#[derive(Serialize)]
struct Told<'a> {
    token: &'a str,
    /// Whether what needs the PIN was looked at, too.
    unlocked: bool,
    objects: u64,
    events: u64,
    /// Objects that changed without a login since the user's last one.
    unattested: u64,
    damage: Vec<Wrong<'a>>,
}

#[derive(Serialize)]
struct Wrong<'a> {
    what: &'a str,
    advice: &'a str,
}

impl<'a> From<&'a Health> for Told<'a> {
    fn from(health: &'a Health) -> Self {
        let Health { label, unlocked, objects, events, unattested, damage } = health;
        let wrong = damage.iter().map(|one| Wrong { what: &one.what, advice: one.advice });
        Self {
            token: label,
            unlocked: *unlocked,
            objects: *objects,
            events: *events,
            unattested: *unattested,
            damage: wrong.collect(),
        }
    }
}

impl Answer for Told<'_> {
    fn text(&self, page: &mut Page) {
        let Self { token, unlocked, objects, events, unattested, damage } = self;
        page.line(format_args!("token {token}: {objects} objects, {events} events"));
        if *unattested > 0 {
            page.line(format_args!(
                "{unattested} objects changed without a login; the user's next login vouches for \
                 them"
            ));
        }
        for Wrong { what, advice } in damage {
            page.line(format_args!("wrong: {what}"));
            page.line(format_args!("       {advice}"));
        }
        match (damage.is_empty(), unlocked) {
            (true, true) => page.line("everything is as Keyway left it"),
            (true, false) => page.line("nothing wrong is seen without the PIN"),
            (false, _) => {}
        }
    }
}
