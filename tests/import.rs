//! `keyway token import`, with SoftHSM2 and openssl as the sources.

mod harness;

use std::fs;
use std::path::PathBuf;

use harness::moved::{assert_decrypts_as, assert_signs_as, openssl};
use harness::{Answer, Maker, SO_PIN, Token, USER_PIN, on_every_token};

/// A SoftHSM2 token with a key of every kind that people have there; none of the private ones may
/// leave it.
fn source() -> Token {
    let source = Token::initialised(Maker::SoftHsm);
    for arguments in [
        &["--keypairgen", "--key-type", "rsa:2048", "--id", "01", "--label", "rsa"][..],
        &["--keypairgen", "--key-type", "EC:prime256v1", "--id", "02", "--label", "p256"],
        &["--keypairgen", "--key-type", "EC:secp384r1", "--id", "03", "--label", "p384"],
        &[
            "--keygen",
            "--key-type",
            "AES:32",
            "--id",
            "05",
            "--label",
            "aes",
            "--private",
            "--sensitive",
        ],
    ] {
        let answer = source.pkcs11_tool(arguments);
        assert_eq!(answer.code, 0, "{arguments:?}: {}", answer.stderr);
    }
    source.write("data", b"what a data object holds");
    let data = source.path("data");
    let written = ["--write-object", &data, "--type", "data", "--label", "note", "--private"];
    assert_eq!(source.pkcs11_tool(&written).code, 0);
    source
}

fn tokens_of(source: &Token) -> String {
    let configuration = fs::read_to_string(softhsm::configuration_in(source.directory.path()));
    let text = configuration.expect("configuration");
    let line = text.lines().find(|line| line.starts_with("directories.tokendir")).expect("a line");
    line.split('=').nth(1).expect("a directory").trim().to_owned()
}

fn import(target: &Token, source: &Token, more: &[&str]) -> Answer {
    let (directory, pin) = (tokens_of(source), source.path("pin"));
    let mut arguments =
        vec!["token", "import", "--from-softhsm", &directory, "--source-pin-file", &pin];
    arguments.extend(more);
    target.keyway(&arguments)
}

#[test]
fn a_softhsm_token_moves_whole() {
    let source = source();
    on_every_token(|target| {
        let answer = import(target, &source, &[]);
        assert_eq!(answer.code, 0, "{}\n{}", answer.text(), answer.stderr);
        assert!(
            answer.text().contains("8 imported, 0 there before, 0 refused"),
            "{}",
            answer.text()
        );
        assert_signs_as(target, &source, "01", "SHA256-RSA-PKCS", &[]);
        assert_signs_as(target, &source, "02", "ECDSA", &["--signature-format", "openssl"]);
        assert_decrypts_as(target, &source, "05");
        let back = target.path("note");
        let read = ["--read-object", "--type", "data", "--label", "note", "-o", &back];
        assert_eq!(target.pkcs11_tool(&read).code, 0);
        assert_eq!(target.read("note"), b"what a data object holds");
        // What SoftHSM2 would not give away the new token does not either.
        let listed = target.pkcs11_tool(&["-O", "--type", "privkey"]).text();
        assert_eq!(listed.matches("never extractable").count(), 0, "{listed}");
        assert_eq!(listed.matches("sensitive").count(), 3, "{listed}");
        assert!(!listed.contains(" extractable"), "{listed}");
        // Again: nothing is made twice.
        let again = import(target, &source, &[]);
        assert_eq!(again.code, 0, "{}", again.stderr);
        assert!(again.text().contains("0 imported, 8 there before"), "{}", again.text());
    });
}

#[test]
fn a_dry_run_writes_nothing() {
    let source = source();
    on_every_token(|target| {
        let answer = import(target, &source, &["--dry-run"]);
        assert_eq!(answer.code, 0, "{}\n{}", answer.text(), answer.stderr);
        assert!(answer.text().contains("8 could be imported"), "{}", answer.text());
        let objects = target.pkcs11_tool(&["-O"]).text();
        assert!(!objects.contains("label"), "{objects}");
    });
}

#[test]
fn a_wrong_pin_a_damaged_file_and_a_wrong_directory_are_named() {
    let source = source();
    let target = Token::initialised(Maker::Keyway);
    let directory = tokens_of(&source);
    let wrong = target.write("wrong-pin", b"999999");
    let from = |directory: &str, pin: &str| {
        target.keyway(&["token", "import", "--from-softhsm", directory, "--source-pin-file", pin])
    };
    let answer = from(&directory, &wrong);
    assert_eq!(answer.code, 6, "{}", answer.stderr);
    assert!(answer.stderr.contains("the PIN does not open SoftHSM2's token"), "{}", answer.stderr);
    // The security officer's PIN opens another blob.
    assert_eq!(from(&directory, &target.write("so", SO_PIN.as_bytes())).code, 6);
    let pin = source.path("pin");
    let answer = from(&target.path("."), &pin);
    assert_eq!(answer.code, 3, "{}", answer.stderr);
    let object = objects_of(&directory).remove(0);
    let bytes = fs::read(&object).expect("read");
    fs::write(&object, &bytes[..bytes.len() - 3]).expect("written");
    let answer = from(&directory, &pin);
    assert_eq!(answer.code, 12, "{}", answer.stderr);
    assert!(answer.stderr.contains(object.to_str().expect("UTF-8")), "{}", answer.stderr);
    assert!(!target.pkcs11_tool(&["-O"]).text().contains("label"), "nothing was imported");
}

fn objects_of(directory: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for token in fs::read_dir(directory).expect("tokens") {
        for file in fs::read_dir(token.expect("a token").path()).expect("files") {
            let path = file.expect("a file").path();
            let is_object = path.extension().is_some_and(|extension| extension == "object");
            if is_object && path.file_name().is_some_and(|name| name != "token.object") {
                found.push(path);
            }
        }
    }
    found
}

/// A PKCS#12 file with a key and its certificate, as openssl writes it.
fn pkcs12(target: &Token, key: &[&str], more: &[&str]) -> String {
    let (pem, certificate) = (target.path("key.pem"), target.path("certificate.pem"));
    openssl(&[&["genpkey", "-out", &pem][..], key].concat());
    openssl(&["req", "-new", "-x509", "-key", &pem, "-subj", "/CN=somebody", "-out", &certificate]);
    let file = target.path("file.p12");
    let passphrase = format!("pass:{USER_PIN}");
    let export = [
        "pkcs12",
        "-export",
        "-inkey",
        &pem,
        "-in",
        &certificate,
        "-out",
        &file,
        "-passout",
        &passphrase,
    ];
    openssl(&[&export[..], more].concat());
    file
}

#[test]
fn a_pkcs12_file_moves_with_its_certificate() {
    let rsa = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"][..];
    let p256 = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"][..];
    let ed25519 = &["-algorithm", "ED25519"][..];
    let old = &["-legacy", "-name", "friendly"][..];
    let cases = [
        (rsa, &[][..], "SHA256-RSA-PKCS", &[][..]),
        (rsa, old, "SHA256-RSA-PKCS", &[]),
        (p256, &[], "ECDSA-SHA256", &["--signature-format", "openssl"]),
        (ed25519, &[], "EDDSA", &[]),
    ];
    for (key, more, mechanism, extra) in cases {
        let target = Token::initialised(Maker::Keyway);
        let file = pkcs12(&target, key, more);
        let pin = target.path("pin");
        let import = [
            &["token", "import", "--from-pkcs12", &file, "--source-pin-file", &pin][..],
            &["--label", "web"],
        ]
        .concat();
        let answer = target.keyway(&import);
        assert_eq!(answer.code, 0, "{key:?} {more:?}: {}", answer.stderr);
        assert!(answer.text().contains("3 imported"), "{}", answer.text());
        let text = target.write("text", b"a text to sign");
        let signature = target.path("signature");
        let sign = ["--sign", "--label", "web", "-m", mechanism, "-i", &text, "-o", &signature];
        let answer = target.pkcs11_tool(&[&sign[..], extra].concat());
        assert_eq!(answer.code, 0, "{key:?}: {}", answer.stderr);
        let (pem, public) = (target.path("key.pem"), target.path("public.pem"));
        openssl(&["pkey", "-in", &pem, "-pubout", "-out", &public]);
        let verify = ["pkeyutl", "-verify", "-pubin", "-inkey", &public, "-sigfile", &signature];
        let raw = if mechanism == "EDDSA" { &[][..] } else { &["-digest", "sha256"] };
        openssl(&[&verify[..], &["-rawin", "-in", &text], raw].concat());
        // The certificate in the token is the one of the file.
        let back = target.path("back.der");
        let read = ["--read-object", "--type", "cert", "--label", "web", "-o", &back];
        assert_eq!(target.pkcs11_tool(&read).code, 0);
        let der = target.path("certificate.der");
        openssl(&["x509", "-in", &target.path("certificate.pem"), "-outform", "DER", "-out", &der]);
        assert_eq!(target.read("back.der"), target.read("certificate.der"));
        let again = target.keyway(&import);
        assert!(again.text().contains("0 imported, 3 there before"), "{}", again.text());
    }
}

#[test]
fn a_wrong_passphrase_and_what_is_no_pkcs12_are_named() {
    let target = Token::initialised(Maker::Keyway);
    let file = pkcs12(&target, &["-algorithm", "ED25519"], &[]);
    let wrong = target.write("wrong", b"another");
    let from = |file: &str, pin: &str, code| {
        target.fails(code, &["token", "import", "--from-pkcs12", file, "--source-pin-file", pin])
    };
    assert!(from(&file, &wrong, 6).contains("the passphrase does not open"));
    assert!(from(&wrong, &wrong, 12).contains("cannot be read"));
}
