//! What authorities issue, and what they may not.

use crate::harness::on_every_token;
use crate::{OURS, VERIFY, authorities, fails, ok, openssl, openssl_ok, request};

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
fn what_an_authority_may_not_certify_is_not_issued() {
    on_every_token(|token| {
        ok(token, "ca init root --key-algorithm ec-p256 --out root.pem");
        ok(
            token,
            "ca init web --parent root --valid-for 30d --key-algorithm ec-p256 --permit dns:example.com --exclude dns:secret.example.com --permit ip:10.0.0.0/8 --out web.pem",
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
        let refused =
            fails(token, 5, &format!("{issue} --san dns:www.example.com --valid-for 40d"));
        assert!(refused.contains("outlive"), "{refused}");
        assert_eq!(ok(token, "ca list --ca web").lines().count(), 1, "nothing was issued");
        ok(token, &format!("{issue} --san dns:www.example.com,ip:10.1.2.3"));
        openssl_ok(token, &format!("{VERIFY} www.pem"));
        assert_eq!(ok(token, "ca list --ca web").lines().count(), 2);
    });
}

/// The subordinate's key is OpenSSL's, so that it can certify what keyway would refuse to: whoever
/// checks has to see it.
#[test]
fn what_a_subordinate_certifies_beyond_its_limits_is_refused_by_openssl_and_by_us() {
    on_every_token(|token| {
        ok(token, "ca init root --key-algorithm ec-p256 --path-len 1 --out root.pem");
        request(token, "sub");
        let limits = "--path-len 0 --permit dns:example.com --exclude dns:secret.example.com";
        let issue = "ca issue --ca root --csr sub.csr --profile ca --subject CN=sub --out sub.pem";
        ok(token, &format!("{issue} {limits}"));
        openssl_ok(token, "verify -x509_strict -CAfile root.pem sub.pem");
        ok(token, "ca verify sub.pem --root root.pem --purpose ca");
        let certify = |name: &str, issuer: &str, extensions: &str| {
            request(token, name);
            token.write("extensions", extensions.as_bytes());
            openssl_ok(
                token,
                &format!(
                    "x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial -days 30 -extfile extensions -out {name}.pem"
                ),
            );
        };
        let ids = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid";
        let leaf = |name: &str, issuer: &str, san: &str| {
            let usage = "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth";
            certify(name, issuer, &format!("{usage}\nsubjectAltName={san}\n{ids}\n"));
        };
        leaf("good", "sub", "DNS:www.example.com");
        leaf("outside", "sub", "DNS:www.example.org");
        leaf("excluded", "sub", "DNS:a.secret.example.com");
        let usage = "keyUsage=critical,keyCertSign,cRLSign";
        certify("below", "sub", &format!("basicConstraints=critical,CA:TRUE\n{usage}\n{ids}\n"));
        leaf("deep", "below", "DNS:www.example.com");
        token.write("between.pem", &[token.read("sub.pem"), token.read("below.pem")].concat());
        for (name, theirs, ours) in [
            ("outside", "permitted subtree violation", "www.example.org is not within"),
            ("excluded", "excluded subtree violation", "a.secret.example.com is excluded"),
            ("deep", "path length constraint exceeded", "pathLenConstraint"),
        ] {
            let check = format!("verify -CAfile root.pem -untrusted between.pem {name}.pem");
            let refused = openssl(token, &check);
            assert!(refused.stderr.contains(theirs), "{name}: {}", refused.stderr);
            let check = format!("ca verify {name}.pem --root root.pem --intermediate between.pem");
            let refused = fails(token, 7, &format!("{check} --purpose tls-server"));
            assert!(refused.contains(ours), "{name}: {refused}");
        }
        openssl_ok(
            token,
            "verify -x509_strict -CAfile root.pem -untrusted sub.pem -purpose sslserver good.pem",
        );
        let check = "ca verify good.pem --root root.pem --intermediate sub.pem";
        ok(token, &format!("{check} --purpose tls-server"));
    });
}
