//! Revocation lists, with OpenSSL as their maker and as a second judge.

use std::fs;
use std::process::Command;

use keyway::domain::pki::{Crl, Purpose, Refusal};

use crate::harness::run;
use crate::{CA, CHAIN, Pki, later, now};

/// A list before it is made.
#[derive(Clone, Copy)]
struct Recipe<'a> {
    issuer: &'a str,
    revoked: &'a [&'a str],
    number: u32,
    /// Further lines of the section of the list's extensions, and further sections.
    extensions: &'a str,
    /// Further arguments of `openssl ca -gencrl`.
    how: &'a [&'a str],
}

impl<'a> Recipe<'a> {
    const fn new(issuer: &'a str) -> Self {
        let how = &["-crldays", "30"];
        Self { issuer, revoked: &[], number: 1, extensions: "", how }
    }
}

impl Pki {
    /// A list of an authority, with the certificates it revokes, its number and, for a delta, its
    /// base.
    pub(crate) fn list(
        &self,
        issuer: &str,
        revoked: &[&str],
        number: u32,
        base: Option<u32>,
    ) -> Crl {
        let delta = base.map(|base| format!("2.5.29.27=critical,ASN1:INTEGER:{base}\n"));
        let extensions = &delta.unwrap_or_default();
        self.make(Recipe { revoked, number, extensions, ..Recipe::new(issuer) })
    }

    /// Makes a list, which lies in `list.crl` as well.
    fn make(&self, recipe: Recipe<'_>) -> Crl {
        let Recipe { issuer, revoked, number, extensions, how } = recipe;
        let mut index = String::new();
        for name in revoked {
            let serial: String =
                self.certificate(name).serial().iter().map(|byte| format!("{byte:02X}")).collect();
            index += &format!(
                "R\t361120000000Z\t261101000000Z,keyCompromise\t{serial}\tunknown\t/CN={name}\n"
            );
        }
        let configuration = format!(
            "[ca]\ndefault_ca=c\n[c]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\n\
             crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n{extensions}"
        );
        for (file, text) in
            [("index", index), ("number", format!("{number:04X}\n")), ("conf", configuration)]
        {
            fs::write(self.path().join(file), text).expect("written");
        }
        let (key, certificate) = (format!("{issuer}.key"), format!("{issuer}.crt"));
        let who = ["-keyfile", &key, "-cert", &certificate];
        let what = ["ca", "-config", "conf", "-gencrl", "-out", "list.crl"];
        self.openssl(&[&what[..], &who, how].concat());
        let bytes = fs::read(self.path().join("list.crl")).expect("read");
        Crl::read_all(&bytes).expect("a list").remove(0)
    }

    /// What OpenSSL says of the server's certificate with these files of lists.
    fn openssl_verifies(&self, lists: &[&str]) -> String {
        let read = |name: &&str| fs::read(self.path().join(name)).expect("read");
        fs::write(self.path().join("all.crl"), lists.iter().map(read).collect::<Vec<_>>().concat())
            .expect("written");
        let mut command = Command::new("openssl");
        command.args(["verify", "-crl_check_all", "-CAfile", "root.crt"]);
        command.args(["-untrusted", "middle.crt", "-CRLfile", "all.crl", "server.crt"]);
        run(command.current_dir(self.path())).stderr
    }
}

/// A list of the middle that does not count: what the middle says, the list, why we do not believe
/// it, and what OpenSSL says where it agrees.
struct Bad {
    middle: &'static str,
    list: Recipe<'static>,
    ours: &'static str,
    theirs: Option<&'static str>,
}

const LIST: Recipe<'static> = Recipe::new("middle");
const fn extended(extensions: &'static str) -> Recipe<'static> {
    Recipe { extensions, ..LIST }
}
const PAST: &[&str] = &["-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200201000000Z"];
const FUTURE: &[&str] =
    &["-crl_lastupdate", "20460101000000Z", "-crl_nextupdate", "20460201000000Z"];

#[rustfmt::skip]
const BAD: &[Bad] = &[
    Bad { middle: "", list: Recipe { how: PAST, ..LIST }, ours: "is stale: the next one was due at 2020-02-01T00:00:00Z", theirs: Some("CRL has expired") },
    Bad { middle: "", list: Recipe { how: FUTURE, ..LIST }, ours: "is not valid before 2046-01-01T00:00:00Z", theirs: Some("CRL is not yet valid") },
    Bad { middle: "keyUsage=critical,keyCertSign\n", list: LIST, ours: "may not sign lists (cRLSign)", theirs: Some("key usage does not include CRL signing") },
    Bad { middle: "", list: extended("1.2.3.4=critical,ASN1:NULL\n"), ours: "unknown critical extension 1.2.3.4", theirs: Some("unhandled critical CRL extension") },
    Bad { middle: "", list: extended("issuingDistributionPoint=critical,@p\n[p]\nindirectCRL=TRUE\n"), ours: "an indirect one (indirectCRL)", theirs: Some("unable to get certificate CRL") },
    Bad { middle: "", list: extended("issuingDistributionPoint=critical,@p\n[p]\nonlyAA=TRUE\n"), ours: "attribute certificates alone", theirs: Some("different CRL scope") },
    Bad { middle: "", list: extended("issuingDistributionPoint=critical,@p\n[p]\nonlyCA=TRUE\n"), ours: "about authorities alone", theirs: Some("different CRL scope") },
    Bad { middle: "", list: extended("issuingDistributionPoint=critical,@p\n[p]\nonlysomereasons=keyCompromise\n"), ours: "some reasons alone", theirs: Some("unable to get certificate CRL") },
    Bad { middle: "", list: extended("issuingDistributionPoint=critical,@p\n[p]\nfullname=URI:http://127.0.0.1/x\n"), ours: "another distribution point", theirs: Some("different CRL scope") },
    // OpenSSL takes it for a full one unless it is told -extended_crl.
    Bad { middle: "", list: extended("2.5.29.27=critical,ASN1:INTEGER:1\n"), ours: "a delta list, and the full one that it completes is missing", theirs: None },
];

#[test]
fn each_bad_list_is_not_believed_for_its_reason() {
    for Bad { middle, list, ours, theirs } in BAD {
        let pki = crate::three("", middle, "");
        let root = pki.make(Recipe::new("root"));
        fs::rename(pki.path().join("list.crl"), pki.path().join("root.crl")).expect("moved");
        let bad = pki.make(*list);
        let refused =
            pki.validate(&CHAIN, &[root, bad], now(), Purpose::TlsServer).expect_err("refused");
        let said = refused.to_string();
        assert!(matches!(refused.refusal, Refusal::RevocationUnknown(_)), "{said}");
        assert!(said.contains("the list of CN=middle,O=Keyway ") && said.contains(ours), "{said}");
        let answer = pki.openssl_verifies(&["root.crl", "list.crl"]);
        assert!(theirs.is_none_or(|theirs| answer.contains(theirs)), "{ours}: {answer}");
    }
}

/// Which list is missing is said by name, for every certificate of the path.
#[test]
fn the_list_that_is_missing_is_named() {
    let pki = Pki::new("", "");
    pki.server("");
    let (root, middle) = (pki.list("root", &[], 1, None), pki.list("middle", &[], 1, None));
    for (lists, missing) in [(&[root], "CN=middle,O=Keyway"), (&[middle], "CN=root,O=Keyway")] {
        let refused = pki.validate(&CHAIN, lists, now(), Purpose::TlsServer).expect_err("refused");
        let said = refused.to_string();
        assert!(said.contains(&format!("there is no list of {missing}")), "{said}");
    }
}

#[test]
fn revocation_is_read_from_full_and_delta_lists() {
    let pki = Pki::new("", "");
    pki.server("");
    let root = pki.list("root", &[], 1, None);
    let check = |crls: &[Crl]| pki.validate(&CHAIN, crls, now(), Purpose::TlsServer);
    let empty = pki.list("middle", &[], 5, None);
    check(&[root.clone(), empty.clone()]).expect("not revoked");
    let unknown = check(std::slice::from_ref(&root)).expect_err("no list of the middle");
    assert!(matches!(unknown.refusal, Refusal::RevocationUnknown(_)), "{unknown}");
    let full = pki.list("middle", &["server"], 6, None);
    let refused = check(&[root.clone(), empty.clone(), full]).expect_err("revoked");
    assert!(matches!(refused.refusal, Refusal::Revoked { reason: Some(_), .. }), "{refused}");
    let delta = pki.list("middle", &["server"], 7, Some(5));
    let refused = check(&[root.clone(), empty.clone(), delta]).expect_err("revoked by the delta");
    assert!(matches!(refused.refusal, Refusal::Revoked { .. }), "{refused}");
    let foreign = pki.list("middle", &["server"], 8, Some(6));
    check(&[root.clone(), empty.clone(), foreign]).expect("a delta to a later list says nothing");
    let above = pki.list("root", &["middle"], 2, None);
    let refused = check(&[above, empty]).expect_err("the middle is revoked");
    assert!(refused.subject.contains("middle"), "{refused}");
}

#[test]
fn lists_that_say_nothing_now_or_that_another_signed_are_not_believed() {
    let pki = Pki::new("", "");
    pki.server("");
    let (root, middle) = (pki.list("root", &[], 1, None), pki.list("middle", &[], 1, None));
    let stale = pki.validate(&CHAIN, &[root.clone(), middle], later(40 * 86_400), Purpose::Any);
    let stale = stale.expect_err("stale");
    assert!(stale.to_string().contains("is stale"), "{stale}");
    // Another key under the middle's name.
    fs::rename(pki.path().join("middle.crt"), pki.path().join("kept.crt")).expect("moved");
    pki.issue("middle", "middle", CA, &["ec", "prime256v1"]);
    let forged = pki.list("middle", &[], 9, None);
    let names = ["server", "kept"];
    let refused = pki.validate(&names, &[root, forged], now(), Purpose::Any).expect_err("forged");
    assert!(matches!(refused.refusal, Refusal::RevocationUnknown(_)), "{refused}");
}
