//! A new certificate for the same key, and a new authority beside an old one.

use std::thread::sleep;
use std::time::Duration;

use crate::harness::on_every_token;
use crate::{OURS, VERIFY, authorities, fails, ok, openssl_ok, request, server};

#[test]
fn a_renewed_certificate_is_for_the_same_names_and_key_and_has_a_number_of_its_own() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        server(token, "www");
        ok(token, "ca renew --cert www.pem --valid-for 1y --chain --out new.pem");
        let field = |file: &str, field: &str| {
            openssl_ok(token, &format!("x509 -in {file}.pem -noout {field}"))
        };
        for same in ["-subject", "-issuer", "-pubkey", "-ext subjectAltName,extendedKeyUsage"] {
            assert_eq!(field("www", same), field("new", same));
        }
        for other in ["-serial", "-enddate"] {
            assert_ne!(field("www", other), field("new", other));
        }
        let hostname = "-verify_hostname www.example.com";
        openssl_ok(token, &format!("{VERIFY} {hostname} www.pem"));
        openssl_ok(token, &format!("{VERIFY} {hostname} new.pem"));
        ok(token, &OURS.replace("www.pem", "new.pem"));
        assert_eq!(ok(token, "ca list --ca web").matches("  valid  ").count(), 2);
        // Each is revoked by itself.
        ok(token, "ca revoke --cert www.pem --reason superseded --yes");
        let refused = fails(token, 5, "ca renew --cert www.pem");
        assert!(refused.contains("was revoked at"), "{refused}");
        ok(token, "ca renew --cert new.pem --out newer.pem");
    });
}

#[test]
fn what_the_authority_has_not_signed_and_what_has_expired_is_not_renewed() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        request(token, "www");
        let issue = "ca issue --ca web --csr www.csr --profile tls-server --san-from-request";
        ok(token, &format!("{issue} --out www.pem"));
        openssl_ok(token, "x509 -in www.pem -outform DER -out www.der");
        let mut der = token.read("www.der");
        let at = der.windows(11).position(|part| part == b"www.example").expect("the name");
        der[at] = b'v';
        token.write("other.der", &der);
        let refused = fails(token, 7, "ca renew --cert other.der");
        assert!(refused.contains("the signature is not its issuer's"), "{refused}");
        openssl_ok(token, "req -x509 -key www.key -subj /CN=self -days 9 -out self.pem");
        fails(token, 3, "ca renew --cert self.pem");
        let refused = fails(token, 5, "ca renew --cert web.pem");
        assert!(refused.contains("authority"), "{refused}");
        ok(token, &format!("{issue} --valid-for 15s --out short.pem"));
        sleep(Duration::from_secs(16));
        let refused = fails(token, 7, "ca renew --cert short.pem");
        assert!(refused.contains("expired at"), "{refused}");
    });
}

/// The way `docs/pki.md` tells: a new root that the old one certifies, so that whoever trusts
/// either of them trusts what the new one issues, while the old one goes on revoking.
#[test]
fn a_root_is_followed_by_another_that_it_certifies() {
    on_every_token(|token| {
        ok(token, "ca init old --subject CN=Old --key-algorithm ec-p256 --out old.pem");
        request(token, "www");
        let issue = "ca issue --csr www.csr --profile tls-server --san-from-request --ca";
        ok(token, &format!("{issue} old --out before.pem"));
        ok(token, "ca init new --subject CN=New --key-algorithm ec-p384 --out new.pem");
        ok(token, "csr create --key new --subject CN=New --out new.csr");
        ok(token, "ca issue --ca old --csr new.csr --profile ca --valid-for 2y --out link.pem");
        ok(token, &format!("{issue} new --out after.pem"));
        for (root, certificate) in [
            ("-CAfile old.pem", "before.pem"),
            ("-CAfile old.pem -untrusted link.pem", "after.pem"),
            ("-CAfile new.pem", "after.pem"),
        ] {
            openssl_ok(token, &format!("verify -x509_strict {root} {certificate}"));
            let options = root.replace("-CAfile", "--root").replace("-untrusted", "--intermediate");
            ok(token, &format!("ca verify {certificate} {options} --purpose tls-server"));
        }
        ok(token, "ca revoke --cert before.pem --reason superseded --yes");
        ok(token, "ca crl --ca old --out old.crl");
        let refused = fails(token, 7, "ca verify before.pem --root old.pem --crl old.crl");
        assert!(refused.contains("superseded"), "{refused}");
    });
}
