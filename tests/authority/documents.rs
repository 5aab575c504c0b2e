//! What the commands tell programs (`--output json`).

use serde_json::Value;

use crate::harness::{Token, on_every_token};
use crate::{OURS, authorities, openssl_ok, request};

fn json(token: &Token, line: &str) -> Value {
    let text = crate::ok(token, &format!("--output json {line}"));
    assert_eq!(text.lines().count(), 1, "{line}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{line}: {error}: {text}"))
}

#[test]
fn every_command_of_the_authority_answers_one_document() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        let made = json(token, "ca init below --parent root --crl-uri http://127.0.0.1/b.crl");
        assert_eq!((&made["name"], &made["parent"]), (&"below".into(), &"root".into()));
        assert_eq!(made["crl_uri"], "http://127.0.0.1/b.crl");
        request(token, "www");
        let issue = "ca issue --ca web --csr www.csr --profile tls-server --san-from-request";
        let issued = json(token, &format!("{issue} --out www.pem"));
        let serial = openssl_ok(token, "x509 -in www.pem -noout -serial");
        let serial = serial.trim().replace("serial=", "").to_lowercase();
        assert_eq!((&issued["serial"], &issued["issuer"]), (&serial.into(), &"CN=web".into()));
        assert_eq!(issued["bytes"], token.read("www.pem").len());
        let renewed = json(token, "ca renew --cert www.pem --out new.pem");
        assert_eq!(renewed["subject"], issued["subject"]);
        let listed = json(token, "ca list");
        assert_eq!(listed["authorities"].as_array().map(Vec::len), Some(3), "{listed}");
        let certificates = json(token, "ca list --ca web")["certificates"].clone();
        let find = |shown: &Value| {
            let all = shown.as_array().expect("certificates").clone();
            all.into_iter().find(|one| one["serial"] == issued["serial"]).expect("listed")
        };
        assert_eq!(find(&certificates)["state"], "valid");
        let revoked = json(token, "ca revoke --cert www.pem --reason superseded --yes");
        assert_eq!(
            (&revoked["authority"], &revoked["reason"]),
            (&"web".into(), &"superseded".into())
        );
        let shown = json(token, "ca show web");
        let entry = find(&shown["certificates"]);
        assert_eq!(
            (&entry["state"], &entry["revoked_at"]),
            (&"revoked".into(), &revoked["revoked_at"])
        );
        assert_eq!(json(token, "ca crl --ca web --out web.crl")["delta"], false);
        openssl_ok(token, "ocsp -issuer web.pem -cert www.pem -reqout www.req");
        let answered = json(token, "ca ocsp --ca web --request www.req --out www.resp");
        assert_eq!(answered["out"], "www.resp");
        let verified = json(token, OURS);
        assert_eq!(verified["revocation_checked"], false);
        assert_eq!(verified["path"].as_array().map(Vec::len), Some(3), "{verified}");
        let wanted = json(token, "csr create --key web --subject CN=web --out web.csr");
        assert_eq!((&wanted["key"], &wanted["subject"]), (&"web".into(), &"CN=web".into()));
        // Data on standard output stays data.
        let pem = crate::ok(token, &format!("--output json {issue}"));
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
    });
}
