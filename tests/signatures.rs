//! `keyway sign` and `keyway verify`, with RustCrypto and OpenSSL as judges.

mod harness;

use ed25519_dalek::pkcs8::DecodePublicKey;
use harness::{Token, on_every_token, run};
use p256::ecdsa::signature::Verifier;

/// Every key that signs: algorithm, `--use`, scheme.
const SIGNERS: [(&str, &str); 5] = [
    ("rsa-2048", "rsa-pss"),
    ("rsa-2048", "rsa-pkcs1"),
    ("ec-p256", "ecdsa-p256"),
    ("ec-p384", "ecdsa-p384"),
    ("ed25519", "ed25519"),
];

const MESSAGE: &[u8] = b"I owe you five crowns";

/// Makes a key, signs with it and answers signature and public key.
fn signed(token: &Token, algorithm: &str, scheme: &str) -> (Vec<u8>, String) {
    token.ok(&["key", "create", scheme, "--algorithm", algorithm, "--use", "sign"]);
    let (message, signature) = (token.write("message", MESSAGE), token.path("signature"));
    let files = ["--in", &message, "--out", &signature];
    token.ok(&[&["sign", "--key", scheme, "--scheme", scheme][..], &files].concat());
    (token.read("signature"), token.ok(&["key", "export-public", scheme]))
}

/// Whether an implementation that shares nothing with the token accepts the signature.
fn accepted(scheme: &str, pem: &str, message: &[u8], signature: &[u8]) -> bool {
    match scheme {
        "rsa-pss" => {
            let key = rsa::RsaPublicKey::from_public_key_pem(pem).expect("PEM");
            let signature = rsa::pss::Signature::try_from(signature).expect("a signature");
            rsa::pss::VerifyingKey::<rsa::sha2::Sha256>::new(key)
                .verify(message, &signature)
                .is_ok()
        }
        "rsa-pkcs1" => {
            let key = rsa::RsaPublicKey::from_public_key_pem(pem).expect("PEM");
            let signature = rsa::pkcs1v15::Signature::try_from(signature).expect("a signature");
            let key = rsa::pkcs1v15::VerifyingKey::<rsa::sha2::Sha256>::new(key);
            key.verify(message, &signature).is_ok()
        }
        "ecdsa-p256" => {
            let key = p256::ecdsa::VerifyingKey::from_public_key_pem(pem).expect("PEM");
            let signature = p256::ecdsa::Signature::from_der(signature).expect("DER");
            key.verify(message, &signature).is_ok()
        }
        "ecdsa-p384" => {
            let key = p384::ecdsa::VerifyingKey::from_public_key_pem(pem).expect("PEM");
            let signature = p384::ecdsa::Signature::from_der(signature).expect("DER");
            key.verify(message, &signature).is_ok()
        }
        _ => {
            let key = ed25519_dalek::VerifyingKey::from_public_key_pem(pem).expect("PEM");
            let signature = ed25519_dalek::Signature::from_slice(signature).expect("64 bytes");
            key.verify(message, &signature).is_ok()
        }
    }
}

#[test]
fn rustcrypto_accepts_every_signature_and_no_other_message() {
    on_every_token(|token| {
        for (algorithm, scheme) in SIGNERS {
            let (signature, pem) = signed(token, algorithm, scheme);
            assert!(accepted(scheme, &pem, MESSAGE, &signature), "{scheme}");
            assert!(!accepted(scheme, &pem, b"I owe you ten crowns", &signature), "{scheme}");
        }
    });
}

#[test]
fn openssl_accepts_an_ecdsa_signature() {
    on_every_token(|token| {
        let (_, pem) = signed(token, "ec-p256", "ecdsa-p256");
        let pem = token.write("public.pem", pem.as_bytes());
        let mut openssl = token.command("openssl");
        openssl.args(["dgst", "-sha256", "-verify", &pem, "-signature", "signature", "message"]);
        let answer = run(&mut openssl);
        assert!(answer.text().contains("Verified OK"), "{}", answer.stderr);
    });
}

#[test]
fn verify_accepts_its_own_and_refuses_everything_else() {
    on_every_token(|token| {
        for (algorithm, scheme) in SIGNERS {
            let (signature, _) = signed(token, algorithm, scheme);
            let verify = ["verify", "--key", scheme, "--scheme", scheme];
            let verify = |file: &str| [&verify[..], &["--signature", file]].concat().join(" ");
            let verify = |file: &str, message: &[u8]| {
                let line = verify(file);
                token.keyway_with_input(&line.split(' ').collect::<Vec<_>>(), message)
            };
            let good = verify("signature", MESSAGE);
            assert!(good.text().contains("version 1"), "{scheme}: {}", good.stderr);
            assert_eq!(verify("signature", b"other").code, 7, "{scheme}");
            let mut changed = signature.clone();
            let last = changed.len() - 1;
            changed[last] ^= 1;
            let bad = [&changed[..], &signature[..10], b"", &[0xFF; 600]];
            for bytes in bad {
                token.write("bad", bytes);
                let answer = verify("bad", MESSAGE);
                assert_eq!(answer.code, 7, "{scheme} {}: {}", bytes.len(), answer.stderr);
            }
        }
    });
}

#[test]
fn an_old_version_verifies_but_does_not_sign() {
    on_every_token(|token| {
        let (_, old_pem) = signed(token, "ec-p256", "ecdsa-p256");
        token.ok(&["key", "rotate", "ecdsa-p256"]);
        let verify = ["verify", "--key", "ecdsa-p256", "--signature", "signature"];
        let answer = token.keyway_with_input(&verify, MESSAGE);
        assert!(answer.text().contains("version 1 (deactivated)"), "{}", answer.stderr);
        let sign = ["sign", "--key", "ecdsa-p256", "--in", "message", "--out", "new"];
        token.ok(&sign);
        assert!(!accepted("ecdsa-p256", &old_pem, MESSAGE, &token.read("new")));
        // Nobody else signs with the old version either.
        let id = token.key_id("ecdsa-p256", 1);
        let tool = ["--sign", "-m", "ECDSA", "--id", &id, "-i", "pin", "-o", "x"];
        assert_ne!(token.pkcs11_tool(&tool).code, 0);
    });
}

#[test]
fn a_secret_key_has_no_public_part_to_export() {
    on_every_token(|token| {
        token.ok(&["key", "create", "k", "--algorithm", "aes-256"]);
        assert!(token.fails(2, &["key", "export-public", "k"]).contains("no public part"));
    });
}
