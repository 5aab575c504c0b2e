//! Answers to OCSP requests.

use crate::harness::on_every_token;
use crate::{authorities, fails, ok, openssl, openssl_ok, server};

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

/// One request about many: each certificate asked about in its own way, a number that nobody gave
/// and one that keyway cannot give.
#[test]
fn one_answer_tells_of_every_certificate_that_was_asked_about() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        for name in ["www", "mail", "old"] {
            server(token, name);
        }
        ok(token, "ca revoke --cert old.pem --reason affiliation --yes");
        let unknown = "0x4000000000000000000000000000000000000000";
        let asked = format!(
            "-issuer web.pem -sha1 -cert www.pem -sha256 -cert mail.pem -cert old.pem -serial {unknown} -serial 0x1234 -sha512 -cert www.pem"
        );
        openssl_ok(token, &format!("ocsp {asked} -reqout many.req"));
        ok(token, "ca ocsp --ca web --request many.req --out many.resp --valid-for 12h");
        token.write("both.pem", &[token.read("root.pem"), token.read("web.pem")].concat());
        let check = "ocsp -no_nonce -reqin many.req -respin many.resp -CAfile both.pem";
        let text = openssl_ok(token, &format!("{check} {asked}"));
        assert!(text.contains("Response verify OK") && !text.contains("nonce"), "{text}");
        for line in [
            "mail.pem: good".to_owned(),
            "old.pem: revoked".to_owned(),
            "Reason: affiliationChanged".to_owned(),
            format!("{unknown}: unknown"),
            "0x1234: unknown".to_owned(),
        ] {
            assert!(text.contains(&line), "{line}: {text}");
        }
        let text = openssl_ok(token, "ocsp -respin many.resp -noverify -resp_text");
        let statuses: Vec<_> =
            text.lines().filter_map(|line| line.trim().strip_prefix("Cert Status: ")).collect();
        // SHA-512 names no issuer that is looked for: nothing is said of what it names.
        assert_eq!(statuses, ["good", "good", "revoked", "unknown", "unknown", "unknown"]);
        for hash in ["sha1", "sha256", "sha512"] {
            assert!(text.contains(&format!("Hash Algorithm: {hash}")), "{text}");
        }
    });
}

#[test]
fn the_nonce_of_the_request_is_given_back_and_a_hostile_one_is_refused() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        server(token, "www");
        openssl_ok(token, "ocsp -issuer web.pem -cert www.pem -reqout one.req");
        openssl_ok(token, "ocsp -issuer web.pem -cert www.pem -reqout other.req");
        ok(token, "ca ocsp --ca web --request one.req --out one.resp");
        token.write("both.pem", &[token.read("root.pem"), token.read("web.pem")].concat());
        let check = |request: &str| {
            let how = "-respin one.resp -CAfile both.pem -verify_other web.pem";
            openssl(token, &format!("ocsp -reqin {request} {how}"))
        };
        let own = check("one.req");
        assert!(own.code == 0 && own.stderr.contains("Response verify OK"), "{}", own.stderr);
        assert!(!own.stderr.contains("once"), "{}", own.stderr);
        let replayed = check("other.req");
        assert!(replayed.stderr.contains("Nonce Verify error"), "{}", replayed.stderr);
        // A nonce of OpenSSL has 16 bytes in an OCTET STRING within another one. Here they are 15
        // and an empty one.
        let mut request = token.read("one.req");
        let at = request.windows(4).position(|part| part == [4, 18, 4, 16]).expect("the nonce");
        request[at + 3] = 15;
        token.write("odd.req", &request);
        let refused = fails(token, 12, "ca ocsp --ca web --request odd.req");
        assert!(refused.contains("a nonce has 1 to 128 bytes"), "{refused}");
    });
}
