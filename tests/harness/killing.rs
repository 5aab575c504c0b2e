//! The `keyway` command with a module that kills its process in the place of a call.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Token;
use super::between::{Between, Deed};

/// The module that kills.
pub fn killer(token: &Token) -> PathBuf {
    Between::before(&token.module, &directory(token)).module().to_owned()
}

fn directory(token: &Token) -> PathBuf {
    token.directory.path().join("killing")
}

/// Runs a command whose process is killed in the place of its n-th change. `false` when it ended
/// before.
pub fn killed(token: &Token, killer: &Path, at: u32, arguments: &[&str]) -> bool {
    let mut command = token.command(env!("CARGO_BIN_EXE_keyway"));
    killed_command(token, killer, at, command.args(arguments))
}

/// As [`killed`], for a command with an environment of its own.
pub fn killed_command(token: &Token, killer: &Path, at: u32, command: &mut Command) -> bool {
    let between = Between::within(&directory(token), killer.to_owned());
    between.plan(Deed::Kill, "changes", at, 1);
    let output = command.env("KEYWAY_MODULE", killer).output();
    let output = output.expect("keyway starts");
    let error = String::from_utf8_lossy(&output.stderr);
    match (output.status.signal(), output.status.code()) {
        (Some(9), _) => true,
        (_, Some(0)) => false,
        other => panic!("{:?} {command:?} at {at}: {other:?} {error}", token.maker),
    }
}
