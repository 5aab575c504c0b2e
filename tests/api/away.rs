//! A token that is taken away, and another in its place.

use std::fs;
use std::process::Command;

use keyway::domain::key::Algorithm;

use crate::disturb::finalize;
use crate::harness::{LABEL, Maker, beside_every_token};
use crate::{create, open, round_trip};

#[test]
fn a_token_that_is_taken_away_is_missed_and_found_again() {
    beside_every_token("away::a_token_that_is_taken_away_is_missed_and_found_again", |place| {
        let kms = open(place);
        let key = create(&kms, "k", Algorithm::Aes256);
        let (tokens, away) = (place.directory.join("tokens"), place.directory.join("away"));
        let message = kms.encrypt(&key, None, b"attack at dawn").expect("encrypted");
        for change in [false, true] {
            fs::rename(&tokens, &away).expect("moved");
            fs::create_dir(&tokens).expect("an empty directory");
            if place.maker == Maker::Keyway {
                // Whoever has our token's file open keeps it, wherever it goes.
                assert_eq!(*kms.decrypt(None, &message).expect("decrypted"), b"attack at dawn");
                finalize(place);
            }
            let error = match change {
                true => kms.rotate_key(&key).map(drop),
                false => kms.decrypt(None, &message).map(drop),
            };
            let error = error.expect_err("there is no token");
            let text = error.to_string();
            assert!(text.contains(&format!("has no token {LABEL}")), "{text}");
            let advice = error.advice().expect("an advice");
            assert!(advice.contains("put the token back"), "{advice}");
            fs::remove_dir_all(&tokens).expect("removed");
            fs::rename(&away, &tokens).expect("moved back");
            assert_eq!(*kms.decrypt(None, &message).expect("decrypted"), b"attack at dawn");
        }
        kms.rotate_key(&key).expect("rotated");
        round_trip(&kms, &key);
    });
}

#[test]
fn another_token_of_the_same_label_is_not_taken_for_the_first() {
    beside_every_token(
        "away::another_token_of_the_same_label_is_not_taken_for_the_first",
        |place| {
            let kms = open(place);
            create(&kms, "k", Algorithm::Aes256);
            let (tokens, away) = (place.directory.join("tokens"), place.directory.join("away"));
            fs::rename(&tokens, &away).expect("moved");
            fs::create_dir(&tokens).expect("an empty directory");
            let mut init = Command::new(env!("CARGO_BIN_EXE_keyway"));
            init.args(["token", "init", "--label", LABEL, "--so-pin-file", "so-pin"]);
            assert!(init.status().expect("keyway starts").success());
            finalize(place);
            let error = kms.list_keys().map(drop).expect_err("another token");
            assert!(error.to_string().contains("the token is another one"), "{error}");
            fs::remove_dir_all(&tokens).expect("removed");
            fs::rename(&away, &tokens).expect("moved back");
            finalize(place);
            assert_eq!(kms.list_keys().expect("listed").records.len(), 1);
        },
    );
}
