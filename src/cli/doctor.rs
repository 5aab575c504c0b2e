//! `keyway doctor`: what is wrong, and the command that mends it.

use std::path::Path;

use serde::Serialize;

use super::arguments::Options;
use super::open::module_path;
use super::page::{Cell, Page};
use super::pin;
use super::print::{Answer, tell};
use crate::doctor::{Finding, Health, Remedy, Section, Subject, examine};
use crate::error::{Kind, Result};
use crate::local::is_own;

pub(super) fn run(options: &Options) -> Result<()> {
    let module = module_path(options).map_err(|error| error.to_string());
    let subject = Subject {
        is_own: module.as_ref().map_or(options.module.is_none(), |path| is_own(path)),
        module,
        token: options.token.as_deref(),
        pin: pin::given(options)?,
        root: Path::new("/"),
    };
    let told = Told { sections: examine(&subject).into_iter().map(Part::from).collect() };
    tell(options, &told)?;
    match told.bad() {
        0 => Ok(()),
        bad => Err(Kind::Unsound
            .because(format!("{bad} thing(s) are wrong"))
            .advise("see above what mends each")),
    }
}

/// What was seen of the installation.
#[derive(Serialize)]
struct Told {
    sections: Vec<Part>,
}

#[derive(Serialize)]
struct Part {
    name: &'static str,
    findings: Vec<Seen>,
}

#[derive(Serialize)]
struct Seen {
    /// good, noted or bad.
    health: &'static str,
    what: String,
    /// What mends it, for a shell.
    command: Option<String>,
    /// What to do if no command mends it.
    advice: Option<String>,
}

impl Told {
    fn bad(&self) -> usize {
        let findings = self.sections.iter().flat_map(|part| &part.findings);
        findings.filter(|seen| seen.health == "bad").count()
    }
}

impl From<Section> for Part {
    fn from(section: Section) -> Self {
        let findings = section.findings.into_iter().map(Seen::from).collect();
        Self { name: section.name, findings }
    }
}

impl From<Finding> for Seen {
    fn from(finding: Finding) -> Self {
        let (command, advice) = match finding.remedy {
            Some(Remedy::Command(command)) => (Some(command), None),
            Some(Remedy::Advice(advice)) => (None, Some(advice)),
            None => (None, None),
        };
        let health = match finding.health {
            Health::Good => "good",
            Health::Noted => "noted",
            Health::Bad => "bad",
        };
        Self { health, what: finding.what, command, advice }
    }
}

impl Answer for Told {
    fn text(&self, page: &mut Page) {
        for part in &self.sections {
            page.line(part.name);
            for Seen { health, what, command, advice } in &part.findings {
                let mark = match *health {
                    "good" => "ok",
                    "noted" => "note",
                    _ => "BAD",
                };
                let space = " ".repeat(6 - mark.len());
                page.line(format_args!("  {}{space}{what}", page.painted(&Cell::state(mark))));
                if let Some(command) = command {
                    page.line(format_args!("        mend it: {command}"));
                }
                if let Some(advice) = advice {
                    page.line(format_args!("        {advice}"));
                }
            }
        }
        if self.bad() == 0 {
            page.line("nothing is wrong");
        }
    }
}
