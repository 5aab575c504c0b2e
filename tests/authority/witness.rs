//! The cryptography package of Python as a second witness beside OpenSSL.

use crate::harness::{PYTHON, Token, on_every_token, run};
use crate::{ok, openssl_ok};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/authority/witness.py");

fn python(token: &Token, line: &str) -> String {
    let answer = run(token.command(PYTHON).arg(PROGRAM).args(line.split(' ')));
    assert_eq!(answer.code, 0, "{:?} {line}: {}", token.maker, answer.stderr);
    answer.text().trim().to_owned()
}

#[test]
fn python_reads_what_we_issue_and_we_what_it_requests() {
    on_every_token(|token| {
        let algorithms = [("rsa", "rsa-2048"), ("p384", "ec-p384"), ("ed25519", "ed25519")];
        for (kind, algorithm) in algorithms {
            let init = format!("--key-algorithm {algorithm} --out");
            ok(token, &format!("ca init root-{kind} {init} root.pem"));
            ok(token, &format!("ca init web-{kind} --parent root-{kind} {init} web.pem"));
            let ca = format!("--ca web-{kind}");
            python(token, &format!("request {kind} www"));
            let issue = format!("ca issue {ca} --csr www.csr --profile tls-server");
            ok(token, &format!("{issue} --san-from-request --out www.pem"));
            let checked = python(token, "chain www.example.com www.pem web.pem root.pem");
            assert!(checked.starts_with("signatures"), "{checked}");
            // It has the key that it asked for.
            let public = openssl_ok(token, "pkey -in www.key -pubout");
            assert_eq!(public, openssl_ok(token, "x509 -in www.pem -noout -pubkey"));
            python(token, "ask www.pem web.pem www.req");
            let ask = || {
                ok(token, &format!("ca ocsp {ca} --request www.req --out www.resp"));
                python(token, "answer www.resp web.pem www.req")
            };
            let list = || {
                ok(token, &format!("ca crl {ca} --out web.crl"));
                python(token, "list web.crl web.pem www.pem")
            };
            assert_eq!((ask(), list()), ("GOOD None".to_owned(), "1 None".to_owned()));
            ok(token, "ca revoke --cert www.pem --reason compromise --yes");
            let told = ("REVOKED key_compromise".to_owned(), "2 key_compromise".to_owned());
            assert_eq!((ask(), list()), told);
        }
        python(token, "request p521 r");
        ok(token, "ca issue --ca web-p384 --csr r.csr --profile tls-client --out r.pem");
        // Answered by a key that the authority certified for it.
        ok(token, "key create responder --algorithm ec-p256 --use sign");
        ok(token, "csr create --key responder --subject CN=responder --out o.csr");
        ok(token, "ca issue --ca web-p384 --csr o.csr --profile ocsp --out o.pem");
        ok(token, "ca show web-p384 --out web.pem");
        python(token, "ask r.pem web.pem r.req");
        let delegated = "--responder responder --responder-cert o.pem";
        ok(token, &format!("ca ocsp --ca web-p384 --request r.req --out r.resp {delegated}"));
        assert_eq!(python(token, "answer r.resp web.pem r.req"), "GOOD None");
    });
}
