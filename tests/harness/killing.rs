//! The `keyway` command with a module that kills its process in the place of a call.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Token;

/// The module that kills, under the name of the one behind it: by that keyway knows its own.
pub fn killer(token: &Token) -> PathBuf {
    let directory = PathBuf::from(token.path("killing"));
    std::fs::create_dir_all(&directory).expect("a directory");
    let module = directory.join(token.module.file_name().expect("a file"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/harness/killing.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&module).args([source, "-ldl"]);
    let answer = super::run(&mut compiler);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    module
}

/// Runs a command whose process is killed in the place of its n-th change. `false` when it ended
/// before.
pub fn killed(token: &Token, killer: &Path, at: u32, arguments: &[&str]) -> bool {
    let mut command = token.command(env!("CARGO_BIN_EXE_keyway"));
    command.env("KEYWAY_MODULE", killer).env("KEYWAY_TEST_REAL", &token.module);
    let output = command.env("KEYWAY_TEST_KILL", at.to_string()).args(arguments).output();
    let output = output.expect("keyway starts");
    let error = String::from_utf8_lossy(&output.stderr);
    match (output.status.signal(), output.status.code()) {
        (Some(9), _) => true,
        (_, Some(0)) => false,
        other => panic!("{:?} {arguments:?} at {at}: {other:?} {error}", token.maker),
    }
}
