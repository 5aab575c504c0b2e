//! Certificates that go with their key.

use crate::harness::on_every_token;
use crate::{authorities, ok, openssl};

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

/// A report is about the versions of its time. What was certified after the rotation is another
/// key's.
#[test]
fn a_suspicion_revokes_the_certificates_of_the_versions_that_it_concerns() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        ok(token, "key create www --algorithm ec-p256 --use sign");
        let certify = |name: &str| {
            ok(token, "csr create --key www --subject CN=www --out www.csr");
            let issue = "ca issue --ca web --csr www.csr --profile identity --out";
            ok(token, &format!("{issue} {name}.pem"));
        };
        certify("old");
        ok(token, "key report www --evidence dump --sign-with www --out www.report");
        ok(token, "key rotate www");
        certify("new");
        ok(token, "key accept-report www.report");
        ok(token, "maintain");
        ok(token, "maintain");
        ok(token, "ca crl --ca web --out web.crl");
        let check = |name: &str| {
            let line = "verify -CAfile root.pem -untrusted web.pem -crl_check -CRLfile web.crl";
            openssl(token, &format!("{line} {name}.pem"))
        };
        assert!(check("old").stderr.contains("certificate revoked"), "{}", check("old").stderr);
        assert_eq!(check("new").code, 0, "{}", check("new").stderr);
        // The key goes on with its clean version, which is certified again.
        certify("newer");
        assert_eq!(check("newer").code, 0);
        // A revocation of the whole key takes the others, too.
        let said = ok(token, "key revoke www --reason compromise --yes");
        assert_eq!(said.matches("is revoked; publish it").count(), 2, "{said}");
    });
}
