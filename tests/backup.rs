//! `keyway token backup` and `restore`: on our own tokens, through the command.

mod harness;

use std::fs;

use harness::{LABEL, Maker, Token};

const PASSPHRASE: &[u8] = b"correct horse battery staple\n";

/// A token with a key, its backup, and a signature.
fn backed_up() -> (Token, String, Vec<u8>) {
    let token = Token::initialised(Maker::Keyway);
    token.ok(&["key", "create", "web", "--algorithm", "ed25519"]);
    let message = token.write("message", b"what was signed before");
    token.ok(&["sign", "--key", "web", "--in", &message, "--out", &token.path("signature")]);
    let signature = token.read("signature");
    let (passphrase, out) = (token.write("passphrase", PASSPHRASE), token.path("demo.backup"));
    let made = ["token", "backup", "--out", &out, "--passphrase-file", &passphrase];
    let said = token.ok(&made);
    assert!(said.contains(LABEL) && said.contains("every object opened"), "{said}");
    (token, out, signature)
}

#[test]
fn a_key_restored_elsewhere_signs_as_it_did() {
    let (here, backup, signature) = backed_up();
    let there = Token::empty(Maker::Keyway);
    let passphrase = there.write("passphrase", PASSPHRASE);
    let restore = ["token", "restore", "--in", &backup, "--passphrase-file", &passphrase];
    let said = there.ok(&restore);
    assert!(said.contains(&there.path("tokens/token-1.db")), "{said}");
    let message = there.write("message", b"what was signed before");
    there.ok(&["sign", "--key", "web", "--in", &message, "--out", &there.path("again")]);
    // Ed25519 is deterministic: the same key gives the same bytes.
    assert_eq!(there.read("again"), signature);
    let verify = ["verify", "--key", "web", "--in", &message, "--signature"];
    there.ok(&[&verify[..], &[&here.path("signature")]].concat());
    assert!(there.fails(4, &restore).contains("--replace"));
    let said = there.ok(&[&restore[..], &["--replace", "--yes"]].concat());
    assert!(said.contains("is kept"), "{said}");
    assert!(there.ok(&["key", "list"]).contains("ed25519"));
}

#[test]
fn what_can_go_wrong_is_told_by_its_exit_code() {
    let (token, backup, _) = backed_up();
    let there = Token::empty(Maker::Keyway);
    let passphrase = there.write("passphrase", PASSPHRASE);
    let wrong = there.write("wrong", b"not the passphrase");
    let restore = |file: &str, with: &str, code| {
        there.fails(code, &["token", "restore", "--in", file, "--passphrase-file", with])
    };
    assert!(restore(&backup, &wrong, 6).contains("passphrase"));
    let mut bytes = fs::read(&backup).expect("read");
    let end = bytes.len() - 1;
    bytes[end] ^= 1;
    restore(&there.write("damaged", &bytes), &passphrase, 7);
    restore(&there.write("cut", &bytes[..end]), &passphrase, 7);
    restore(&there.write("other", b"something else entirely"), &passphrase, 12);
    restore("/nowhere/backup", &passphrase, 11);
    assert!(there.ok(&["token", "list"]).contains("(free: keyway token init)"));

    let again = ["token", "backup", "--out", &backup, "--passphrase-file", &passphrase];
    assert!(token.fails(4, &again).contains("is there already"));
    let short = there.write("short", b"short");
    let out = token.path("other.backup");
    token.fails(6, &["token", "backup", "--out", &out, "--passphrase-file", &short]);
    let nowhere = ["token", "backup", "--out", "/nowhere/x", "--passphrase-file", &passphrase];
    token.fails(11, &nowhere);
    let hsm = Token::empty(Maker::SoftHsm);
    let foreign = ["token", "backup", "--out", &out, "--passphrase-file", &passphrase];
    assert!(hsm.fails(9, &foreign).contains("not Keyway's own"));
}

#[test]
fn without_the_pin_the_backup_is_as_good_and_says_what_was_not_checked() {
    let (token, _, signature) = backed_up();
    let out = token.path("unopened.backup");
    let passphrase = token.path("passphrase");
    let made =
        ["token", "backup", "--without-pin", "--out", &out, "--passphrase-file", &passphrase];
    let answer = token.keyway(&made);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(answer.stderr.contains("not opened"), "{}", answer.stderr);
    let there = Token::empty(Maker::Keyway);
    there.ok(&["token", "restore", "--in", &out, "--passphrase-file", &passphrase]);
    let message = there.write("message", b"what was signed before");
    there.ok(&["sign", "--key", "web", "--in", &message, "--out", &there.path("again")]);
    assert_eq!(there.read("again"), signature);
}
