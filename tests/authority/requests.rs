//! Requests: ours for OpenSSL, and everybody's for us.

use crate::harness::on_every_token;
use crate::{authorities, fails, ok, openssl_ok, request};

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
