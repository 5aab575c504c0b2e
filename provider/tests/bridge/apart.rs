//! Tests in processes of their own: a bridge never finalises the inner module, so that each process
//! has one.

use crate::harness::child::Child;
use crate::harness::test_name;

const APART: &str = "KEYWAY_TEST_APART";

/// Runs the body of a test in a child process, which is this same program asked for this one test:
/// `F` is the closure that the test passes.
pub fn apart<F>(body: impl FnOnce()) {
    if std::env::var_os(APART).is_some() {
        return body();
    }
    let mut child = Child::test(test_name::<F>());
    child.command.env(APART, "1");
    let (status, output) = child.finish();
    assert!(status.is_some_and(|status| status.success()), "{status:?}: {output}");
    assert!(output.contains("1 passed"), "no such test in the child: {output}");
    print!("{}", told(&output));
}

/// What the test itself printed.
fn told(output: &str) -> String {
    let lines = output.lines().filter_map(|line| line.split_once("told: "));
    lines.map(|(_, line)| format!("{line}\n")).collect()
}

/// As [`apart`], for a closure that is the test itself.
pub fn alone<F: FnOnce()>(body: F) {
    apart::<F>(body);
}
