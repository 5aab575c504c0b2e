//! The `keyway` command.
#![deny(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    keyway::cli::run(std::env::args_os())
}
