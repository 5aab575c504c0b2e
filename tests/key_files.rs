//! `keyway key import` and `keyway key export-public`, with OpenSSL, OpenSSH and JSON as peers.

mod harness;

use std::process::Command;

use harness::{Answer, Token, on_every_token, run};

fn openssl(token: &Token, arguments: &[&str]) -> Answer {
    let answer = run(token.command("openssl").args(arguments));
    assert_eq!(answer.code, 0, "openssl {arguments:?}: {}", answer.stderr);
    answer
}

/// Private keys of every algorithm as OpenSSL makes them, with their use.
const KEYS: [(&str, &[&str]); 5] = [
    ("rsa-2048", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ("ec-p256", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ("ec-p384", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
    ("ec-p521", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"]),
    ("ed25519", &["-algorithm", "ED25519"]),
];

/// Signs with the imported key; OpenSSL verifies with the public half of the file.
fn signs(token: &Token, name: &str, algorithm: &str) {
    token.write("message", b"to be signed");
    token.ok(&["sign", "--key", name, "--in", "message", "--out", "signature"]);
    let mut verify = vec!["pkeyutl", "-verify", "-pubin", "-inkey", "public.pem"];
    verify.extend(["-sigfile", "signature", "-in", "message", "-rawin"]);
    match algorithm {
        "rsa-2048" => verify.extend([
            "-digest",
            "sha256",
            "-pkeyopt",
            "rsa_padding_mode:pss",
            "-pkeyopt",
            "rsa_pss_saltlen:32",
        ]),
        "ec-p256" => verify.extend(["-digest", "sha256"]),
        "ec-p384" => verify.extend(["-digest", "sha384"]),
        "ec-p521" => verify.extend(["-digest", "sha512"]),
        _ => {}
    }
    openssl(token, &verify);
}

#[test]
fn keys_of_openssl_sign_in_the_token() {
    on_every_token(|token| {
        for (algorithm, make) in KEYS {
            let mut arguments = vec!["genpkey"];
            arguments.extend(make);
            arguments.extend(["-out", "key.pem"]);
            openssl(token, &arguments);
            openssl(token, &["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"]);
            openssl(token, &["pkey", "-in", "key.pem", "-outform", "DER", "-out", "key.der"]);
            for file in ["key.pem", "key.der"] {
                let name = format!("{algorithm}-{file}");
                let said = token.ok(&["key", "import", &name, "--in", file, "--use", "sign"]);
                assert!(said.contains(algorithm), "{said}");
                signs(token, &name, algorithm);
                let pem = token.ok(&["key", "export-public", &name]);
                assert_eq!(pem.into_bytes(), token.read("public.pem"), "{algorithm}");
            }
        }
    });
}

#[test]
fn every_container_of_a_private_key_is_read() {
    on_every_token(|token| {
        openssl(token, &["ecparam", "-name", "prime256v1", "-genkey", "-out", "sec1.pem"]);
        let text = String::from_utf8(token.read("sec1.pem")).expect("text");
        assert!(text.contains("EC PARAMETERS") && text.contains("EC PRIVATE KEY"), "{text}");
        openssl(token, &["pkey", "-in", "sec1.pem", "-pubout", "-out", "public.pem"]);
        token.write("passphrase", b"open sesame");
        let source = ["--source-pin-file", "passphrase"];
        openssl(
            token,
            &[
                "pkcs8",
                "-topk8",
                "-in",
                "sec1.pem",
                "-out",
                "encrypted.pem",
                "-v2",
                "aes-256-cbc",
                "-passout",
                "file:passphrase",
            ],
        );
        openssl(
            token,
            &["req", "-x509", "-new", "-key", "sec1.pem", "-subj", "/CN=x", "-out", "cert.pem"],
        );
        openssl(
            token,
            &[
                "pkcs12",
                "-export",
                "-inkey",
                "sec1.pem",
                "-in",
                "cert.pem",
                "-out",
                "key.p12",
                "-passout",
                "file:passphrase",
            ],
        );
        for file in ["sec1.pem", "encrypted.pem", "key.p12"] {
            let mut arguments = vec!["key", "import", file, "--in", file, "--use", "sign"];
            arguments.extend(source);
            token.ok(&arguments);
            signs(token, file, "ec-p256");
        }
        openssl(token, &["genrsa", "-traditional", "-out", "pkcs1.pem", "2048"]);
        assert!(token.read("pkcs1.pem").starts_with(b"-----BEGIN RSA PRIVATE KEY-----"));
        openssl(token, &["pkey", "-in", "pkcs1.pem", "-pubout", "-out", "public.pem"]);
        token.ok(&["key", "import", "rsa", "--in", "pkcs1.pem", "--use", "sign"]);
        signs(token, "rsa", "rsa-2048");
        token.write("passphrase", b"wrong");
        for file in ["encrypted.pem", "key.p12"] {
            let arguments = ["key", "import", "no", "--in", file, source[0], source[1]];
            let error = token.fails(6, &arguments);
            assert!(error.contains("passphrase does not open"), "{error}");
        }
    });
}

#[test]
fn an_imported_key_decrypts_what_openssl_encrypted_for_it() {
    on_every_token(|token| {
        openssl(token, &["genrsa", "-out", "key.pem", "2048"]);
        token.ok(&["key", "import", "rsa", "--in", "key.pem"]);
        token.write("plain", b"a message");
        token.ok(&["encrypt", "--key", "rsa", "--in", "plain", "--out", "message"]);
        assert_eq!(token.ok(&["decrypt", "--in", "message"]), "a message");
        // The bytes of an AES key, which OpenSSL encrypted with, come in as they are.
        token.write("aes.bin", &[7; 32]);
        token.ok(&[
            "key",
            "import",
            "aes",
            "--in",
            "aes.bin",
            "--format",
            "raw",
            "--algorithm",
            "aes-256",
        ]);
        token
            .ok(&["encrypt", "--key", "aes", "--scheme", "aes-cbc", "--in", "plain", "--out", "m"]);
        let message = token.read("m");
        // The IV is the last field of the header, the body two blocks at most.
        let (iv, body) = message.split_at(message.len() - 16);
        token.write("body", body);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (key, iv) = (hex(&[7; 32]), hex(&iv[iv.len() - 16..]));
        let decrypted =
            openssl(token, &["enc", "-d", "-aes-256-cbc", "-K", &key, "-iv", &iv, "-in", "body"]);
        assert_eq!(decrypted.stdout, b"a message");
    });
}

/// The key of RFC 7517, A.2, and that of RFC 8037, A.1.
#[test]
fn json_web_keys_come_in_and_go_out() {
    on_every_token(|token| {
        let ec = r#"{"kty":"EC","crv":"P-256","use":"enc","kid":"1",
            "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
            "d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}"#;
        let ed = r#"{"kty":"OKP","crv":"Ed25519",
            "d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        for (name, jwk, x) in [
            ("ec", ec, "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"),
            ("ed", ed, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
        ] {
            let file = token.write(name, jwk.as_bytes());
            token.ok(&["key", "import", name, "--in", &file, "--use", "sign"]);
            let text = token.ok(&["key", "export-public", name, "--format", "jwk"]);
            let exported: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!((exported["x"].as_str(), exported.get("d")), (Some(x), None));
        }
        let file = token.write("oct", br#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umjw"}"#);
        let said = token.ok(&["key", "import", "oct", "--in", &file]);
        assert!(said.contains("aes-128"), "{said}");
        // The halves of two keys.
        let wrong = ec.replace("870MB6", "870MB7");
        let file = token.write("wrong", wrong.as_bytes());
        let answer = token.keyway(&["key", "import", "wrong", "--in", &file, "--use", "sign"]);
        assert_ne!(answer.code, 0, "{}", answer.text());
        let list = token.keyway(&["key", "list"]);
        assert!(
            !list.text().contains("wrong") && !list.stderr.contains("wrong"),
            "{}",
            list.stderr
        );
        // A secret is not quoted in an error.
        let file = token.write("broken", br#"{"kty":"oct","k":1234567}"#);
        let error = token.fails(12, &["key", "import", "broken", "--in", &file]);
        assert!(!error.contains("1234567"), "{error}");
    });
}

#[test]
fn public_keys_are_read_by_openssl_and_openssh() {
    on_every_token(|token| {
        for algorithm in ["rsa-2048", "ec-p256", "ec-p384", "ec-p521", "ed25519"] {
            // SoftHSM2 signs with all of them; what is tried is their public halves.
            token.ok(&["key", "create", algorithm, "--algorithm", algorithm]);
            let export = |format: &str, out: &str| {
                let arguments = ["key", "export-public", algorithm, "--format", format];
                token.ok(&[&arguments[..], &["--out", out]].concat());
            };
            export("pem", "k.pem");
            export("der", "k.der");
            export("openssh", "k.pub");
            openssl(token, &["pkey", "-pubin", "-inform", "DER", "-in", "k.der", "-out", "again"]);
            assert_eq!(token.read("again"), token.read("k.pem"));
            let mut keygen: Command = token.command("ssh-keygen");
            let answer = run(keygen.args(["-l", "-f", "k.pub"]));
            assert!(answer.code == 0 && answer.text().contains(algorithm), "{}", answer.stderr);
            if algorithm != "ed25519" {
                // ssh-keygen writes PKCS#8 for all but Ed25519: the same key as ours.
                let mut keygen = token.command("ssh-keygen");
                let answer = run(keygen.args(["-e", "-m", "PKCS8", "-f", "k.pub"]));
                assert_eq!(answer.stdout, token.read("k.pem"), "{algorithm}: {}", answer.stderr);
            }
        }
        let error = token.fails(2, &["key", "export-public", "ed25519", "--format", "pgp"]);
        assert!(error.contains("not a format of public keys"), "{error}");
    });
}

#[test]
fn what_is_imported_never_leaves_and_says_where_it_comes_from() {
    on_every_token(|token| {
        token.write("aes.bin", &[9; 32]);
        let import = ["key", "import", "k", "--in", "aes.bin", "--format", "raw"];
        let error = token.fails(2, &import);
        assert!(error.contains("--algorithm"), "{error}");
        token.fails(12, &[&import[..], &["--algorithm", "aes-128"]].concat());
        token.ok(&[&import[..], &["--algorithm", "aes-256"]].concat());
        token.fails(4, &[&import[..], &["--algorithm", "aes-256"]].concat());
        let listed = token.pkcs11_tool(&["--list-objects", "--type", "secrkey"]).text();
        let ours = listed.split("Secret Key Object").find(|part| part.contains("label:      k\n"));
        let ours = ours.expect("the key");
        assert!(ours.contains("sensitive") && !ours.contains("extractable"), "{ours}");
        token.ok(&["key", "rotate", "k"]);
        token.write("text", b"no key at all");
        let error = token.fails(12, &["key", "import", "no", "--in", "text"]);
        assert!(error.contains("--format raw"), "{error}");
    });
}

/// The bytes of every attribute and buffer that pkcs11-spy printed.
fn spied(log: &str) -> Vec<u8> {
    let dump = |line: &str| -> Option<Vec<u8>> {
        let (offset, bytes) = line.trim_start().split_at_checked(8)?;
        u32::from_str_radix(offset, 16).ok()?;
        let digits = bytes.strip_prefix("  ")?.get(..47.min(bytes.len() - 2))?;
        let byte = |digits| u8::from_str_radix(digits, 16).ok();
        digits.split_whitespace().map(byte).collect()
    };
    log.lines().filter_map(dump).flatten().collect()
}

/// A program between keyway and the token that writes every call down.
#[test]
fn who_reads_the_calls_sees_no_imported_key() {
    const SPY: &str = "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so";
    on_every_token(|token| {
        let aes: Vec<u8> = (0xA0..0xC0).collect();
        token.write("aes-256", &aes);
        token.write("hmac-sha512", &aes.repeat(2));
        for (algorithm, make) in KEYS {
            let make = [&["genpkey", "-outform", "DER", "-out", algorithm], make].concat();
            openssl(token, &make);
        }
        let mut clear = Vec::new();
        for algorithm in ["aes-256", "hmac-sha512", "rsa-2048", "ec-p256", "ec-p384", "ed25519"] {
            let file = token.read(algorithm);
            // What nobody may see: of RSA the end of the coefficient, of a curve the secret.
            let secret = match algorithm {
                "rsa-2048" => &file[file.len() - 16..],
                "ec-p256" => &file[36..52],
                "ec-p384" => &file[35..51],
                "ed25519" => &file[16..32],
                _ => &file[..16],
            };
            let mut import = token.command(env!("CARGO_BIN_EXE_keyway"));
            let log = token.path(&format!("{algorithm}.log"));
            import.env("KEYWAY_MODULE", SPY).env("PKCS11SPY", &token.module);
            import.env("PKCS11SPY_OUTPUT", &log);
            import.args(["key", "import", algorithm, "--in", algorithm]);
            if algorithm.contains("aes") || algorithm.contains("hmac") {
                import.args(["--format", "raw", "--algorithm", algorithm]);
            }
            let answer = run(&mut import);
            assert_eq!(answer.code, 0, "{algorithm}: {}", answer.stderr);
            let log =
                String::from_utf8_lossy(&token.read(&format!("{algorithm}.log"))).into_owned();
            let seen = spied(&log).windows(secret.len()).any(|bytes| bytes == secret);
            assert!(log.contains("C_UnwrapKey"), "{:?} {algorithm}", token.maker);
            // The command tells the same.
            assert_eq!(answer.text().contains("wrapped on its way in"), !seen, "{}", answer.text());
            assert_eq!(answer.stderr.contains("in the clear"), seen, "{}", answer.stderr);
            if seen {
                clear.push(algorithm);
            }
        }
        // The spy is not blind: what SoftHSM2 does not unwrap it sees.
        let expected = match token.maker {
            harness::Maker::Keyway => &[][..],
            harness::Maker::SoftHsm => &["ed25519"],
        };
        assert_eq!(clear, expected, "{:?}", token.maker);
        token.ok(&["sign", "--key", "ec-p256", "--in", "aes-256", "--out", "signature"]);
    });
}
