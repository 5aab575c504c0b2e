//! The certificate authority, with OpenSSL as the judge of what it makes.

mod cascade;
mod documents;
#[path = "../harness/mod.rs"]
mod harness;
mod interrupted;
mod issuing;
mod killed;
mod lists;
mod ocsp;
mod register;
mod renewal;
mod requests;
#[allow(dead_code, reason = "to stop before a call is to stop after the one before it")]
#[path = "../harness/stopping.rs"]
mod stopping;
mod witness;

use harness::{Answer, Token, run};

/// OpenSSL in the token's directory.
fn openssl(token: &Token, line: &str) -> Answer {
    run(token.command("openssl").args(line.split(' ')))
}

/// OpenSSL, which has to succeed; what it said.
fn openssl_ok(token: &Token, line: &str) -> String {
    let answer = openssl(token, line);
    assert_eq!(answer.code, 0, "{:?} openssl {line}: {}", token.maker, answer.stderr);
    answer.text() + &answer.stderr
}

/// `keyway` with the words of a line.
fn ok(token: &Token, line: &str) -> String {
    token.ok(&line.split(' ').collect::<Vec<_>>())
}

fn fails(token: &Token, code: i32, line: &str) -> String {
    token.fails(code, &line.split(' ').collect::<Vec<_>>())
}

/// A root and an authority below it, their certificates in files.
fn authorities(token: &Token, algorithm: &str) {
    ok(
        token,
        &format!(
            "ca init root --subject CN=Root,O=Keyway --key-algorithm {algorithm} --out root.pem"
        ),
    );
    ok(
        token,
        &format!(
            "ca init web --parent root --path-len 0 --key-algorithm {algorithm} --out web.pem"
        ),
    );
}

/// A request that OpenSSL makes with a key of its own.
fn request(token: &Token, name: &str) {
    openssl_ok(
        token,
        &format!(
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {name}.key -subj /O=Keyway/CN={name} -addext subjectAltName=DNS:{name}.example.com -out {name}.csr"
        ),
    );
}

fn server(token: &Token, name: &str) {
    request(token, name);
    ok(
        token,
        &format!(
            "ca issue --ca web --csr {name}.csr --profile tls-server --san dns:{name}.example.com --out {name}.pem"
        ),
    );
}

const VERIFY: &str = "verify -x509_strict -CAfile root.pem -untrusted web.pem -purpose sslserver";
const OURS: &str = "ca verify www.pem --root root.pem --intermediate web.pem --purpose tls-server";
