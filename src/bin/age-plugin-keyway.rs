//! The plugin that lets age use keys of a PKCS#11 token.
#![deny(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    keyway::cli::run_age_plugin(std::env::args_os())
}
