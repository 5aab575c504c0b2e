//! Whether p11-kit knows the module: GnuTLS, Chromium and everything that asks p11-kit then sees
//! its tokens without being told.

use std::path::{Path, PathBuf};

use super::{Finding, bad, good, noted, quoted};
use crate::token::OWN_MODULE;

/// Where p11-kit looks for module files.
const PLACES: [&str; 2] = ["usr/share/p11-kit/modules", "etc/pkcs11/modules"];
/// Where p11-kit looks for modules without a full path.
const LIBRARIES: [&str; 4] = [
    "usr/lib/x86_64-linux-gnu/pkcs11",
    "usr/lib/aarch64-linux-gnu/pkcs11",
    "usr/lib/pkcs11",
    "usr/lib64/pkcs11",
];

pub(super) fn examine(root: &Path, module: &Path) -> Vec<Finding> {
    if !root.join("etc/pkcs11").exists() && !root.join("usr/share/p11-kit").exists() {
        return vec![good("p11-kit is not installed; nothing here needs it")];
    }
    let name = module.file_name().map_or_else(|| OWN_MODULE.into(), |name| name.to_string_lossy());
    let entries = entries(root, &name);
    let mut findings: Vec<Finding> =
        entries.iter().map(|(file, path)| judge(root, file, path, module)).collect();
    if entries.is_empty() {
        findings.push(
            noted("p11-kit does not know the module: GnuTLS and others do not see its tokens")
                .command(format!(
                    "echo 'module: {}' | sudo tee {}",
                    module.display(),
                    quoted(&root.join(PLACES[0]).join("keyway.module"))
                )),
        );
    }
    if let [(first, _), (second, _), ..] = entries.as_slice() {
        findings.push(
            bad(format!(
                "p11-kit loads it twice, from {} and {}: each token appears twice",
                first.display(),
                second.display()
            ))
            .command(format!("sudo rm {}", quoted(second))),
        );
    }
    findings
}

fn judge(root: &Path, file: &Path, named: &Path, module: &Path) -> Finding {
    let found = match named.is_absolute() {
        true => Some(named.to_owned()).filter(|path| path.exists()),
        false => {
            let places = LIBRARIES.iter().map(|place| root.join(place).join(named));
            places.into_iter().find(|path| path.exists())
        }
    };
    let same = |a: &Path, b: &Path| match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    };
    match found {
        None => bad(format!("{} names {}, which is not there", file.display(), named.display()))
            .command(format!("echo 'module: {}' | sudo tee {}", module.display(), quoted(file))),
        Some(found) if !same(&found, module) => noted(format!(
            "{} names {}, another copy than {}",
            file.display(),
            found.display(),
            module.display()
        ))
        .advice("two versions in one process see each other's changes only after a commit"),
        Some(_) => good(format!("{} names it", file.display())),
    }
}

/// The module files that name a module of this file name, with what they name.
fn entries(root: &Path, name: &str) -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    for place in PLACES {
        let Ok(directory) = std::fs::read_dir(root.join(place)) else { continue };
        for entry in directory.flatten() {
            let path = entry.path();
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let named = text.lines().find_map(|line| line.trim().strip_prefix("module:"));
            let Some(named) = named.map(|named| PathBuf::from(named.trim())) else { continue };
            if named.file_name().is_some_and(|file| file.to_string_lossy() == name) {
                found.push((path, named));
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::doctor::{Health, Remedy};

    struct Place {
        root: tempfile::TempDir,
        module: PathBuf,
    }

    fn place() -> Place {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(root.path().join(PLACES[0])).expect("made");
        let module = root.path().join(OWN_MODULE);
        fs::write(&module, "").expect("written");
        Place { root, module }
    }

    impl Place {
        fn file(&self, name: &str, text: &str) {
            fs::write(self.root.path().join(PLACES[0]).join(name), text).expect("written");
        }

        fn examine(&self) -> Vec<Finding> {
            examine(self.root.path(), &self.module)
        }

        /// Runs what is said to mend it, without sudo.
        fn mend(&self, finding: &Finding) {
            let Some(Remedy::Command(command)) = &finding.remedy else { panic!("{finding:?}") };
            let command = command.replace("sudo ", "");
            let status = std::process::Command::new("sh").args(["-c", &command]).output();
            assert!(status.expect("a shell").status.success(), "{command}");
        }
    }

    #[test]
    fn a_missing_entry_is_noted_and_its_command_mends_it() {
        let place = place();
        let findings = place.examine();
        assert_eq!(findings[0].health, Health::Noted);
        place.mend(&findings[0]);
        assert_eq!(place.examine()[0].health, Health::Good, "{:?}", place.examine());
    }

    #[test]
    fn an_entry_that_names_nothing_is_bad_and_its_command_mends_it() {
        let place = place();
        place.file("keyway.module", &format!("# ours\nmodule: /nowhere/{OWN_MODULE}\n"));
        let findings = place.examine();
        assert_eq!(findings[0].health, Health::Bad);
        place.mend(&findings[0]);
        assert_eq!(place.examine()[0].health, Health::Good);
    }

    #[test]
    fn two_entries_are_one_too_many() {
        let place = place();
        for name in ["a.module", "b.module"] {
            place.file(name, &format!("module: {}\n", place.module.display()));
        }
        let findings = place.examine();
        assert_eq!(findings.len(), 3);
        place.mend(&findings[2]);
        assert_eq!(place.examine().len(), 1);
    }
}
