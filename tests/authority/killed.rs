//! An authority whose process is killed: on our token at any moment, inside the module as well; on
//! SoftHSM2 between its calls, for it truncates its files before it writes them, and a kill in
//! there leaves a token that it does not find again (`docs/threat-model.md`).

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::killing::{killed, killer};
use crate::harness::{Maker, Token, on_every_token};
use crate::{authorities, ok, openssl_ok, request};

/// How often each command is killed on each token.
const ROUNDS: u32 = 5;

fn start(token: &Token, line: &str) -> Child {
    let mut command = token.command(env!("CARGO_BIN_EXE_keyway"));
    command.args(line.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("keyway starts")
}

/// How the commands of a test are killed.
struct Kills<'a> {
    token: &'a Token,
    /// On SoftHSM2: the module that kills in the place of a change.
    killer: Option<PathBuf>,
}

impl<'a> Kills<'a> {
    fn new(token: &'a Token) -> Self {
        let killer = (token.maker == Maker::SoftHsm).then(|| killer(token));
        Self { token, killer }
    }

    /// Kills a command after some of the time that it takes, more with each round; or in the place
    /// of one of its changes, a later one with each round.
    fn kill(&self, line: &str, takes: Duration, round: u32) {
        if let Some(killer) = &self.killer {
            killed(self.token, killer, round + 1, &line.split(' ').collect::<Vec<_>>());
            return;
        }
        let mut child = start(self.token, line);
        let somewhere = (RandomState::new().hash_one(round) % 1000) as u32;
        sleep(takes * (1000 * round + somewhere) / (1000 * ROUNDS));
        child.kill().expect("killed, or at its end");
        child.wait().expect("it ends");
    }
}

/// How long a command takes that runs to its end.
fn time(token: &Token, line: &str) -> Duration {
    let start = Instant::now();
    ok(token, line);
    start.elapsed()
}

fn exists(token: &Token, file: &str) -> bool {
    Path::new(&token.path(file)).exists()
}

/// The serial numbers of a listing with the states beside them.
fn listed(token: &Token) -> Vec<(String, bool)> {
    let text = ok(token, "ca list --ca web");
    let entry = |line: &str| (line[..40].to_owned(), line.contains(" revoked "));
    text.lines().skip(1).map(entry).collect()
}

fn serial(token: &Token, file: &str) -> String {
    let text = openssl_ok(token, &format!("x509 -in {file} -noout -serial"));
    text.trim().replace("serial=", "").to_lowercase()
}

#[test]
fn an_authority_that_is_killed_is_made_by_the_same_command() {
    on_every_token(|token| {
        let kills = Kills::new(token);
        let init = |name: &str| format!("ca init {name} --key-algorithm ec-p256 --out {name}.pem");
        let takes = time(token, &init("first"));
        for round in 0..ROUNDS {
            let name = format!("ca{round}");
            kills.kill(&init(&name), takes, round);
            let again = token.keyway(&init(&name).split(' ').collect::<Vec<_>>());
            assert!([0, 4].contains(&again.code), "{}", again.stderr);
            ok(token, &format!("ca show {name} --out {name}.pem"));
            ok(token, &format!("ca verify {name}.pem --root {name}.pem --purpose ca"));
            ok(token, &format!("ca crl --ca {name} --out {name}.crl"));
            // Whatever else has the name belongs to nothing, and goes.
            let strays = token.keyway(&["key", "destroy", &name, "--strays", "--yes"]);
            assert!([0, 3].contains(&strays.code), "{}", strays.stderr);
            let id = token.key_id(&name, 1);
            let objects = token.pkcs11_tool(&["--list-objects", "--type", "privkey"]).text();
            let mine = objects.matches(&format!("label:      {name}\n")).count();
            assert!(mine == 1 && objects.contains(&id), "{objects}");
        }
    });
}

#[test]
fn whatever_is_killed_the_register_knows_every_certificate_and_no_number_comes_twice() {
    on_every_token(|token| {
        let kills = Kills::new(token);
        authorities(token, "ec-p256");
        request(token, "www");
        let issue = |out: &str| {
            format!("ca issue --ca web --csr www.csr --profile identity --out {out}.pem")
        };
        let list = |out: &str| format!("ca crl --ca web --out {out}.crl");
        let takes = [time(token, &issue("a")), time(token, &list("a"))];
        let revoke =
            |serial: &str| format!("ca revoke --serial {serial} --reason superseded --yes");
        let revoking = time(token, &revoke(&serial(token, "a.pem")));
        let mut numbers = vec![number(token, "a")];
        for round in 0..ROUNDS {
            let out = format!("i{round}");
            kills.kill(&issue(&out), takes[0], round);
            let entries = listed(token);
            let serials: BTreeSet<_> = entries.iter().map(|(serial, _)| serial).collect();
            assert_eq!(serials.len(), entries.len(), "{entries:?}");
            if exists(token, &format!("{out}.pem")) {
                let given = serial(token, &format!("{out}.pem"));
                assert!(serials.contains(&given), "{given} is missing: {entries:?}");
            }
            ok(token, &issue("next"));
            let next = serial(token, "next.pem");
            kills.kill(&revoke(&next), revoking, round);
            let again = token.keyway(&revoke(&next).split(' ').collect::<Vec<_>>());
            assert!([0, 5].contains(&again.code), "{}", again.stderr);
            assert!(listed(token).contains(&(next, true)));
            kills.kill(&list(&out), takes[1], round);
            if exists(token, &format!("{out}.crl")) {
                numbers.push(number(token, &out));
            }
            ok(token, &list("next"));
            numbers.push(number(token, "next"));
        }
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        let text = openssl_ok(token, "crl -in next.crl -CAfile web.pem -noout -text");
        assert_eq!(text.matches("Serial Number:").count(), 1 + ROUNDS as usize, "{text}");
    });
}

/// The number of a list.
fn number(token: &Token, file: &str) -> u64 {
    let text = openssl_ok(token, &format!("crl -in {file}.crl -noout -crlnumber"));
    let digits = text.trim().replace("crlNumber=", "").replace("0x", "");
    u64::from_str_radix(&digits, 16).expect("a number")
}

#[test]
fn of_several_processes_that_revoke_one_certificate_while_others_issue_one_does() {
    on_every_token(|token| {
        authorities(token, "ec-p256");
        request(token, "www");
        ok(token, "ca issue --ca web --csr www.csr --profile identity --out www.pem");
        let revoke = "ca revoke --cert www.pem --reason superseded --yes";
        let issue = |number| {
            format!("ca issue --ca web --csr www.csr --profile identity --out {number}.pem")
        };
        let mut children: Vec<_> =
            (0..3).flat_map(|at| [start(token, revoke), start(token, &issue(at))]).collect();
        let codes: Vec<_> = children
            .iter_mut()
            .map(|child| child.wait().expect("it ends").code().expect("no signal"))
            .collect();
        let (mut revoked, issued): (Vec<_>, Vec<_>) =
            codes.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
        revoked.sort_unstable();
        assert_eq!((revoked.as_slice(), issued.as_slice()), (&[0, 5, 5][..], &[0, 0, 0][..]));
        let entries = listed(token);
        assert_eq!(entries.iter().filter(|(_, revoked)| *revoked).count(), 1, "{entries:?}");
        for number in 0..3 {
            let given = serial(token, &format!("{number}.pem"));
            assert!(entries.contains(&(given, false)), "{entries:?}");
        }
    });
}
