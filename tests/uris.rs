//! Tokens named by PKCS#11 URIs (RFC 7512).

mod harness;

use harness::{LABEL, Maker, Token, on_every_token, run};

fn shown(token: &Token, row: &str) -> String {
    let shown = token.ok(&["token", "show"]);
    let line = shown.lines().find_map(|line| line.strip_prefix(row));
    line.unwrap_or_else(|| panic!("no {row} in {shown}")).trim().to_owned()
}

/// `keyway` with neither module nor PIN file but what the URI names.
fn with_uri(token: &Token, uri: &str, arguments: &[&str]) -> String {
    let mut command = token.command(env!("CARGO_BIN_EXE_keyway"));
    command.env_remove("KEYWAY_MODULE").env_remove("KEYWAY_PIN_FILE");
    let answer = run(command.args(["--token", uri]).args(arguments));
    assert_eq!(answer.code, 0, "{uri}: {}", answer.stderr);
    answer.text()
}

#[test]
fn a_uri_names_token_module_and_pin() {
    on_every_token(|token| {
        let (serial, module, pin) =
            (shown(token, "serial"), token.module.display(), token.path("pin"));
        let uri = format!(
            "pkcs11:token={LABEL};serial={serial}?module-path={module}&pin-source=file:{pin}"
        );
        with_uri(token, &uri, &["key", "create", "web", "--algorithm", "ec-p256"]);
        assert!(with_uri(token, &uri, &["key", "list"]).contains("ec-p256"));
    });
}

#[test]
fn a_uri_names_a_key() {
    on_every_token(|token| {
        token.ok(&["key", "create", "web", "--algorithm", "ec-p256"]);
        let (module, pin) = (token.module.display(), token.path("pin"));
        let uri = format!(
            "pkcs11:token={LABEL};object=web;type=private?module-path={module}&pin-source={pin}"
        );
        let mut command = token.command(env!("CARGO_BIN_EXE_keyway"));
        command.env_remove("KEYWAY_MODULE").env_remove("KEYWAY_PIN_FILE");
        let answer = run(command.args(["key", "show", &uri]));
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert!(answer.text().contains("key           web"), "{}", answer.text());
        let other = "pkcs11:token=other;object=web";
        assert!(token.fails(3, &["key", "show", other]).contains("other"));
    });
}

#[test]
fn a_token_that_is_another_is_not_taken() {
    on_every_token(|token| {
        let serial = shown(token, "serial");
        for uri in [
            format!("pkcs11:token={LABEL};serial=0000"),
            format!("pkcs11:token=other;serial={serial}"),
            "pkcs11:manufacturer=Nobody".to_owned(),
        ] {
            let error = token.fails(3, &["--token", &uri, "key", "list"]);
            assert!(error.contains(&uri), "{error}");
            assert!(error.contains(&format!("it has: {LABEL}")), "{error}");
            token.fails(3, &["--token", &uri, "token", "show"]);
        }
    });
}

#[test]
fn the_file_of_a_token_is_found_by_its_uri() {
    let token = Token::initialised(Maker::Keyway);
    let serial = shown(&token, "serial");
    let uri = format!("pkcs11:serial={serial};token={LABEL}");
    assert!(token.ok(&["--token", &uri, "log"]).contains("initialised the token"));
    let other = format!("pkcs11:serial={serial};token=other");
    assert!(token.fails(3, &["--token", &other, "log"]).contains("no token is"));
}

#[test]
fn a_malformed_uri_says_what_is_wrong() {
    on_every_token(|token| {
        let error = token.fails(2, &["--token", "pkcs11:tokne=a", "key", "list"]);
        assert!(error.contains("tokne"), "{error}");
        let error = token.fails(2, &["--token", "pkcs11:?pin-value=1234", "key", "list"]);
        assert!(error.contains("pin-source") && !error.contains("1234"), "{error}");
    });
}
