//! `keyway token sync`: what differs between two tokens, and what is copied.

mod harness;

use harness::moved::{assert_decrypts_as, assert_signs_as, filled, on_every_pair, shown, tool};
use harness::{Answer, LABEL, Token, run};
use serde_json::Value;

/// The objects of [`filled`] that can be copied, and the one that cannot.
const MOVABLE: usize = 9;
const BOUND: usize = 1;

fn sync(here: &Token, there: &Token, more: &[&str]) -> Answer {
    let module = there.module.to_str().expect("UTF-8").to_owned();
    let mut command = here.command(env!("CARGO_BIN_EXE_keyway"));
    command.args(["token", "sync", "--token", LABEL, "--with-module", &module]);
    command.args(["--with-token", there.label, "--with-pin-file", &there.path("pin")]).args(more);
    run(there.shown_to(&mut command))
}

/// The report of a run, and its exit code.
fn reported(here: &Token, there: &Token, more: &[&str]) -> (i32, Value) {
    let answer = sync(here, there, &[&["--output", "json"], more].concat());
    let text = answer.text();
    let line = text.lines().next().unwrap_or_else(|| panic!("no report: {}", answer.stderr));
    (answer.code, serde_json::from_str(line).expect("JSON"))
}

fn rows(report: &Value) -> &Vec<Value> {
    report["differences"].as_array().expect("differences")
}

/// Differences in this state with this outcome.
fn count(report: &Value, state: &str, outcome: &str) -> usize {
    let is = |row: &&Value| row["state"] == state && row["outcome"] == outcome;
    rows(report).iter().filter(is).count()
}

#[test]
fn what_one_token_lacks_is_reported_and_copied_when_asked_for() {
    on_every_pair(|there, here| {
        filled(here);
        let before = (shown(here), shown(there));
        let (code, report) = reported(here, there, &[]);
        assert_eq!(code, 5, "they differ: {report}");
        assert_eq!(count(&report, "only_here", "possible"), MOVABLE, "{report}");
        assert_eq!(count(&report, "only_here", "remains"), BOUND, "{report}");
        assert_eq!((shown(here), shown(there)), before, "a report changes nothing");
        // The other direction has nothing to copy.
        let (code, report) = reported(here, there, &["--repair", "here"]);
        assert_eq!((code, count(&report, "only_here", "possible")), (5, MOVABLE), "{report}");
        assert_eq!((shown(here), shown(there)), before, "nothing to copy in this direction");

        let (code, report) = reported(here, there, &["--repair", "there"]);
        assert_eq!(count(&report, "only_here", "copied"), MOVABLE, "{report}");
        assert_eq!(code, 5, "one key does not leave: {report}");
        let bound = rows(&report).iter().find(|row| row["outcome"] == "remains");
        let bound = bound.expect("the key that stays");
        assert_eq!(bound["label"], "bound");
        assert!(bound["reason"].as_str().expect("why").contains("CKA_EXTRACTABLE is false"));
        assert_signs_as(there, here, "01", "SHA256-RSA-PKCS", &[]);
        assert_signs_as(there, here, "02", "ECDSA", &["--signature-format", "openssl"]);
        assert_decrypts_as(there, here, "05");

        let (code, report) = reported(here, there, &["--repair", "both"]);
        assert_eq!((code, report["same"].as_u64()), (5, Some(MOVABLE as u64)), "{report}");
        assert_eq!(rows(&report).len(), BOUND, "{report}");
        tool(here, &["--delete-object", "--type", "secrkey", "--id", "06"]);
        let answer = sync(here, there, &[]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        let told = format!("{MOVABLE} the same, 0 copied, 0 different");
        assert!(answer.text().contains(&told), "{}", answer.text());
    });
}

#[test]
fn both_tokens_get_what_the_other_has() {
    on_every_pair(|there, here| {
        let guarded = ["--private", "--sensitive", "--extractable"];
        for (token, id, label) in [(here, "11", "ours"), (there, "12", "theirs")] {
            let key = ["--keygen", "--key-type", "AES:32", "--id", id, "--label", label];
            tool(token, &[&key[..], &guarded].concat());
        }
        let (_, report) = reported(here, there, &[]);
        assert_eq!(count(&report, "only_here", "possible"), 1, "{report}");
        assert_eq!(count(&report, "only_there", "possible"), 1, "{report}");
        let answer = sync(here, there, &["--repair", "both"]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert!(answer.text().contains("0 the same, 2 copied, 0 different"), "{}", answer.text());
        assert_decrypts_as(there, here, "11");
        assert_decrypts_as(here, there, "12");
        assert_eq!(sync(here, there, &[]).code, 0);
    });
}

#[test]
fn another_key_under_the_same_name_is_told_and_left_alone() {
    on_every_pair(|there, here| {
        for token in [here, there] {
            let pair = ["--keypairgen", "--key-type", "EC:prime256v1", "--id", "21"];
            tool(token, &[&pair[..], &["--label", "same"]].concat());
        }
        let before = (shown(here), shown(there));
        let (code, report) = reported(here, there, &["--repair", "both"]);
        assert_eq!((code, count(&report, "conflict", "remains")), (5, 2), "{report}");
        assert_eq!(rows(&report).len(), 2, "{report}");
        let why = rows(&report)[0]["reason"].as_str().expect("why").to_owned();
        assert!(why.contains("the target has another") && why.contains("nothing is overwritten"));
        assert_eq!((shown(here), shown(there)), before);
    });
}

#[test]
fn attributes_that_differ_are_named() {
    on_every_pair(|there, here| {
        for (token, more) in [(here, &["--private"][..]), (there, &[])] {
            let data = token.write("data", b"what both hold");
            let object = ["--write-object", &data, "--type", "data", "--label", "note"];
            tool(token, &[&object[..], more].concat());
        }
        let (code, report) = reported(here, there, &["--repair", "both"]);
        assert_eq!((code, count(&report, "differs", "remains")), (5, 1), "{report}");
        assert_eq!(rows(&report)[0]["attributes"], serde_json::json!(["CKA_PRIVATE"]));
        let text = sync(here, there, &[]).text();
        assert!(text.contains("\"note\": CKA_PRIVATE differ"), "{text}");
    });
}

#[test]
fn a_token_is_not_compared_with_itself() {
    harness::on_every_token(|token| {
        let told =
            token.fails(2, &["token", "sync", "--with-token", LABEL, "--with-pin-file", "pin"]);
        assert!(told.contains("is compared with itself"), "{told}");
        assert!(told.contains("--with-token"), "{told}");
    });
}
