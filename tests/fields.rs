//! Every field that a command answers stands in the tables of `docs/cli.md` or `docs/pki.md`.
//!
//! Programs go by these names. So the answers' types in `src/cli` are read as text: what serde makes
//! a name of, and what stands in `json!`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The source files of a directory.
fn sources(directory: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => texts.extend(sources(&path)),
            false => texts.push(fs::read_to_string(path).expect("text")),
        }
    }
    texts
}

/// The names that the structures of a file have in JSON.
fn of_structures(source: &str, names: &mut BTreeSet<String>) {
    let mut lines = source.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if !(line.starts_with("#[derive(") && line.contains("Serialize")) {
            continue;
        }
        let head = lines.by_ref().find(|line| line.contains("struct ") || line.contains("enum "));
        if !head.is_some_and(|head| head.contains("struct ") && head.ends_with('{')) {
            continue;
        }
        let (mut renamed, mut is_left_out) = (None, false);
        for line in lines.by_ref().take_while(|line| *line != "}") {
            if line.starts_with("#[serde(") {
                is_left_out |= line.contains("(skip)") || line.contains("(flatten)");
                renamed = line.split("rename = \"").nth(1).and_then(|rest| rest.split('"').next());
            } else if let Some((name, _)) = line.split_once(": ").filter(|_| !line.starts_with('/'))
            {
                let name = renamed.take().or_else(|| name.rsplit(' ').next()).expect("a name");
                if !std::mem::take(&mut is_left_out) {
                    names.insert(name.to_owned());
                }
            }
        }
    }
}

/// The names in the documents that a file writes out.
fn of_documents(source: &str, names: &mut BTreeSet<String>) {
    for document in source.split("json!({").skip(1) {
        let document = document.split("})").next().expect("its end");
        let words: Vec<&str> = document.split('"').collect();
        let is_name = |pair: &&[&str]| pair[1].starts_with(':');
        names.extend(
            words[1..].windows(2).step_by(2).filter(is_name).map(|pair| pair[0].to_owned()),
        );
    }
}

#[test]
fn every_field_of_an_answer_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |page: &str| fs::read_to_string(root.join(page)).expect(page);
    let tables: String = [read("docs/cli.md"), read("docs/pki.md")]
        .iter()
        .flat_map(|page| page.lines())
        .filter(|line| line.starts_with('|'))
        .collect();
    let mut names = BTreeSet::new();
    for source in sources(&root.join("src/cli")) {
        of_structures(&source, &mut names);
        of_documents(&source, &mut names);
    }
    assert!(
        names.len() > 80 && names.contains("use") && names.contains("next_update"),
        "{names:?}"
    );
    let missing: Vec<_> =
        names.iter().filter(|name| !tables.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "no table has {missing:?}");
}
