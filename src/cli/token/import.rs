//! `keyway token import`: other tokens and other programs' stores.

use std::path::Path;

use serde::Serialize;

use super::command::ImportArguments;
use crate::cli::arguments::Options;
use crate::cli::file;
use crate::cli::key::hex;
use crate::cli::open::{module, module_path};
use crate::cli::page::{Cell, Page};
use crate::cli::pin;
use crate::cli::print::{Answer, tell};
use crate::domain::uri::Uri;
use crate::error::{Kind, Result};
use crate::foreign::{ForeignObject, pkcs12, softhsm};
use crate::token::{Import, Module, OpenToken, Outcome, Pin, Transferred, Way, import, transfer};
use crate::turn::Turn;

/// What became of another program's store.
#[derive(Serialize)]
struct Told {
    token: String,
    /// The token that was read.
    source_token: Option<String>,
    /// What to call it to people.
    #[serde(skip)]
    described: Option<String>,
    dry_run: bool,
    objects: Vec<Object>,
}

/// What became of one object.
#[derive(Serialize)]
struct Object {
    kind: String,
    label: String,
    id: Option<String>,
    /// imported, possible, present or refused.
    outcome: &'static str,
    reason: Option<String>,
    /// Of a key from a module that came: whether no call showed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    wrapped: Option<bool>,
    /// Why one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_wrapped: Option<String>,
    /// What the object cannot keep here.
    losses: Vec<String>,
}

/// Where objects come from, with everything that a person is asked for.
enum Source<'a> {
    /// What a store holds, read.
    Store { token: Option<String>, objects: Vec<ForeignObject> },
    /// A token, to be opened.
    Token { module: &'a Path, name: Option<&'a str>, pin: Pin },
}

pub(super) fn run(options: &Options, arguments: &ImportArguments) -> Result<()> {
    Module::locate(&module_path(options)?)?;
    let source = source(arguments)?;
    let pin = pin::user(options)?;
    let mode = if arguments.dry_run { Import::DryRun } else { Import::Real };
    // Before the modules are loaded: what they then read is what the last change left.
    let _turn = Turn::take()?;
    let target = OpenToken::open(module(options)?, options.token.as_deref(), &pin)?;
    let told = match source {
        Source::Store { token, objects } => {
            let outcomes = import(&target, &objects, mode)?;
            let moved = objects.into_iter().zip(outcomes);
            let moved = moved.map(|(object, outcome)| Transferred { object, outcome, way: None });
            let described = token.as_ref().map(|token| format!("SoftHSM2's token {token}"));
            Told::of(&target, token, described, &moved.collect::<Vec<_>>(), mode)
        }
        Source::Token { module, name, pin } => {
            let source = OpenToken::open(Module::load(module)?, name, &pin)
                .map_err(|error| error.while_doing("the source"))?;
            let moved = transfer(&source, &target, mode)?;
            let described = format!("token {} of {}", source.label(), module.display());
            Told::of(&target, Some(source.label().to_owned()), Some(described), &moved, mode)
        }
    };
    tell(options, &told)?;
    match told.count("refused") {
        0 => Ok(()),
        refused => Err(Kind::Refused
            .because(format!("{refused} of {} objects cannot be imported", told.objects.len()))
            .advise("the others are not affected; see the reasons above")),
    }
}

fn source(arguments: &ImportArguments) -> Result<Source<'_>> {
    let ImportArguments { from_softhsm, from_pkcs12, from_module, source_token, .. } = arguments;
    let name = source_token.as_deref();
    let pin_file = match (&arguments.source_pin_file, name.filter(|name| Uri::is(name))) {
        (None, Some(uri)) => uri.parse::<Uri>()?.pin_file,
        (file, _) => file.clone(),
    };
    let secret = || pin::source(pin_file.as_deref());
    match (from_module, from_softhsm, from_pkcs12) {
        (Some(module), ..) => {
            Module::locate(module)?;
            Ok(Source::Token { module, name, pin: Pin::new(secret()?) })
        }
        (None, Some(directory), _) => {
            let token = softhsm::read(directory, name, &secret()?)?;
            Ok(Source::Store { token: Some(token.label), objects: token.objects })
        }
        (None, None, Some(path)) => {
            let objects =
                pkcs12::read(&file::read(Some(path))?, &secret()?, arguments.label.as_deref())?;
            Ok(Source::Store { token: None, objects })
        }
        (None, None, None) => Err(Kind::Usage
            .because("nothing to import from")
            .advise("name --from-module PATH, --from-softhsm DIR or --from-pkcs12 FILE")),
    }
}

impl Object {
    fn of(moved: &Transferred, mode: Import) -> Self {
        let Transferred { object, outcome, way } = moved;
        let verdict = match (outcome, mode) {
            (Outcome::Imported, Import::Real) => "imported",
            (Outcome::Imported, Import::DryRun) => "possible",
            (Outcome::Present, _) => "present",
            (Outcome::Refused(_), _) => "refused",
        };
        let reason = match outcome {
            Outcome::Refused(reason) => Some(reason.to_string()),
            _ => None,
        };
        let is_taken = *outcome == Outcome::Imported;
        let losses = object.losses.iter().filter(|_| is_taken).map(ToString::to_string);
        Self {
            kind: object.kind().to_string(),
            label: object.label().to_string(),
            id: Some(hex(object.id())).filter(|id| !id.is_empty()),
            outcome: verdict,
            reason,
            wrapped: way.as_ref().map(|way| *way == Way::Wrapped),
            not_wrapped: match way {
                Some(Way::Clear(why)) => Some(why.clone()),
                _ => None,
            },
            losses: losses.collect(),
        }
    }
}

impl Told {
    fn of(
        target: &OpenToken,
        source_token: Option<String>,
        described: Option<String>,
        moved: &[Transferred],
        mode: Import,
    ) -> Self {
        Self {
            token: target.label().to_owned(),
            source_token,
            described,
            dry_run: mode == Import::DryRun,
            objects: moved.iter().map(|moved| Object::of(moved, mode)).collect(),
        }
    }

    fn count(&self, outcome: &str) -> usize {
        self.objects.iter().filter(|object| object.outcome == outcome).count()
    }
}

impl Answer for Told {
    fn text(&self, page: &mut Page) {
        if let Some(source) = &self.described {
            page.line(format_args!("{source}: {} object(s)", self.objects.len()));
        }
        for Object { kind, label, id, outcome, reason, not_wrapped, losses, .. } in &self.objects {
            let verdict = page.painted(&Cell::state(outcome));
            let space = " ".repeat(9usize.saturating_sub(outcome.len()));
            let id = id.as_ref().map(|id| format!("  id {id}")).unwrap_or_default();
            let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            page.line(format_args!("{verdict}{space} {kind:<12} {label:?}{id}{reason}"));
            if let Some(why) = not_wrapped {
                page.warning(format_args!(
                    "note: {kind} {label:?} goes in the clear, within this machine: {why}"
                ));
            }
            for loss in losses {
                page.warning(format_args!("note: {kind} {label:?} loses {loss}"));
            }
        }
        let (verb, imported) = match self.dry_run {
            true => ("could be imported", self.count("possible")),
            false => ("imported", self.count("imported")),
        };
        let (present, refused) = (self.count("present"), self.count("refused"));
        page.line(format_args!(
            "token {}: {imported} {verb}, {present} there before, {refused} refused",
            self.token
        ));
    }
}
