//! `keyway token sync`: two tokens that ought to hold the same.

use serde::Serialize;

use super::command::{RepairArgument, SyncArguments};
use crate::cli::arguments::Options;
use crate::cli::key::hex;
use crate::cli::open::{module, module_path};
use crate::cli::page::{Cell, Page};
use crate::cli::pin;
use crate::cli::print::{Answer, tell};
use crate::domain::uri::Uri;
use crate::error::{Kind, Result};
use crate::token::{Compared, Copied, Difference, Module, OpenToken, Pin, Repair, State, compare};
use crate::turn::Turn;

/// How two tokens differ.
#[derive(Serialize)]
struct Told {
    token: String,
    with_token: String,
    /// Objects that both have, with the same attributes.
    same: usize,
    differences: Vec<Row>,
}

/// An object that is not the same on both.
#[derive(Serialize)]
struct Row {
    kind: String,
    label: String,
    id: Option<String>,
    /// only_here, only_there, differs or conflict.
    state: &'static str,
    /// copied, possible or remains.
    outcome: &'static str,
    /// Why it remains.
    reason: Option<String>,
    /// Those that differ.
    attributes: Vec<String>,
}

pub(super) fn run(options: &Options, arguments: &SyncArguments) -> Result<()> {
    let own = module_path(options)?;
    Module::locate(&own)?;
    let with_module = arguments.with_module.as_deref().unwrap_or(&own);
    Module::locate(with_module)?;
    let name = arguments.with_token.as_deref();
    let pin_file = match (&arguments.with_pin_file, name.filter(|name| Uri::is(name))) {
        (None, Some(uri)) => uri.parse::<Uri>()?.pin_file,
        (file, _) => file.clone(),
    };
    let with_pin = Pin::new(pin::source(pin_file.as_deref())?);
    let pin = pin::user(options)?;
    let repair = match arguments.repair {
        None => Repair::Nothing,
        Some(RepairArgument::Here) => Repair::First,
        Some(RepairArgument::There) => Repair::Second,
        Some(RepairArgument::Both) => Repair::Both,
    };
    // Before the modules are loaded: what they then read is what the last change left.
    let _turn = Turn::take()?;
    let here = OpenToken::open(module(options)?, options.token.as_deref(), &pin)?;
    let there = OpenToken::open(Module::load(with_module)?, name, &with_pin)
        .map_err(|error| error.while_doing("the other token"))?;
    let compared = compare(&here, &there, repair)?;
    let left = compared.differences.iter().filter(|difference| !difference.is_settled()).count();
    let all = compared.same + compared.differences.len();
    tell(options, &Told::of(&here, &there, &compared))?;
    match left {
        0 => Ok(()),
        left => Err(Kind::Refused
            .because(format!("{left} of {all} objects are not the same on both tokens"))
            .advise(match repair {
                Repair::Nothing => "--repair here, there or both copies what is possible",
                _ => "see the reasons above",
            })),
    }
}

impl Row {
    fn of(difference: &Difference) -> Self {
        let Difference { object, state } = difference;
        let (word, outcome, reason) = match state {
            State::OnlyFirst(copied) => ("only_here", outcome(copied), reason(copied)),
            State::OnlySecond(copied) => ("only_there", outcome(copied), reason(copied)),
            State::Attributes(_) => ("differs", "remains", None),
            State::Conflict(what) => ("conflict", "remains", Some(what.clone())),
        };
        let attributes = match state {
            State::Attributes(names) => names.clone(),
            _ => Vec::new(),
        };
        Self {
            kind: object.kind().to_owned(),
            label: object.label(),
            id: Some(hex(object.id())).filter(|id| !id.is_empty()),
            state: word,
            outcome,
            reason,
            attributes,
        }
    }
}

fn outcome(copied: &Copied) -> &'static str {
    match copied {
        Copied::Done => "copied",
        Copied::Possible => "possible",
        Copied::Refused(_) => "remains",
    }
}

fn reason(copied: &Copied) -> Option<String> {
    match copied {
        Copied::Refused(why) => Some(why.clone()),
        Copied::Done | Copied::Possible => None,
    }
}

impl Told {
    fn of(here: &OpenToken, there: &OpenToken, compared: &Compared) -> Self {
        Self {
            token: here.label().to_owned(),
            with_token: there.label().to_owned(),
            same: compared.same,
            differences: compared.differences.iter().map(Row::of).collect(),
        }
    }
}

impl Answer for Told {
    fn text(&self, page: &mut Page) {
        for Row { kind, label, id, state, outcome, reason, attributes } in &self.differences {
            let (token, other) = match *state {
                "only_there" => (&self.with_token, &self.token),
                _ => (&self.token, &self.with_token),
            };
            let what = match (*state, *outcome) {
                ("differs", _) => format!(": {} differ", attributes.join(", ")),
                ("conflict", _) => String::new(),
                (_, "copied") => format!(": copied from {token} to {other}"),
                (_, "possible") => format!(": only on {token}, could be copied"),
                _ => format!(": only on {token}, cannot be copied"),
            };
            let verdict = page.painted(&Cell::state(outcome));
            let space = " ".repeat(9usize.saturating_sub(outcome.len()));
            let id = id.as_ref().map(|id| format!("  id {id}")).unwrap_or_default();
            let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            page.line(format_args!("{verdict}{space} {kind:<12} {label:?}{id}{what}{reason}"));
        }
        let left = self.differences.iter().filter(|row| row.outcome != "copied").count();
        page.line(format_args!(
            "tokens {} and {}: {} the same, {} copied, {left} different",
            self.token,
            self.with_token,
            self.same,
            self.differences.len() - left,
        ));
    }
}
