//! The process is killed in the place of each call that would change the token: the maintenance, or
//! the same command once more, finishes what was begun, and nothing is lost.

mod harness;

use harness::killing::{killed, killer};
use harness::{Token, USER_PIN, on_every_token};

const IV: &str = "00000000000000000000000000000000";
/// More calls than any command makes.
const CALLS_MAX: u32 = 40;

/// A command on a key, and what holds when it was given once more.
struct Case {
    name: &'static str,
    /// Commands before it, with `K` for the key.
    before: &'static [&'static [&'static str]],
    command: &'static [&'static str],
    /// Whether the key decrypts and encrypts in the end, in keyway and in pkcs11-tool.
    decrypts: bool,
    encrypts: bool,
}

const REVOKE: &[&str] = &["key", "revoke", "K", "--reason", "compromise", "--yes"];
const CASES: &[Case] = &[
    Case {
        name: "rotate",
        before: &[],
        command: &["key", "rotate", "K"],
        decrypts: true,
        encrypts: true,
    },
    Case {
        name: "suspend",
        before: &[],
        command: &["key", "suspend", "K"],
        decrypts: true,
        encrypts: false,
    },
    Case {
        name: "resume",
        before: &[&["key", "suspend", "K"]],
        command: &["key", "resume", "K"],
        decrypts: true,
        encrypts: true,
    },
    Case {
        name: "revoke",
        before: &[&["key", "rotate", "K"]],
        command: REVOKE,
        decrypts: false,
        encrypts: false,
    },
    Case {
        name: "recover",
        before: &[&["key", "revoke", "K", "--reason", "compromise", "--recoverable", "--yes"]],
        command: &["key", "recover", "K", "--yes", "--so-pin-file", "so-pin"],
        decrypts: true,
        encrypts: false,
    },
    Case {
        name: "destroy",
        before: &[&["key", "rotate", "K"]],
        command: &["key", "destroy", "K", "--yes"],
        decrypts: false,
        encrypts: false,
    },
];

fn with_key<'a>(arguments: &[&'a str], key: &'a str) -> Vec<&'a str> {
    arguments.iter().map(|argument| if *argument == "K" { key } else { argument }).collect()
}

/// Whether pkcs11-tool does it with version 1.
fn foreign(token: &Token, direction: &str, id: &str) -> bool {
    let (from, to) = match direction {
        "--encrypt" => ("plain", "sealed"),
        _ => ("sealed", "opened"),
    };
    let key = [direction, "--id", id, "-m", "AES-CBC-PAD", "--iv", IV, "-i", from, "-o", to];
    token.pkcs11_tool(&key).code == 0
}

fn check(token: &Token, case: &Case, key: &str, id: &str, at: u32) {
    let told = format!("{:?} {} killed at {at}", token.maker, case.name);
    assert_eq!(token.keyway(&["decrypt", "--in", key]).code == 0, case.decrypts, "{told}");
    assert_eq!(foreign(token, "--decrypt", id), case.decrypts, "{told}: pkcs11-tool");
    let encrypt = ["encrypt", "--key", key, "--in", "plain", "--out", "other"];
    assert_eq!(token.keyway(&encrypt).code == 0, case.encrypts, "{told}");
    let shown = token.keyway(&["key", "show", key]);
    assert!(!shown.stderr.contains("warning"), "{told}: {}", shown.stderr);
    let left = token.ok(&["maintain"]);
    assert!(left.contains("nothing was due"), "{told}: {left}");
}

fn at_every_call(token: &Token, case: &Case) {
    let killer = killer(token);
    token.write("plain", USER_PIN.as_bytes());
    for at in 1..CALLS_MAX {
        let key = format!("{}-{at}", case.name);
        token.ok(&["key", "create", &key, "--algorithm", "aes-256"]);
        token.ok(&["encrypt", "--key", &key, "--in", "plain", "--out", &key]);
        let id = token.key_id(&key, 1);
        assert!(foreign(token, "--encrypt", &id));
        for before in case.before {
            token.ok(&with_key(before, &key));
        }
        let command = with_key(case.command, &key);
        let stopped = killed(token, &killer, at, &command);
        if stopped {
            // First the maintenance: it finishes, or leaves what was not begun to be given again.
            token.ok(&["maintain"]);
            let again = token.keyway(&command);
            assert!(
                [0, 3, 5, 9].contains(&again.code),
                "{:?} {command:?}: {}",
                token.maker,
                again.stderr
            );
        }
        check(token, case, &key, &id, at);
        if !stopped {
            assert!(at > 2, "{}: too few calls to mean anything", case.name);
            return;
        }
    }
    panic!("{} does not end", case.name);
}

fn case(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.name == name).expect("a case")
}

#[test]
fn a_killed_rotation_is_finished() {
    on_every_token(|token| at_every_call(token, case("rotate")));
}

#[test]
fn a_killed_suspension_is_finished() {
    on_every_token(|token| at_every_call(token, case("suspend")));
}

#[test]
fn a_killed_resumption_is_finished() {
    on_every_token(|token| at_every_call(token, case("resume")));
}

#[test]
fn a_killed_revocation_is_finished() {
    on_every_token(|token| at_every_call(token, case("revoke")));
}

#[test]
fn a_killed_recovery_is_finished() {
    on_every_token(|token| at_every_call(token, case("recover")));
}

#[test]
fn a_killed_destruction_is_finished() {
    on_every_token(|token| at_every_call(token, case("destroy")));
}
