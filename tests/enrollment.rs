//! `keyway client enroll`, and the whole way from a recipient's key to a key that he received, with
//! keyway's own authority.

mod harness;

use harness::{Answer, Maker, Token, makers, on_every_token};

fn give(from: &Token, file: &str, to: &Token) {
    to.write(file, &from.read(file));
}

fn enroll(token: &Token, name: &str) {
    let (subject, csr) = (format!("CN={name}"), format!("{name}.csr"));
    let text = token.ok(&[
        "client",
        "enroll",
        name,
        "--subject",
        &subject,
        "--csr",
        &csr,
        "--algorithm",
        "rsa-2048",
    ]);
    assert!(text.contains("to unwrap and nothing else"), "{text}");
}

fn succeeded(answer: &Answer) {
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}

/// pkcs11-tool's attempt to sign with the private key of this identifier.
fn foreign_signature(token: &Token, id: &str) -> Answer {
    token.write("message", b"anything");
    let sign = ["--sign", "--mechanism", "SHA256-RSA-PKCS", "--id", id];
    token.pkcs11_tool(&[&sign[..], &["--input-file", "message", "--output-file", "s"]].concat())
}

#[test]
fn an_enrolled_key_has_signed_its_request_and_signs_nothing_else() {
    on_every_token(|token| {
        enroll(token, "alice");
        let mut openssl = token.command("openssl");
        let request = ["req", "-in", "alice.csr", "-noout", "-verify", "-subject", "-pubkey"];
        let answer = harness::run(openssl.args(request));
        succeeded(&answer);
        assert!(answer.text().contains("CN = alice") || answer.text().contains("CN=alice"));
        let public = token.ok(&["key", "export-public", "alice"]);
        assert!(answer.text().contains(public.trim()), "a request for another key");
        // Neither here nor in another program.
        token.fails(5, &["sign", "--key", "alice", "--in", "alice.csr"]);
        token.fails(5, &["csr", "create", "--key", "alice", "--subject", "CN=mallory"]);
        let id = token.key_id("alice", 1);
        let answer = foreign_signature(token, &id);
        assert_ne!(answer.code, 0, "{}", answer.text());
        for (class, usage) in [("privkey", "unwrap"), ("pubkey", "wrap")] {
            let objects = token.pkcs11_tool(&["--list-objects", "--type", class]).text();
            let mut usages = objects.lines().filter_map(|line| line.trim().strip_prefix("Usage:"));
            assert_eq!(usages.next().map(str::trim), Some(usage), "{objects}");
            assert_eq!(usages.next(), None, "{objects}");
        }
    });
}

#[test]
fn a_request_that_cannot_be_written_leaves_no_key() {
    on_every_token(|token| {
        let missing = token.path("no-such-directory/alice.csr");
        let enroll = ["client", "enroll", "alice", "--subject", "CN=alice", "--csr"];
        let small = ["--algorithm", "rsa-2048"];
        token.fails(11, &[&enroll[..], &[&missing], &small].concat());
        let listed = token.ok(&["key", "list"]);
        assert!(!listed.contains("alice"), "{listed}");
        let objects = token.pkcs11_tool(&["--list-objects"]).text();
        assert!(!objects.contains("alice"), "{objects}");
        // Given again it works; a second time the name is taken; no secret key is certified.
        token.ok(&[&enroll[..], &["alice.csr"], &small].concat());
        let error = token.fails(4, &[&enroll[..], &["alice.csr"], &small].concat());
        assert!(error.contains("exists already"), "{error}");
        let secret = ["--algorithm", "aes-256"];
        let enroll = ["client", "enroll", "bob", "--subject", "CN=bob", "--csr", "bob.csr"];
        let error = token.fails(2, &[&enroll[..], &secret].concat());
        assert!(error.contains("no pair"), "{error}");
    });
}

/// One administrator with authority and keys, recipients on a token of each kind.
#[test]
fn the_whole_way_with_keyways_own_authority() {
    for maker in makers() {
        let admin = Token::initialised(maker);
        admin.ok(&["ca", "init", "root", "--subject", "CN=Root", "--out", "root.pem"]);
        admin.ok(&["key", "create", "admin", "--algorithm", "ec-p256", "--use", "sign"]);
        certify(&admin, &admin, "admin", "identity");
        admin.ok(&["ca", "crl", "--ca", "root", "--out", "root.crl"]);
        admin.ok(&["key", "create", "backup", "--algorithm", "aes-256", "--shareable"]);
        let message = admin.keyway_with_input(&["encrypt", "--key", "backup"], b"hello").stdout;
        for (number, to) in makers().into_iter().enumerate() {
            let (client, name) = (Token::initialised(to), format!("client{number}"));
            enroll(&client, &name);
            certify(&client, &admin, &name, "recipient");
            let certificate = format!("{name}.pem");
            let roots = ["--trust", "root.pem", "--crl", "root.crl"];
            let so_pin = admin.path("so-pin");
            let officer = ["--so-pin-file", &so_pin];
            admin.ok(&[&["client", "trust", &certificate], &roots[..], &officer].concat());
            let own = ["--sign-with", "admin", "--cert", "admin.pem"];
            // SoftHSM2 knows OAEP with SHA-1 only.
            let hash = ["--oaep", if to == Maker::Keyway { "sha256" } else { "sha1" }];
            let hash = if maker == Maker::Keyway { &hash[..] } else { &[] };
            let share = ["share", "backup", "--to", &certificate, "--out", "backup.share"];
            admin.ok(&[&share[..], &own, &roots, hash].concat());
            for file in ["backup.share", "root.pem", "root.crl"] {
                give(&admin, file, &client);
            }
            let receive = ["receive", "backup.share", "--with", &name, "--peer", "admin"];
            let text = client.ok(&[&receive[..], &roots].concat());
            assert!(text.contains("key backup received from CN=admin"), "{text}");
            let answer = client.keyway_with_input(&["decrypt"], &message);
            succeeded(&answer);
            assert_eq!(answer.stdout, b"hello");
        }
    }
}

/// Without --trust the token says whom it believes: its own authority's root, or one that its
/// security officer marked. Whoever has only the PIN cannot mark one.
#[test]
fn the_token_itself_says_whom_it_believes() {
    for maker in makers() {
        let admin = Token::initialised(maker);
        admin.ok(&["ca", "init", "root", "--subject", "CN=Root", "--out", "root.pem"]);
        admin.ok(&["key", "create", "admin", "--algorithm", "ec-p256", "--use", "sign"]);
        certify(&admin, &admin, "admin", "identity");
        admin.ok(&["key", "create", "backup", "--algorithm", "aes-256", "--shareable"]);
        let client = Token::initialised(maker);
        enroll(&client, "alice");
        certify(&client, &admin, "alice", "recipient");
        let so_pin = admin.path("so-pin");
        admin.ok(&["client", "trust", "alice.pem", "--so-pin-file", &so_pin]);
        let own = ["--sign-with", "admin", "--cert", "admin.pem", "--out", "backup.share"];
        admin.ok(&[&["share", "backup", "--to", "alice.pem"], &own[..]].concat());
        give(&admin, "backup.share", &client);
        give(&admin, "root.pem", &client);
        let receive = ["receive", "backup.share", "--with", "alice"];
        let error = client.fails(2, &receive);
        assert!(error.contains("the token believes none"), "{error}");
        let write = |more: &[&str]| {
            let mut p11tool = client.command("p11tool");
            p11tool.arg("--provider").arg(&client.module).args(["--batch", "--write"]);
            p11tool.args(["--load-certificate", "root.pem", "--label", "root", "--mark-trusted"]);
            harness::run(p11tool.args(more).arg("pkcs11:token=suite"))
        };
        write(&["--login", "--set-pin", harness::USER_PIN]);
        let error = client.fails(2, &receive);
        assert!(error.contains("the token believes none"), "{error}");
        let answer = write(&["--so-login", "--set-so-pin", harness::SO_PIN]);
        succeeded(&answer);
        client.ok(&receive);
    }
}

/// Has a key certified: the request goes to the authority, the certificate comes back.
fn certify(owner: &Token, authority: &Token, key: &str, profile: &str) {
    let (request, certificate) = (format!("{key}.csr"), format!("{key}.pem"));
    if profile == "identity" {
        let subject = format!("CN={key}");
        owner.ok(&["csr", "create", "--key", key, "--subject", &subject, "--out", &request]);
    }
    give(owner, &request, authority);
    let issue = ["ca", "issue", "--ca", "root", "--profile", profile];
    authority.ok(&[&issue[..], &["--csr", &request, "--out", &certificate]].concat());
    give(authority, &certificate, owner);
}
