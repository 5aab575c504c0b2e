//! Whether a key that went from one token to another is the same there.

use std::process::Command;

use super::{Maker, Token, makers, run};

/// openssl, which has to succeed.
pub fn openssl(arguments: &[&str]) {
    let answer = run(Command::new("openssl").args(arguments));
    assert_eq!(answer.code, 0, "openssl {arguments:?}: {}", answer.stderr);
}

/// A signature of the target's key is good under the public key that the source shows.
pub fn assert_signs_as(target: &Token, source: &Token, id: &str, mechanism: &str, extra: &[&str]) {
    let (text, signature) = (target.write("text", b"a text to sign"), target.path("signature"));
    let digest = target.path("digest");
    openssl(&["dgst", "-sha256", "-binary", "-out", &digest, &text]);
    // SoftHSM2 2.6.1 does not hash for ECDSA.
    let signed = if mechanism == "ECDSA" { &digest } else { &text };
    let mut sign = vec!["--sign", "--id", id, "-m", mechanism, "-i", signed, "-o", &signature];
    sign.extend(extra);
    let answer = target.pkcs11_tool(&sign);
    assert_eq!(answer.code, 0, "{:?} {id}: {}", target.maker, answer.stderr);
    let (der, pem) = (target.path("public.der"), target.path("public.pem"));
    let read = ["--read-object", "--type", "pubkey", "--id", id, "-o", &der];
    assert_eq!(source.pkcs11_tool(&read).code, 0, "{id}");
    openssl(&["pkey", "-pubin", "-inform", "DER", "-in", &der, "-out", &pem]);
    openssl(&["dgst", "-sha256", "-verify", &pem, "-signature", &signature, &text]);
}

/// What the source's AES key encrypted is what the target's decrypts.
pub fn assert_decrypts_as(target: &Token, source: &Token, id: &str) {
    let (text, sealed) = (source.write("text", b"a text to encrypt"), source.path("sealed"));
    let iv = "000102030405060708090a0b0c0d0e0f";
    let with = ["--id", id, "-m", "AES-CBC-PAD", "--iv", iv];
    let encrypt = [&["--encrypt", "-i", &text, "-o", &sealed][..], &with].concat();
    assert_eq!(source.pkcs11_tool(&encrypt).code, 0);
    let opened = target.path("opened");
    let decrypt = [&["--decrypt", "-i", &sealed, "-o", &opened][..], &with].concat();
    let answer = target.pkcs11_tool(&decrypt);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_eq!(target.read("opened"), b"a text to encrypt");
}

/// A target, and a source that one process sees beside it.
pub fn pair(source: Maker, target: Maker) -> (Token, Token) {
    let target = Token::initialised(target);
    let source = match source == target.maker {
        true => target.beside("old"),
        false => Token::initialised(source),
    };
    (source, target)
}

/// A test on a source of every maker and a target of every maker.
pub fn on_every_pair(test: impl Fn(&Token, &Token)) {
    for (from, to) in makers().into_iter().flat_map(|a| makers().map(|b| (a, b))) {
        let (source, target) = pair(from, to);
        eprintln!("from {from:?} to {to:?}");
        test(&source, &target);
    }
}

pub fn tool(token: &Token, arguments: &[&str]) {
    let answer = token.pkcs11_tool(arguments);
    assert_eq!(answer.code, 0, "{:?} {arguments:?}: {}", token.maker, answer.stderr);
}

/// What people have in their tokens, made by pkcs11-tool: guarded keys that may leave wrapped, one
/// that may not, a readable one, a certificate, a data object.
pub fn filled(source: &Token) {
    let guarded = ["--private", "--sensitive", "--extractable"];
    for (name, id, key_type) in [("rsa", "01", "rsa:2048"), ("p256", "02", "EC:prime256v1")] {
        let pair = ["--keypairgen", "--key-type", key_type, "--id", id, "--label", name];
        tool(source, &[&pair[..], &guarded].concat());
    }
    for (name, id, key_type, more) in [
        ("aes", "05", "AES:32", &guarded[..]),
        ("bound", "06", "AES:16", &["--private", "--sensitive"]),
        ("hmac", "07", "GENERIC:32", &[&guarded[..], &["--usage-sign"]].concat()),
        ("open", "08", "AES:32", &["--private", "--extractable"]),
    ] {
        let key = ["--keygen", "--key-type", key_type, "--id", id, "--label", name];
        tool(source, &[&key[..], more].concat());
    }
    let data = source.write("data", b"what a data object holds");
    tool(source, &["--write-object", &data, "--type", "data", "--label", "note", "--private"]);
    let (key, pem, der) = (source.path("k.pem"), source.path("c.pem"), source.path("c.der"));
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &key]);
    openssl(&["req", "-new", "-x509", "-key", &key, "-subj", "/CN=somebody", "-out", &pem]);
    openssl(&["x509", "-in", &pem, "-outform", "DER", "-out", &der]);
    tool(source, &["--write-object", &der, "--type", "cert", "--id", "01", "--label", "rsa"]);
}

/// Every object as pkcs11-tool shows it; a token may list them in another order each time, and
/// number their handles in that order, which pkcs11-tool shows of data objects.
pub fn shown(token: &Token) -> Vec<String> {
    let answer = token.pkcs11_tool(&["-O"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let mut objects = objects(&answer.text());
    objects.sort();
    objects
}

/// The objects of a listing: a line that names the class, then indented ones.
pub fn objects(text: &str) -> Vec<String> {
    let mut objects: Vec<String> = Vec::new();
    for line in text.lines() {
        match objects.last_mut() {
            Some(object) if line.starts_with(' ') => object.push_str(&format!("{line}\n")),
            _ => objects.push(format!("{}\n", without_handle(line))),
        }
    }
    objects
}

fn without_handle(line: &str) -> &str {
    match line.starts_with("Data object ") {
        true => "Data object",
        false => line,
    }
}
