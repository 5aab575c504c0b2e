//! `keyway log`: what happened is told, and a changed event is found.

mod harness;

use std::os::unix::fs::MetadataExt;
use std::process::Stdio;

use harness::{Maker, Token};

/// Exit code of a check that found something.
const UNSOUND: i32 = 13;

#[test]
fn what_happened_is_told_in_order() {
    let token = Token::initialised(Maker::Keyway);
    token.ok(&["key", "create", "web", "--algorithm", "ec-p256"]);
    let wrong = token.write("wrong", b"999999");
    token.fails(6, &["--pin-file", &wrong, "key", "list"]);
    token.ok(&["key", "destroy", "web", "--yes"]);
    let told = token.ok(&["log", "--verify"]);
    let place = |what: &str| told.find(what).unwrap_or_else(|| panic!("{what}: {told}"));
    let order = ["initialised the token", "user: PIN set", "created", "user: PIN was wrong"];
    let places: Vec<usize> = order.iter().map(|what| place(what)).collect();
    assert!(places.is_sorted(), "{told}");
    assert!(place("user: PIN was wrong") < told.rfind("destroyed").expect("destroyed"), "{told}");
    assert!(told.contains("events follow"), "{told}");
    assert!(token.ok(&["log", "--since", "2999-01-01"]).is_empty());
    assert!(token.fails(2, &["log", "--since", "yesterday"]).contains("yesterday"));
}

#[test]
fn the_events_of_one_key_are_told() {
    let token = Token::initialised(Maker::Keyway);
    token.ok(&["key", "create", "web", "--algorithm", "ec-p256"]);
    token.ok(&["key", "create", "mail", "--algorithm", "aes-256"]);
    let told = token.ok(&["log", "--key", "mail"]);
    assert!(told.contains("created") && told.contains("\"mail\""), "{told}");
    assert!(!told.contains("\"web\""), "{told}");
}

/// The name of the user whose test this is.
fn me(token: &Token) -> String {
    let me = std::fs::metadata(token.path("pin")).map(|pin| pin.uid()).expect("my number");
    let passwd = std::fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let mut users = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    users.find(|user| user[2] == me.to_string()).expect("my name")[0].to_owned()
}

/// The columns of a line, from two blanks to the next.
fn columns(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|column| !column.is_empty()).collect()
}

#[test]
fn who_used_which_key_for_what_is_told_of_every_program() {
    let token = Token::initialised(Maker::Keyway);
    token.ok(&["key", "create", "web", "--algorithm", "ec-p256"]);
    token.ok(&["key", "create", "mail", "--algorithm", "aes-256"]);
    let data = token.write("data", &[7; 32]);
    let id = token.key_id("web", 1);
    let out = token.path("signature");
    let signing = ["--sign", "--mechanism", "ECDSA", "--id", &id];
    let files = ["--input-file", &data, "--output-file", &out];
    let mut tool = token.pkcs11_tool_command(&[&signing[..], &files].concat());
    let tool = tool.stdout(Stdio::null()).spawn().expect("pkcs11-tool");
    let process = tool.id();
    let ended = tool.wait_with_output().expect("pkcs11-tool ends");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    token.ok(&["encrypt", "--key", "mail", "--in", &data, "--out", &token.path("ciphertext")]);

    let me = me(&token);
    let told = token.ok(&["log", "--used", "--key", "web"]);
    let [line] = told.lines().collect::<Vec<_>>()[..] else { panic!("{told}") };
    let columns_of_tool = columns(line);
    let program = format!("pkcs11-tool[{process}]");
    let expected = [&*me, &program, "used to sign with CKM_ECDSA", "\"web\""];
    assert_eq!(columns_of_tool[2..6], expected, "{told}");
    let told = token.ok(&["log", "--used"]);
    let of_keyway = told.lines().find(|line| line.contains("CKM_AES_GCM")).expect("the encryption");
    assert!(of_keyway.contains("keyway[") && of_keyway.contains("\"mail\""), "{told}");
    assert!(of_keyway.contains("used to encrypt"), "{told}");
    assert_eq!(token.ok(&["log", "--used", "--user", &me]), told);
    assert!(token.ok(&["log", "--user", "nobody-of-that-name"]).is_empty());
    token.ok(&["log", "--verify"]);
}

#[test]
fn a_rotated_key_is_told_with_what_changed_of_it() {
    let token = Token::initialised(Maker::Keyway);
    token.ok(&["key", "create", "mail", "--algorithm", "aes-256"]);
    token.ok(&["key", "rotate", "mail"]);
    let told = token.ok(&["log", "--key", "mail"]);
    assert!(told.contains("changed from active to deactivated"), "{told}");
    token.ok(&["key", "destroy", "mail", "--yes"]);
    let told = token.ok(&["log", "--key", "mail"]);
    assert!(
        told.contains("destroyed") && told.contains("changed from active to deactivated"),
        "{told}"
    );
}

#[test]
fn changed_and_missing_events_are_found() {
    for (sql, expected) in [
        ("UPDATE event SET at = at + 1000 WHERE sequence = 3", "event 3 does not follow"),
        ("DELETE FROM event WHERE sequence = 3", "event 4 does not follow"),
        ("DELETE FROM event WHERE sequence > 3", "the newest"),
    ] {
        let token = Token::initialised(Maker::Keyway);
        token.ok(&["key", "create", "web", "--algorithm", "ec-p256"]);
        token.ok(&["log", "--verify"]);
        token.tamper(sql);
        let answer = token.keyway(&["log", "--verify"]);
        assert_eq!(answer.code, UNSOUND, "{sql}: {}{}", answer.text(), answer.stderr);
        assert!(answer.stderr.contains(expected), "{sql}: {}", answer.stderr);
    }
}

#[test]
fn another_makers_token_has_a_journal_on_this_machine() {
    let token = Token::initialised(Maker::SoftHsm);
    assert!(token.ok(&["log"]).is_empty());
    assert!(token.fails(9, &["log", "--used"]).contains("journal"));
    token.ok(&["key", "create", "k", "--algorithm", "aes-256"]);
    token.ok(&["key", "create", "other", "--algorithm", "aes-256"]);
    token.ok(&["key", "rotate", "k"]);
    token.ok(&["key", "suspend", "k"]);
    token.ok(&["key", "revoke", "k", "--reason", "compromise", "--yes"]);
    let told = token.ok(&["log", "--key", "k", "--verify"]);
    let place = |what: &str| told.find(what).unwrap_or_else(|| panic!("{what}: {told}"));
    let order = [
        "created: aes-256, to encrypt, active",
        "version 1: active -> deactivated (superseded); version 2 made: active",
        "version 2: active -> suspended",
        "version 2: suspended -> compromised (compromise)",
        "version 2: the token refuses it to everybody",
        "entries of",
    ];
    assert!(order.map(place).is_sorted() && !told.contains("\"other\""), "{told}");
    let me = me(&token);
    let first = columns(told.lines().next().expect("a line"));
    assert!(first[2] == me && first[3].starts_with("keyway["), "{told}");
    assert_eq!(first[4..], ["created: aes-256, to encrypt, active", "\"k\""], "{told}");
    let all = token.ok(&["log"]);
    assert_eq!(token.ok(&["log", "--user", &me]), all);
    assert!(token.ok(&["log", "--user", "nobody-of-that-name"]).is_empty());
    assert!(token.ok(&["log", "--since", "2999-01-01"]).is_empty());

    let directory = std::fs::read_dir(token.path("state/keyway/journal")).expect("the journal");
    let file = directory.flatten().next().expect("one file").path();
    let text = std::fs::read_to_string(&file).expect("text");
    std::fs::write(&file, text.replace("suspended", "activated")).expect("written");
    assert!(token.keyway(&["log", "--verify"]).stderr.contains("does not follow"));
}
