//! A slot of our module that bridges to a SoftHSM2 token, through the command.

mod harness;

use std::fs;
use std::process::Command;

use harness::{Answer, LABEL, Maker, Token, USER_PIN, on_every_token, run};
use serde_json::Value;

/// Our module with one slot, SoftHSM2 behind it.
struct Bridged {
    token: Token,
    hsm: softhsm::Token,
}

impl Bridged {
    fn new() -> Self {
        let (token, hsm) = (Token::empty(Maker::Keyway), softhsm::Token::labelled(LABEL));
        let text = format!(
            "token_dir = {:?}\n[[slot]]\nid = 7\nbackend = \"bridge\"\nmodule = {:?}\n\
             token = {LABEL:?}\nprofile = \"softhsm2\"\n",
            token.path("tokens"),
            hsm.module().display().to_string(),
        );
        fs::write(token.path("keyway.toml"), text).expect("written");
        Self { token, hsm }
    }

    fn beside<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let (name, configuration) = self.hsm.environment();
        command.env(name, configuration)
    }

    fn keyway(&self, arguments: &[&str]) -> Answer {
        let mut command = self.token.command(env!("CARGO_BIN_EXE_keyway"));
        run(self.beside(command.args(arguments)))
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let answer = self.keyway(arguments);
        assert_eq!(answer.code, 0, "{arguments:?}: {}", answer.stderr);
        answer.text()
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let text = self.ok(&[&["--output", "json"], arguments].concat());
        serde_json::from_str(&text).expect("a document")
    }

    /// pkcs11-tool through the bridge: any other program that has our module.
    fn tool(&self, arguments: &[&str]) -> Answer {
        run(self.beside(&mut self.token.pkcs11_tool_command(arguments)))
    }
}

/// Without a terminal and without any PIN.
fn without_pin(token: &Token, arguments: &[&str]) -> Command {
    let mut command = token.command("setsid");
    command.args(["-w", env!("CARGO_BIN_EXE_keyway")]).args(arguments);
    command.env_remove("KEYWAY_PIN_FILE");
    command
}

#[test]
fn a_token_tells_its_mechanisms_without_a_pin() {
    on_every_token(|token| {
        let answer = run(&mut without_pin(token, &["token", "show", "--mechanisms"]));
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        let (text, made) = (answer.text(), "CKM_RSA_PKCS_KEY_PAIR_GEN");
        let line = |name: &str| {
            let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
            line.unwrap_or_else(|| panic!("no {name}: {text}")).to_owned()
        };
        assert!(line(made).ends_with("  generate-pair"), "{}", line(made));
        assert!(line("CKM_SHA256").ends_with("  digest"), "{}", line("CKM_SHA256"));
        assert!(line("CKM_ECDSA").ends_with("  sign, verify"), "{}", line("CKM_ECDSA"));
        assert!(line("MECHANISM").ends_with("FUNCTIONS"), "{}", line("MECHANISM"));
        let shown = ["--output", "json", "token", "show"];
        let parse = |text: String| serde_json::from_str::<Value>(&text).expect("a document");
        assert_eq!(parse(token.ok(&shown))["mechanism_list"], Value::Null);
        let shown = parse(token.ok(&[&shown[..], &["--mechanisms"]].concat()));
        let list = shown["mechanism_list"].as_array().expect("a list");
        assert_eq!(shown["mechanisms"], list.len());
        assert!(list.iter().all(|row| row["origins"] == Value::Null), "{shown}");
    });
}

#[test]
fn a_bridged_slot_tells_who_does_what() {
    let bridged = Bridged::new();
    let mut command = without_pin(&bridged.token, &["token", "show", "--mechanisms"]);
    let answer = run(bridged.beside(&mut command));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let text = answer.text();
    let words = |name: &str| {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
        line.unwrap_or_else(|| panic!("no {name}: {text}")).trim().to_owned()
    };
    assert!(words("CKM_SHA3_256_RSA_PKCS").ends_with("sign: composed, verify: engine"), "{text}");
    assert!(
        words("CKM_SHA256").ends_with("  digest  engine") || {
            let line = words("CKM_SHA256");
            line.contains(" digest ") && line.ends_with(" engine")
        }
    );
    assert!(words("CKM_AES_KEY_GEN").ends_with(" inner"), "{text}");
    assert!(!text.contains("\nfile "), "{text}");

    let shown = bridged.json(&["token", "show", "--mechanisms"]);
    let origin = |mechanism: &str, function: &str| {
        let list = shown["mechanism_list"].as_array().expect("a list");
        let row = list.iter().find(|row| row["mechanism"] == mechanism).expect(mechanism);
        row["origins"][function].as_str().map(str::to_owned)
    };
    for (mechanism, function, expected) in [
        ("CKM_SHA3_256_RSA_PKCS", "sign", Some("composed")),
        ("CKM_SHA3_256_RSA_PKCS", "verify", Some("engine")),
        ("CKM_SHA256", "digest", Some("engine")),
        ("CKM_RSA_PKCS", "sign", Some("inner")),
        ("CKM_RSA_PKCS", "encrypt", Some("engine")),
        ("CKM_RSA_PKCS_KEY_PAIR_GEN", "generate-pair", Some("inner")),
        ("CKM_RSA_PKCS", "digest", None),
    ] {
        assert_eq!(origin(mechanism, function).as_deref(), expected, "{mechanism} {function}");
    }
    // Each function that is there has somebody who does it.
    for row in shown["mechanism_list"].as_array().expect("a list") {
        let functions = row["functions"].as_array().expect("functions");
        let of = |function: &Value| row["origins"][function.as_str().expect("a word")].is_string();
        assert!(!functions.is_empty() && functions.iter().all(of), "{row}");
    }
}

/// keyway takes the states of the slot, and any other program is refused by them.
#[test]
fn states_of_managed_keys_hold_behind_a_bridge() {
    let bridged = Bridged::new();
    bridged.ok(&["key", "create", "web", "--algorithm", "ec-p256"]);
    let signs = || {
        bridged.token.write("digest", &[1; 32]);
        let files = ["--input-file", "digest", "--output-file", "signature"];
        let what = ["--sign", "--mechanism", "ECDSA", "--label", "web"];
        bridged.tool(&[&what[..], &files].concat())
    };
    assert_eq!(signs().code, 0, "{}", signs().stderr);
    let suspended = bridged.json(&["key", "suspend", "web"]);
    // Every program that comes through Keyway is refused, and no other: both commands say so.
    let warning = suspended["warning"].as_str().expect("a warning");
    assert!(warning.contains("whoever talks to the token behind it"), "{warning}");
    let refused = signs();
    assert_ne!(refused.code, 0);
    let why = "CKR_KEY_FUNCTION_NOT_PERMITTED";
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
    bridged.ok(&["key", "resume", "web"]);
    assert_eq!(signs().code, 0, "{}", signs().stderr);
    let reason = ["--reason", "compromise", "--yes"];
    let revoked = bridged.json(&[&["key", "revoke", "web"], &reason[..]].concat());
    assert_eq!(revoked["refused_by_token"], false, "{revoked}");
    let warning = revoked["warning"].as_str().expect("a warning");
    assert!(warning.contains("whoever talks to the token behind it"), "{warning}");
    assert_ne!(signs().code, 0);
    assert!(bridged.ok(&["key", "show", "web"]).contains("compromised"));
    bridged.ok(&["maintain"]);
    let checked = bridged.json(&["maintain"]);
    assert_eq!(checked["mended"], Value::Array(Vec::new()), "{checked}");
    // What keyway did stands in the journal, for the inner token keeps none.
    assert!(bridged.ok(&["log", "--verify"]).contains("compromised"));
    bridged.ok(&["key", "destroy", "web", "--yes"]);
    let mut past = bridged.token.command("pkcs11-tool");
    past.arg("--module").arg(bridged.hsm.module());
    past.args(["--token-label", LABEL, "--login", "--pin", USER_PIN, "--list-objects"]);
    let left = run(bridged.beside(&mut past)).text();
    assert!(!left.contains("keyway-state"), "{left}");
}

#[test]
fn periods_of_managed_keys_hold_behind_a_bridge() {
    let bridged = Bridged::new();
    let later = ["--activate-at", "2099-01-01"];
    bridged.ok(&[&["key", "create", "later", "--algorithm", "aes-256"], &later[..]].concat());
    bridged.token.write("plain", b"x");
    let refused =
        bridged.keyway(&["encrypt", "--key", "later", "--in", "plain", "--out", "sealed"]);
    assert_ne!(refused.code, 0);
    // pkcs11-tool takes a secret key by its id alone.
    let shown = bridged.json(&["key", "show", "later"]);
    let id = shown["versions"][0]["id"].as_str().expect("an id");
    let what = ["--encrypt", "--mechanism", "AES-ECB", "--id", id];
    bridged.token.write("block", &[0; 16]);
    let files = ["--input-file", "block", "--output-file", "out"];
    let refused = bridged.tool(&[&what[..], &files].concat());
    assert!(refused.stderr.contains("CKR_KEY_FUNCTION_NOT_PERMITTED"), "{}", refused.stderr);
}
