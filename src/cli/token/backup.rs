//! `keyway token backup` and `restore`.

use std::path::Path;

use serde::Serialize;

use crate::cli::arguments::Options;
use crate::cli::confirm::confirm;
use crate::cli::page::Page;
use crate::cli::pin::{self, Asked};
use crate::cli::print::{Answer, tell, text};
use crate::domain::time::Timestamp;
use crate::error::Result;
use crate::local::{Contents, LocalToken, Place, restore as put_back};

/// What a backup holds.
#[derive(Serialize)]
struct Held {
    token: String,
    serial: String,
    objects: u64,
    events: u64,
    #[serde(serialize_with = "text")]
    taken_at: Timestamp,
}

/// A backup that was made.
#[derive(Serialize)]
struct Made {
    out: String,
    #[serde(flatten)]
    held: Held,
    /// Whether every object was opened after it was read again.
    opened: bool,
}

/// A token that was put back.
#[derive(Serialize)]
struct PutBack {
    #[serde(flatten)]
    held: Held,
    slot: u32,
    file: String,
    /// The file of the token before it.
    replaced: Option<String>,
}

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
    let out = output.display().to_string();
    tell(options, &Made { out, held: made.into(), opened: !without_pin })
}

/// `replace` says that the token takes the place of what is there, and whether without asking.
pub(super) fn restore(
    options: &Options,
    input: &Path,
    passphrase: Option<&Path>,
    replace: Option<bool>,
) -> Result<()> {
    if let Some(yes) = replace {
        confirm(
            yes,
            &format!("Put the token of {} in the place of what it is now", input.display()),
        )?;
    }
    let passphrase = pin::passphrase(passphrase, Asked::Once)?;
    let place = put_back(options.module.as_deref(), input, &passphrase, replace.is_some())?;
    let Place { contents, slot, file, replaced } = place;
    tell(options, &PutBack { held: contents.into(), slot, file, replaced })
}

impl From<Contents> for Held {
    fn from(contents: Contents) -> Self {
        let Contents { label, serial, objects, events, taken_at } = contents;
        Self { token: label, serial, objects, events, taken_at }
    }
}

impl Held {
    fn described(&self) -> String {
        let Self { token, serial, objects, events, taken_at } = self;
        format!(
            "token {token} (serial {serial}), {objects} objects, {events} events, as of {taken_at}"
        )
    }
}

impl Answer for Made {
    fn text(&self, page: &mut Page) {
        page.line(format_args!("{}: {}", self.out, self.held.described()));
        match self.opened {
            true => page.line("read again, decrypted, every object opened"),
            false => {
                page.warning("private objects were copied, not opened: without the PIN nobody can")
            }
        }
    }
}

impl Answer for PutBack {
    fn text(&self, page: &mut Page) {
        page.line(self.held.described());
        page.line(format_args!("restored to slot {}: {}", self.slot, self.file));
        if let Some(replaced) = &self.replaced {
            page.line(format_args!("the token before it is kept: {replaced}"));
        }
    }
}
