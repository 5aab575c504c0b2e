//! `keyway key check`: are the keys what they should be?

use serde::Serialize;

use super::view::hex;
use crate::cli::arguments::Options;
use crate::cli::open::with_kms_in_turn;
use crate::cli::page::{Cell, Page};
use crate::cli::print::{Answer, tell};
use crate::error::{Kind, Result};
use crate::service::CheckedKey;

/// Every key with what was found.
#[derive(Serialize)]
struct Checked {
    keys: Vec<Verdict>,
    /// The names of those that are suspended for it.
    suspended: Vec<String>,
}

#[derive(Serialize)]
struct Verdict {
    label: String,
    id: String,
    sound: bool,
    problems: Vec<String>,
    passed: Vec<String>,
    untried: Vec<String>,
}

pub(super) fn run(options: &Options, label: Option<&str>) -> Result<()> {
    let checked = with_kms_in_turn(options, |kms| {
        let keys = kms.check_keys(label)?;
        let suspended = kms.suspect_unsound(&keys)?;
        Ok(Checked {
            keys: keys.into_iter().map(Verdict::from).collect(),
            suspended: suspended.iter().map(ToString::to_string).collect(),
        })
    })?;
    tell(options, &checked)?;
    match checked.unsound() {
        0 => Ok(()),
        unsound => Err(Kind::Unsound
            .because(format!("{unsound} key(s) are not what they should be"))
            .advise("see above why; put sound ones in their place: keyway key rotate, keyway key create")),
    }
}

impl Checked {
    fn unsound(&self) -> usize {
        self.keys.iter().filter(|key| !key.sound).count()
    }
}

impl From<CheckedKey> for Verdict {
    fn from(key: CheckedKey) -> Self {
        Self {
            label: key.label,
            id: hex(&key.id),
            sound: key.verdict.problems.is_empty(),
            problems: told(&key.verdict.problems),
            passed: told(&key.verdict.passed),
            untried: told(&key.verdict.untried),
        }
    }
}

fn told(lines: &[impl ToString]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}

impl Answer for Checked {
    fn text(&self, page: &mut Page) {
        for key in &self.keys {
            key.text(page);
        }
        for name in &self.suspended {
            page.line(format_args!(
                "key {name} is suspended; the next keyway maintain revokes it, unless: keyway key \
                 resume {name}"
            ));
        }
        let (count, unsound) = (self.keys.len(), self.unsound());
        page.line(format_args!("{count} key(s) checked, {unsound} with problems"));
    }
}

impl Verdict {
    fn text(&self, page: &mut Page) {
        let Self { label, id, sound, .. } = self;
        let mark = mark(page, if *sound { "ok" } else { "BAD" }, 5);
        page.line(format_args!("{mark} {label:?}  id {id}"));
        for (what, lines) in [("BAD", &self.problems), ("ok", &self.passed), ("?", &self.untried)] {
            for line in lines {
                page.line(format_args!("      {} {line}", self::mark(page, what, 4)));
            }
        }
    }
}

/// A mark in its colour, followed by space up to a width.
fn mark(page: &Page, what: &str, width: usize) -> String {
    page.painted(&Cell::state(what)) + &" ".repeat(width - what.len())
}
