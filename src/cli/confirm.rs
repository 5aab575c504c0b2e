//! Asking before something that cannot be undone.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::{Kind, Result};

/// Goes on when `--yes` was given or the person at the terminal types "yes".
pub(super) fn confirm(yes: bool, question: &str) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Kind::Refused
            .because(format!("{question}: not confirmed, and there is no terminal to ask on"))
            .advise("add --yes"));
    }
    eprint!("{question}? Type yes: ");
    let mut answer = String::new();
    io::stderr()
        .flush()
        .and_then(|()| io::stdin().lock().read_line(&mut answer))
        .map_err(|error| Kind::Refused.because("no answer").caused_by(error))?;
    match answer.trim() {
        "yes" => Ok(()),
        _ => Err(Kind::Refused.because("not confirmed: nothing was done")),
    }
}
