//! Several processes change one key at the same moment.

mod harness;

use std::process::Stdio;

use harness::{Token, on_every_token};

/// Runs the same command in several processes at once and answers their exit codes.
fn at_once(token: &Token, count: usize, arguments: &[&str]) -> Vec<i32> {
    let start = || {
        let mut command = token.command(env!("CARGO_BIN_EXE_keyway"));
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("keyway starts")
    };
    let children: Vec<_> = (0..count).map(|_| start()).collect();
    let wait = |mut child: std::process::Child| child.wait().expect("it ends").code();
    children.into_iter().map(|child| wait(child).expect("not killed")).collect()
}

#[test]
fn every_rotation_that_was_acknowledged_is_there_and_usable() {
    on_every_token(|token| {
        token.ok(&["key", "create", "k", "--algorithm", "aes-256"]);
        let old = token.ok(&["encrypt", "--key", "k", "--armor", "--in", "pin"]);
        let codes = at_once(token, 6, &["key", "rotate", "k"]);
        assert!(codes.iter().all(|code| [0, 10].contains(code)), "{codes:?}");
        let done = codes.iter().filter(|code| **code == 0).count();
        assert!(done > 0);
        let shown = token.keyway(&["key", "show", "k"]);
        assert_eq!(shown.stderr, "", "problems after {codes:?}");
        assert_eq!(shown.text().matches("\nversion ").count(), done + 1, "{codes:?}");
        assert_eq!(shown.text().matches(" active ").count(), 1);
        let message = token.write("old", old.as_bytes());
        assert_eq!(token.ok(&["decrypt", "--in", &message]), harness::USER_PIN);
        let new = token.ok(&["encrypt", "--key", "k", "--armor", "--in", "pin"]);
        let message = token.write("new", new.as_bytes());
        assert_eq!(token.ok(&["decrypt", "--in", &message]), harness::USER_PIN);
    });
}

#[test]
fn of_several_creations_of_one_name_at_most_one_wins() {
    on_every_token(|token| {
        let create = ["key", "create", "k", "--algorithm", "aes-256"];
        let codes = at_once(token, 6, &create);
        assert!(codes.iter().all(|code| [0, 4, 10].contains(code)), "{codes:?}");
        assert!(codes.iter().filter(|code| **code == 0).count() <= 1, "{codes:?}");
        if !codes.contains(&0) {
            token.ok(&create);
        }
        let shown = token.keyway(&["key", "show", "k"]);
        assert_eq!(shown.stderr, "", "{codes:?}");
    });
}

#[test]
fn many_processes_encrypt_at_once() {
    on_every_token(|token| {
        token.ok(&["key", "create", "k", "--algorithm", "aes-256"]);
        let encrypt = ["encrypt", "--key", "k", "--in", "pin"];
        assert_eq!(at_once(token, 12, &encrypt), [0; 12]);
    });
}
