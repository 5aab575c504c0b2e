//! `keyway token import --from-module`: from any token into any other, through wrapping.

mod harness;

use std::fs;
use std::path::Path;
use std::process::Command;

use harness::killing::{killed_command, killer};
use harness::moved::{
    assert_decrypts_as, assert_signs_as, filled, objects, on_every_pair, openssl, pair, shown, tool,
};
use harness::{Answer, LABEL, Maker, Token, makers, run};
use serde_json::Value;

const SPY: &str = "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so";
/// More calls than any run makes.
const CALLS_MAX: u32 = 120;
/// The objects of [`filled`] that can be moved, and all of them.
const MOVABLE: usize = 9;
const ALL: usize = 10;

fn command(source: &Token, target: &Token, more: &[&str]) -> Command {
    command_through(&source.module, source, target, more)
}

/// As [`command`], with a module that stands before the source's.
fn command_through(module: &Path, source: &Token, target: &Token, more: &[&str]) -> Command {
    let (module, pin) = (module.to_str().expect("UTF-8"), source.path("pin"));
    let mut command = target.command(env!("CARGO_BIN_EXE_keyway"));
    command.args(["token", "import", "--token", LABEL, "--from-module", module]);
    command.args(["--from-token", source.label, "--from-pin-file", &pin]).args(more);
    source.shown_to(&mut command);
    command
}

fn import(source: &Token, target: &Token, more: &[&str]) -> Answer {
    run(&mut command(source, target, more))
}

/// The report of a run, and its exit code.
fn reported(source: &Token, target: &Token, more: &[&str]) -> (i32, Value) {
    let answer = import(source, target, &[&["--output", "json"], more].concat());
    let line = answer.text().lines().next().expect("a line").to_owned();
    (answer.code, serde_json::from_str(&line).expect("JSON"))
}

/// The entry of a report for an object.
fn entry<'r>(report: &'r Value, kind: &str, label: &str) -> &'r Value {
    let objects = report["objects"].as_array().expect("objects");
    let is = |object: &&Value| object["kind"] == kind && object["label"] == label;
    objects.iter().find(is).unwrap_or_else(|| panic!("no {kind} {label}: {report}"))
}

fn count(report: &Value, outcome: &str) -> usize {
    let objects = report["objects"].as_array().expect("objects");
    objects.iter().filter(|object| object["outcome"] == outcome).count()
}

/// How many objects a token shows.
fn number(token: &Token) -> usize {
    shown(token).iter().filter(|object| object.contains("  label:")).count()
}

/// What pkcs11-tool shows of the one object of a class with this label.
fn listed(token: &Token, class: &str, label: &str) -> String {
    let text = token.pkcs11_tool(&["-O", "--type", class]).text();
    let named = format!("  label:      {label}\n");
    let mut found = objects(&text).into_iter().filter(|object| object.contains(&named));
    let object = found.next().unwrap_or_else(|| panic!("no {class} {label}: {text}"));
    assert!(found.next().is_none(), "{class} {label} is there twice: {text}");
    object
}

fn works(source: &Token, target: &Token) {
    assert_signs_as(target, source, "01", "SHA256-RSA-PKCS", &[]);
    assert_signs_as(target, source, "02", "ECDSA", &["--signature-format", "openssl"]);
    assert_decrypts_as(target, source, "05");
    assert_decrypts_as(target, source, "08");
    for (class, label, file) in [("data", "note", "data"), ("cert", "rsa", "c.der")] {
        let back = target.path("back");
        tool(target, &["--read-object", "--type", class, "--label", label, "-o", &back]);
        assert_eq!(target.read("back"), source.read(file), "{label}");
    }
}

#[test]
fn what_may_leave_moves_wrapped_and_works() {
    on_every_pair(|source, target| {
        filled(source);
        let before = shown(source);
        let (code, report) = reported(source, target, &[]);
        assert_eq!(code, 5, "one key does not leave: {report}");
        assert_eq!(count(&report, "imported"), MOVABLE, "{report}");
        assert_eq!(shown(source), before, "the source is as it was");
        for (kind, label) in [
            ("private key", "rsa"),
            ("private key", "p256"),
            ("secret key", "aes"),
            ("secret key", "hmac"),
            ("secret key", "open"),
        ] {
            let key = entry(&report, kind, label);
            assert_eq!(key["wrapped"], true, "{key}");
            assert!(key["losses"][0].as_str().expect("a loss").contains("CKA_LOCAL"), "{key}");
        }
        let bound = entry(&report, "secret key", "bound");
        assert_eq!(bound["outcome"], "refused");
        assert!(bound["reason"].as_str().expect("why").contains("CKA_EXTRACTABLE is false"));
        works(source, target);
        // As guarded as they were, and what they may do.
        for (class, label) in
            [("privkey", "rsa"), ("privkey", "p256"), ("secrkey", "aes"), ("secrkey", "hmac")]
        {
            let usage = |token| {
                let text = listed(token, class, label);
                let line = text.lines().find(|line| line.contains("Usage:"));
                line.map(ToOwned::to_owned)
            };
            assert_eq!(usage(target), usage(source), "{label}");
            let there = listed(target, class, label);
            assert!(there.contains("sensitive") && there.contains("extractable"), "{there}");
            assert!(!there.contains("always sensitive") && !there.contains("local"), "{there}");
        }
        assert!(!listed(target, "secrkey", "open").contains("sensitive"));
        // Again: nothing is made twice.
        let there = shown(target);
        let (code, again) = reported(source, target, &[]);
        assert_eq!((code, count(&again, "present")), (5, MOVABLE), "{again}");
        assert_eq!(shown(target), there);
    });
}

#[test]
fn a_dry_run_says_the_same_and_changes_nothing() {
    on_every_pair(|source, target| {
        filled(source);
        let (from, to) = (shown(source), shown(target));
        let answer = import(source, target, &["--dry-run"]);
        assert_eq!(answer.code, 5, "{}", answer.stderr);
        let text = answer.text();
        let told = format!("{MOVABLE} could be imported, 0 there before, 1 refused");
        assert!(text.contains(&told), "{text}");
        assert!(text.contains(&format!("{ALL} object(s)")), "{text}");
        assert!(text.contains("make a new key, or move it with the tools"), "{text}");
        assert_eq!((shown(source), shown(target)), (from, to));
    });
}

/// OpenSSL signs with what came over. (Below its engine libp11 gives up on tokens with Ed25519.)
#[test]
fn openssl_uses_the_moved_keys() {
    for maker in makers() {
        let (source, target) = pair(maker, Maker::Keyway);
        filled(&source);
        let (_, report) = reported(&source, &target, &[]);
        assert_eq!(count(&report, "imported"), MOVABLE, "{report}");
        let (text, pin) = (target.write("text", b"a text to sign"), target.path("pin"));
        for (name, id) in [("rsa", "01"), ("p256", "02")] {
            let key =
                format!("pkcs11:token={LABEL};object={name};type=private?pin-source=file:{pin}");
            let mut openssl_engine = target.command("openssl");
            openssl_engine.env("PKCS11_MODULE_PATH", &target.module);
            openssl_engine.args(["dgst", "-engine", "pkcs11", "-keyform", "engine", "-sha256"]);
            openssl_engine.args(["-sign", &key, "-out", "signature", &text]);
            let answer = run(&mut openssl_engine);
            assert_eq!(answer.code, 0, "{name}: {}", answer.stderr);
            let (der, pem) = (target.path("public.der"), target.path("public.pem"));
            tool(&source, &["--read-object", "--type", "pubkey", "--id", id, "-o", &der]);
            openssl(&["pkey", "-pubin", "-inform", "DER", "-in", &der, "-out", &pem]);
            let signature = target.path("signature");
            openssl(&["dgst", "-sha256", "-verify", &pem, "-signature", &signature, &text]);
        }
    }
}

/// Killed in the place of a change of the target, with `KEYWAY_TEST_LONG` of every one: the same
/// command finishes, and nothing is half there or there twice.
#[test]
fn a_killed_run_is_finished_by_the_next() {
    let step = if std::env::var_os("KEYWAY_TEST_LONG").is_some() { 1 } else { 13 };
    for (from, to) in [(Maker::SoftHsm, Maker::Keyway), (Maker::Keyway, Maker::SoftHsm)] {
        let source = Token::initialised(from);
        filled(&source);
        tool(&source, &["--delete-object", "--type", "secrkey", "--label", "bound"]);
        let mut at = 1;
        loop {
            let target = Token::initialised(to);
            let killer = killer(&target);
            if !killed_command(&target, &killer, at, &mut command(&source, &target, &[])) {
                break;
            }
            let left = number(&target);
            assert!(left <= MOVABLE, "{to:?} killed at {at}: {left}");
            let (code, report) = reported(&source, &target, &[]);
            assert_eq!(code, 0, "{to:?} killed at {at}: {report}");
            assert_eq!(count(&report, "present"), left, "{to:?} killed at {at}: {report}");
            assert_eq!(number(&target), MOVABLE, "killed at {at}");
            works(&source, &target);
            at += step;
            assert!(at < CALLS_MAX, "it does not end");
        }
        assert!(at > 20, "{to:?}: too few calls to mean anything: {at}");
    }
}

/// Between the tokens stands a program that writes every call down: it sees no guarded key.
#[test]
fn who_reads_the_calls_sees_no_key() {
    let (source, target) = (Token::initialised(Maker::SoftHsm), Token::initialised(Maker::Keyway));
    let secret: Vec<u8> = (0xA0..0xC0).collect();
    let file = source.write("secret", &secret);
    let write =
        ["--write-object", &file, "--type", "secrkey", "--key-type", "AES:32", "--id", "01"];
    let more = ["--label", "known", "--private", "--sensitive", "--extractable"];
    tool(&source, &[&write[..], &more].concat());
    for (behind, spied) in [(&source, "source"), (&target, "target")] {
        let module = if spied == "source" { Path::new(SPY) } else { &source.module };
        let json = ["--dry-run", "--output", "json"];
        let mut command = command_through(module, &source, &target, &json);
        let log = target.path(spied);
        command.env("PKCS11SPY", &behind.module).env("PKCS11SPY_OUTPUT", &log);
        if spied == "target" {
            command.env("KEYWAY_MODULE", SPY);
        }
        let answer = run(&mut command);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert!(answer.text().contains(r#""wrapped":true"#), "{}", answer.text());
        let log = fs::read_to_string(&log).expect("a log").to_lowercase();
        assert!(log.contains(if spied == "source" { "c_wrapkey" } else { "c_unwrapkey" }));
        assert!(!log.contains("a0 a1 a2 a3") && !log.contains("a0a1a2a3"), "{spied}");
    }
}

#[test]
fn nothing_is_overwritten() {
    on_every_pair(|source, target| {
        filled(source);
        let key = ["--keypairgen", "--key-type", "rsa:2048", "--id", "01", "--label", "rsa"];
        tool(target, &key);
        let other = ["--keygen", "--key-type", "AES:32", "--id", "05", "--label", "other"];
        tool(target, &[&other[..], &["--private", "--sensitive"]].concat());
        let data = target.write("other", b"what another data object holds");
        tool(target, &["--write-object", &data, "--type", "data", "--label", "note", "--private"]);
        let before = listed(target, "pubkey", "rsa");
        let (code, report) = reported(source, target, &[]);
        assert_eq!(code, 5);
        for (kind, label, reason) in [
            ("public key", "rsa", "another public key with its CKA_ID"),
            ("private key", "rsa", "another private key with its CKA_ID"),
            ("secret key", "aes", "another secret key with its CKA_ID"),
            ("data", "note", "another data object of its name"),
        ] {
            let object = entry(&report, kind, label);
            assert_eq!(object["outcome"], "refused", "{object}");
            assert!(object["reason"].as_str().expect("why").contains(reason), "{object}");
        }
        assert_eq!(count(&report, "imported"), MOVABLE - 4, "{report}");
        assert_eq!(listed(target, "pubkey", "rsa"), before);
        assert_eq!(listed(target, "secrkey", "other").matches("label:").count(), 1);
    });
}

/// Keys that keyway manages stay where they are, and each says why.
#[test]
fn what_keyway_guards_does_not_leave() {
    on_every_pair(|source, target| {
        let create = |name: &str, more: &[&str]| {
            let words = [&["key", "create", name, "--algorithm", "aes-256"], more].concat();
            let mut command = source.command(env!("CARGO_BIN_EXE_keyway"));
            let answer = run(command.args(words).args(["--token", source.label]));
            assert_eq!(answer.code, 0, "{}", answer.stderr);
        };
        create("kept", &[]);
        create("shared", &["--shareable"]);
        let (code, report) = reported(source, target, &[]);
        assert_eq!((code, count(&report, "imported")), (5, 0), "{report}");
        for (kind, label, reason) in [
            ("secret key", "kept", "CKA_EXTRACTABLE is false"),
            ("secret key", "shared", "CKA_WRAP_WITH_TRUSTED"),
            ("data", "keyway-record:kept", "a record of keyway"),
        ] {
            let object = entry(&report, kind, label);
            assert!(object["reason"].as_str().expect("why").contains(reason), "{object}");
        }
    });
}

/// Ed25519: our module carries it, SoftHSM2 2.6.1 neither wraps nor unwraps it, and says so.
#[test]
fn ed25519_moves_where_both_tokens_can() {
    on_every_pair(|source, target| {
        let pair = ["--keypairgen", "--key-type", "EC:edwards25519", "--id", "04", "--label", "ed"];
        tool(source, &[&pair[..], &["--private", "--sensitive", "--extractable"]].concat());
        let (code, report) = reported(source, target, &[]);
        let private = entry(&report, "private key", "ed");
        assert_eq!(entry(&report, "public key", "ed")["outcome"], "imported", "{report}");
        if (source.maker, target.maker) == (Maker::Keyway, Maker::Keyway) {
            assert_eq!((code, &private["wrapped"]), (0, &Value::Bool(true)), "{report}");
            let (text, signature) = (target.write("text", b"a text"), target.path("signature"));
            tool(target, &["--sign", "--id", "04", "-m", "EDDSA", "-i", &text, "-o", &signature]);
            let verify = ["--verify", "--id", "04", "-m", "EDDSA", "-i", &text];
            tool(source, &[&verify[..], &["--signature-file", &signature]].concat());
        } else {
            assert_eq!((code, &private["outcome"]), (5, &"refused".into()), "{report}");
            let reason = private["reason"].as_str().expect("why");
            let side =
                if source.maker == Maker::SoftHsm { "the source does" } else { "the target" };
            assert!(reason.contains(side), "{reason}");
        }
    });
}

#[test]
fn a_wrong_pin_a_wrong_token_and_the_same_token_are_named() {
    let (source, target) = pair(Maker::Keyway, Maker::Keyway);
    let wrong = source.write("wrong", b"999999");
    let module = source.module.to_str().expect("UTF-8");
    let from = |token: &str, pin: &str| {
        let words = ["--token", LABEL, "--from-module", module, "--from-token", token];
        target.keyway(&[&["token", "import"], &words[..], &["--from-pin-file", pin]].concat())
    };
    let pin = source.path("pin");
    for (token, pin, code, reason) in [
        ("old", &wrong, 6, "the source: cannot log in to token old"),
        ("nobody", &pin, 3, "has no token nobody"),
        (LABEL, &pin, 2, "is source and target"),
    ] {
        let answer = from(token, pin);
        assert_eq!(answer.code, code, "{}", answer.stderr);
        assert!(answer.stderr.contains(reason), "{}", answer.stderr);
    }
    // A URI names token and PIN file.
    let uri = format!("pkcs11:token=old?pin-source=file:{pin}");
    let words = ["token", "import", "--token", LABEL, "--from-module", module];
    let answer = target.keyway(&[&words[..], &["--from-token", &uri]].concat());
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(
        Path::new(module).exists() && answer.text().contains("token old of"),
        "{}",
        answer.text()
    );
}
