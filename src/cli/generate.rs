//! `keyway completions` and `keyway man`: what the table of arguments says, for shells and for man.

use std::path::Path;

use clap_complete::Shell;

use super::arguments::Arguments;
use super::examples;
use super::print::say;
use crate::error::{Kind, Result};

/// Prints the completions of a shell.
pub(super) fn completions(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut examples::command::<Arguments>(), "keyway", &mut script);
    say(String::from_utf8_lossy(&script).trim_end())
}

/// Writes the manual pages of the command and of each of its subcommands into a directory.
pub(super) fn manual(directory: &Path) -> Result<()> {
    clap_mangen::generate_to(examples::command::<Arguments>(), directory).map_err(|error| {
        Kind::File.because(format!("cannot write to {}", directory.display())).caused_by(error)
    })
}
