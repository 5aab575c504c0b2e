//! `keyway encrypt` and `keyway decrypt`.

mod harness;

use harness::{Token, on_every_token};

/// Every scheme with an algorithm that has it.
const SCHEMES: [(&str, &str); 5] = [
    ("aes-256", "aes-gcm"),
    ("aes-128", "aes-gcm"),
    ("aes-256", "aes-cbc"),
    ("rsa-2048", "rsa-oaep"),
    ("rsa-2048", "rsa-pkcs1"),
];

fn create(token: &Token, name: &str, algorithm: &str) {
    token.ok(&["key", "create", name, "--algorithm", algorithm]);
}

fn encrypt(token: &Token, key: &str, scheme: &str, data: &[u8]) -> Vec<u8> {
    let arguments = ["encrypt", "--key", key, "--scheme", scheme];
    let answer = token.keyway_with_input(&arguments, data);
    assert_eq!(answer.code, 0, "{scheme}: {}", answer.stderr);
    answer.stdout
}

#[test]
fn what_every_scheme_encrypts_it_decrypts() {
    on_every_token(|token| {
        for (algorithm, scheme) in SCHEMES {
            let key = format!("{algorithm}-{scheme}");
            create(token, &key, algorithm);
            for length in [0, 1, 15, 16, 17, 200] {
                let data = vec![0x5A; length];
                let message = encrypt(token, &key, scheme, &data);
                let answer = token.keyway_with_input(&["decrypt"], &message);
                assert_eq!(answer.code, 0, "{scheme} {length}: {}", answer.stderr);
                assert_eq!(answer.stdout, data, "{scheme} {length}");
            }
        }
    });
}

#[test]
fn a_megabyte_goes_through_the_default_schemes() {
    on_every_token(|token| {
        let data: Vec<u8> = (0..1_048_577_u32).map(|i| i.to_le_bytes()[0]).collect();
        for (algorithm, scheme) in [("aes-256", "aes-gcm"), ("rsa-2048", "rsa-oaep")] {
            create(token, algorithm, algorithm);
            let message = encrypt(token, algorithm, scheme, &data);
            let answer = token.keyway_with_input(&["decrypt"], &message);
            assert!(answer.stdout == data, "{scheme}: {}", answer.stderr);
        }
    });
}

#[test]
fn armoured_text_is_recognised() {
    on_every_token(|token| {
        create(token, "k", "aes-256");
        let plain = token.write("plain", b"hello");
        let (out, back) = (token.path("out"), token.path("back"));
        token.ok(&["encrypt", "--key", "k", "--armor", "--in", &plain, "--out", &out]);
        assert!(token.read("out").is_ascii());
        token.ok(&["decrypt", "--in", &out, "--out", &back]);
        assert_eq!(token.read("back"), b"hello");
    });
}

/// Every byte of an authenticated ciphertext counts, those of the header, too.
#[test]
fn a_changed_byte_anywhere_is_noticed_and_nothing_is_written() {
    on_every_token(|token| {
        create(token, "k", "aes-256");
        let message = encrypt(token, "k", "aes-gcm", b"attack at dawn");
        let out = token.path("out");
        for at in (0..message.len()).step_by(3) {
            let mut changed = message.clone();
            changed[at] ^= 1;
            let file = token.write("changed", &changed);
            let answer = token.keyway(&["decrypt", "--in", &file, "--out", &out]);
            assert!([3, 7, 12].contains(&answer.code), "byte {at}: {}", answer.stderr);
            assert!(!std::path::Path::new(&out).exists(), "byte {at}");
        }
    });
}

#[test]
fn a_changed_data_key_is_noticed() {
    on_every_token(|token| {
        create(token, "k", "rsa-2048");
        let message = encrypt(token, "k", "rsa-oaep", b"attack at dawn");
        for at in [message.len() - 1, message.len() - 40, 100] {
            let mut changed = message.clone();
            changed[at] ^= 0x10;
            let answer = token.keyway_with_input(&["decrypt"], &changed);
            assert_eq!(answer.code, 7, "byte {at}: {}", answer.stderr);
            assert!(answer.stdout.is_empty());
        }
    });
}

#[test]
fn shortened_and_foreign_input_is_refused() {
    on_every_token(|token| {
        create(token, "k", "aes-256");
        let message = encrypt(token, "k", "aes-gcm", b"attack at dawn");
        for length in [0, 4, 8, 9, 30, message.len() - 1] {
            let answer = token.keyway_with_input(&["decrypt"], &message[..length]);
            assert!([7, 12].contains(&answer.code), "{length}: {} {}", answer.code, answer.stderr);
        }
        let answer = token.keyway_with_input(&["decrypt"], b"Dear sir or madam");
        assert_eq!(answer.code, 12, "{}", answer.stderr);
        assert!(answer.stderr.contains("not a keyway ciphertext"), "{}", answer.stderr);
    });
}

#[test]
fn too_much_for_rsa_pkcs1_names_the_limit_and_the_way_out() {
    on_every_token(|token| {
        create(token, "k", "rsa-2048");
        let data = token.write("data", &[7; 246]);
        let arguments = ["encrypt", "--key", "k", "--scheme", "rsa-pkcs1", "--in", &data];
        let error = token.fails(12, &arguments);
        assert!(error.contains("245") && error.contains("rsa-oaep"), "{error}");
    });
}

#[test]
fn a_key_is_only_for_what_it_was_made_for() {
    on_every_token(|token| {
        token.ok(&["key", "create", "s", "--algorithm", "rsa-2048", "--use", "sign"]);
        let data = token.write("data", b"x");
        let error = token.fails(5, &["encrypt", "--key", "s", "--in", &data]);
        assert!(error.contains("for sign, not for encrypt"), "{error}");
    });
}

#[test]
fn another_key_of_the_same_name_is_told_apart() {
    for maker in harness::makers() {
        let (one, two) = (Token::initialised(maker), Token::initialised(maker));
        for token in [&one, &two] {
            create(token, "k", "aes-256");
        }
        let message = encrypt(&one, "k", "aes-gcm", b"x");
        let answer = two.keyway_with_input(&["decrypt"], &message);
        assert_eq!(answer.code, 3, "{}", answer.stderr);
        assert!(answer.stderr.contains("does not have"), "{}", answer.stderr);
    }
}

#[test]
fn decrypted_files_are_for_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    on_every_token(|token| {
        create(token, "k", "aes-256");
        let file = token.write("message", &encrypt(token, "k", "aes-gcm", b"x"));
        let out = token.path("out");
        token.ok(&["decrypt", "--key", "k", "--in", &file, "--out", &out]);
        let mode = std::fs::metadata(&out).expect("written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    });
}
