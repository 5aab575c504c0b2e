//! `keyway doctor`: what is wrong, and the command that mends it.

use std::path::Path;

use super::arguments::Options;
use super::open::module_path;
use super::pin;
use super::print::say;
use crate::doctor::{Health, Remedy, Subject, examine};
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
    let mut bad = 0;
    for section in examine(&subject) {
        say(section.name)?;
        for finding in section.findings {
            let mark = match finding.health {
                Health::Good => "ok",
                Health::Noted => "note",
                Health::Bad => "BAD",
            };
            bad += usize::from(finding.health == Health::Bad);
            say(format_args!("  {mark:<5} {}", finding.what))?;
            match finding.remedy {
                Some(Remedy::Command(command)) => say(format_args!("        mend it: {command}"))?,
                Some(Remedy::Advice(advice)) => say(format_args!("        {advice}"))?,
                None => {}
            }
        }
    }
    match bad {
        0 => say("nothing is wrong"),
        _ => Err(Kind::Unsound.because(format!("{bad} thing(s) are wrong; see above"))),
    }
}
