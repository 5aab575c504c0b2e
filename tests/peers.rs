//! Python's `cryptography` and OpenSSL as peers: what keyway makes they read, and the other way
//! round.

mod harness;

use harness::{Answer, PYTHON, Token, on_every_token, run};

const MESSAGE: &[u8] = b"I owe you five crowns";

/// Every key of a pair that signs: algorithm, scheme, and how OpenSSL makes one.
const SIGNERS: [(&str, &str, &[&str]); 6] = [
    ("rsa-2048", "rsa-pss", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ("rsa-2048", "rsa-pkcs1", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ("ec-p256", "ecdsa-p256", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ("ec-p384", "ecdsa-p384", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
    ("ec-p521", "ecdsa-p521", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"]),
    ("ed25519", "ed25519", &["-algorithm", "ED25519"]),
];

/// Python on a command of `peers.py`.
fn python(token: &Token, arguments: &[&str]) -> Answer {
    let program = token.write("peers.py", include_bytes!("peers.py"));
    // Debian's own, whose package test.sh installs.
    run(token.command(PYTHON).arg(&program).args(arguments))
}

fn python_ok(token: &Token, arguments: &[&str]) {
    let answer = python(token, arguments);
    assert_eq!(answer.code, 0, "{:?} {arguments:?}: {}", token.maker, answer.stderr);
}

fn openssl(token: &Token, arguments: &[&str]) -> Answer {
    let answer = run(token.command("openssl").args(arguments));
    assert_eq!(answer.code, 0, "openssl {arguments:?}: {}", answer.stderr);
    answer
}

#[test]
fn python_verifies_what_a_token_signed_and_a_token_what_python_signed() {
    on_every_token(|token| {
        token.write("message", MESSAGE);
        token.write("other", b"I owe you ten crowns");
        for (algorithm, scheme, make) in SIGNERS {
            token.ok(&["key", "create", scheme, "--algorithm", algorithm, "--use", "sign"]);
            let choice = ["--key", scheme, "--scheme", scheme];
            token.ok(&[&["sign"], &choice[..], &["--in", "message", "--out", "ours"]].concat());
            token.ok(&["key", "export-public", scheme, "--out", "public.pem"]);
            python_ok(token, &["verify", scheme, "public.pem", "message", "ours"]);
            let refused = python(token, &["verify", scheme, "public.pem", "other", "ours"]);
            assert!(refused.stderr.contains("InvalidSignature"), "{scheme}: {}", refused.stderr);

            openssl(token, &[&["genpkey", "-out", "private.pem"], make].concat());
            python_ok(token, &["sign", scheme, "private.pem", "message", "theirs"]);
            let imported = format!("imported-{scheme}");
            token.ok(&["key", "import", &imported, "--in", "private.pem", "--use", "sign"]);
            let verify = ["verify", "--key", &imported, "--scheme", scheme];
            let with = |file| [&verify[..], &["--signature", "theirs", "--in", file]].concat();
            token.ok(&with("message"));
            token.fails(7, &with("other"));
        }
    });
}

#[test]
fn python_makes_the_same_hmac() {
    on_every_token(|token| {
        token.write("message", MESSAGE);
        token.write("other", b"I owe you ten crowns");
        for (algorithm, length) in [("hmac-sha256", 32), ("hmac-sha384", 48), ("hmac-sha512", 64)] {
            token.write("key", &vec![0x6B; length]);
            let import = ["key", "import", algorithm, "--in", "key", "--format", "raw"];
            token.ok(&[&import[..], &["--algorithm", algorithm]].concat());
            python_ok(token, &["mac", algorithm, "key", "message", "theirs"]);
            token.ok(&["sign", "--key", algorithm, "--in", "message", "--out", "ours"]);
            assert_eq!(token.read("ours"), token.read("theirs"), "{algorithm}");
            let verify = ["verify", "--key", algorithm, "--signature", "theirs"];
            token.ok(&[&verify[..], &["--in", "message"]].concat());
            token.fails(7, &[&verify[..], &["--in", "other"]].concat());
            // A shortened tag is easier to guess, and no tag.
            token.write("theirs", &token.read("ours")[..16]);
            token.fails(7, &[&verify[..], &["--in", "message"]].concat());
        }
        // A generated key, and its old version after a rotation.
        token.ok(&["key", "create", "m", "--algorithm", "hmac-sha256"]);
        token.ok(&["sign", "--key", "m", "--in", "message", "--out", "tag"]);
        token.ok(&["key", "rotate", "m"]);
        let verify = ["verify", "--key", "m", "--signature", "tag", "--in", "message"];
        assert!(token.ok(&verify).contains("version 1 (deactivated)"));
    });
}

/// The description of the format is enough to read and write it: with a key that both have.
#[test]
fn python_reads_and_writes_our_ciphertexts_by_their_description() {
    on_every_token(|token| {
        token.write("aes.bin", &[0x41; 32]);
        let import = ["key", "import", "aes", "--in", "aes.bin", "--format", "raw"];
        token.ok(&[&import[..], &["--algorithm", "aes-256"]].concat());
        let rsa = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
        openssl(token, &[&["genpkey", "-out", "rsa.pem"], &rsa[..]].concat());
        token.ok(&["key", "import", "rsa", "--in", "rsa.pem", "--use", "encrypt"]);
        // At once and in three pieces, with and without context.
        for (key, file) in [("aes", "aes.bin"), ("rsa", "rsa.pem")] {
            for length in [20, (2 << 20) + 7] {
                let data: Vec<u8> = (0..length).map(|i: u32| (i % 251).to_le_bytes()[0]).collect();
                token.write("plain", &data);
                for context in [&[][..], &["table=orders", "tenant=acme"]] {
                    let pairs = context.iter().flat_map(|pair| ["--context", *pair]);
                    let mut encrypt = vec!["encrypt", "--key", key, "--in", "plain", "--out", "m"];
                    encrypt.extend(pairs);
                    token.ok(&encrypt);
                    python_ok(token, &[&["open", file, "m", "opened"], context].concat());
                    assert!(token.read("opened") == data, "{key} {length} {context:?}");
                }
            }
        }
        let id = token.key_id("aes", 1);
        token.write("plain", MESSAGE);
        for context in [&[][..], &["table=orders", "tenant=acme"]] {
            python_ok(token, &[&["seal", "aes.bin", "plain", "m", "aes", &id], context].concat());
            let mut decrypt = vec!["decrypt", "--in", "m", "--out", "opened"];
            decrypt.extend(context.iter().flat_map(|pair| ["--context", *pair]));
            token.ok(&decrypt);
            assert_eq!(token.read("opened"), MESSAGE, "{context:?}");
        }
    });
}

/// A key that OpenSSL has in `rsa.pem` and `public.pem`, and the token under the name `rsa`.
fn shared_rsa(token: &Token) {
    let rsa = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    openssl(token, &[&["genpkey", "-out", "rsa.pem"], &rsa[..]].concat());
    openssl(token, &["pkey", "-in", "rsa.pem", "-pubout", "-out", "public.pem"]);
    token.ok(&["key", "import", "rsa", "--in", "rsa.pem", "--use", "encrypt"]);
}

/// `keyway` on raw data of the key `rsa`.
fn raw_rsa<'a>(command: &'a str, options: &[&'a str], from: &'a str, to: &'a str) -> Vec<&'a str> {
    let files = ["--in", from, "--out", to];
    [&[command, "--raw", "--key", "rsa"], options, &files[..]].concat()
}

#[test]
fn openssl_and_a_token_read_each_others_rsa() {
    const SHA1: &[&str] = &["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1"];
    const SHA256: &[&str] =
        &["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"];
    const LABELLED: &[&str] = &[
        "-pkeyopt",
        "rsa_padding_mode:oaep",
        "-pkeyopt",
        "rsa_oaep_md:sha256",
        "-pkeyopt",
        "rsa_oaep_label:6c61",
    ];
    const PKCS1: &[&str] = &["-pkeyopt", "rsa_padding_mode:pkcs1"];
    let cases: [(&[&str], &[&str], bool); 4] = [
        (&["--scheme", "rsa-oaep", "--oaep-hash", "sha1"], SHA1, true),
        (&["--scheme", "rsa-oaep"], SHA256, false),
        (&["--scheme", "rsa-oaep", "--label", "la"], LABELLED, false),
        (&["--scheme", "rsa-pkcs1"], PKCS1, true),
    ];
    on_every_token(|token| {
        shared_rsa(token);
        token.write("plain", MESSAGE);
        for (ours, theirs, everywhere) in cases {
            let encrypt = ["pkeyutl", "-encrypt", "-pubin", "-inkey", "public.pem"];
            let files = ["-in", "plain", "-out", "theirs"];
            openssl(token, &[&encrypt[..], &files, theirs].concat());
            let decrypt = raw_rsa("decrypt", ours, "theirs", "opened");
            if !everywhere && token.maker == harness::Maker::SoftHsm {
                let error = token.fails(9, &decrypt);
                assert!(error.contains("OAEP") && error.contains("sha1"), "{error}");
                continue;
            }
            let answer = token.keyway(&decrypt);
            assert_eq!(answer.code, 0, "{:?} {ours:?}: {}", token.maker, answer.stderr);
            assert_eq!(answer.stderr.contains("warning"), ours.contains(&"rsa-pkcs1"));
            assert_eq!(token.read("opened"), MESSAGE, "{ours:?}");
            token.ok(&raw_rsa("encrypt", ours, "plain", "ours"));
            let decrypt = ["pkeyutl", "-decrypt", "-inkey", "rsa.pem", "-in", "ours"];
            assert_eq!(openssl(token, &[&decrypt[..], theirs].concat()).stdout, MESSAGE);
        }
        // Another label, and data that is too long.
        if token.maker == harness::Maker::Keyway {
            openssl(
                token,
                &[
                    &["pkeyutl", "-encrypt", "-pubin", "-inkey", "public.pem"][..],
                    &["-in", "plain", "-out", "theirs"],
                    LABELLED,
                ]
                .concat(),
            );
            let other = ["--scheme", "rsa-oaep", "--label", "lb"];
            token.fails(7, &raw_rsa("decrypt", &other, "theirs", "wrong"));
        }
        token.write("long", &[1; 215]);
        let error = token.fails(12, &raw_rsa("encrypt", cases[0].0, "long", "wrong"));
        assert!(error.contains("at most 214"), "{error}");
        assert!(!std::path::Path::new(&token.path("wrong")).exists());
    });
}

#[test]
fn openssl_and_a_token_read_each_others_aes_cbc() {
    const KEY: [u8; 32] = [0x41; 32];
    const IV: &str = "000102030405060708090a0b0c0d0e0f";
    on_every_token(|token| {
        token.write("aes.bin", &KEY);
        let import = ["key", "import", "aes", "--in", "aes.bin", "--format", "raw"];
        token.ok(&[&import[..], &["--algorithm", "aes-256"]].concat());
        let key = "41".repeat(32);
        let enc = ["enc", "-aes-256-cbc", "-K", &key];
        let raw = |command, iv: &[&'static str], from, to| {
            let start = [command, "--raw", "--key", "aes", "--scheme", "aes-cbc"];
            [&start[..], iv, &["--in", from, "--out", to]].concat()
        };
        for length in [0, 15, 16, 1000] {
            token.write("plain", &vec![7; length]);
            openssl(token, &[&enc[..], &["-iv", IV, "-in", "plain", "-out", "theirs"]].concat());
            token.ok(&raw("decrypt", &["--iv", IV], "theirs", "opened"));
            assert_eq!(token.read("opened"), vec![7; length]);
            // The IV in front, as many programs write it.
            let iv: Vec<u8> = (0..16).collect();
            token.write("joined", &[iv, token.read("theirs")].concat());
            token.ok(&raw("decrypt", &[], "joined", "opened"));
            assert_eq!(token.read("opened"), vec![7; length]);
            // Ours, with an IV of the token's in front.
            token.ok(&raw("encrypt", &[], "plain", "ours"));
            let ours = token.read("ours");
            let iv: String = ours[..16].iter().map(|byte| format!("{byte:02x}")).collect();
            token.write("body", &ours[16..]);
            let opened = openssl(token, &[&enc[..], &["-d", "-iv", &iv, "-in", "body"]].concat());
            assert_eq!(opened.stdout, vec![7; length]);
        }
        let error = token.fails(12, &raw("decrypt", &[], "plain", "wrong"));
        assert!(error.contains("aes-cbc"), "{error}");
        token.fails(2, &["decrypt", "--raw", "--key", "aes", "--in", "plain"]);
        token.fails(2, &["decrypt", "--raw", "--scheme", "aes-cbc", "--in", "plain"]);
    });
}
