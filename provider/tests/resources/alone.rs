//! A test in a process of its own, which may run out of what it likes, without root's way past the
//! permissions of files and past the limit of locked memory.

use std::path::PathBuf;
use std::process::Command;

use rustix::process::geteuid;

use crate::harness::child::Child;
use crate::harness::place::Place;
use crate::harness::{Kind, test_name};

/// Set in the child.
const ALONE: &str = "KEYWAY_TEST_ALONE";
/// Where a file system of the test's own is mounted, in the child.
const MEDIUM: &str = "KEYWAY_TEST_MEDIUM";

/// What root may do and others may not: pass over permissions, lock memory beyond the limit.
const DROPPED: &str = "-dac_override,-dac_read_search,-fowner,-ipc_lock";

/// Runs the test in a child.
pub fn alone<F: Fn()>(body: F) {
    alone_with(&[], body);
}

/// As [`alone`], with more in the environment of the child.
pub fn alone_with<F: Fn()>(environment: &[(&str, &str)], body: F) {
    if std::env::var_os(ALONE).is_some() {
        return body();
    }
    run(environment, "exec \"$@\"", Child::test(test_name::<F>()).command);
}

/// As [`alone`], with a file system of `kibibytes` in memory, which the child finds with [`medium`].
/// Without the right to mount one nothing runs, and the output says so.
pub fn on_medium<F: Fn()>(kibibytes: u32, body: F) {
    if std::env::var_os(ALONE).is_some() {
        return body();
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a path in UTF-8");
    let mount = format!("mount -t tmpfs -o size={kibibytes}k,mode=0700 none {path}");
    let shown = Command::new("unshare").args(["--mount", "sh", "-c", &mount]).output();
    if !shown.is_ok_and(|output| output.status.success()) {
        println!("nothing can be mounted here: file size limits stand in (provider/tests/store)");
        return;
    }
    let script = format!("exec unshare --mount sh -c '{mount} && exec \"$@\"' sh \"$@\"");
    run(&[(MEDIUM, path)], &script, Child::test(test_name::<F>()).command);
}

/// The folder of the file system of [`on_medium`].
pub fn medium() -> PathBuf {
    std::env::var_os(MEDIUM).expect("started by on_medium").into()
}

/// Starts the child through a script and, for root, through `setpriv`.
fn run(environment: &[(&str, &str)], script: &str, inner: Command) {
    // Made here, so that no child makes it under its limits.
    drop(Place::new(Kind::Keyway, true));
    let mut outer = Command::new("sh");
    outer.args(["-c", script, "sh"]);
    if geteuid().is_root() {
        outer.args(["setpriv", "--bounding-set", DROPPED, "--inh-caps", DROPPED, "--"]);
    }
    outer.arg(inner.get_program()).args(inner.get_args()).env(ALONE, "1");
    outer.envs(environment.iter().copied());
    let (status, output) = Child { command: outer }.finish();
    let ended_well = status.is_some_and(|status| status.success());
    assert!(ended_well && output.contains("1 passed"), "{status:?}: {output}");
    // What the child counted.
    output.lines().filter(|line| line.starts_with("counted: ")).for_each(|line| println!("{line}"));
}
