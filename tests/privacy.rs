//! Every test that docs/privacy.md names is there.

use std::fs;
use std::path::Path;

/// What stands between backquotes in a cell, one after the other.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_threat_names_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/privacy.md")).expect("text");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| who |"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let mut tests = 0;
    for row in &rows {
        assert_eq!(row.len(), 4, "who, what, against it, test: {row:?}");
        let mut source = String::new();
        let names = quoted(row[3]);
        assert!(!names.is_empty() || row[3] == "the same", "{row:?} names no test");
        for name in names {
            if name.ends_with(".rs") {
                source = fs::read_to_string(root.join(name)).expect(name);
            } else {
                assert!(source.contains(&format!("fn {name}()")), "there is no test {name}");
                tests += 1;
            }
        }
    }
    for who in ["provider", "network", "lost device", "insider"] {
        assert!(rows.iter().any(|row| row[0].contains(who)), "no row for the {who}");
    }
    assert!(tests >= rows.len() - 1, "{tests} tests for {} rows", rows.len());
}
