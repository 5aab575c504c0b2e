//! The certificate authority, with OpenSSL as the judge of what it makes.

mod harness;

use std::process::Stdio;

use harness::{Answer, Token, on_every_token, run};

/// OpenSSL in the token's directory.
fn openssl(token: &Token, line: &str) -> Answer {
    run(token.command("openssl").args(line.split(' ')))
}

/// OpenSSL, which has to succeed; what it said.
fn openssl_ok(token: &Token, line: &str) -> String {
    let answer = openssl(token, line);
    assert_eq!(answer.code, 0, "{:?} openssl {line}: {}", token.maker, answer.stderr);
    answer.text() + &answer.stderr
}

/// `keyway` with the words of a line.
fn ok(token: &Token, line: &str) -> String {
    token.ok(&line.split(' ').collect::<Vec<_>>())
}

fn fails(token: &Token, code: i32, line: &str) -> String {
    token.fails(code, &line.split(' ').collect::<Vec<_>>())
}

/// A root and an authority below it, their certificates in files.
fn authorities(token: &Token, algorithm: &str) {
    ok(
        token,
        &format!(
            "ca init root --subject CN=Root,O=Keyway --key-algorithm {algorithm} --out root.pem"
        ),
    );
    ok(
        token,
        &format!(
            "ca init web --parent root --path-len 0 --key-algorithm {algorithm} --out web.pem"
        ),
    );
}

/// A request that OpenSSL makes with a key of its own.
fn request(token: &Token, name: &str) {
    openssl_ok(
        token,
        &format!(
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {name}.key -subj /O=Keyway/CN={name} -addext subjectAltName=DNS:{name}.example.com -out {name}.csr"
        ),
    );
}

fn server(token: &Token, name: &str) {
    request(token, name);
    ok(
        token,
        &format!(
            "ca issue --ca web --csr {name}.csr --profile tls-server --san dns:{name}.example.com --out {name}.pem"
        ),
    );
}

const VERIFY: &str = "verify -x509_strict -CAfile root.pem -untrusted web.pem -purpose sslserver";
const OURS: &str = "ca verify www.pem --root root.pem --intermediate web.pem --purpose tls-server";

#[test]
fn openssl_trusts_certificates_of_every_algorithm() {
    on_every_token(|token| {
        for (number, algorithm) in
            ["rsa-2048", "ec-p256", "ec-p384", "ed25519"].into_iter().enumerate()
        {
            let names = [format!("root{number}"), format!("web{number}")];
            let [root, web] = &names;
            ok(token, &format!("ca init {root} --key-algorithm {algorithm} --out root.pem"));
            ok(
                token,
                &format!("ca init {web} --parent {root} --key-algorithm {algorithm} --out web.pem"),
            );
            request(token, "www");
            ok(
                token,
                &format!(
                    "ca issue --ca {web} --csr www.csr --profile tls-server --san-from-request --out www.pem"
                ),
            );
            openssl_ok(token, &format!("{VERIFY} -verify_hostname www.example.com www.pem"));
            ok(token, OURS);
            let text = openssl_ok(token, "x509 -in www.pem -noout -text");
            assert!(text.contains("DNS:www.example.com"), "{algorithm}: {text}");
        }
    });
}

#[test]
fn every_profile_is_good_for_its_purpose_and_no_other() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        request(token, "any");
        let profiles = ["tls-client", "code-signing", "ocsp", "identity", "recipient"];
        for profile in profiles {
            ok(
                token,
                &format!("ca issue --ca web --csr any.csr --profile {profile} --out {profile}.pem"),
            );
            let verify = |purpose: &str| {
                token
                    .keyway(&[
                        "ca",
                        "verify",
                        &format!("{profile}.pem"),
                        "--root",
                        "root.pem",
                        "--intermediate",
                        "web.pem",
                        "--purpose",
                        purpose,
                    ])
                    .code
            };
            assert_eq!(verify(profile), 0, "{profile}");
            let other = if profile == "identity" { "recipient" } else { "identity" };
            let others = ["ocsp", "code-signing", other];
            let wrong = others.into_iter().filter(|purpose| *purpose != profile);
            // Without an extended key usage the key usage alone decides.
            let signs = |purpose: &&str| *purpose != "identity" || profile == "recipient";
            for purpose in wrong.filter(signs) {
                assert_eq!(verify(purpose), 7, "{profile} for {purpose}");
            }
            assert_eq!(verify("ca"), 7, "{profile}");
        }
        let text = openssl_ok(token, "x509 -in ocsp.pem -noout -text");
        assert!(text.contains("OCSP Signing") && text.contains("OCSP No Check"), "{text}");
        openssl_ok(
            token,
            "verify -CAfile root.pem -untrusted web.pem -purpose sslclient tls-client.pem",
        );
        // The web authority has path length 0; the root has none.
        let refused = fails(token, 7, "ca issue --ca web --csr any.csr --profile ca");
        assert!(refused.contains("pathLenConstraint"), "{refused}");
        ok(token, "ca issue --ca root --csr any.csr --profile ca --path-len 0 --out below.pem");
        ok(token, "ca verify below.pem --root root.pem --purpose ca");
    });
}

#[test]
fn a_request_proves_that_its_sender_has_the_key() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        request(token, "www");
        openssl_ok(token, "req -in www.csr -outform DER -out good.der");
        let mut der = token.read("good.der");
        let last = der.len() - 1;
        der[last] ^= 1;
        token.write("bad.der", &der);
        let refused = fails(token, 7, "ca issue --ca web --csr bad.der --profile identity");
        assert!(refused.contains("not signed by the key"), "{refused}");
        ok(token, "ca issue --ca web --csr good.der --profile identity --out x.pem");
        assert!(
            fails(token, 12, "ca issue --ca web --csr root.pem --profile identity")
                .contains("no request")
        );
        let refused = fails(token, 2, "ca issue --ca web --csr www.csr --profile tls-server");
        assert!(refused.contains("--san dns:www.example.com"), "{refused}");
    });
}

#[test]
fn a_key_of_the_token_requests_and_openssl_checks_it() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        for algorithm in ["rsa-2048", "ec-p256", "ec-p384", "ed25519"] {
            ok(token, &format!("key create {algorithm} --algorithm {algorithm} --use sign"));
            ok(
                token,
                &format!(
                    "csr create --key {algorithm} --subject CN={algorithm},O=Keyway --san dns:a.example.com,ip:192.0.2.1,email:a@example.com,uri:https://example.com/ --out a.csr"
                ),
            );
            let text = openssl_ok(token, "req -in a.csr -noout -text -verify");
            assert!(text.contains("verify OK"), "{algorithm}: {text}");
            for name in ["DNS:a.example.com", "IP Address:192.0.2.1", "email:a@example.com"] {
                assert!(text.contains(name), "{algorithm}: {text}");
            }
            ok(token, "ca issue --ca web --csr a.csr --profile tls-client --out a.pem");
            openssl_ok(token, "verify -CAfile root.pem -untrusted web.pem a.pem");
        }
        ok(token, "key create secret --algorithm aes-256");
        fails(token, 5, "csr create --key secret --subject CN=x");
    });
}

#[test]
fn what_an_authority_may_not_certify_is_not_issued() {
    on_every_token(|token| {
        ok(token, "ca init root --key-algorithm ec-p256 --out root.pem");
        ok(
            token,
            "ca init web --parent root --days 30 --key-algorithm ec-p256 --permit dns:example.com --exclude dns:secret.example.com --permit ip:10.0.0.0/8 --out web.pem",
        );
        request(token, "www");
        let issue = "ca issue --ca web --csr www.csr --profile tls-server --out www.pem";
        for (san, reason) in [
            ("dns:www.example.org", "not within the name constraints"),
            ("dns:a.secret.example.com", "excluded"),
            ("ip:192.0.2.1", "not within the name constraints"),
        ] {
            let refused = fails(token, 7, &format!("{issue} --san {san}"));
            assert!(refused.contains(reason), "{san}: {refused}");
        }
        let refused = fails(token, 5, &format!("{issue} --san dns:www.example.com --days 40"));
        assert!(refused.contains("outlive"), "{refused}");
        assert_eq!(ok(token, "ca list --ca web").lines().count(), 1, "nothing was issued");
        ok(token, &format!("{issue} --san dns:www.example.com,ip:10.1.2.3"));
        openssl_ok(token, &format!("{VERIFY} www.pem"));
        assert_eq!(ok(token, "ca list --ca web").lines().count(), 2);
    });
}

#[test]
fn a_revoked_certificate_is_refused_by_openssl_and_by_us() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        server(token, "www");
        ok(token, "ca crl --ca root --out root.crl");
        ok(token, "ca crl --ca web --out web.crl");
        let both = |token: &Token| {
            token.write("both.crl", &[token.read("root.crl"), token.read("web.crl")].concat());
            let theirs =
                openssl(token, &format!("{VERIFY} -crl_check_all -CRLfile both.crl www.pem"));
            let ours =
                token.keyway(&format!("{OURS} --crl both.crl").split(' ').collect::<Vec<_>>());
            (theirs, ours)
        };
        let (theirs, ours) = both(token);
        assert_eq!((theirs.code, ours.code), (0, 0), "{} {}", theirs.stderr, ours.stderr);
        openssl_ok(token, "crl -in web.crl -CAfile web.pem -noout");
        ok(token, "ca revoke --cert www.pem --reason compromise --yes");
        ok(token, "ca crl --ca web --out web.crl");
        let (theirs, ours) = both(token);
        assert!(theirs.stderr.contains("certificate revoked"), "{}", theirs.stderr);
        assert!(ours.code == 7 && ours.stderr.contains("compromise"), "{}", ours.stderr);
        let text = openssl_ok(token, "crl -in web.crl -noout -text");
        assert!(
            text.contains("Key Compromise") && text.contains("CRL Number: \n                2"),
            "{text}"
        );
        let again = fails(token, 5, "ca revoke --cert www.pem --reason compromise --yes");
        assert!(again.contains("was revoked at"), "{again}");
        fails(
            token,
            3,
            "ca revoke --serial 4000000000000000000000000000000000000000 --reason superseded --yes",
        );
        assert!(ok(token, "ca list --ca web").contains("revoked 20"));
        // The authority itself, by its parent.
        ok(token, "ca revoke --cert web.pem --reason cessation --yes");
        ok(token, "ca crl --ca root --out root.crl");
        let (_, ours) = both(token);
        assert!(
            ours.stderr.contains("CN=web") && ours.stderr.contains("cessation"),
            "{}",
            ours.stderr
        );
    });
}

#[test]
fn a_list_names_the_key_of_its_own_authority_and_its_number_only_rises() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        let key = |text: String, what: &str| {
            let mut lines = text.lines().skip_while(|line| !line.contains(what));
            lines.nth(1).expect("the identifier").trim().to_owned()
        };
        let subject =
            key(openssl_ok(token, "x509 -in web.pem -noout -text"), "Subject Key Identifier");
        for number in 1..=4 {
            let delta = if number % 2 == 0 { " --delta" } else { "" };
            ok(token, &format!("ca crl --ca web --out web.crl{delta}"));
            let text = openssl_ok(token, "crl -in web.crl -noout -text");
            assert_eq!(key(text.clone(), "Authority Key Identifier"), subject);
            assert_eq!(key(text.clone(), "X509v3 CRL Number"), number.to_string());
            let base = text.contains("Delta CRL Indicator: critical");
            assert_eq!(base, number % 2 == 0, "{text}");
        }
        assert!(fails(token, 5, "ca crl --ca root --delta").contains("no full list"));
    });
}

#[test]
fn a_delta_list_revokes_between_two_full_ones() {
    on_every_token(|token| {
        ok(token, "ca init root --key-algorithm ec-p256 --out root.pem");
        ok(
            token,
            "ca init web --parent root --key-algorithm ec-p256 --crl-uri http://127.0.0.1/web.crl --delta-crl-uri http://127.0.0.1/delta.crl --ocsp-uri http://127.0.0.1/ --out web.pem",
        );
        server(token, "www");
        ok(token, "ca crl --ca root --out root.crl");
        ok(token, "ca crl --ca web --out web.crl");
        ok(token, "ca revoke --cert www.pem --reason superseded --yes");
        ok(token, "ca crl --ca web --delta --out delta.crl");
        let text = openssl_ok(token, "x509 -in www.pem -noout -text");
        assert!(text.contains("URI:http://127.0.0.1/web.crl"), "{text}");
        assert!(text.contains("OCSP - URI:http://127.0.0.1/"), "{text}");
        let lists = format!("{OURS} --crl root.crl --crl web.crl");
        ok(token, &lists);
        let refused = fails(token, 7, &format!("{lists} --crl delta.crl"));
        assert!(refused.contains("superseded"), "{refused}");
        token.write("all.crl", &[token.read("web.crl"), token.read("delta.crl")].concat());
        let theirs = openssl(
            token,
            "verify -CAfile root.pem -untrusted web.pem -crl_check -use_deltas -extended_crl -CRLfile all.crl www.pem",
        );
        assert!(theirs.stderr.contains("certificate revoked"), "{}", theirs.stderr);
    });
}

#[test]
fn processes_that_issue_at_once_lose_nothing_and_share_no_number() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        request(token, "www");
        let start = |line: String| {
            let mut command = token.command(env!("CARGO_BIN_EXE_keyway"));
            command.args(line.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().expect("keyway starts")
        };
        let children: Vec<_> = (0..4)
            .flat_map(|number| {
                [
                    start(format!(
                        "ca issue --ca web --csr www.csr --profile identity --out {number}.pem"
                    )),
                    start(format!("ca crl --ca web --out {number}.crl")),
                ]
            })
            .collect();
        for mut child in children {
            assert!(child.wait().expect("it ends").success());
        }
        let listed = ok(token, "ca list --ca web");
        let (mut serials, mut numbers) = (Vec::new(), Vec::new());
        for number in 0..4 {
            let serial = openssl_ok(token, &format!("x509 -in {number}.pem -noout -serial"));
            let serial = serial.trim().replace("serial=", "").to_lowercase();
            assert_eq!(serial.len(), 40);
            assert!(listed.contains(&serial), "{serial} is missing: {listed}");
            serials.push(serial);
            numbers.push(openssl_ok(token, &format!("crl -in {number}.crl -noout -crlnumber")));
        }
        for mut list in [serials, numbers] {
            list.sort();
            list.dedup();
            assert_eq!(list.len(), 4, "{list:?}");
        }
    });
}

#[test]
fn entries_that_somebody_removes_or_changes_are_noticed() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        server(token, "www");
        ok(token, "ca revoke --cert www.pem --reason compromise --yes");
        ok(token, "ca crl --ca web --out web.crl");
        let serial = openssl_ok(token, "x509 -in www.pem -noout -serial");
        let serial = serial.trim().replace("serial=", "").to_lowercase();
        let label = format!("keyway-revoked:{serial}");
        let delete = ["--delete-object", "--type", "data", "--label", &label];
        assert_eq!(token.pkcs11_tool(&delete).code, 0);
        let noticed = fails(token, 7, "ca crl --ca web");
        assert!(noticed.contains("removed entries"), "{noticed}");
        token.write("forged", b"nothing that keyway sealed");
        let forge = [
            "--write-object",
            "forged",
            "--type",
            "data",
            "--label",
            &label,
            "--application-label",
            "keyway-revoked",
            "--private",
        ];
        assert_eq!(token.pkcs11_tool(&forge).code, 0);
        let noticed = fails(token, 7, "ca list");
        assert!(noticed.contains(&serial), "{noticed}");
    });
}

#[test]
fn other_programs_find_the_certificate_beside_its_key() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        let id = token.key_id("web", 1);
        let read = ["--read-object", "--type", "cert", "--id", &id, "--output-file", "found.der"];
        assert_eq!(token.pkcs11_tool(&read).code, 0);
        openssl_ok(token, "x509 -in web.pem -outform DER -out web.der");
        assert_eq!(token.read("found.der"), token.read("web.der"));
        let shown = ok(token, "ca show web --out chain.pem");
        assert!(shown.contains("parent        root"), "{shown}");
        let chain = String::from_utf8(token.read("chain.pem")).expect("text");
        assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2);
        fails(token, 4, "ca init web --key-algorithm ec-p256");
        fails(token, 3, "ca show nobody");
    });
}

#[test]
fn an_authority_whose_key_was_rotated_or_revoked_signs_no_more() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        request(token, "www");
        ok(token, "key rotate web");
        let refused = fails(token, 5, "ca issue --ca web --csr www.csr --profile identity");
        assert!(refused.contains("deactivated"), "{refused}");
        ok(token, "key revoke root --reason compromise --yes");
        let refused = fails(token, 5, "ca crl --ca root");
        assert!(refused.contains("compromised"), "{refused}");
    });
}

#[test]
fn openssl_believes_the_ocsp_answers_of_authority_and_responder() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        server(token, "www");
        ok(token, "key create responder --algorithm ec-p256 --use sign");
        ok(token, "csr create --key responder --subject CN=responder --out r.csr");
        ok(token, "ca issue --ca web --csr r.csr --profile ocsp --out responder.pem");
        openssl_ok(token, "ocsp -issuer web.pem -cert www.pem -reqout www.req");
        openssl_ok(token, "ocsp -sha256 -issuer web.pem -cert www.pem -no_nonce -reqout plain.req");
        token.write("both.pem", &[token.read("root.pem"), token.read("web.pem")].concat());
        let answer = |request: &str, how: &str| {
            ok(token, &format!("ca ocsp --ca web --request {request} --out www.resp{how}"));
            let ask = if request == "www.req" { "ocsp" } else { "ocsp -sha256" };
            openssl_ok(
                token,
                &format!(
                    "{ask} -no_nonce -reqin {request} -respin www.resp -CAfile both.pem -issuer web.pem -cert www.pem"
                ),
            )
        };
        let delegated = " --responder responder --responder-cert responder.pem";
        for (request, how) in [("www.req", ""), ("plain.req", ""), ("www.req", delegated)] {
            let text = answer(request, how);
            assert!(
                text.contains("Response verify OK") && text.contains("www.pem: good"),
                "{text}"
            );
        }
        ok(token, "ca revoke --cert www.pem --reason superseded --yes");
        for how in ["", delegated] {
            let text = answer("www.req", how);
            assert!(text.contains("Response verify OK"), "{text}");
            assert!(text.contains("www.pem: revoked") && text.contains("superseded"), "{text}");
        }
        // Root knows no such certificate, and no responder of the other authority.
        ok(token, "ca ocsp --ca root --request www.req --out www.resp");
        let text = openssl_ok(token, "ocsp -respin www.resp -resp_text -noverify");
        assert!(text.contains("Cert Status: unknown"), "{text}");
        fails(token, 7, &format!("ca ocsp --ca root --request www.req{delegated}"));
        ok(token, "ca revoke --cert responder.pem --reason compromise --yes");
        fails(token, 7, &format!("ca ocsp --ca web --request www.req{delegated}"));
        fails(token, 12, "ca ocsp --ca web --request www.pem");
    });
}

#[test]
fn revoking_a_key_revokes_its_certificates_in_the_same_command() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        ok(token, "key create www --algorithm ec-p256 --use sign");
        ok(token, "csr create --key www --subject CN=www --out www.csr");
        for name in ["one", "two"] {
            ok(
                token,
                &format!("ca issue --ca web --csr www.csr --profile identity --out {name}.pem"),
            );
        }
        let said = ok(token, "key revoke www --reason compromise --yes");
        assert_eq!(said.matches("is revoked; publish it").count(), 2, "{said}");
        ok(token, "ca crl --ca web --out web.crl");
        for name in ["one", "two"] {
            let theirs = openssl(
                token,
                &format!(
                    "verify -CAfile root.pem -untrusted web.pem -crl_check -CRLfile web.crl {name}.pem"
                ),
            );
            assert!(theirs.stderr.contains("certificate revoked"), "{}", theirs.stderr);
        }
        let listed = ok(token, "ca list --ca web");
        assert_eq!(listed.matches("(compromise)").count(), 2, "{listed}");
    });
}
