//! Lines for people. A reader that went away (`keyway key list | head -1`) is no failure, and
//! never a panic.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use crate::error::{Kind, Result};

/// A line on standard output.
///
/// # Errors
/// [`Kind::File`] when it cannot be written, unless the reader went away.
pub(super) fn say(line: impl Display) -> Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Kind::File.because("cannot write to standard output").caused_by(error))
        }
        _ => Ok(()),
    }
}

/// A line on standard error. When it cannot be written nobody can be told.
pub(super) fn warn(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
