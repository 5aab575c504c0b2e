//! The configuration file.

use super::files::writable_by_others;
use super::{Finding, bad, good, noted};
use crate::local::Installation;

/// What it says, if it can be read, and what there is to say about it.
pub(super) fn examine() -> (Option<Installation>, Vec<Finding>) {
    let mut findings = Vec::new();
    let location = Installation::file();
    if let Some(path) = &location {
        match std::fs::metadata(path) {
            Ok(metadata) => findings.extend(writable_by_others(path, &metadata)),
            Err(error) => {
                findings.push(
                    bad(format!("the configuration file {}: {error}", path.display()))
                        .advice("make it readable, or unset KEYWAY_CONF if it names this file"),
                );
                return (None, findings);
            }
        }
    }
    let installation = match Installation::read() {
        Ok(installation) => installation,
        Err(error) => {
            findings.push(
                bad(error.to_string()).advice("mend that line; README.md lists what it may say"),
            );
            return (None, findings);
        }
    };
    findings.push(match &location {
        Some(path) => good(format!("{} is read", path.display())),
        None => good("there is no file: the defaults hold"),
    });
    if installation.is_compatible() {
        findings.push(
            noted("policy = \"compatible\": whoever may use the keys may also take them out")
                .advice("remove the line if no old program needs it (docs/policy.md)"),
        );
    }
    (Some(installation), findings)
}
