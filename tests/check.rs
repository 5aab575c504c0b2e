//! `keyway token check`: clean tokens, damaged ones, and tokens that are not Keyway's own.

mod harness;

use harness::{LABEL, Maker, on_every_token};

/// Overwrites bytes in the middle of what `needle` begins, in every file of the token.
fn damage(directory: &str, needle: &[u8]) {
    let mut hits = 0;
    for entry in std::fs::read_dir(directory).expect("the token directory") {
        let path = entry.expect("a file").path();
        let mut bytes = std::fs::read(&path).expect("readable");
        let found: Vec<usize> = (0..bytes.len().saturating_sub(needle.len()))
            .filter(|at| bytes[*at..].starts_with(needle))
            .collect();
        for at in &found {
            bytes[*at] ^= 0x20;
        }
        if !found.is_empty() {
            std::fs::write(&path, bytes).expect("writable");
        }
        hits += found.len();
    }
    assert!(hits > 0, "the needle is nowhere");
}

#[test]
fn a_token_is_checked_with_and_without_the_pin() {
    on_every_token(|token| {
        token.ok(&["key", "create", "k", "--algorithm", "aes-256"]);
        if token.maker != Maker::Keyway {
            assert!(token.fails(9, &["token", "check"]).contains("not Keyway's own"));
            return;
        }
        let told = token.ok(&["token", "check"]);
        assert!(told.contains(LABEL) && told.contains("as Keyway left it"), "{told}");
        let told = token.ok(&["token", "check", "--without-pin"]);
        assert!(told.contains("nothing wrong is seen"), "{told}");
        let wrong = token.write("wrong", b"000000");
        assert!(token.fails(6, &["--pin-file", &wrong, "token", "check"]).contains("PIN"));
    });
}

#[test]
fn damage_has_an_exit_code_of_its_own() {
    on_every_token(|token| {
        if token.maker != Maker::Keyway {
            return;
        }
        damage(&token.path("tokens"), LABEL.as_bytes());
        let answer = token.keyway(&["token", "check"]);
        let told = String::from_utf8_lossy(&answer.stdout);
        assert_eq!(answer.code, 13, "{told}{}", answer.stderr);
        assert!(told.contains("wrong: ") && told.contains("backup"), "{told}");
    });
}
