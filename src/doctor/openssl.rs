//! Whether OpenSSL can reach the module: the engine (OpenSSL 3.0 and older) or the provider.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Finding, bad, good, noted};

pub(super) fn examine(module: &Path) -> Vec<Finding> {
    let Some(places) = Places::ask() else {
        return vec![good("OpenSSL's command is not installed; nothing here needs it")];
    };
    let engine = places.engines.join("pkcs11.so");
    let provider = places.modules.join("pkcs11.so");
    let mut findings = Vec::new();
    if engine.exists() || provider.exists() {
        for path in [engine, provider].iter().filter(|path| path.exists()) {
            findings.push(good(format!("{} connects OpenSSL with PKCS#11", path.display())));
        }
    } else {
        findings.push(
            noted("OpenSSL has neither the engine nor the provider for PKCS#11")
                .command("sudo apt-get install libengine-pkcs11-openssl"),
        );
    }
    findings.extend(configured(&places.configuration, module));
    findings
}

/// Where this OpenSSL has its parts.
struct Places {
    engines: PathBuf,
    modules: PathBuf,
    configuration: PathBuf,
}

impl Places {
    fn ask() -> Option<Self> {
        let output = Command::new("openssl").args(["version", "-d", "-e", "-m"]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let named = |what: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(what))?;
            Some(PathBuf::from(line.trim().trim_matches('"')))
        };
        let configuration = match std::env::var_os("OPENSSL_CONF") {
            Some(path) => path.into(),
            None => named("OPENSSLDIR:")?.join("openssl.cnf"),
        };
        Some(Self { engines: named("ENGINESDIR:")?, modules: named("MODULESDIR:")?, configuration })
    }
}

/// The modules that OpenSSL's configuration names.
fn configured(configuration: &Path, module: &Path) -> Vec<Finding> {
    let text = std::fs::read_to_string(configuration).unwrap_or_default();
    let mut findings = Vec::new();
    for line in text.lines() {
        let Some((name, value)) = line.split_once('=') else { continue };
        if !["MODULE_PATH", "pkcs11-module-path"].contains(&name.trim()) {
            continue;
        }
        let named = Path::new(value.trim());
        findings.push(match (named.canonicalize(), module.canonicalize()) {
            (Err(_), _) => bad(format!(
                "{} names the module {}, which is not there",
                configuration.display(),
                named.display()
            ))
            .command(format!(
                "sed -i 's|{}|{}|' {}",
                named.display(),
                module.display(),
                super::quoted(configuration)
            )),
            (Ok(named), Ok(module)) if named == module => {
                good(format!("{} names the module", configuration.display()))
            }
            (Ok(named), _) => noted(format!(
                "{} names another module, {}",
                configuration.display(),
                named.display()
            )),
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{Health, Remedy};

    #[test]
    fn a_module_that_is_not_there_is_bad_and_its_command_mends_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let (file, module) = (directory.path().join("openssl.cnf"), directory.path().join("m.so"));
        std::fs::write(&module, "").expect("written");
        std::fs::write(&file, "[pkcs11]\nMODULE_PATH = /nowhere/m.so\n").expect("written");
        let findings = configured(&file, &module);
        assert_eq!(findings[0].health, Health::Bad);
        let Some(Remedy::Command(command)) = &findings[0].remedy else { panic!("no command") };
        let status = Command::new("sh").args(["-c", command]).status().expect("a shell");
        assert!(status.success());
        assert_eq!(configured(&file, &module)[0].health, Health::Good);
    }
}
