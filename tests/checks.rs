//! `keyway key check`: sound keys pass, each sort of unsound one is named. On both tokens.

mod harness;

use std::process::Command;

use harness::{Maker, PYTHON, Token, on_every_token, run};
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::traits::PrivateKeyParts;
use rsa::{BoxedUint, RsaPrivateKey};

/// Exit code of a check that found something.
const UNSOUND: i32 = 13;

fn openssl(arguments: &[&str]) {
    let answer = run(Command::new("openssl").args(arguments));
    assert_eq!(answer.code, 0, "openssl {arguments:?}: {}", answer.stderr);
}

fn tool(token: &Token, arguments: &[&str]) {
    let answer = token.pkcs11_tool(arguments);
    assert_eq!(answer.code, 0, "{:?} {arguments:?}: {}", token.maker, answer.stderr);
}

/// Writes an object of a DER file.
fn write(token: &Token, kind: &str, file: &str, id: &str, label: &str) {
    let object = ["--write-object", file, "--type", kind, "--id", id, "--label", label];
    let usage = if kind == "privkey" { &["--usage-sign"][..] } else { &[] };
    tool(token, &[&object[..], usage].concat());
}

/// A key made by openssl, as DER: private and public.
fn made(token: &Token, name: &str, arguments: &[&str]) -> (String, String) {
    let pem = token.path(&format!("{name}.pem"));
    let (private, public) =
        (token.path(&format!("{name}.der")), token.path(&format!("{name}.pub")));
    openssl(&[&["genpkey", "-out", &pem][..], arguments].concat());
    openssl(&["pkey", "-in", &pem, "-outform", "DER", "-out", &private]);
    openssl(&["pkey", "-in", &pem, "-pubout", "-outform", "DER", "-out", &public]);
    (private, public)
}

const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

/// What the check says; it has to find something.
fn found(token: &Token, label: &str) -> String {
    let answer = token.keyway(&["key", "check", label]);
    assert_eq!(answer.code, UNSOUND, "{:?}: {}{}", token.maker, answer.text(), answer.stderr);
    answer.text()
}

#[test]
fn sound_keys_pass() {
    on_every_token(|token| {
        for algorithm in ["aes-256", "rsa-2048", "ec-p256", "ec-p384", "ed25519"] {
            token.ok(&["key", "create", algorithm, "--algorithm", algorithm]);
        }
        let told = token.ok(&["key", "check"]);
        assert!(told.contains("0 with problems"), "{told}");
        assert_eq!(
            told.matches("ok   private and public key belong together").count(),
            4,
            "{told}"
        );
        let told = token.ok(&["key", "check", "rsa-2048"]);
        assert!(told.contains("1 key(s) checked"), "{told}");
        assert!(token.fails(3, &["key", "check", "nobody"]).contains("nobody"));
    });
}

#[test]
fn halves_of_different_keys_are_found() {
    on_every_token(|token| {
        let (private, _) = made(token, "one", P256);
        let (_, public) = made(token, "other", P256);
        write(token, "privkey", &private, "07", "mixed");
        write(token, "pubkey", &public, "07", "mixed");
        let told = found(token, "mixed");
        assert!(told.contains("what one signs the other does not verify"), "{told}");
    });
}

#[test]
fn a_certificate_of_another_key_is_found() {
    on_every_token(|token| {
        let (private, public) = made(token, "one", P256);
        made(token, "other", P256);
        let (pem, certificate) = (token.path("other.pem"), token.path("other.crt"));
        openssl(&[
            "req",
            "-new",
            "-x509",
            "-key",
            &pem,
            "-subj",
            "/CN=other",
            "-outform",
            "DER",
            "-out",
            &certificate,
        ]);
        write(token, "privkey", &private, "07", "web");
        write(token, "pubkey", &public, "07", "web");
        write(token, "cert", &certificate, "07", "web");
        let told = found(token, "web");
        assert!(told.contains("certificate CN=other is another key's"), "{told}");
    });
}

/// An RSA private key of these primes, as a DER file.
fn rsa_of(token: &Token, name: &str, primes: [&BoxedUint; 2]) -> String {
    let [p, q] = primes.map(Clone::clone);
    let key = RsaPrivateKey::from_p_q(p, q, BoxedUint::from(65537u64)).expect("a key");
    token.write(name, key.to_pkcs8_der().expect("DER").as_bytes())
}

#[test]
fn moduli_that_share_a_prime_are_found() {
    on_every_token(|token| {
        let primes = |name: &str| {
            made(token, name, &["-algorithm", "RSA"]);
            let pem = String::from_utf8(token.read(&format!("{name}.pem"))).expect("PEM");
            RsaPrivateKey::from_pkcs8_pem(&pem).expect("a key").primes().to_vec()
        };
        let (a, b) = (primes("a"), primes("b"));
        let first = rsa_of(token, "first.der", [&a[0], &a[1]]);
        let second = rsa_of(token, "second.der", [&a[0], &b[1]]);
        write(token, "privkey", &first, "01", "first");
        write(token, "privkey", &second, "02", "second");
        let told = found(token, "first");
        assert!(told.contains("shares a prime with key \"second\""), "{told}");
    });
}

#[test]
fn keys_that_everybody_knows_are_found() {
    on_every_token(|token| {
        // RFC 6979, A.2.5.
        let asn1 = "asn1=SEQUENCE:key\n[key]\nversion=INTEGER:1\nprivate=FORMAT:HEX,OCTETSTRING:\
                    c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721\n\
                    curve=EXPLICIT:0,OID:prime256v1\n";
        let (source, der) = (token.write("rfc.cnf", asn1.as_bytes()), token.path("rfc.der"));
        openssl(&["asn1parse", "-noout", "-genconf", &source, "-out", &der]);
        let (private, public) = (token.path("rfc.key"), token.path("rfc.pub"));
        openssl(&["pkey", "-inform", "DER", "-in", &der, "-outform", "DER", "-out", &private]);
        openssl(&[
            "pkey", "-inform", "DER", "-in", &der, "-pubout", "-outform", "DER", "-out", &public,
        ]);
        write(token, "privkey", &private, "07", "rfc");
        write(token, "pubkey", &public, "07", "rfc");
        assert!(found(token, "rfc").contains("its private key is published: in RFC 6979"));

        let zeros = token.write("zeros", &[0; 32]);
        tool(
            token,
            &[
                "--write-object",
                &zeros,
                "--type",
                "secrkey",
                "--key-type",
                "AES:32",
                "--id",
                "08",
                "--label",
                "zeros",
                "--usage-decrypt",
            ],
        );
        let told = found(token, "zeros");
        assert!(told.contains("256-bit key of nothing but 0x00"), "{told}");
    });
}

/// Weak keys that keyway manages: suspended by the check, revoked by the maintenance.
#[test]
fn a_weak_key_is_suspended_by_the_check_and_then_revoked() {
    on_every_token(|token| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/harness/weak.py");
        let answer = run(token.command(PYTHON).arg(script));
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        let kinds = [
            ("exponent", "its public exponent is 3"),
            ("roca", "CVE-2017-15361"),
            ("shared-a", "shares a prime with key \"shared-b\""),
            ("shared-b", "shares a prime with key \"shared-a\""),
        ];
        for (key, _) in kinds {
            let file = format!("{key}.pem");
            token.ok(&["key", "import", key, "--in", &file, "--use", "sign"]);
        }
        token.ok(&["key", "create", "sound", "--algorithm", "rsa-2048", "--use", "sign"]);
        let checked = token.keyway(&["key", "check"]);
        assert_eq!(checked.code, UNSOUND, "{}", checked.stderr);
        let sign = |key| ["sign", "--key", key, "--in", "pin", "--out", "signature"];
        for (key, evidence) in kinds {
            assert!(
                checked.text().contains(&format!("key {key} is suspended")),
                "{}",
                checked.text()
            );
            assert!(token.keyway(&["key", "show", key]).text().contains(evidence), "{key}");
            assert!(token.fails(5, &sign(key)).contains("suspended"));
        }
        let maintained = token.ok(&["maintain"]);
        for (key, _) in kinds {
            assert!(maintained.contains(&format!("key {key}: done: revoke")), "{maintained}");
            assert!(token.fails(5, &sign(key)).contains("compromised"));
        }
        token.ok(&sign("sound"));
        assert!(token.ok(&["maintain"]).contains("nothing was due"));
    });
}

#[test]
fn what_a_state_forbids_is_not_tried() {
    on_every_token(|token| {
        for (name, algorithm) in [("s", "aes-256"), ("p", "ec-p256"), ("r", "rsa-2048")] {
            token.ok(&["key", "create", name, "--algorithm", algorithm]);
            token.ok(&["key", "rotate", name]);
        }
        let answer = token.keyway(&["key", "check"]);
        // The module tells on standard error what it refuses.
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{}", answer.text());
        let told = answer.text();
        // The active versions are tried, those before them are not.
        let pairs = told.matches("ok   private and public key belong together").count();
        assert_eq!(pairs, 2, "{told}");
        if token.maker == Maker::Keyway {
            assert_eq!(told.matches("the key is deactivated").count(), 3, "{told}");
        }
    });
}
