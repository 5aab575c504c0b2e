//! `keyway seal` and `keyway open`, and age itself as the peer.

mod harness;

use std::path::Path;

use harness::{Answer, Token, on_every_token, run};

fn create(token: &Token, name: &str, algorithm: &str) {
    token.ok(&["key", "create", name, "--algorithm", algorithm]);
}

/// Bytes that no block size divides and no piece repeats.
fn data(length: usize) -> Vec<u8> {
    (0..length as u64).map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect()
}

/// A program that finds our plugin as age does, on the path.
fn age(token: &Token, program: &str, arguments: &[&str]) -> Answer {
    let plugin = Path::new(env!("CARGO_BIN_EXE_age-plugin-keyway"));
    let path = std::env::var("PATH").expect("a path");
    let directory = plugin.parent().expect("a directory").display();
    run(token.command(program).env("PATH", format!("{directory}:{path}")).args(arguments))
}

/// The identity of a key as the plugin prints it, in a file, and the recipient that goes with it.
fn identity(token: &Token, key: &str) -> (String, String) {
    let answer = age(token, "age-plugin-keyway", &["--token", harness::LABEL, "--key", key]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let text = answer.text();
    let recipient = text.split_whitespace().find(|word| word.starts_with("age1keyway1"));
    (token.write(&format!("{key}.id"), text.as_bytes()), recipient.expect("a recipient").to_owned())
}

#[test]
fn what_is_sealed_is_opened_at_every_length_around_a_piece() {
    on_every_token(|token| {
        create(token, "aes", "aes-256");
        create(token, "rsa", "rsa-2048");
        for (key, length) in [
            ("aes", 0),
            ("rsa", 1),
            ("aes", 65_535),
            ("aes", 65_536),
            ("rsa", 65_537),
            ("aes", 300_001),
        ] {
            let (plain, sealed, back) =
                (token.write("plain", &data(length)), token.path("sealed"), token.path("back"));
            token.ok(&["seal", &plain, "--to", key, "--out", &sealed]);
            assert!(token.read("sealed").starts_with(b"age-encryption.org/v1\n-> keyway 1\n"));
            token.ok(&["open", &sealed, "--out", &back]);
            assert!(token.read("back") == data(length), "{key} {length}");
        }
    });
}

#[test]
fn age_opens_what_keyway_sealed_and_keyway_what_age_made() {
    on_every_token(|token| {
        for (key, algorithm) in [("aes", "aes-256"), ("rsa", "rsa-2048")] {
            create(token, key, algorithm);
            let (identity, recipient) = identity(token, key);
            let plain = token.write("plain", &data(100_000));
            let (sealed, back) = (token.path("sealed"), token.path("back"));
            token.ok(&["seal", &plain, "--to", key, "--out", &sealed]);
            let answer = age(token, "age", &["-d", "-i", &identity, "-o", &back, &sealed]);
            assert_eq!(answer.code, 0, "{:?} {key}: {}", token.maker, answer.stderr);
            assert!(token.read("back") == data(100_000), "{key}");
            let answer = age(token, "age", &["-r", &recipient, "-o", &sealed, &plain]);
            assert_eq!(answer.code, 0, "{:?} {key}: {}", token.maker, answer.stderr);
            token.ok(&["open", &sealed, "--key", key, "--out", &back]);
            assert!(token.read("back") == data(100_000), "{key}");
        }
    });
}

/// One file for a key of the token and for somebody who has only age.
#[test]
fn a_file_is_sealed_to_a_key_and_to_an_age_identity() {
    on_every_token(|token| {
        create(token, "k", "aes-256");
        let answer = age(token, "age-keygen", &["-o", "native.id"]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        let answer = age(token, "age-keygen", &["-y", "native.id"]);
        let recipient = answer.text().trim().to_owned();
        token.write("plain", b"for both");
        token.ok(&["seal", "plain", "--to", "k", "--to", &recipient]);
        assert_eq!(token.ok(&["open", "plain.age", "--out", "/dev/stdout"]), "for both");
        let answer = age(token, "age", &["-d", "-i", "native.id", "plain.age"]);
        assert_eq!(answer.stdout, b"for both", "{}", answer.stderr);
    });
}

#[test]
fn changed_cut_and_lengthened_files_are_refused_and_leave_nothing() {
    on_every_token(|token| {
        create(token, "k", "aes-256");
        let plain = token.write("plain", &data(150_000));
        token.ok(&["seal", &plain, "--to", "k"]);
        let sealed = token.read("plain.age");
        std::fs::remove_file(token.path("plain")).expect("removed");
        let before = std::fs::read_dir(token.directory.path()).expect("listed").count() + 1;
        let mut wrong: Vec<(String, Vec<u8>)> = Vec::new();
        let body = sealed.len() - 150_000;
        for at in [30, 60, 150, body, body + 70_000, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            wrong.push((format!("byte {at}"), changed));
        }
        for length in [10, 100, body, body + 65_536, sealed.len() - 16, sealed.len() - 1] {
            wrong.push((format!("cut to {length}"), sealed[..length].to_vec()));
        }
        wrong.push(("lengthened".to_owned(), [&sealed[..], b"x"].concat()));
        for (what, bytes) in wrong {
            let file = token.write("wrong.age", &bytes);
            let answer = token.keyway(&["open", &file]);
            assert!([3, 7, 12].contains(&answer.code), "{what}: {} {}", answer.code, answer.stderr);
            let after = std::fs::read_dir(token.directory.path()).expect("listed").count();
            assert_eq!(after, before, "{what} left something");
        }
    });
}

#[test]
fn a_name_that_was_not_given_replaces_no_file() {
    on_every_token(|token| {
        create(token, "k", "aes-256");
        token.write("a", b"one");
        token.ok(&["seal", "a"]);
        let error = token.fails(4, &["seal", "a"]);
        assert!(error.contains("a.age exists already"), "{error}");
        let error = token.fails(4, &["open", "a.age"]);
        assert!(error.contains("--out"), "{error}");
        token.write("a", b"two");
        token.ok(&["seal", "a", "--out", "a.age"]);
        token.ok(&["open", "a.age", "--out", "b"]);
        assert_eq!(token.read("b"), b"two");
        let error = token.fails(2, &["open", "a"]);
        assert!(error.contains("does not end in .age"), "{error}");
    });
}

#[test]
fn standard_input_goes_to_standard_output() {
    on_every_token(|token| {
        create(token, "k", "aes-256");
        let sealed = token.keyway_with_input(&["seal", "-", "--to", "k"], &data(200_000));
        assert_eq!(sealed.code, 0, "{}", sealed.stderr);
        assert!(sealed.stderr.is_empty(), "a bar where no terminal is: {}", sealed.stderr);
        let opened = token.keyway_with_input(&["open", "-"], &sealed.stdout);
        assert!(opened.stdout == data(200_000), "{}", opened.stderr);
    });
}

#[test]
fn several_keys_want_one_to_be_named() {
    on_every_token(|token| {
        token.write("a", b"x");
        let error = token.fails(2, &["seal", "a"]);
        assert!(error.contains("key create"), "{error}");
        create(token, "one", "aes-256");
        create(token, "two", "aes-256");
        let error = token.fails(2, &["seal", "a"]);
        assert!(error.contains("--to KEY"), "{error}");
        token.ok(&["seal", "a", "--to", "two"]);
        let error = token.fails(3, &["open", "a.age", "--key", "one", "--out", "b"]);
        assert!(error.contains("does not have"), "{error}");
    });
}

#[test]
fn rotated_keys_open_old_files_and_revoked_ones_do_not() {
    on_every_token(|token| {
        create(token, "k", "aes-256");
        let (identity, _) = identity(token, "k");
        token.write("a", b"old");
        token.ok(&["seal", "a"]);
        token.ok(&["key", "rotate", "k"]);
        token.ok(&["open", "a.age", "--out", "b"]);
        assert_eq!(token.read("b"), b"old");
        token.ok(&["key", "revoke", "k", "--reason", "compromise", "--yes"]);
        let error = token.fails(5, &["open", "a.age", "--out", "c"]);
        assert!(error.contains("compromise"), "{error}");
        let answer = age(token, "age", &["-d", "-i", &identity, "a.age"]);
        assert_ne!(answer.code, 0);
        assert!(answer.stderr.contains("compromise"), "{}", answer.stderr);
        let error = token.fails(5, &["seal", "a", "--to", "k", "--out", "d"]);
        assert!(error.contains("protects nothing"), "{error}");
    });
}

#[test]
fn memory_does_not_grow_with_the_file() {
    on_every_token(|token| {
        create(token, "k", "aes-256");
        let file = std::fs::File::create(token.path("big")).expect("created");
        file.set_len(160 << 20).expect("a length");
        for arguments in [&["seal", "big"][..], &["open", "big.age", "--out", "back"]] {
            let peak = token.peak(arguments);
            assert!(peak < 64 << 10, "{:?} {arguments:?}: {peak} KiB", token.maker);
        }
        assert_eq!(std::fs::metadata(token.path("back")).expect("opened").len(), 160 << 20);
    });
}
