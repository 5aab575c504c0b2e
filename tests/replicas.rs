//! The command over one slot of ours that has two SoftHSM2 tokens of one module behind it: keys that
//! are made while both are there are used while one of them is gone.

mod harness;

use std::fs;
use std::path::{Path, PathBuf};

use harness::{Answer, Maker, Token, run};

const LABELS: [&str; 2] = ["first", "second"];

/// Two tokens in a directory of SoftHSM2, and our configuration over them.
struct Replicas {
    ours: Token,
    theirs: Token,
}

impl Replicas {
    fn new() -> Self {
        let (ours, theirs) = (Token::empty(Maker::Keyway), Token::empty(Maker::SoftHsm));
        for label in LABELS {
            theirs.ok(&[
                "token",
                "init",
                "--label",
                label,
                "--so-pin-file",
                &theirs.path("so-pin"),
            ]);
        }
        let text = format!(
            "token_dir = {:?}\nlog = {{ to = {:?} }}\n[[slot]]\nid = 1\nbackend = \"bridge\"\n\
             module = {:?}\ntoken = {:?}\nprofile = \"softhsm2\"\n[[slot.replica]]\ntoken = {:?}\n",
            ours.path("tokens"),
            ours.path("log"),
            theirs.module,
            LABELS[0],
            LABELS[1],
        );
        fs::write(ours.path("keyway.toml"), text).expect("written");
        Self { ours, theirs }
    }

    /// The command over the slot of ours.
    fn keyway(&self, arguments: &[&str]) -> Answer {
        let mut command = self.ours.command(env!("CARGO_BIN_EXE_keyway"));
        run(self.theirs.shown_to(&mut command).args(arguments))
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let answer = self.keyway(arguments);
        assert_eq!(answer.code, 0, "{arguments:?}: {}", answer.stderr);
        answer.text()
    }

    /// Where SoftHSM2 keeps the token of a label.
    fn directory(&self, label: &str) -> PathBuf {
        let tokens = fs::read_dir(self.theirs.path("tokens")).expect("tokens").flatten();
        let holds = |directory: &Path| {
            let object = fs::read(directory.join("token.object")).expect("a token");
            object.windows(label.len()).any(|part| part == label.as_bytes())
        };
        let mut found = tokens.map(|entry| entry.path()).filter(|directory| holds(directory));
        found.next().expect("the token's directory")
    }

    /// Runs `body` while a token is gone.
    fn without(&self, label: &str, body: impl FnOnce()) {
        let (there, away) = (self.directory(label), self.theirs.directory.path().join("away"));
        fs::rename(&there, &away).expect("taken away");
        body();
        fs::rename(&away, &there).expect("brought back");
    }

    /// `keyway token sync` between the tokens themselves.
    fn sync(&self) -> Answer {
        let pin = self.theirs.path("pin");
        let with = ["--with-token", LABELS[1], "--with-pin-file", &pin];
        self.theirs.keyway(&[&["--token", LABELS[0], "token", "sync"][..], &with].concat())
    }
}

#[test]
fn keys_of_the_command_are_on_both_tokens_and_used_on_the_one_that_is_there() {
    let replicas = Replicas::new();
    let message = replicas.ours.write("message", b"a message");
    let sealed = replicas.ours.path("sealed");
    replicas.ok(&["key", "create", "web", "--algorithm", "ec-p256"]);
    replicas.ok(&["key", "create", "safe", "--algorithm", "aes-256"]);
    replicas.ok(&["encrypt", "--key", "safe", "--in", &message, "--out", &sealed]);
    let alike = replicas.sync();
    assert_eq!(alike.code, 0, "{}{}", alike.text(), alike.stderr);
    for away in LABELS {
        replicas.without(away, || {
            let signature = replicas.ours.path(&format!("signature-{away}"));
            replicas.ok(&["sign", "--key", "web", "--in", &message, "--out", &signature]);
            assert_eq!(replicas.ok(&["decrypt", "--key", "safe", "--in", &sealed]), "a message");
            let refused = replicas.keyway(&["key", "create", "new", "--algorithm", "aes-128"]);
            assert_eq!(refused.code, 8, "made on one token alone: {}", refused.stderr);
        });
        let signature = replicas.ours.path(&format!("signature-{away}"));
        replicas.ok(&["verify", "--key", "web", "--in", &message, "--signature", &signature]);
    }
    replicas.ok(&["key", "destroy", "web", "--yes"]);
    assert!(!replicas.ok(&["key", "list"]).contains("new"), "half of it was made");
    let alike = replicas.sync();
    assert_eq!(alike.code, 0, "{}{}", alike.text(), alike.stderr);
    let left = alike.text();
    assert!(left.contains("0 different") && !left.contains("0 the same"), "{left}");
}

/// Another PIN at the second token: it is left out, and loses one of its tries.
#[test]
fn a_token_with_another_pin_takes_no_part() {
    let replicas = Replicas::new();
    replicas.ok(&["key", "create", "safe", "--algorithm", "aes-256"]);
    let new = replicas.theirs.write("new-pin", b"another-pin");
    let change = ["--token", LABELS[1], "token", "change-pin", "--new-pin-file", &new];
    replicas.theirs.ok(&change);
    let message = replicas.ours.write("message", b"a message");
    let sealed = replicas.ours.path("sealed");
    replicas.ok(&["encrypt", "--key", "safe", "--in", &message, "--out", &sealed]);
    assert_eq!(replicas.ok(&["decrypt", "--key", "safe", "--in", &sealed]), "a message");
    let refused = replicas.keyway(&["key", "create", "new", "--algorithm", "aes-128"]);
    assert_eq!(refused.code, 8, "{}", refused.stderr);
    let log = String::from_utf8(replicas.ours.read("log")).expect("text");
    assert!(log.contains("token 'second'") && log.contains("left out"), "{log}");
    // Three programs logged in, and one of them tried.
    assert_eq!(log.matches("refuses the PIN that another took").count(), 1, "{log}");
    assert!(log.matches("another could lock it").count() >= 2, "{log}");
    // With its own PIN it takes part again.
    let text = String::from_utf8(replicas.ours.read("keyway.toml")).expect("text");
    replicas.ours.write("keyway.toml", format!("{text}pin_source = {new:?}\n").as_bytes());
    replicas.ok(&["key", "create", "new", "--algorithm", "aes-128"]);
}

/// By its label and by its serial number it is one token, which would hold everything twice.
#[test]
fn a_token_that_is_there_twice_takes_no_changes() {
    let replicas = Replicas::new();
    let listed = replicas.theirs.ok(&["token", "list", "--output", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let tokens = listed["tokens"].as_array().expect("tokens");
    let first = tokens.iter().find(|token| token["token"] == LABELS[0]).expect("the first");
    let text = String::from_utf8(replicas.ours.read("keyway.toml")).expect("text");
    let second = format!("[[slot.replica]]\ntoken = {:?}\n", LABELS[1]);
    assert!(text.contains(&second), "{text}");
    let twice = format!("[[slot.replica]]\nserial = {}\n", first["serial"]);
    replicas.ours.write("keyway.toml", text.replace(&second, &twice).as_bytes());
    let refused = replicas.keyway(&["key", "create", "new", "--algorithm", "aes-128"]);
    assert_eq!(refused.code, 8, "{}", refused.stderr);
    let log = String::from_utf8(replicas.ours.read("log")).expect("text");
    assert!(log.contains("is there twice in the configuration"), "{log}");
}
