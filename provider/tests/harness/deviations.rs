//! `tests/deviations.toml`: where another module answers differently, and why ours is right.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Kind;

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
    /// [`Kind::name`].
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
pub fn compare(test: &str, kind: Kind, answers: &[String]) {
    let is_it = |deviation: &Deviation| deviation.test == test && deviation.target == kind.name();
    let entry = all().into_iter().find(is_it);
    let listed = entry.map_or(Vec::new(), |entry| entry.answers);
    assert!(
        listed == answers,
        "{} in {test} differs from tests/deviations.toml:\nlisted: {listed:#?}\n\
         answered: {answers:#?}",
        kind.name()
    );
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/deviations.toml")
}
