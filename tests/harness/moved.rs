//! Whether a key that went from one token to another is the same there.

use std::process::Command;

use super::{Token, run};

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
