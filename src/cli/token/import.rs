//! `keyway token import`: other programs' stores.

use std::sync::Arc;

use serde::Serialize;

use super::command::ImportArguments;
use crate::cli::arguments::Options;
use crate::cli::file;
use crate::cli::key::hex;
use crate::cli::page::{Cell, Page};
use crate::cli::pin;
use crate::cli::print::{Answer, tell};
use crate::error::{Kind, Result};
use crate::foreign::{ForeignObject, pkcs12, softhsm};
use crate::token::{Import, Module, OpenToken, Outcome, import};

/// What became of another program's store.
#[derive(Serialize)]
struct Told {
    token: String,
    /// The SoftHSM2 token that was read.
    source_token: Option<String>,
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
    /// What the object cannot keep here.
    losses: Vec<String>,
}

/// What a store holds.
struct Source {
    token: Option<String>,
    objects: Vec<ForeignObject>,
}

pub(super) fn run(
    options: &Options,
    module: Arc<Module>,
    arguments: &ImportArguments,
) -> Result<()> {
    let source = read(arguments)?;
    let token = OpenToken::open(module, options.token.as_deref(), &pin::user(options)?)?;
    let mode = if arguments.dry_run { Import::DryRun } else { Import::Real };
    let outcomes = import(&token, &source.objects, mode)?;
    let objects = source.objects.iter().zip(&outcomes);
    let told = Told {
        token: token.label().to_owned(),
        source_token: source.token,
        dry_run: arguments.dry_run,
        objects: objects.map(|(object, outcome)| Object::of(object, outcome, mode)).collect(),
    };
    tell(options, &told)?;
    match told.count("refused") {
        0 => Ok(()),
        refused => Err(Kind::Refused
            .because(format!("{refused} of {} objects cannot be imported", told.objects.len()))
            .advise("the others are not affected; see the reasons above")),
    }
}

fn read(arguments: &ImportArguments) -> Result<Source> {
    let secret = pin::source(arguments.source_pin_file.as_deref())?;
    match (&arguments.from_softhsm, &arguments.from_pkcs12) {
        (Some(directory), _) => {
            let token = softhsm::read(directory, arguments.source_token.as_deref(), &secret)?;
            Ok(Source { token: Some(token.label), objects: token.objects })
        }
        (None, Some(file)) => {
            let objects =
                pkcs12::read(&file::read(Some(file))?, &secret, arguments.label.as_deref())?;
            Ok(Source { token: None, objects })
        }
        (None, None) => Err(Kind::Usage
            .because("nothing to import from")
            .advise("name --from-softhsm DIR or --from-pkcs12 FILE")),
    }
}

impl Object {
    fn of(object: &ForeignObject, outcome: &Outcome, mode: Import) -> Self {
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
            losses: losses.collect(),
        }
    }
}

impl Told {
    fn count(&self, outcome: &str) -> usize {
        self.objects.iter().filter(|object| object.outcome == outcome).count()
    }
}

impl Answer for Told {
    fn text(&self, page: &mut Page) {
        if let Some(source) = &self.source_token {
            let count = self.objects.len();
            page.line(format_args!("SoftHSM2's token {source}: {count} object(s)"));
        }
        for Object { kind, label, id, outcome, reason, losses } in &self.objects {
            let verdict = page.painted(&Cell::state(outcome));
            let space = " ".repeat(9usize.saturating_sub(outcome.len()));
            let id = id.as_ref().map(|id| format!("  id {id}")).unwrap_or_default();
            let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            page.line(format_args!("{verdict}{space} {kind:<12} {label:?}{id}{reason}"));
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
