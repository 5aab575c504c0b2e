//! Answers to OCSP requests.

use crate::harness::on_every_token;
use crate::{authorities, fails, ok, openssl_ok, server};

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
