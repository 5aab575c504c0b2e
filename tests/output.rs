//! `--output json`: one document on standard output, errors as JSON on standard error.

mod harness;

use std::path::Path;

use harness::{Answer, LABEL, Maker, Token, on_every_token};
use serde_json::Value;

/// The one document that a command answers.
fn json(token: &Token, arguments: &[&str]) -> Value {
    let text = token.ok(&[&["--output", "json"], arguments].concat());
    assert_eq!(text.lines().count(), 1, "{arguments:?}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
}

/// The error that a command tells.
fn refusal(answer: &Answer) -> Value {
    assert!(answer.stdout.is_empty(), "{}", answer.text());
    serde_json::from_str(&answer.stderr)
        .unwrap_or_else(|error| panic!("{error}: {}", answer.stderr))
}

#[test]
fn every_command_on_keys_answers_the_key() {
    on_every_token(|token| {
        let terms = ["--owner", "Web team", "--rotate-every", "90d"];
        let made = ["key", "create", "k", "--algorithm", "aes-256"];
        let mut made = json(token, &[&made[..], &terms].concat());
        assert_eq!((&made["name"], &made["algorithm"]), (&"k".into(), &"aes-256".into()));
        assert_eq!((&made["owner"], &made["rotates_every"]), (&"Web team".into(), &"90d".into()));
        assert_eq!((&made["use"], &made["expires_at"]), (&"encrypt".into(), &Value::Null));
        assert_eq!(made.as_object_mut().and_then(|key| key.remove("warning")), Some(Value::Null));
        let listed = json(token, &["key", "list"]);
        assert_eq!(listed["keys"], Value::Array(vec![made]));
        let nothing = Value::Array(vec![]);
        assert_eq!((&listed["problems"], &listed["unmanaged"]), (&nothing, &nothing));
        let rotated = json(token, &["key", "rotate", "k"]);
        assert_eq!(rotated["versions"][1]["number"], 2);
        assert_eq!(rotated["versions"][0]["state"], "deactivated");
        assert_eq!(json(token, &["key", "suspend", "k"])["state"], "suspended");
        assert_eq!(json(token, &["key", "resume", "k"])["state"], "active");
        let shown = json(token, &["key", "show", "k"]);
        assert_eq!(shown["versions"][1]["id"], token.key_id("k", 2).as_str());
        assert_eq!(json(token, &["key", "check"])["keys"][0]["sound"], true);
        let revoke = ["key", "revoke", "k", "--reason", "superseded", "--yes"];
        assert_eq!(json(token, &revoke)["versions"][1]["reason"], "superseded");
        assert_eq!(json(token, &["key", "destroy", "k", "--yes"])["state"], "destroyed");
    });
}

#[test]
fn tokens_maintenance_and_doctor_answer_one_document() {
    on_every_token(|token| {
        let listed = json(token, &["token", "list"]);
        let tokens = listed["tokens"].as_array().expect("tokens");
        assert!(tokens.iter().any(|one| one["token"] == LABEL), "{listed}");
        let shown = json(token, &["token", "show"]);
        let module = shown["module"].as_str().map(Path::new).and_then(Path::file_name);
        assert_eq!(module, token.module.file_name());
        assert_eq!(shown["file"].is_string(), token.maker == Maker::Keyway);
        assert_eq!(json(token, &["maintain", "--dry-run"])["due"], Value::Array(vec![]));
        assert_eq!(json(token, &["maintain"])["actions"], Value::Array(vec![]));
        let answer = token.keyway(&["doctor", "--output=json"]);
        let seen: Value = serde_json::from_slice(&answer.stdout).expect("one document");
        assert!(seen["sections"].as_array().is_some_and(|sections| !sections.is_empty()), "{seen}");
    });
}

#[test]
fn data_stays_data_and_a_file_is_told() {
    on_every_token(|token| {
        token.ok(&["key", "create", "k", "--algorithm", "aes-256"]);
        let plain = token.write("plain", b"attack at dawn");
        let message = token.path("message");
        let encrypt = ["encrypt", "--key", "k", "--in", &plain, "--out", &message];
        let told = json(token, &encrypt);
        assert_eq!((&told["key"], &told["out"]), (&"k".into(), &message.as_str().into()));
        assert_eq!(told["bytes"], token.read("message").len());
        assert_eq!(token.ok(&["--output", "json", "decrypt", "--in", &message]), "attack at dawn");
        assert!(token.ok(&encrypt).is_empty(), "people see the file");
    });
}

#[test]
fn the_log_is_a_document_an_event() {
    on_every_token(|token| {
        token.ok(&["key", "create", "k", "--algorithm", "aes-256"]);
        let text = token.ok(&["log", "--verify", "--output", "json"]);
        let events: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("a document")).collect();
        let (last, events) = events.split_last().expect("what was verified");
        assert_eq!((&last["token"], &last["verified"]), (&LABEL.into(), &events.len().into()));
        assert!(events.iter().any(|event| event["key"] == "k"), "{text}");
        let numbers = events.iter().map(|event| event["sequence"].as_u64());
        assert!(numbers.eq((1..=events.len() as u64).map(Some)), "{text}");
    });
}

#[test]
fn errors_are_documents_on_standard_error() {
    on_every_token(|token| {
        let told = refusal(&token.keyway(&["--output", "json", "key", "show", "nobody"]));
        assert_eq!((&told["error"], &told["exit_code"]), (&"not_found".into(), &3.into()));
        assert!(told["message"].as_str().is_some_and(|text| text.contains("nobody")), "{told}");
        assert!(told["advice"].is_string(), "{told}");
    });
}

#[test]
fn wrong_use_is_told_as_it_is_asked_for() {
    let token = Token::initialised(Maker::Keyway);
    let wrong = ["key", "create", "k", "--algorithm", "des"];
    let text = token.fails(2, &wrong);
    assert!(text.contains("--algorithm <ALGORITHM>: \"des\" is"), "{text}");
    assert!(text.contains("aes-256"), "the advice names what there is: {text}");
    let told = refusal(&token.keyway(&[&wrong[..], &["--output=json"]].concat()));
    assert_eq!((&told["error"], &told["exit_code"]), (&"usage".into(), &2.into()));
    assert!(told["advice"].as_str().is_some_and(|text| text.contains("aes-256")), "{told}");
    let told = refusal(&token.keyway(&["--output", "json", "key", "dance"]));
    assert!(told["message"].as_str().is_some_and(|text| text.contains("dance")), "{told}");
    let mut command = token.command(env!("CARGO_BIN_EXE_keyway"));
    let answer = harness::run(command.env("KEYWAY_OUTPUT", "json").args(["key", "show"]));
    assert_eq!(refusal(&answer)["error"], "usage");
}
