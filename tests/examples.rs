//! The programs in `examples/`, and that what `docs/rust-api.md` shows is part of them.

mod harness;

#[path = "../examples/certify.rs"]
#[expect(dead_code, reason = "the tests call what main calls")]
mod certify;
#[path = "../examples/protect.rs"]
#[expect(dead_code, reason = "the tests call what main calls")]
mod protect;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use harness::{LABEL, Maker, Place, beside_every_token};

fn uri(place: &Place, label: &str) -> String {
    let (module, pin) = (place.module.display(), place.directory.join("pin"));
    format!("pkcs11:token={label}?module-path={module}&pin-source=file:{}", pin.display())
}

#[test]
fn protect_runs() {
    beside_every_token("protect_runs", |place| {
        protect::run(&uri(place, LABEL)).expect("it runs");
    });
}

#[test]
fn certify_runs() {
    beside_every_token("certify_runs", |place| {
        if place.maker == Maker::Keyway {
            let path = place.directory.join("keyway.toml");
            let mut file = OpenOptions::new().append(true).open(path).expect("the configuration");
            file.write_all(b"free_slot = \"always\"\n").expect("written");
        }
        let mut init = Command::new(env!("CARGO_BIN_EXE_keyway"));
        init.args(["token", "init", "--label", "bob", "--so-pin-file", "so-pin"]);
        assert!(init.status().expect("keyway starts").success());
        certify::run(&uri(place, LABEL), &uri(place, "bob")).expect("it runs");
    });
}

#[test]
fn the_document_shows_parts_of_the_examples() {
    let read = |path: &str| {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("text")
    };
    let programs = ["examples/protect.rs", "examples/certify.rs"].map(read);
    let document = read("docs/rust-api.md");
    let blocks: Vec<_> = document.split("```rust\n").skip(1).collect();
    assert!(blocks.len() >= 10, "the document lost its examples");
    for block in blocks {
        let block = block.split("```").next().expect("the block");
        assert!(programs.iter().any(|program| program.contains(block)), "not run:\n{block}");
    }
}
