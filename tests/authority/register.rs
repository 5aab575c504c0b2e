//! The register: many processes, tampering, and what other programs find.

use std::process::Stdio;

use crate::harness::on_every_token;
use crate::{authorities, fails, ok, openssl_ok, request, server};

#[test]
fn processes_that_issue_at_once_lose_nothing_and_share_no_number() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        request(token, "www");
        let start = |line: String| {
            let mut command = token.command(env!("CARGO_BIN_EXE_keyway"));
            command.args(line.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().expect("keyway starts")
        };
        let children: Vec<_> = (0..4)
            .flat_map(|number| {
                [
                    start(format!(
                        "ca issue --ca web --csr www.csr --profile identity --out {number}.pem"
                    )),
                    start(format!("ca crl --ca web --out {number}.crl")),
                ]
            })
            .collect();
        for mut child in children {
            assert!(child.wait().expect("it ends").success());
        }
        let listed = ok(token, "ca list --ca web");
        let (mut serials, mut numbers) = (Vec::new(), Vec::new());
        for number in 0..4 {
            let serial = openssl_ok(token, &format!("x509 -in {number}.pem -noout -serial"));
            let serial = serial.trim().replace("serial=", "").to_lowercase();
            assert_eq!(serial.len(), 40);
            assert!(listed.contains(&serial), "{serial} is missing: {listed}");
            serials.push(serial);
            numbers.push(openssl_ok(token, &format!("crl -in {number}.crl -noout -crlnumber")));
        }
        for mut list in [serials, numbers] {
            list.sort();
            list.dedup();
            assert_eq!(list.len(), 4, "{list:?}");
        }
    });
}

#[test]
fn entries_that_somebody_removes_or_changes_are_noticed() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        server(token, "www");
        ok(token, "ca revoke --cert www.pem --reason compromise --yes");
        ok(token, "ca crl --ca web --out web.crl");
        let serial = openssl_ok(token, "x509 -in www.pem -noout -serial");
        let serial = serial.trim().replace("serial=", "").to_lowercase();
        let label = format!("keyway-revoked:{serial}");
        let delete = ["--delete-object", "--type", "data", "--label", &label];
        assert_eq!(token.pkcs11_tool(&delete).code, 0);
        let noticed = fails(token, 7, "ca crl --ca web");
        assert!(noticed.contains("removed entries"), "{noticed}");
        token.write("forged", b"nothing that keyway sealed");
        let forge = [
            "--write-object",
            "forged",
            "--type",
            "data",
            "--label",
            &label,
            "--application-label",
            "keyway-revoked",
            "--private",
        ];
        assert_eq!(token.pkcs11_tool(&forge).code, 0);
        let noticed = fails(token, 7, "ca list");
        assert!(noticed.contains(&serial), "{noticed}");
    });
}

#[test]
fn other_programs_find_the_certificate_beside_its_key() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        let id = token.key_id("web", 1);
        let read = ["--read-object", "--type", "cert", "--id", &id, "--output-file", "found.der"];
        assert_eq!(token.pkcs11_tool(&read).code, 0);
        openssl_ok(token, "x509 -in web.pem -outform DER -out web.der");
        assert_eq!(token.read("found.der"), token.read("web.der"));
        let shown = ok(token, "ca show web --out chain.pem");
        assert!(shown.contains("parent        root"), "{shown}");
        let chain = String::from_utf8(token.read("chain.pem")).expect("text");
        assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2);
        fails(token, 4, "ca init web --key-algorithm ec-p256");
        fails(token, 3, "ca show nobody");
    });
}

#[test]
fn an_authority_whose_key_was_rotated_or_revoked_signs_no_more() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        request(token, "www");
        ok(token, "key rotate web");
        let refused = fails(token, 5, "ca issue --ca web --csr www.csr --profile identity");
        assert!(refused.contains("deactivated"), "{refused}");
        ok(token, "key revoke root --reason compromise --yes");
        let refused = fails(token, 5, "ca crl --ca root");
        assert!(refused.contains("compromised"), "{refused}");
    });
}
