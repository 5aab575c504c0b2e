//! `keyway key check`: are the keys what they should be?

use crate::cli::arguments::Options;
use crate::cli::open::with_kms_in_turn;
use crate::cli::print::say;
use crate::error::{Kind, Result};
use crate::service::CheckedKey;

pub(super) fn run(options: &Options, label: Option<&str>) -> Result<()> {
    let (keys, suspended) = with_kms_in_turn(options, |kms| {
        let keys = kms.check_keys(label)?;
        let suspended = kms.suspect_unsound(&keys)?;
        Ok((keys, suspended))
    })?;
    let mut unsound = 0;
    for CheckedKey { label, id, verdict } in &keys {
        unsound += usize::from(!verdict.problems.is_empty());
        let mark = if verdict.problems.is_empty() { "ok" } else { "BAD" };
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        say(format_args!("{mark:<5} {label:?}  id {id}"))?;
        for (what, lines) in
            [("BAD", &verdict.problems), ("ok", &verdict.passed), ("?", &verdict.untried)]
        {
            for line in lines {
                say(format_args!("      {what:<4} {line}"))?;
            }
        }
    }
    for name in &suspended {
        say(format_args!(
            "key {name} is suspended; the next keyway maintain revokes it, unless: keyway key resume {name}"
        ))?;
    }
    say(format_args!("{} key(s) checked, {unsound} with problems", keys.len()))?;
    match unsound {
        0 => Ok(()),
        _ => Err(Kind::Unsound.because(format!("{unsound} key(s) are not what they should be"))),
    }
}
