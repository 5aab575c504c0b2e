//! `keyway key`: rotation, revocation, destruction, in keyway and for every other program.

mod harness;

use harness::{Token, inside_every_token, on_every_token};

use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use keyway::token::OpenToken;

fn create(token: &Token, algorithm: &str) {
    token.ok(&["key", "create", "k", "--algorithm", algorithm]);
}

/// Encrypts a file with key `k`.
fn encrypted(token: &Token) -> String {
    let (plain, message) = (token.write("plain", b"attack at dawn"), token.path("message"));
    token.ok(&["encrypt", "--key", "k", "--in", &plain, "--out", &message]);
    message
}

/// A command to decrypt with an AES or RSA key in pkcs11-tool.
fn foreign_decryption<'a>(algorithm: &str, id: &'a str) -> Vec<&'a str> {
    let mechanism: &[&str] = match algorithm.starts_with("aes") {
        true => &["-m", "AES-CBC-PAD", "--iv", "00000000000000000000000000000000"],
        false => &["-m", "RSA-PKCS"],
    };
    [&["--decrypt", "--id", id, "-i", "foreign", "-o", "foreign.out"], mechanism].concat()
}

/// Makes a file `foreign` that pkcs11-tool can decrypt with version 1 of key `k`.
fn foreign_ciphertext(token: &Token, algorithm: &str, id: &str) {
    token.write("foreign.in", b"attack at dawn");
    if algorithm.starts_with("aes") {
        let mut encrypt = foreign_decryption(algorithm, id);
        encrypt[0] = "--encrypt";
        encrypt[4] = "foreign.in";
        encrypt[6] = "foreign";
        let answer = token.pkcs11_tool(&encrypt);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        return;
    }
    token.ok(&["key", "export-public", "k", "--out", "public.pem"]);
    let mut openssl = token.command("openssl");
    openssl.args(["pkeyutl", "-encrypt", "-pubin", "-inkey", "public.pem"]);
    let answer = harness::run(openssl.args(["-in", "foreign.in", "-out", "foreign"]));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}

#[test]
fn keys_of_every_algorithm_and_use_are_created_and_listed() {
    on_every_token(|token| {
        let pairs = [
            ("aes-128", "encrypt"),
            ("aes-256", "wrap"),
            ("rsa-2048", "encrypt"),
            ("rsa-3072", "sign"),
            ("rsa-2048", "wrap"),
            ("ec-p256", "sign"),
            ("ec-p384", "agree"),
            ("ed25519", "sign"),
            ("ec-p521", "sign"),
            ("x25519", "agree"),
            ("hmac-sha256", "mac"),
            ("hmac-sha384", "mac"),
            ("hmac-sha512", "mac"),
        ];
        for (algorithm, usage) in pairs {
            let name = format!("{algorithm}-{usage}");
            token.ok(&["key", "create", &name, "--algorithm", algorithm, "--use", usage]);
            let answer = token.keyway(&["key", "show", &name]);
            assert!(answer.text().contains(&format!("use           {usage}")));
            assert_eq!(answer.stderr, "", "a problem with a new key");
        }
        let listed = token.keyway(&["key", "list"]);
        assert_eq!(listed.stderr, "");
        assert_eq!(listed.text().lines().count(), pairs.len() + 1);
    });
}

#[test]
fn a_name_is_taken_once_and_for_ever() {
    on_every_token(|token| {
        create(token, "aes-256");
        token.fails(4, &["key", "create", "k", "--algorithm", "aes-256"]);
        token.ok(&["key", "destroy", "k", "--yes"]);
        let error = token.fails(4, &["key", "create", "k", "--algorithm", "aes-256"]);
        assert!(error.contains("destroyed"), "{error}");
    });
}

#[test]
fn impossible_requests_are_wrong_use() {
    on_every_token(|token| {
        for arguments in [
            &["key", "create", "k", "--algorithm", "des"][..],
            &["key", "create", "a b", "--algorithm", "aes-256"],
            &["key", "create", "k", "--algorithm", "ed25519", "--use", "encrypt"],
            &["key", "revoke", "k", "--reason", "boredom", "--yes"],
            &["agree", "start", "--group", "modp1024"],
            &["encrypt", "--key", "k", "--scheme", "rot13"],
            &["key"],
            &["nonsense"],
        ] {
            token.fails(2, arguments);
        }
        assert!(token.fails(3, &["key", "show", "nobody"]).contains("nobody"));
    });
}

#[test]
fn after_a_rotation_the_old_ciphertext_opens_and_new_ones_name_the_new_version() {
    on_every_token(|token| {
        for algorithm in ["aes-256", "rsa-2048"] {
            let token = &Token::initialised(token.maker);
            create(token, algorithm);
            let old = token.ok(&["encrypt", "--key", "k", "--armor", "--in", "pin"]);
            for version in 2..=4 {
                let rotated = token.ok(&["key", "rotate", "k"]);
                assert!(rotated.contains(&format!("version {version}")), "{rotated}");
                let message = token.write("old", old.as_bytes());
                assert_eq!(token.ok(&["decrypt", "--in", &message]), harness::USER_PIN);
            }
            let shown = token.keyway(&["key", "show", "k"]);
            assert_eq!(shown.text().matches("deactivated (superseded)").count(), 3);
            assert_eq!(shown.stderr, "");
        }
    });
}

#[test]
fn a_retired_version_does_not_encrypt_in_other_programs() {
    on_every_token(|token| {
        create(token, "aes-256");
        let id = token.key_id("k", 1);
        foreign_ciphertext(token, "aes-256", &id);
        token.ok(&["key", "rotate", "k"]);
        assert_eq!(token.pkcs11_tool(&foreign_decryption("aes-256", &id)).code, 0);
        let mut encrypt = foreign_decryption("aes-256", &id);
        encrypt[0] = "--encrypt";
        assert_ne!(token.pkcs11_tool(&encrypt).code, 0);
    });
}

#[test]
fn a_compromised_key_decrypts_nowhere() {
    on_every_token(|token| {
        for algorithm in ["aes-256", "rsa-2048"] {
            let token = &Token::initialised(token.maker);
            create(token, algorithm);
            let (message, id) = (encrypted(token), token.key_id("k", 1));
            foreign_ciphertext(token, algorithm, &id);
            token.ok(&["decrypt", "--in", &message]);
            let answer = token.pkcs11_tool(&foreign_decryption(algorithm, &id));
            assert_eq!(answer.code, 0, "{algorithm} before: {}", answer.stderr);
            assert_eq!(token.read("foreign.out"), b"attack at dawn");

            token.ok(&["key", "revoke", "k", "--reason", "compromise", "--yes"]);
            let error = token.fails(5, &["decrypt", "--in", &message]);
            assert!(error.contains("compromised"), "{error}");
            token.fails(5, &["encrypt", "--key", "k", "--in", "pin"]);
            let answer = token.pkcs11_tool(&foreign_decryption(algorithm, &id));
            assert_ne!(answer.code, 0, "{algorithm} after");
            assert_eq!(token.keyway(&["key", "show", "k"]).stderr, "");
            token.fails(5, &["key", "revoke", "k", "--reason", "compromise", "--yes"]);
        }
    });
}

#[test]
fn a_compromise_reaches_old_versions_and_a_rotation_gives_a_clean_one() {
    on_every_token(|token| {
        create(token, "aes-256");
        let old = encrypted(token);
        token.ok(&["key", "rotate", "k"]);
        token.ok(&["key", "revoke", "k", "--reason", "compromise", "--yes"]);
        token.fails(5, &["decrypt", "--in", &old]);
        token.ok(&["key", "rotate", "k"]);
        let new = encrypted(token);
        assert_eq!(token.ok(&["decrypt", "--in", &new]), "attack at dawn");
    });
}

#[test]
fn a_suspended_key_protects_nowhere_until_it_is_resumed() {
    on_every_token(|token| {
        create(token, "aes-256");
        let (message, id) = (encrypted(token), token.key_id("k", 1));
        foreign_ciphertext(token, "aes-256", &id);
        let mut encrypt = foreign_decryption("aes-256", &id);
        encrypt[0] = "--encrypt";
        token.fails(5, &["key", "resume", "k"]);

        token.ok(&["key", "suspend", "k"]);
        let error = token.fails(5, &["encrypt", "--key", "k", "--in", "pin"]);
        assert!(error.contains("suspended") && error.contains("keyway key resume k"), "{error}");
        assert_eq!(token.ok(&["decrypt", "--in", &message]), "attack at dawn");
        assert_ne!(token.pkcs11_tool(&encrypt).code, 0);
        assert!(token.ok(&["key", "list", "--state", "suspended"]).contains("\nk "));
        // Given again it does no harm.
        token.ok(&["key", "suspend", "k"]);

        token.ok(&["key", "resume", "k"]);
        assert_eq!(token.pkcs11_tool(&encrypt).code, 0);
        let new = encrypted(token);
        for message in [&message, &new] {
            assert_eq!(token.ok(&["decrypt", "--in", message]), "attack at dawn");
        }
        assert_eq!(token.keyway(&["key", "show", "k"]).stderr, "");
    });
}

#[test]
fn every_use_is_suspended_and_resumed() {
    on_every_token(|token| {
        for algorithm in ["rsa-2048", "ec-p521", "hmac-sha256"] {
            let (sign, verify) = (["sign", "--key", algorithm], ["verify", "--key", algorithm]);
            let usage = if algorithm == "hmac-sha256" { "mac" } else { "sign" };
            token.ok(&["key", "create", algorithm, "--algorithm", algorithm, "--use", usage]);
            token.ok(&["key", "suspend", algorithm]);
            if usage == "sign" {
                token.fails(5, &[&sign[..], &["--in", "pin"]].concat());
            }
            token.ok(&["key", "resume", algorithm]);
            if usage == "sign" {
                token.ok(&[&sign[..], &["--in", "pin", "--out", "signature"]].concat());
                token.ok(&[&verify[..], &["--in", "pin", "--signature", "signature"]].concat());
            }
        }
    });
}

#[test]
fn a_recoverable_revocation_says_who_can_undo_it() {
    on_every_token(|token| {
        create(token, "aes-256");
        let (message, id) = (encrypted(token), token.key_id("k", 1));
        foreign_ciphertext(token, "aes-256", &id);
        let revoke = ["key", "revoke", "k", "--yes", "--recoverable", "--reason"];
        token.fails(2, &[&revoke[..], &["superseded"]].concat());
        let answer = token.keyway(&[&revoke[..], &["compromise"]].concat());
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert!(answer.stderr.contains("whoever has the PIN"), "{}", answer.stderr);
        token.fails(5, &["decrypt", "--in", &message]);
        assert_ne!(token.pkcs11_tool(&foreign_decryption("aes-256", &id)).code, 0);
        // It was asked for: nothing is left to do.
        assert!(token.ok(&["maintain"]).contains("nothing was due"));
    });
}

#[test]
fn a_revocation_says_which_certificates_still_name_the_key() {
    on_every_token(|token| {
        create(token, "ec-p256");
        let mut openssl = token.command("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        openssl.args(["-nodes", "-keyout", "x.key", "-subj", "/CN=web.example"]);
        let answer = harness::run(openssl.args(["-outform", "DER", "-out", "x.crt"]));
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        let id = token.key_id("k", 1);
        let write = ["--write-object", "x.crt", "--type", "cert", "--id", &id];
        assert_eq!(token.pkcs11_tool(&write).code, 0);
        let answer = token.ok(&["key", "revoke", "k", "--reason", "cessation", "--yes"]);
        assert!(answer.contains("still names key k: CN=web.example"), "{answer}");
    });
}

#[test]
fn a_superseded_key_decrypts_but_does_not_encrypt() {
    on_every_token(|token| {
        create(token, "aes-256");
        let message = encrypted(token);
        token.ok(&["key", "revoke", "k", "--reason", "superseded", "--yes"]);
        assert_eq!(token.ok(&["decrypt", "--in", &message]), "attack at dawn");
        let error = token.fails(5, &["encrypt", "--key", "k", "--in", "pin"]);
        assert!(error.contains("deactivated"), "{error}");
        // It can still turn out to be compromised.
        token.ok(&["key", "revoke", "k", "--reason", "compromise", "--yes"]);
        token.fails(5, &["decrypt", "--in", &message]);
    });
}

#[test]
fn a_destroyed_key_is_gone_and_its_record_says_so() {
    on_every_token(|token| {
        create(token, "rsa-2048");
        let (message, id) = (encrypted(token), token.key_id("k", 1));
        token.ok(&["key", "destroy", "k", "--yes"]);
        assert!(token.fails(5, &["decrypt", "--in", &message]).contains("destroyed"));
        assert!(token.ok(&["key", "show", "k"]).contains("destroyed"));
        let objects = token.pkcs11_tool(&["--list-objects", "--id", &id]).text();
        assert!(!objects.contains(&id), "{objects}");
        token.fails(5, &["key", "destroy", "k", "--yes"]);
        token.fails(5, &["key", "rotate", "k"]);
    });
}

#[test]
fn what_cannot_be_undone_wants_a_yes() {
    on_every_token(|token| {
        create(token, "aes-256");
        let message = encrypted(token);
        for arguments in [
            &["key", "revoke", "k", "--reason", "compromise"][..],
            &["key", "destroy", "k"],
            &["agree", "cancel"],
        ] {
            assert!(token.fails(5, arguments).contains("--yes"));
        }
        token.ok(&["decrypt", "--in", &message]);
    });
}

/// No program with the PIN brings a frozen key back.
#[test]
fn a_frozen_key_cannot_be_thawed() {
    inside_every_token("a_frozen_key_cannot_be_thawed", |token| {
        use keyway::domain::key::{Algorithm, KeyId, Usage};
        use keyway::port::{Block, KeySpec, Vault};
        let (id, algorithm) = (KeyId::new([7; 16]), Algorithm::Aes256);
        let name = "k".parse().expect("a name");
        let vault = keyway::token::TokenVault::new(token);
        vault
            .generate(&KeySpec { name, id, algorithm, usage: Usage::Encrypt, shareable: false })
            .expect("made");
        let session = other_program(token);
        for object in secret_objects(&session, id.as_bytes()) {
            assert!(decrypts(&session, object), "before");
        }
        assert_eq!(vault.block(id).expect("blocked"), Block::Final);
        assert_eq!(vault.block(id).expect("blocked again"), Block::Final);

        for object in secret_objects(&session, id.as_bytes()) {
            let on = [Attribute::Decrypt(true)];
            let _ = session.update_attributes(object, &on);
            assert!(!decrypts(&session, object), "flag set again");
            let _ = session.update_attributes(object, &[Attribute::Modifiable(true)]);
            assert!(!decrypts(&session, object), "modifiable again");
            let more = [Attribute::Modifiable(true), Attribute::Decrypt(true)];
            for template in [&more[..], &[Attribute::Modifiable(true)], &[]] {
                let Ok(copy) = session.copy_object(object, template) else { continue };
                let _ = session.update_attributes(copy, &on);
                assert!(!decrypts(&session, copy), "copied");
            }
        }
    });
}

fn decrypts(session: &Session, object: ObjectHandle) -> bool {
    use cryptoki::mechanism::Mechanism;
    session.decrypt(&Mechanism::AesCbc([0; 16]), object, &[0; 16]).is_ok()
}

/// A second session on the same token: what any program has that knows the PIN.
fn other_program(_: &OpenToken) -> Session {
    let module = std::env::var_os("KEYWAY_TEST_INSIDE").expect("inside");
    let context = cryptoki::context::Pkcs11::new(module).expect("module");
    let slots = context.get_slots_with_initialized_token().expect("slots");
    let session = context.open_rw_session(slots[0]).expect("session");
    // Login is per token: the harness logged in already.
    let pin = cryptoki::types::AuthPin::new(harness::USER_PIN.into());
    let _ = session.login(UserType::User, Some(&pin));
    session
}

fn secret_objects(session: &Session, id: &[u8]) -> Vec<ObjectHandle> {
    let template = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Id(id.to_vec())];
    session.find_objects(&template).expect("found")
}
