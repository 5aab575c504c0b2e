//! Several processes change one key at the same moment: on one machine, where they take turns, and as
//! on several, where only the records keep them apart.

mod harness;

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use harness::kms::{self, Days};
use harness::{LABEL, Maker, Token, USER_PIN, on_every_token};
use keyway::Kind;
use keyway::domain::key::{Algorithm, KeyId, KeyName, Usage};
use keyway::domain::lifecycle::Reason;
use keyway::domain::record::Due;
use keyway::port::{Block, KeySpec, Vault};
use keyway::service::Kms;
use keyway::token::{Module, OWN_MODULE, OpenToken, Pin, TokenVault};

/// Runs the same command in several processes at once and answers their exit codes.
fn at_once(token: &Token, count: usize, arguments: &[&str]) -> Vec<i32> {
    let start = || {
        let mut command = token.command(env!("CARGO_BIN_EXE_keyway"));
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("keyway starts")
    };
    let children: Vec<_> = (0..count).map(|_| start()).collect();
    let wait = |mut child: std::process::Child| child.wait().expect("it ends").code();
    children.into_iter().map(|child| wait(child).expect("not killed")).collect()
}

#[test]
fn every_rotation_that_was_acknowledged_is_there_and_usable() {
    on_every_token(|token| {
        token.ok(&["key", "create", "k", "--algorithm", "aes-256"]);
        let old = token.ok(&["encrypt", "--key", "k", "--armor", "--in", "pin"]);
        let codes = at_once(token, 6, &["key", "rotate", "k"]);
        assert!(codes.iter().all(|code| [0, 10].contains(code)), "{codes:?}");
        let done = codes.iter().filter(|code| **code == 0).count();
        assert!(done > 0);
        let shown = token.keyway(&["key", "show", "k"]);
        assert_eq!(shown.stderr, "", "problems after {codes:?}");
        assert_eq!(shown.text().matches("\nversion ").count(), done + 1, "{codes:?}");
        assert_eq!(shown.text().matches(" active ").count(), 1);
        let message = token.write("old", old.as_bytes());
        assert_eq!(token.ok(&["decrypt", "--in", &message]), harness::USER_PIN);
        let new = token.ok(&["encrypt", "--key", "k", "--armor", "--in", "pin"]);
        let message = token.write("new", new.as_bytes());
        assert_eq!(token.ok(&["decrypt", "--in", &message]), harness::USER_PIN);
    });
}

#[test]
fn of_several_creations_of_one_name_at_most_one_wins() {
    on_every_token(|token| {
        let create = ["key", "create", "k", "--algorithm", "aes-256"];
        let codes = at_once(token, 6, &create);
        assert!(codes.iter().all(|code| [0, 4, 10].contains(code)), "{codes:?}");
        assert!(codes.iter().filter(|code| **code == 0).count() <= 1, "{codes:?}");
        if !codes.contains(&0) {
            token.ok(&create);
        }
        let shown = token.keyway(&["key", "show", "k"]);
        assert_eq!(shown.stderr, "", "{codes:?}");
    });
}

#[test]
fn many_processes_encrypt_at_once() {
    on_every_token(|token| {
        token.ok(&["key", "create", "k", "--algorithm", "aes-256"]);
        let encrypt = ["encrypt", "--key", "k", "--in", "pin"];
        assert_eq!(at_once(token, 12, &encrypt), [0; 12]);
    });
}

/// What a process does all the time, as if it were on a machine of its own.
const WORKER: &str = "KEYWAY_TEST_WORKER";
/// How often, in the default run; `KEYWAY_TEST_ROUNDS` asks for more.
const ROUNDS: u32 = 12;

fn rounds() -> u32 {
    std::env::var("KEYWAY_TEST_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(ROUNDS)
}

/// Works on key `k` and tells how many versions it made.
fn work(role: &str) {
    let module = std::env::var_os("KEYWAY_MODULE").expect("the module");
    let module = Module::load(Path::new(&module)).expect("loaded");
    let token = OpenToken::open(module, Some(LABEL), &Pin::new(USER_PIN.to_owned().into()));
    let token = token.expect("login");
    let clock = Days::default();
    println!("made {}", kms::with_kms(&token, &clock, |kms| versions_made(kms, &clock, role)));
}

fn versions_made(kms: Kms<'_>, clock: &Days, role: &str) -> u32 {
    let name: KeyName = "k".parse().expect("a name");
    let mut made = 0;
    for _ in 0..rounds() {
        clock.pass(1);
        made += match role {
            "rotate" => tolerated(kms.rotate_key(&name).map(|_| 1)),
            "maintain" => tolerated(kms.maintain().map(|done| {
                assert!(done.suspended.is_empty(), "a false alarm: {done:?}");
                for failure in done.actions.iter().filter_map(|action| action.failure.as_ref()) {
                    assert!(is_tolerable(failure), "{failure}");
                }
                let rotated = |action: &&keyway::service::Action| {
                    action.due == Due::Rotate && action.failure.is_none()
                };
                u32::try_from(done.actions.iter().filter(rotated).count()).expect("few")
            })),
            "suspend" => {
                tolerated(kms.suspend_key(&name).map(|_| 0));
                tolerated(kms.resume_key(&name).map(|_| 0))
            }
            "revoke" => {
                tolerated(kms.revoke_key(&name, Reason::Compromise).map(|_| 0));
                tolerated(kms.rotate_key(&name).map(|_| 1))
            }
            other => panic!("no role {other}"),
        };
    }
    made
}

/// What was done, or nothing where another process was faster.
fn tolerated(done: keyway::Result<u32>) -> u32 {
    match done {
        Ok(done) => done,
        Err(error) => {
            assert!(is_tolerable(&error), "{error}");
            0
        }
    }
}

/// Another process was faster; or SoftHSM2 lost sight of a record that another process replaced,
/// until it is loaded again (docs/key-records.md).
fn is_tolerable(error: &keyway::Error) -> bool {
    let own = std::env::var("KEYWAY_MODULE").is_ok_and(|module| module.ends_with(OWN_MODULE));
    match error.kind() {
        Kind::Conflict | Kind::Refused => true,
        Kind::NotFound => !own,
        _ => false,
    }
}

/// Processes in these roles at once, each started as the test of this name. Answers how many
/// versions they made.
fn machines(token: &Token, test: &str, roles: &[&str]) -> usize {
    let executable = std::env::current_exe().expect("a test has an executable");
    let start = |role: &&str| {
        let mut command = token.command(&executable);
        command.args([test, "--exact", "--nocapture"]).env(WORKER, role);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
    };
    let children: Vec<_> = roles.iter().map(start).collect();
    let mut made = 0;
    for (child, role) in children.into_iter().zip(roles) {
        let output = child.wait_with_output().expect("it ends");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?} {role}: {error}", token.maker);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find_map(|line| line.split_once("made ")).expect("a number");
        made += line.1.trim().parse::<usize>().expect("a number");
    }
    made
}

/// Every version that was acknowledged is there, one at most protects, nothing lies about.
fn whole(token: &Token, made: usize) {
    token.ok(&["maintain"]);
    let shown = token.keyway(&["key", "show", "k"]);
    assert_eq!(shown.stderr, "", "{:?}", token.maker);
    // More than that are no loss: who was overtaken after his change was made says nothing of it.
    assert!(shown.text().matches("\nversion ").count() > made, "{made}: {}", shown.text());
    assert!(shown.text().matches(" active since").count() <= 1, "{}", shown.text());
    let opened = token.keyway(&["decrypt", "--in", "old"]);
    match shown.text().contains("compromised") {
        true => assert_eq!(opened.code, 5, "{}", opened.stderr),
        false => assert_eq!(opened.text(), USER_PIN, "{}", opened.stderr),
    }
}

fn on_machines(test: &str, roles: &[&str]) {
    if let Ok(role) = std::env::var(WORKER) {
        return work(&role);
    }
    on_every_token(|token| {
        let create = ["key", "create", "k", "--algorithm", "aes-256", "--rotate-every", "1d"];
        token.ok(&create);
        token.ok(&["encrypt", "--key", "k", "--in", "pin", "--out", "old"]);
        // Where a process may lose sight of a record until it is loaded again, all of them may, and
        // then nothing is made: others are started.
        let tries = if token.maker == Maker::Keyway { 1 } else { 4 };
        let made = (0..tries).map(|_| machines(token, test, roles)).find(|made| *made > 0);
        let made = made.expect("somebody makes a version");
        whole(token, made);
    });
}

#[test]
fn two_machines_rotate_one_key() {
    on_machines("two_machines_rotate_one_key", &["rotate", "rotate"]);
}

#[test]
fn two_machines_maintain_one_token() {
    on_machines("two_machines_maintain_one_token", &["maintain", "maintain"]);
}

#[test]
fn one_machine_maintains_while_others_rotate_and_suspend() {
    let roles = ["maintain", "rotate", "suspend"];
    on_machines("one_machine_maintains_while_others_rotate_and_suspend", &roles);
}

#[test]
fn one_machine_maintains_while_another_revokes() {
    on_machines("one_machine_maintains_while_another_revokes", &["maintain", "revoke"]);
}

/// Whichever comes first, both are done, and the version stays blocked.
#[test]
fn one_program_blocks_a_version_while_another_retires_it() {
    const ROUNDS: u8 = 250;
    let name = "one_program_blocks_a_version_while_another_retires_it";
    harness::beside_every_token(name, |place| {
        // Elsewhere there is no state to be retired into.
        if place.maker != Maker::Keyway {
            return;
        }
        let module = Module::load(&place.module).expect("module");
        let pin = Pin::new(USER_PIN.to_owned().into());
        let open = || OpenToken::open(Arc::clone(&module), Some(LABEL), &pin).expect("login");
        let (token, other) = (open(), Mutex::new(open()));
        let vault = TokenVault::new(&token);
        let (algorithm, usage) = (Algorithm::Aes256, Usage::Encrypt);
        for round in 0..ROUNDS {
            let (id, name) = (KeyId::new([round; 16]), "k".parse().expect("a name"));
            let key = KeySpec { name, id, algorithm, usage, shareable: false };
            vault.generate(&key).expect("made");
            let (blocked, retired) = std::thread::scope(|scope| {
                let other = scope.spawn(|| {
                    let token = other.lock().expect("alone");
                    TokenVault::new(&token).retire(id)
                });
                (vault.block(id), other.join().expect("no panic"))
            });
            retired.expect("retired");
            assert_eq!(blocked.expect("blocked"), Block::Final);
            assert_eq!(vault.block(id).expect("blocked again"), Block::Final);
        }
    });
}
