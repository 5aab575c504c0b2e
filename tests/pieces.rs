//! `keyway encrypt` of any length, its context, `keyway reencrypt` and `keyway data-key`.

mod harness;

use harness::{Token, on_every_token};

/// Bytes of data in a piece.
const PIECE: usize = 1 << 20;

fn create(token: &Token, name: &str, algorithm: &str) {
    token.ok(&["key", "create", name, "--algorithm", algorithm]);
}

/// Bytes that no two pieces have in common.
fn data(length: usize) -> Vec<u8> {
    (0..length as u64).map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect()
}

fn with_context<'a>(arguments: &[&'a str], context: &[&'a str]) -> Vec<&'a str> {
    let pairs = context.iter().flat_map(|pair| ["--context", *pair]);
    arguments.iter().copied().chain(pairs).collect()
}

#[test]
fn what_is_longer_than_a_piece_comes_back_whole() {
    on_every_token(|token| {
        for (key, lengths) in [
            ("aes-256", &[PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 5][..]),
            ("rsa-2048", &[PIECE, 2 * PIECE + 1]),
        ] {
            create(token, key, key);
            for length in lengths {
                let plain = token.write("plain", &data(*length));
                token.ok(&["encrypt", "--key", key, "--in", &plain, "--out", "message"]);
                token.ok(&["decrypt", "--in", "message", "--out", "back"]);
                assert!(token.read("back") == data(*length), "{key} {length}");
            }
        }
    });
}

/// Header, nonce, ciphertext and tag of every piece, their order and their end.
#[test]
fn changed_swapped_cut_and_lengthened_pieces_are_refused() {
    on_every_token(|token| {
        create(token, "k", "aes-256");
        let plain = token.write("plain", &data(3 * PIECE + 100));
        let mut messages = Vec::new();
        for _ in 0..2 {
            token.ok(&["encrypt", "--key", "k", "--in", &plain, "--out", "message"]);
            messages.push(token.read("message"));
        }
        let (message, other) = (&messages[0], &messages[1]);
        let piece = PIECE + 28;
        let head = message.len() - 3 * piece - 128;
        let start = |index: usize| head + index * piece;
        let mut wrong: Vec<(&str, Vec<u8>)> = Vec::new();
        for (what, at) in [
            ("the header", head - 20),
            ("the first nonce", start(0)),
            ("the second piece", start(1) + 500),
            ("the third tag", start(3) - 1),
            ("the last tag", message.len() - 1),
        ] {
            let mut changed = message.clone();
            changed[at] ^= 1;
            wrong.push((what, changed));
        }
        let part = |from: usize, to: usize| &message[start(from)..start(to)];
        let (first, last) = (&message[..head], &message[start(3)..]);
        wrong.push(("swapped", [first, part(1, 2), part(0, 1), part(2, 3), last].concat()));
        wrong.push(("left out", [first, part(0, 1), part(2, 3), last].concat()));
        wrong.push(("twice", [first, part(0, 3), part(2, 3), last].concat()));
        wrong.push(("without the last", message[..start(3)].to_vec()));
        wrong.push(("cut in a piece", message[..start(2) + 1000].to_vec()));
        wrong.push(("cut behind the header", first.to_vec()));
        wrong.push(("lengthened", [message.as_slice(), b"x"].concat()));
        let foreign = [&message[..start(1)], &other[start(1)..]].concat();
        wrong.push(("another message of the same key", foreign));
        for (what, bytes) in wrong {
            token.write("wrong", &bytes);
            let answer = token.keyway(&["decrypt", "--in", "wrong", "--out", "back"]);
            assert!([3, 7, 12].contains(&answer.code), "{what}: {} {}", answer.code, answer.stderr);
            assert!(!std::path::Path::new(&token.path("back")).exists(), "{what}");
        }
    });
}

#[test]
fn the_context_is_wanted_again() {
    on_every_token(|token| {
        create(token, "k", "aes-256");
        create(token, "r", "rsa-2048");
        for (key, length) in [("k", 10), ("k", PIECE + 1), ("r", 10)] {
            let plain = token.write("plain", &data(length));
            let context = ["tenant=acme", "table=orders"];
            let encrypt = ["encrypt", "--key", key, "--in", &plain, "--out", "message"];
            token.ok(&with_context(&encrypt, &context));
            let decrypt = ["decrypt", "--in", "message", "--out", "back"];
            token.ok(&with_context(&decrypt, &["table=orders", "tenant=acme"]));
            assert!(token.read("back") == data(length));
            std::fs::remove_file(token.path("back")).expect("removed");
            for wrong in [
                &[][..],
                &["tenant=acme"],
                &["tenant=acme", "table=users"],
                &["tenant=acme", "table=orders", "row=1"],
                &["tenant=acmetable", "table=orders"],
            ] {
                let error = token.fails(7, &with_context(&decrypt, wrong));
                assert!(error.contains("context"), "{wrong:?}: {error}");
                assert!(!std::path::Path::new(&token.path("back")).exists());
            }
            // The values are not in the ciphertext.
            let message = token.read("message");
            assert!(!message.windows(4).any(|window| window == b"acme"));
        }
        let error = token.fails(
            2,
            &["encrypt", "--key", "k", "--scheme", "aes-cbc", "--context", "a=b", "--in", "plain"],
        );
        assert!(error.contains("cannot bind"), "{error}");
        token.fails(2, &["encrypt", "--key", "k", "--context", "ab", "--in", "plain"]);
        token.ok(&["encrypt", "--key", "k", "--in", "plain", "--out", "message"]);
        let error = token.fails(7, &["decrypt", "--in", "message", "--context", "a=b"]);
        assert!(error.contains("no context"), "{error}");
    });
}

#[test]
fn ciphertexts_move_to_the_newest_version_and_to_another_key() {
    on_every_token(|token| {
        create(token, "old", "aes-256");
        create(token, "new", "rsa-2048");
        for length in [100, 2 * PIECE + 9] {
            let plain = token.write("plain", &data(length));
            let context = ["--context", "a=b"];
            let mut arguments = vec!["encrypt", "--key", "old", "--in", &plain, "--out", "m"];
            arguments.extend(context);
            token.ok(&arguments);
            token.ok(&["key", "rotate", "old"]);
            // In its own place.
            token.ok(&["reencrypt", "--in", "m", "--out", "m", "--context", "a=b"]);
            token.ok(&["reencrypt", "--in", "m", "--out", "n", "--key", "new", "--context", "a=b"]);
            for message in ["m", "n"] {
                token.ok(&["decrypt", "--in", message, "--out", "back", "--context", "a=b"]);
                assert!(token.read("back") == data(length), "{message} {length}");
            }
            token.fails(7, &["reencrypt", "--in", "m", "--out", "x"]);
        }
        let versions = token.ok(&["key", "show", "old"]).matches("version ").count();
        assert_eq!(versions, 3);
        // Only the versions that it moved away from are gone for the ciphertexts.
        token.ok(&["key", "destroy", "old", "--yes"]);
        token.fails(5, &["decrypt", "--in", "m", "--out", "back", "--context", "a=b"]);
        token.ok(&["decrypt", "--in", "n", "--out", "back", "--context", "a=b"]);
    });
}

#[test]
fn a_data_key_comes_back_from_its_wrapped_form() {
    use std::os::unix::fs::PermissionsExt;
    on_every_token(|token| {
        create(token, "k", "aes-256");
        token.ok(&["data-key", "--key", "k", "--plain", "dk", "--out", "dk.kw"]);
        assert_eq!(token.read("dk").len(), 32);
        let mode = std::fs::metadata(token.path("dk")).expect("written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        token.ok(&["decrypt", "--in", "dk.kw", "--out", "again"]);
        assert_eq!(token.read("again"), token.read("dk"));
        token.ok(&["data-key", "--key", "k", "--wrapped-only", "--out", "other.kw"]);
        token.ok(&["decrypt", "--in", "other.kw", "--out", "other"]);
        assert_eq!(token.read("other").len(), 32);
        assert_ne!(token.read("other"), token.read("dk"));
        let error = token.fails(2, &["data-key", "--key", "k", "--out", "x"]);
        assert!(error.contains("--plain"), "{error}");
    });
}

/// A gigabyte would do as well: nothing grows with the length.
#[test]
fn memory_does_not_grow_with_the_message() {
    on_every_token(|token| {
        create(token, "k", "aes-256");
        let file = std::fs::File::create(token.path("big")).expect("created");
        file.set_len(160 << 20).expect("a length");
        let arguments = ["encrypt", "--key", "k", "--in", "big", "--out", "message"];
        for arguments in [&arguments[..], &["decrypt", "--in", "message", "--out", "back"]] {
            let peak = token.peak(arguments);
            assert!(peak < 64 << 10, "{:?} {arguments:?}: {peak} KiB", token.maker);
        }
        assert_eq!(std::fs::metadata(token.path("back")).expect("there").len(), 160 << 20);
    });
}
