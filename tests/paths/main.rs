//! Path validation, with OpenSSL as the maker of every certificate and list: what is good is
//! trusted, and each bad chain is refused for its reason.

#[path = "../harness/mod.rs"]
mod harness;
mod lists;

use std::fs;
use std::path::Path;
use std::process::Command;

use harness::run;
use keyway::clock::SystemClock;
use keyway::domain::pki::{
    Certificate, Crl, Purpose, Refusal, Refused, Trust, ValidatedPath, validate,
};
use keyway::domain::time::Timestamp;
use keyway::port::Clock;
use tempfile::TempDir;

const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
const SERVER: &str = "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n\
                      subjectAltName=DNS:www.example.com\n";
const YEAR: u64 = 365 * 86_400;

/// Authorities and certificates of a test, by name, in files.
struct Pki {
    directory: TempDir,
}

impl Pki {
    /// `root` and, below it, `middle`, with these further extensions.
    fn new(root: &str, middle: &str) -> Self {
        let pki = Self { directory: tempfile::tempdir().expect("a directory") };
        pki.issue("root", "root", &format!("{CA}{root}"), &["ec", "prime256v1"]);
        pki.issue("middle", "root", &format!("{CA}{middle}"), &["ec", "prime256v1"]);
        pki
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn openssl(&self, arguments: &[&str]) {
        let mut command = Command::new("openssl");
        let answer = run(command.args(arguments).current_dir(self.path()));
        assert_eq!(answer.code, 0, "openssl {arguments:?}: {}", answer.stderr);
    }

    /// A certificate for ten years; one that is its own issuer is self-signed.
    fn issue(&self, name: &str, issuer: &str, extensions: &str, key: &[&str; 2]) {
        self.issue_as(name, issuer, extensions, key, &["-sha256"]);
    }

    fn issue_as(&self, name: &str, issuer: &str, extensions: &str, key: &[&str; 2], how: &[&str]) {
        let file = |kind: &str| format!("{name}.{kind}");
        let [algorithm, size] = key;
        let option = match *algorithm {
            "rsa" => format!("rsa_keygen_bits:{size}"),
            _ => format!("ec_paramgen_curve:{size}"),
        };
        let mut generate = vec!["genpkey", "-algorithm", algorithm];
        if *algorithm != "ed25519" {
            generate.extend(["-pkeyopt", &option]);
        }
        let key_file = file("key");
        generate.extend(["-out", &key_file]);
        self.openssl(&generate);
        fs::write(self.path().join(file("ext")), extensions).expect("written");
        let subject = format!("/O=Keyway/CN={name}");
        self.openssl(&["req", "-new", "-key", &key_file, "-subj", &subject, "-out", &file("csr")]);
        let (request, extension, out) = (file("csr"), file("ext"), file("crt"));
        let mut sign = vec!["x509", "-req", "-in", &request, "-days", "3650", "-out", &out];
        sign.extend(["-extfile", &extension]);
        let (ca, ca_key) = (format!("{issuer}.crt"), format!("{issuer}.key"));
        match issuer == name {
            true => sign.extend(["-signkey", &key_file]),
            false => sign.extend(["-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial"]),
        }
        self.openssl(&[&sign[..], how].concat());
    }

    /// A server's certificate from `middle`.
    fn server(&self, extensions: &str) {
        self.issue("server", "middle", &format!("{SERVER}{extensions}"), &["ec", "prime256v1"]);
    }

    fn certificate(&self, name: &str) -> Certificate {
        let bytes = fs::read(self.path().join(format!("{name}.crt"))).expect("read");
        Certificate::read_all(&bytes).expect("a certificate").remove(0)
    }

    /// Validates a certificate with the others as intermediates, trusting `root`.
    fn validate(
        &self,
        names: &[&str],
        crls: &[Crl],
        at: Timestamp,
        purpose: Purpose,
    ) -> Result<ValidatedPath, Refused> {
        let chain: Vec<_> = names.iter().map(|name| self.certificate(name)).collect();
        validate(&chain, &Trust { roots: &[self.certificate("root")], crls }, at, purpose)
    }

    /// Why a server's certificate is refused now, and whose fault that is.
    fn refusal(&self, names: &[&str]) -> (String, Refusal) {
        let refused = self.validate(names, &[], now(), Purpose::TlsServer).expect_err("refused");
        (refused.subject, refused.refusal)
    }
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn later(seconds: u64) -> Timestamp {
    Timestamp::from_unix(now().unix() + seconds)
}

const CHAIN: [&str; 2] = ["server", "middle"];

#[test]
fn a_chain_is_trusted_in_any_order_and_answers_its_path() {
    let pki = Pki::new("", "");
    pki.server("");
    pki.issue("stranger", "stranger", CA, &["ec", "prime256v1"]);
    for names in [&["server", "middle"][..], &["server", "stranger", "root", "middle"]] {
        let path = pki.validate(names, &[], now(), Purpose::TlsServer).expect("trusted");
        let subjects: Vec<_> =
            path.certificates().iter().filter_map(Certificate::common_name).collect();
        assert_eq!(subjects, ["server", "middle", "root"]);
    }
    let refused = pki.refusal(&["server"]);
    assert!(matches!(refused.1, Refusal::NoIssuer(_)), "{refused:?}");
    pki.validate(&["root"], &[], now(), Purpose::Authority).expect("a root trusts itself");
    assert!(matches!(pki.refusal(&["stranger"]).1, Refusal::NoIssuer(_)));
}

#[test]
fn every_algorithm_that_openssl_signs_with_is_checked() {
    let pss: &[&str] =
        &["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"];
    let kinds: [(&[&str; 2], &[&str]); 8] = [
        (&["rsa", "2048"], &["-sha256"]),
        (&["rsa", "2048"], &["-sha512"]),
        (&["rsa", "2048"], pss),
        (&["ec", "prime256v1"], &["-sha256"]),
        (&["ec", "secp384r1"], &["-sha384"]),
        (&["ec", "secp384r1"], &["-sha256"]),
        (&["ec", "secp521r1"], &["-sha512"]),
        (&["ed25519", ""], &[]),
    ];
    for (key, how) in kinds {
        let pki = Pki { directory: tempfile::tempdir().expect("a directory") };
        pki.issue_as("root", "root", CA, key, how);
        pki.issue_as("server", "root", SERVER, &["ec", "prime256v1"], how);
        pki.validate(&["server"], &[], now(), Purpose::TlsServer)
            .unwrap_or_else(|refused| panic!("{key:?} {how:?}: {refused}"));
    }
}

#[test]
fn weak_signatures_are_refused() {
    for (key, how) in [(["rsa", "2048"], "-sha1"), (["rsa", "1024"], "-sha256")] {
        let pki = Pki { directory: tempfile::tempdir().expect("a directory") };
        pki.issue("root", "root", CA, &key);
        pki.issue_as("server", "root", SERVER, &["ec", "prime256v1"], &[how]);
        let refused = pki.refusal(&["server"]);
        assert!(matches!(refused.1, Refusal::Algorithm(_)), "{how}: {refused:?}");
    }
}

#[test]
fn a_changed_certificate_is_refused() {
    let pki = Pki::new("", "");
    pki.server("");
    let mut der = pki.certificate("server").der().to_vec();
    let at = der.windows(11).position(|part| part == b"www.example").expect("the name");
    der[at] = b'v';
    let chain = [Certificate::from_der(&der).expect("still DER"), pki.certificate("middle")];
    let trust = Trust { roots: &[pki.certificate("root")], crls: &[] };
    let refused = validate(&chain, &trust, now(), Purpose::TlsServer).expect_err("refused");
    assert_eq!(refused.refusal, Refusal::Forged);
    // One more key under the same name has not signed it either.
    pki.issue("middle", "root", CA, &["ec", "prime256v1"]);
    fs::remove_file(pki.path().join("middle.ext")).expect("there");
    assert!(matches!(pki.refusal(&CHAIN).1, Refusal::Forged | Refusal::NoIssuer(_)));
}

#[test]
fn validity_counts_for_every_certificate() {
    let pki = Pki::new("", "");
    pki.server("");
    let at = |moment| pki.validate(&CHAIN, &[], moment, Purpose::TlsServer);
    let early = at(Timestamp::from_unix(now().unix() - 3600)).expect_err("too early");
    assert!(matches!(early.refusal, Refusal::NotYetValid(_)), "{early}");
    let late = at(later(11 * YEAR)).expect_err("too late");
    assert!(matches!(late.refusal, Refusal::Expired(_)), "{late}");
    assert!(late.subject.contains("root"), "the first from above: {late}");
    at(later(9 * YEAR)).expect("in between");
}

/// What the root says, what the middle says, what the server says, what comes of it.
type Row = (&'static str, &'static str, &'static str, fn(&Refusal) -> bool);

#[rustfmt::skip]
const BAD: &[Row] = &[
    ("", "", "1.2.3.4=critical,ASN1:NULL\n", |r| matches!(r, Refusal::CriticalExtension(_))),
    ("", "1.2.3.4=critical,ASN1:NULL\n", "", |r| matches!(r, Refusal::CriticalExtension(_))),
    ("", "policyConstraints=critical,requireExplicitPolicy:0\n", "", |r| matches!(r, Refusal::CriticalExtension(_))),
    ("", "basicConstraints=CA:FALSE\n", "", |r| *r == Refusal::NotAnAuthority),
    ("", "keyUsage=critical,digitalSignature\n", "", |r| matches!(r, Refusal::KeyUsage(_))),
    ("basicConstraints=critical,CA:TRUE,pathlen:0\n", "", "", |r| *r == Refusal::PathLength),
    ("", "", "extendedKeyUsage=clientAuth\n", |r| matches!(r, Refusal::Purpose(_))),
    ("", "", "keyUsage=critical,cRLSign\n", |r| matches!(r, Refusal::KeyUsage(_))),
    ("", "extendedKeyUsage=clientAuth\n", "", |r| matches!(r, Refusal::Purpose(_))),
    ("", "nameConstraints=critical,permitted;DNS:example.org\n", "", |r| matches!(r, Refusal::NameNotPermitted(_))),
    ("", "nameConstraints=critical,excluded;DNS:example.com\n", "", |r| matches!(r, Refusal::NameExcluded(_))),
    ("nameConstraints=critical,permitted;DNS:www.example.com\n", "nameConstraints=critical,permitted;DNS:example.org\n", "", |r| matches!(r, Refusal::NameNotPermitted(_))),
    ("nameConstraints=critical,permitted;IP:10.0.0.0/255.0.0.0\n", "", "subjectAltName=IP:11.0.0.1\n", |r| matches!(r, Refusal::NameNotPermitted(_))),
    ("nameConstraints=critical,excluded;IP:10.0.0.0/255.0.0.0\n", "", "subjectAltName=IP:10.1.2.3\n", |r| matches!(r, Refusal::NameExcluded(_))),
    ("nameConstraints=critical,permitted;email:example.com\n", "", "subjectAltName=email:a@mail.example.com\n", |r| matches!(r, Refusal::NameNotPermitted(_))),
    ("nameConstraints=critical,permitted;URI:.example.com\n", "", "subjectAltName=URI:https://example.com/\n", |r| matches!(r, Refusal::NameNotPermitted(_))),
    ("nameConstraints=critical,excluded;otherName:1.2.3.4;UTF8:x\n", "", "subjectAltName=otherName:1.2.3.4;UTF8:y\n", |r| matches!(r, Refusal::NameExcluded(_))),
    ("nameConstraints=critical,excluded;DNS:secret.example.com\n", "", "subjectAltName=DNS:*.example.com\n", |r| matches!(r, Refusal::NameExcluded(_))),
];

#[rustfmt::skip]
const GOOD: &[(&str, &str, &str)] = &[
    ("", "", "1.2.3.4=ASN1:NULL\n"),
    ("", "certificatePolicies=critical,1.2.3.4\n", "certificatePolicies=critical,1.2.3.4\n"),
    ("basicConstraints=critical,CA:TRUE,pathlen:1\n", "basicConstraints=critical,CA:TRUE,pathlen:0\n", ""),
    ("", "extendedKeyUsage=serverAuth,clientAuth\n", ""),
    ("", "extendedKeyUsage=anyExtendedKeyUsage\n", ""),
    ("nameConstraints=critical,permitted;DNS:example.com,permitted;DNS:example.org\n", "", ""),
    ("nameConstraints=critical,permitted;IP:10.0.0.0/255.0.0.0\n", "", ""),
    ("nameConstraints=critical,permitted;IP:10.0.0.0/255.0.0.0\n", "", "subjectAltName=IP:10.1.2.3\n"),
    ("nameConstraints=critical,permitted;email:.example.com\n", "", "subjectAltName=email:a@mail.example.com\n"),
    ("nameConstraints=critical,permitted;dirName:d\n[d]\nO=Keyway\n", "", ""),
];

/// Later lines take the place of earlier ones of the same name.
fn merged(lines: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for line in lines.lines() {
        let name = |line: &str| line.split('=').next().map(str::to_owned);
        kept.retain(|other| other.starts_with('[') || name(other) != name(line));
        kept.push(line);
    }
    kept.join("\n") + "\n"
}

fn three(root: &str, middle: &str, server: &str) -> Pki {
    let pki = Pki { directory: tempfile::tempdir().expect("a directory") };
    let key = &["ec", "prime256v1"];
    pki.issue("root", "root", &merged(&format!("{CA}{root}")), key);
    pki.issue("middle", "root", &merged(&format!("{CA}{middle}")), key);
    pki.issue("server", "middle", &merged(&format!("{SERVER}{server}")), key);
    pki
}

#[test]
fn each_bad_chain_is_refused_for_its_reason() {
    for (root, middle, server, reason) in BAD {
        let (subject, refusal) = three(root, middle, server).refusal(&CHAIN);
        assert!(reason(&refusal), "{root}{middle}{server}: {subject}: {refusal}");
    }
}

#[test]
fn each_good_chain_is_trusted() {
    for (root, middle, server) in GOOD {
        let pki = three(root, middle, server);
        pki.validate(&CHAIN, &[], now(), Purpose::TlsServer)
            .unwrap_or_else(|refused| panic!("{root}{middle}{server}: {refused}"));
    }
}

#[test]
fn no_changed_or_shortened_byte_makes_a_panic() {
    let pki = Pki::new("", "nameConstraints=critical,permitted;DNS:example.com\n");
    pki.server("");
    let (root, middle) = (pki.certificate("root"), pki.certificate("middle"));
    let list = pki.list("middle", &["server"], 1, None);
    let trust = Trust { roots: &[root], crls: &[list] };
    let der = pki.certificate("server").der().to_vec();
    for at in 0..der.len() {
        let _ = Certificate::from_der(&der[..at]);
        let mut changed = der.clone();
        changed[at] ^= 0x41;
        if let Ok(certificate) = Certificate::from_der(&changed) {
            let chain = [certificate, middle.clone()];
            assert!(validate(&chain, &trust, now(), Purpose::TlsServer).is_err(), "byte {at}");
        }
    }
}
