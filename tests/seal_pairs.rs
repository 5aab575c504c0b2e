//! `keyway seal` and `keyway open` with keys that agree (EC, X25519), and age as the peer.

mod harness;

use std::path::Path;

use harness::{Answer, Maker, Token, on_every_token, run};

const CURVES: [&str; 4] = ["ec-p256", "ec-p384", "ec-p521", "x25519"];
const TEXT: &[u8] = b"for the holder of the private key";

fn create(token: &Token, name: &str, algorithm: &str) {
    token.ok(&["key", "create", name, "--algorithm", algorithm, "--use", "agree"]);
}

/// age, with our plugin on its path.
fn age(token: &Token, program: &str, arguments: &[&str]) -> Answer {
    let plugin = Path::new(env!("CARGO_BIN_EXE_age-plugin-keyway"));
    let path = std::env::var("PATH").expect("a path");
    let directory = plugin.parent().expect("a directory").display();
    run(token.command(program).env("PATH", format!("{directory}:{path}")).args(arguments))
}

/// The identity of a key in a file, and the plugin's recipient.
fn identity(token: &Token, key: &str) -> String {
    let answer = age(token, "age-plugin-keyway", &["--token", harness::LABEL, "--key", key]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    token.write(&format!("{key}.id"), &answer.stdout);
    let text = answer.text();
    let recipient = text.split_whitespace().find(|word| word.starts_with("age1keyway1"));
    recipient.expect("a recipient").to_owned()
}

#[test]
fn what_is_sealed_to_a_pair_is_opened_with_it_by_keyway_and_by_age() {
    on_every_token(|token| {
        token.write("plain", TEXT);
        for key in CURVES {
            create(token, key, key);
            token.ok(&["seal", "plain", "--to", key, "--out", "sealed"]);
            assert!(token.read("sealed").starts_with(b"age-encryption.org/v1\n-> keyway 2\n"));
            token.ok(&["open", "sealed", "--out", "back"]);
            assert_eq!(token.read("back"), TEXT, "{key}");
            let recipient = identity(token, key);
            let answer = age(token, "age", &["-d", "-i", &format!("{key}.id"), "sealed"]);
            assert_eq!(answer.stdout, TEXT, "{key}: {}", answer.stderr);
            let answer = age(token, "age", &["-r", &recipient, "-o", "theirs", "plain"]);
            assert_eq!(answer.code, 0, "{key}: {}", answer.stderr);
            token.ok(&["open", "theirs", "--key", key, "--out", "back"]);
            assert_eq!(token.read("back"), TEXT, "{key}");
        }
        // Nothing is left of the sender's pairs and of the derived keys.
        let shown = token.ok(&["key", "list"]);
        assert_eq!(shown.lines().count(), 1 + CURVES.len(), "{shown}");
        let error = token.fails(3, &["open", "sealed", "--key", "ec-p256", "--out", "x"]);
        assert!(error.contains("does not have"), "{error}");
    });
}

#[test]
fn old_versions_open_and_revoked_ones_do_not() {
    on_every_token(|token| {
        token.write("plain", TEXT);
        create(token, "k", "ec-p256");
        token.ok(&["seal", "plain", "--to", "k", "--out", "sealed"]);
        token.ok(&["key", "rotate", "k"]);
        token.ok(&["open", "sealed", "--out", "back"]);
        token.ok(&["seal", "plain", "--to", "k", "--out", "newer"]);
        token.ok(&["open", "newer", "--out", "back"]);
        token.ok(&["key", "revoke", "k", "--reason", "compromise", "--yes"]);
        for file in ["sealed", "newer"] {
            let error = token.fails(5, &["open", file, "--out", "x"]);
            assert!(error.contains("compromise"), "{error}");
        }
        let error = token.fails(5, &["seal", "plain", "--to", "k", "--out", "x"]);
        assert!(error.contains("protects nothing"), "{error}");
        token.ok(&["key", "create", "s", "--algorithm", "ec-p256", "--use", "sign"]);
        let error = token.fails(5, &["seal", "plain", "--to", "s", "--out", "x"]);
        assert!(error.contains("for sign"), "{error}");
    });
}

#[test]
fn a_changed_stanza_is_refused() {
    on_every_token(|token| {
        token.write("plain", TEXT);
        create(token, "k", "x25519");
        token.ok(&["seal", "plain", "--to", "k", "--out", "sealed"]);
        let sealed = token.read("sealed");
        let stanza = b"age-encryption.org/v1\n-> keyway 2\n".len();
        for at in (stanza..stanza + 120).step_by(9) {
            let mut changed = sealed.clone();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            token.write("changed", &changed);
            let answer = token.keyway(&["open", "changed", "--out", "x"]);
            assert!([3, 7, 12].contains(&answer.code), "{at}: {} {}", answer.code, answer.stderr);
            assert!(!Path::new(&token.path("x")).exists());
        }
    });
}

/// Whoever has only age seals to the token's key, as to any recipient of age.
#[test]
fn age_seals_to_an_x25519_key_by_its_own_means() {
    on_every_token(|token| {
        token.write("plain", TEXT);
        create(token, "k", "x25519");
        if token.maker == Maker::SoftHsm {
            let error = token.fails(9, &["key", "export-public", "k", "--format", "age"]);
            assert!(error.contains("HKDF"), "{error}");
            let answer = age(token, "age-keygen", &["-o", "native.id"]);
            assert_eq!(answer.code, 0, "{}", answer.stderr);
            let recipient = age(token, "age-keygen", &["-y", "native.id"]).text();
            age(token, "age", &["-r", recipient.trim(), "-o", "theirs", "plain"]);
            let error = token.fails(9, &["open", "theirs", "--out", "x"]);
            assert!(error.contains("HKDF"), "{error}");
            return;
        }
        create(token, "other", "x25519");
        let recipient = token.ok(&["key", "export-public", "k", "--format", "age"]);
        assert!(recipient.starts_with("age1"), "{recipient}");
        let seal = ["-r", recipient.trim(), "-o", "theirs", "plain"];
        let answer = age(token, "age", &seal);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert!(token.read("theirs").starts_with(b"age-encryption.org/v1\n-> X25519 "));
        // The stanza names no key.
        for arguments in [
            &["open", "theirs", "--out", "back"][..],
            &["open", "theirs", "--key", "k", "--out", "back"],
        ] {
            token.ok(arguments);
            assert_eq!(token.read("back"), TEXT);
        }
        token.fails(3, &["open", "theirs", "--key", "other", "--out", "x"]);
        identity(token, "k");
        let answer = age(token, "age", &["-d", "-i", "k.id", "theirs"]);
        assert_eq!(answer.stdout, TEXT, "{}", answer.stderr);
        token.ok(&["key", "rotate", "k"]);
        token.ok(&["open", "theirs", "--out", "back"]);
        token.ok(&["key", "revoke", "k", "--reason", "compromise", "--yes"]);
        let error = token.fails(5, &["open", "theirs", "--out", "x"]);
        assert!(error.contains("compromise"), "{error}");
    });
}
