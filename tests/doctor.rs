//! `keyway doctor`: what is broken is named, and the command that it gives mends it.

mod harness;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use harness::{Maker, Token};
use keyway::token::OWN_MODULE;

/// Exit code of an examination that found something.
const UNSOUND: i32 = 13;

/// A token with a copy of the module that only its owner can change.
fn token() -> Token {
    let mut token = Token::initialised(Maker::Keyway);
    let copy = token.directory.path().join(OWN_MODULE);
    fs::copy(&token.module, &copy).expect("copied");
    set_mode(&copy, 0o755);
    set_mode(&token.directory.path().join("tokens"), 0o700);
    set_mode(&token.directory.path().join("keyway.toml"), 0o644);
    token.module = copy;
    token
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("mode");
}

fn assert_well(token: &Token) {
    let answer = token.keyway(&["doctor"]);
    assert_eq!(answer.code, 0, "{}{}", answer.text(), answer.stderr);
    assert!(answer.text().contains("nothing is wrong"), "{}", answer.text());
    assert!(answer.text().contains("the PIN opens token suite"), "{}", answer.text());
}

/// The examination finds this, and the command that it gives mends it.
fn assert_mends(token: &Token, expected: &str) {
    let answer = token.keyway(&["doctor"]);
    let text = answer.text();
    assert_eq!(answer.code, UNSOUND, "{text}");
    let mut lines = text.lines().skip_while(|line| !line.contains(expected));
    assert!(lines.next().is_some_and(|line| line.starts_with("  BAD")), "{expected}: {text}");
    let command = lines.next().expect("a remedy").trim();
    let command = command.strip_prefix("mend it: ").unwrap_or_else(|| panic!("{command}: {text}"));
    let status = Command::new("sh").args(["-c", command]).status().expect("a shell");
    assert!(status.success(), "{command}");
    assert_well(token);
}

#[test]
fn a_good_installation_has_nothing_wrong() {
    assert_well(&token());
}

#[test]
fn open_directories_and_files_are_closed() {
    let token = token();
    let directory = token.directory.path().join("tokens");
    set_mode(&directory, 0o755);
    assert_mends(&token, "is open to everybody (mode 0755)");
    let database = fs::read_dir(&directory).expect("tokens").flatten().map(|entry| entry.path());
    let database = database.into_iter().find(|path| path.extension().is_some_and(|e| e == "db"));
    set_mode(&database.expect("a database"), 0o604);
    assert_mends(&token, "is open to everybody (mode 0604)");
}

#[test]
fn a_module_and_a_configuration_that_others_can_change_are_closed() {
    let token = token();
    set_mode(&token.module, 0o777);
    assert_mends(&token, "can be changed by others (mode 0777)");
    set_mode(&token.directory.path().join("keyway.toml"), 0o666);
    assert_mends(&token, "can be changed by others (mode 0666)");
}

#[test]
fn a_configuration_with_an_unknown_key_is_named_with_its_line() {
    let token = token();
    let configuration = token.directory.path().join("keyway.toml");
    let text = fs::read_to_string(&configuration).expect("text");
    fs::write(&configuration, format!("{text}tokendir = 1\n")).expect("written");
    let answer = token.keyway(&["doctor"]);
    assert_eq!(answer.code, UNSOUND, "{}", answer.text());
    assert!(answer.text().contains("keyway.toml, line 2 (tokendir = 1)"), "{}", answer.text());
}

#[test]
fn a_locked_pin_and_a_missing_module_are_named() {
    let token = token();
    let wrong = token.write("wrong", b"999999");
    for _ in 0..20 {
        token.keyway(&["--pin-file", &wrong, "key", "list"]);
    }
    let answer = token.keyway(&["doctor"]);
    assert_eq!(answer.code, UNSOUND, "{}", answer.text());
    assert!(answer.text().contains("the user PIN is locked"), "{}", answer.text());
    assert!(answer.text().contains("keyway --token 'suite' token unlock"), "{}", answer.text());
    let answer = token.keyway(&["--module", "/nowhere/module.so", "doctor"]);
    assert_eq!(answer.code, UNSOUND, "{}", answer.text());
    assert!(answer.text().contains("/nowhere/module.so"), "{}", answer.text());
}

#[test]
fn softhsm_is_examined_as_far_as_it_can_be() {
    let token = Token::initialised(Maker::SoftHsm);
    let text = token.keyway(&["doctor"]).text();
    assert!(text.contains("the PIN opens token suite"), "{text}");
    assert!(!text.contains("\ntokens\n"), "{text}");
}
