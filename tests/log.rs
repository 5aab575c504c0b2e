//! `keyway log`: what happened is told, and a changed event is found.

mod harness;

use std::process::Command;

use harness::{Maker, Token, run};

/// Exit code of a check that found something.
const UNSOUND: i32 = 13;

/// Runs SQL on the token's database, as somebody would who can write its file.
fn tamper(token: &Token, sql: &str) {
    let files = std::fs::read_dir(token.path("tokens")).expect("tokens").flatten();
    let database = files.map(|file| file.path()).find(|p| p.extension().is_some_and(|e| e == "db"));
    let script = format!(
        "import sqlite3\nc = sqlite3.connect({:?})\nc.execute({sql:?})\nc.commit()\nc.close()\n",
        database.expect("a database").display().to_string()
    );
    let answer = run(Command::new("python3").args(["-c", &script]));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}

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
    assert!(told.contains("created  \"mail\"") && !told.contains("\"web\""), "{told}");
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
        tamper(&token, sql);
        let answer = token.keyway(&["log", "--verify"]);
        assert_eq!(answer.code, UNSOUND, "{sql}: {}{}", answer.text(), answer.stderr);
        assert!(answer.stderr.contains(expected), "{sql}: {}", answer.stderr);
    }
}

#[test]
fn another_makers_token_has_no_log_of_ours() {
    let token = Token::initialised(Maker::SoftHsm);
    assert!(token.fails(9, &["log"]).contains("not Keyway's own"));
}
