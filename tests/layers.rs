//! The layers, held: the domain knows nothing of the world, and `unsafe` stands in one file.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below a directory of `src/`, with its text.
fn sources(directory: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push((path.clone(), fs::read_to_string(&path).expect("text")));
            }
        }
    }
    assert!(!files.is_empty(), "{directory} has no source");
    files
}

fn assert_names_none(directory: &str, words: &[&str]) {
    for (path, text) in sources(directory) {
        for word in words {
            assert!(!text.contains(word), "{} names {word}", path.display());
        }
    }
}

#[test]
fn the_domain_knows_no_token_file_clock_or_network() {
    let words = ["cryptoki", "std::fs", "std::io", "std::net", "std::env", "std::process"];
    assert_names_none("src/domain", &words);
    assert_names_none("src/domain", &["SystemTime", "Instant", "thread", "crate::token"]);
    assert_names_none("src/domain", &["crate::port", "crate::service", "crate::registry"]);
    assert_names_none("src/domain", &["crate::local", "keyway_pkcs11"]);
}

#[test]
fn the_use_cases_know_the_ports_and_no_adapter() {
    let words = ["cryptoki", "std::fs", "std::net", "SystemTime", "crate::token", "crate::cli"];
    assert_names_none("src/service", &words);
    assert_names_none("src/service", &["crate::registry", "crate::clock", "crate::journal"]);
    assert_names_none("src/service", &["crate::local", "keyway_pkcs11"]);
}

/// [`keyway::kms`] and the command put the layers together: nobody below knows them, and they know
/// no token but through its adapter.
#[test]
fn what_puts_the_layers_together_stands_above_them() {
    assert_names_none("src/kms", &["cryptoki", "crate::cli", "keyway_pkcs11"]);
    assert_names_none("src/cli", &["cryptoki::"]);
    let below = ["domain", "port", "service", "token", "registry", "journal", "local", "transport"];
    for directory in below.map(|layer| format!("src/{layer}")) {
        assert_names_none(&directory, &["crate::kms", "crate::cli"]);
    }
}

#[test]
fn one_adapter_knows_the_crate_of_the_module() {
    for (path, text) in sources("src") {
        let named = text.contains("keyway_pkcs11::");
        assert!(!named || path.to_string_lossy().contains("src/local/"), "{}", path.display());
    }
}

#[test]
fn unsafe_stands_in_one_file_and_says_why() {
    for (path, text) in sources("src") {
        let blocks = text.matches("unsafe {").count() + text.matches("unsafe fn").count();
        if path.ends_with("token/raw.rs") {
            assert!(blocks > 0);
            assert!(text.matches("// SAFETY:").count() >= blocks, "{}", path.display());
        } else {
            assert_eq!(blocks, 0, "{}", path.display());
            assert!(!text.contains("allow(unsafe_code)"), "{}", path.display());
        }
        if path.ends_with("src/lib.rs") || path.ends_with("src/main.rs") {
            assert!(text.contains("#![deny(unsafe_code)]"), "{}", path.display());
        }
    }
}

#[test]
fn no_method_of_the_vault_gives_a_key_away() {
    let vault = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/port.rs"));
    let more = sources("src/port").into_iter().map(|(_, text)| text);
    let port: String = more.chain([vault.expect("text")]).collect();
    assert_eq!(port.matches("Zeroizing<").count(), 1, "only plaintext leaves the vault");
    for word in ["SecretKey", "PrivateKey", "export_private", "key_bytes"] {
        assert!(!port.contains(word), "a port names {word}");
    }
}
