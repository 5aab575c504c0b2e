//! A certificate authority that is OpenSSL: what a peer's administrator may have.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use super::{Token, run};

/// A root with its key in a file.
pub struct Authority {
    directory: TempDir,
}

/// What the certificate of a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// Signing.
    Identity,
    /// Having keys wrapped.
    Recipient,
}

impl Authority {
    /// A new root.
    pub fn new(name: &str) -> Self {
        let authority = Self { directory: tempfile::tempdir().expect("a directory") };
        let configuration = "[ca]\ndefault_ca = one\n[one]\ndatabase = index.txt\n\
                             crlnumber = crlnumber\ndefault_md = sha256\ndefault_crl_days = 30\n\
                             [list]\nauthorityKeyIdentifier = keyid\n";
        authority.write("ca.cnf", configuration);
        authority.write("index.txt", "");
        authority.write("crlnumber", "01\n");
        authority.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-days",
            "3650",
            "-subj",
            &format!("/CN={name}"),
            "-addext",
            "basicConstraints=critical,CA:true",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ]);
        authority
    }

    /// Puts the root's certificate among a token's files.
    pub fn root(&self, token: &Token) -> String {
        let root = fs::read(self.directory.path().join("ca.pem")).expect("the root");
        token.write("root.pem", &root)
    }

    /// Certifies a key of a token under a name, for so many days, and puts the certificate among
    /// the token's files as `KEY.pem`.
    pub fn certify(&self, token: &Token, key: &str, name: &str, usage: For, days: i32) -> String {
        let public = token.ok(&["key", "export-public", key]);
        self.certify_public(&public, token, key, name, usage, days)
    }

    /// As [`Authority::certify`], for a public key in PEM.
    pub fn certify_public(
        &self,
        public: &str,
        token: &Token,
        file: &str,
        name: &str,
        usage: For,
        days: i32,
    ) -> String {
        self.write("key.pub", public);
        let usage = match usage {
            For::Identity => "digitalSignature",
            For::Recipient => "keyEncipherment",
        };
        let extensions = format!(
            "keyUsage = critical,{usage}\nsubjectAltName = DNS:{name}.example\n\
             authorityKeyIdentifier = keyid\n"
        );
        self.write("extensions", &extensions);
        self.openssl(&[
            "x509",
            "-new",
            "-force_pubkey",
            "key.pub",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-subj",
            &format!("/CN={name}"),
            "-days",
            &days.to_string(),
            "-extfile",
            "extensions",
            "-out",
            "issued.pem",
        ]);
        let issued = fs::read(self.directory.path().join("issued.pem")).expect("issued");
        token.write(&format!("{file}.pem"), &issued)
    }

    /// Revokes a certificate, if one is named, and puts the new list among a token's files.
    pub fn list(&self, token: &Token, revoked: Option<&str>) -> String {
        let ca = ["ca", "-config", "ca.cnf", "-keyfile", "ca.key", "-cert", "ca.pem"];
        if let Some(certificate) = revoked {
            self.openssl(&[&ca[..], &["-revoke", certificate]].concat());
        }
        let generate = ["-gencrl", "-crlexts", "list", "-out", "list.pem"];
        self.openssl(&[&ca[..], &generate].concat());
        let list = fs::read(self.directory.path().join("list.pem")).expect("a list");
        token.write("list.pem", &list)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), text).expect("written");
    }

    fn openssl(&self, arguments: &[&str]) {
        let mut command = Command::new("openssl");
        let answer = run(command.args(arguments).current_dir(self.directory.path()));
        assert_eq!(answer.code, 0, "openssl {arguments:?}: {}", answer.stderr);
    }
}
