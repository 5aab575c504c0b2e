//! The module's file, whether it loads, and whether a PIN opens the token.

use std::path::Path;

use super::files::writable_by_others;
use super::{Finding, Subject, bad, good, noted};
use crate::error::Kind;
use crate::token::{Module, OpenToken, summaries};

pub(super) fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let path = match &subject.module {
        Ok(path) => path,
        Err(why) => {
            return vec![bad(why.clone()).advice(
                "install it (docs/install.md), or name it: keyway --module /path/to/module.so",
            )];
        }
    };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            return vec![
                bad(format!("{}: {error}", path.display()))
                    .advice("name the module: keyway --module /path/to/module.so"),
            ];
        }
    };
    let mut findings: Vec<Finding> = writable_by_others(path, &metadata).into_iter().collect();
    findings.push(load(path));
    findings
}

fn load(path: &Path) -> Finding {
    let tokens = Module::load(path).and_then(|module| summaries(&module));
    match tokens {
        Ok(tokens) => {
            let labels: Vec<_> = tokens
                .iter()
                .filter(|token| token.initialised)
                .map(|token| token.label.as_str())
                .collect();
            match labels.as_slice() {
                [] => noted(format!("{} loads and has no token", path.display()))
                    .command("keyway token init --label NAME"),
                labels => good(format!("{} loads; tokens: {}", path.display(), labels.join(", "))),
            }
        }
        Err(error) => {
            let finding = bad(error.to_string());
            match error.advice() {
                Some(advice) => finding.advice(advice),
                None => finding,
            }
        }
    }
}

/// Logs in, if a PIN was given.
pub(super) fn log_in(subject: &Subject<'_>) -> Vec<Finding> {
    let (Ok(path), Some(pin)) = (&subject.module, &subject.pin) else { return Vec::new() };
    let Ok(module) = Module::load(path) else { return Vec::new() };
    vec![match OpenToken::open(module, subject.token, pin) {
        Ok(token) => good(format!("the PIN opens token {}", token.label())),
        Err(error) if error.kind() == Kind::Usage => noted(error.to_string())
            .advice("choose the token to log in to: keyway --token LABEL doctor"),
        Err(error) => {
            let finding = bad(error.to_string());
            match error.advice() {
                Some(advice) => finding.advice(advice),
                None => finding,
            }
        }
    }]
}
