//! `tests/deviations.toml`: where SoftHSM2 answers differently, and why ours is right.

use std::path::{Path, PathBuf};

use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    deviation: Vec<Deviation>,
}

/// One entry of the file.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// `file::test`.
    pub test: String,
    /// `softhsm2`.
    pub target: String,
    /// Everything that the target answers otherwise than the test says, in order.
    pub answers: Vec<String>,
    pub why: String,
    /// The section of the specification that decides.
    pub section: String,
}

/// Every entry.
///
/// # Panics
/// When the file does not read.
pub fn all() -> Vec<Deviation> {
    let text = std::fs::read_to_string(path()).expect("deviations.toml is there");
    toml::from_str::<File>(&text).expect("deviations.toml is well formed").deviation
}

/// Holds what was noted against what the file lists: neither may be without the other.
pub fn compare(test: &str, answers: &[String]) {
    let entry = all().into_iter().find(|deviation| deviation.test == test);
    let listed = entry.map_or(Vec::new(), |entry| entry.answers);
    assert!(
        listed == answers,
        "SoftHSM2 in {test} differs from tests/deviations.toml:\nlisted: {listed:#?}\n\
         answered: {answers:#?}"
    );
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/deviations.toml")
}
