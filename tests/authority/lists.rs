//! Revoking certificates, and the lists that say so.

use crate::harness::{Token, on_every_token};
use crate::{OURS, VERIFY, authorities, fails, ok, openssl, openssl_ok, server};

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
        assert!(ok(token, "ca list --ca web").contains("revoked  20"));
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
