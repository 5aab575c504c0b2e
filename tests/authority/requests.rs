//! Requests: ours for OpenSSL, and everybody's for us.

use crate::harness::{Token, on_every_token};
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
        for algorithm in
            ["rsa-2048", "rsa-3072", "rsa-4096", "ec-p256", "ec-p384", "ec-p521", "ed25519"]
        {
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

/// How OpenSSL makes a key, and how it signs the request with it.
const REQUESTS: [(&str, &str); 8] = [
    ("ED25519", ""),
    ("EC -pkeyopt ec_paramgen_curve:P-256", "-sha256"),
    ("EC -pkeyopt ec_paramgen_curve:P-384", "-sha384"),
    ("EC -pkeyopt ec_paramgen_curve:P-521", "-sha512"),
    ("RSA -pkeyopt rsa_keygen_bits:2048", "-sha256"),
    ("RSA -pkeyopt rsa_keygen_bits:2048", "-sha512"),
    (PSS_KEY, "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32"),
    (PSS_KEY, "-sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:48"),
];
const PSS_KEY: &str = "RSA -pkeyopt rsa_keygen_bits:2048";

/// OpenSSL makes a key and a request with it.
fn foreign(token: &Token, key: &str, how: &str) {
    openssl_ok(token, &format!("genpkey -algorithm {key} -out f.key"));
    let line = format!("req -new -key f.key -subj /CN=foreign -outform DER -out f.csr {how}");
    openssl_ok(token, line.trim());
}

#[test]
fn requests_of_every_algorithm_are_certified_and_none_without_its_key() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        let issue = "ca issue --ca web --csr f.csr --profile tls-client --out f.pem";
        for (key, how) in REQUESTS {
            foreign(token, key, how);
            ok(token, issue);
            openssl_ok(token, "verify -x509_strict -CAfile root.pem -untrusted web.pem f.pem");
            // The same request with another name in it: nobody showed that he has the key.
            let mut der = token.read("f.csr");
            let at = der.windows(7).position(|part| part == b"foreign").expect("the name");
            der[at] = b'F';
            token.write("f.csr", &der);
            let refused = fails(token, 7, issue);
            assert!(refused.contains("not signed by the key that it names"), "{key}: {refused}");
        }
        let issued = ok(token, "ca list --ca web").lines().count() - 1;
        assert_eq!(issued, REQUESTS.len());
    });
}

#[test]
fn requests_for_weak_keys_are_refused_with_the_reason() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        let issue = "ca issue --ca web --csr f.csr --profile tls-client";
        for (key, how, reason) in [
            ("RSA -pkeyopt rsa_keygen_bits:1024", "-sha256", "1024 bits"),
            ("RSA -pkeyopt rsa_keygen_bits:2048", "-sha1", "not trusted here"),
            ("EC -pkeyopt ec_paramgen_curve:secp256k1", "-sha256", "a curve that is not trusted"),
            ("RSA-PSS -pkeyopt rsa_keygen_bits:2048", "-sha256", "restricted to RSASSA-PSS"),
        ] {
            foreign(token, key, how);
            let refused = fails(token, 7, issue);
            assert!(refused.contains(reason), "{key}: {refused}");
        }
    });
}

/// A configuration of `openssl req` that asks for everything that an authority has.
const HOSTILE: &str = "[req]
distinguished_name = name
req_extensions = wanted
prompt = no
[name]
CN = hostile
[wanted]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
extendedKeyUsage = codeSigning,OCSPSigning
1.2.3.4 = critical,ASN1:UTF8String:foreign
subjectAltName = DNS:bank.example
";

#[test]
fn of_a_hostile_request_only_what_the_profile_allows_is_certified() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        openssl_ok(token, "genpkey -algorithm ED25519 -out h.key");
        let ask = |configuration: &str| {
            token.write("h.cnf", configuration.as_bytes());
            openssl_ok(token, "req -new -key h.key -config h.cnf -out h.csr");
        };
        ask(HOSTILE);
        let issue = "ca issue --ca web --csr h.csr --profile tls-client --out h.pem";
        ok(token, issue);
        let text = openssl_ok(token, "x509 -in h.pem -noout -text");
        for missing in
            ["CA:TRUE", "Certificate Sign", "CRL Sign", "Code Signing", "OCSP", "1.2.3.4"]
        {
            assert!(!text.contains(missing), "{missing}: {text}");
        }
        assert!(text.contains("CA:FALSE") && !text.contains("bank.example"), "{text}");
        assert_eq!(text.matches("TLS Web Client Authentication").count(), 1, "{text}");
        // With its names, if whoever issues says so, and nothing else.
        ok(token, &format!("{issue} --san-from-request"));
        let text = openssl_ok(token, "x509 -in h.pem -noout -text");
        assert!(text.contains("DNS:bank.example") && !text.contains("1.2.3.4"), "{text}");
        let named = |names: &str| HOSTILE.replace("DNS:bank.example", names);
        let from_request = format!("{issue} --san-from-request");
        let many: Vec<_> = (0..5000).map(|number| format!("DNS:n{number}.example")).collect();
        for (names, reason) in [
            (many.join(","), "5000 alternative names"),
            ("DNS:a b.example".to_owned(), "not well-formed"),
            ("DNS:*.*.example".to_owned(), "not well-formed"),
            ("otherName:1.2.3.4;UTF8:admin".to_owned(), "not well-formed"),
            ("RID:1.2.3.4".to_owned(), "not well-formed"),
        ] {
            ask(&named(&names));
            let refused = fails(token, 5, &from_request);
            assert!(refused.contains(reason), "{reason}: {refused}");
        }
        // Nobody is certified, and nobody who is no authority limits others.
        openssl_ok(token, "req -new -key h.key -subj / -out h.csr");
        assert!(fails(token, 2, issue).contains("names nobody"));
        ok(token, &format!("{issue} --san dns:a.example"));
        let text = openssl_ok(token, "x509 -in h.pem -noout -text");
        assert!(text.contains("Subject Alternative Name: critical"), "{text}");
        for limit in ["--path-len 3", "--permit dns:example.com", "--exclude dns:example.com"] {
            let line = format!("{issue} --subject CN=x {limit}");
            assert!(fails(token, 2, &line).contains("limits nobody"), "{limit}");
        }
    });
}
