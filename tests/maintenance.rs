//! Cryptoperiods and `keyway maintain`: what time brings, with and without it.

mod harness;

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use cryptoki::object::{Attribute, ObjectClass};
use harness::{Token, inside_every_token, on_every_token};
use keyway::Kind;
use keyway::clock::SystemClock;
use keyway::domain::key::{Algorithm, KeyName};
use keyway::domain::lifecycle::State;
use keyway::domain::record::{Due, KeyRecord, Terms};
use keyway::domain::time::{Period, Timestamp};
use keyway::port::Clock;
use keyway::registry::Records;
use keyway::service::{Kms, NewKey};
use keyway::token::{OpenToken, TokenRecords, TokenVault};

/// A clock that is ahead of this machine's.
struct Ahead(Option<Period>);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now();
        self.0.map_or(now, |period| period.after(now))
    }
}

fn period(text: &str) -> Period {
    text.parse().expect("a period")
}

fn name() -> KeyName {
    "k".parse().expect("a name")
}

/// Runs a test with key management, so long from now; "" is now.
fn after<T>(token: &OpenToken, time: &str, test: impl FnOnce(Kms<'_>) -> T) -> T {
    let (vault, registry) = (TokenVault::new(token), Records::new(TokenRecords::new(token)));
    let clock = Ahead((!time.is_empty()).then(|| period(time)));
    test(Kms::new(&vault, &registry, &clock))
}

fn create(token: &OpenToken, terms: &Terms, activate_at: Option<Timestamp>) {
    let request = NewKey { name: name(), algorithm: Algorithm::Aes256, usage: None };
    after(token, "", |kms| kms.create_key_under(&request, terms, activate_at)).expect("created");
}

/// What was done, so long from now; nothing may fail.
fn maintained(token: &OpenToken, time: &str) -> Vec<Due> {
    let done = after(token, time, |kms| kms.maintain()).expect("maintained");
    done.actions
        .into_iter()
        .map(|action| match action.failure {
            None => action.due,
            Some(error) => panic!("{}: {error}", action.due),
        })
        .collect()
}

fn record(token: &OpenToken) -> KeyRecord {
    after(token, "", |kms| kms.show_key(&name())).expect("shown").records.remove(0)
}

fn states(token: &OpenToken) -> Vec<State> {
    record(token).versions().iter().map(|version| version.state).collect()
}

#[test]
fn an_expired_key_stops_to_protect_without_a_maintenance() {
    inside_every_token("an_expired_key_stops_to_protect_without_a_maintenance", |token| {
        let terms = Terms { expire_after: Some(period("1y")), ..Terms::default() };
        create(token, &terms, None);
        let message = after(token, "364d", |kms| kms.encrypt(&name(), None, b"x")).expect("valid");
        let error = after(token, "2y", |kms| kms.encrypt(&name(), None, b"x")).expect_err("no");
        assert_eq!(error.kind(), Kind::Refused);
        assert!(error.to_string().contains("expired"), "{error}");
        after(token, "2y", |kms| kms.decrypt(None, &message)).expect("still decrypts");

        assert_eq!(maintained(token, "364d"), []);
        assert_eq!(maintained(token, "2y"), [Due::Expire(1)]);
        assert_eq!(maintained(token, "2y"), []);
        assert_eq!(states(token), [State::Deactivated]);
        after(token, "2y", |kms| kms.rotate_key(&name())).expect("rotated");
        let message = after(token, "3y", |kms| kms.encrypt(&name(), None, b"x"));
        assert_eq!(message.expect_err("the next one expired, too").kind(), Kind::Refused);
        after(token, "2y", |kms| kms.encrypt(&name(), None, b"x")).expect("a new period");
    });
}

/// After the maintenance the token, too, refuses to encrypt with it, and still decrypts.
#[test]
fn a_key_that_was_deactivated_encrypts_in_no_program() {
    inside_every_token("a_key_that_was_deactivated_encrypts_in_no_program", |token| {
        use keyway::port::{Cipher, Vault};
        let terms = Terms { expire_after: Some(period("1d")), ..Terms::default() };
        create(token, &terms, None);
        let (vault, id) = (TokenVault::new(token), record(token).latest().id);
        let cipher = Cipher::AesGcm { nonce: &[0; 12], associated: b"" };
        let message = vault.encrypt(id, cipher, b"x").expect("active");
        assert_eq!(maintained(token, "2d"), [Due::Expire(1)]);
        assert!(vault.encrypt(id, cipher, b"x").is_err());
        vault.decrypt(id, cipher, &message).expect("decrypts");
    });
}

#[test]
fn a_key_is_not_used_before_its_time() {
    inside_every_token("a_key_is_not_used_before_its_time", |token| {
        let start = Ahead(Some(period("10d"))).now();
        create(token, &Terms::default(), Some(start));
        assert_eq!(states(token), [State::PreActive]);
        let error = after(token, "", |kms| kms.encrypt(&name(), None, b"x")).expect_err("early");
        assert!(error.to_string().contains("pre-active"), "{error}");
        let error = after(token, "", |kms| kms.rotate_key(&name())).expect_err("early");
        assert_eq!(error.kind(), Kind::Refused);
        assert_eq!(maintained(token, "9d"), []);
        assert_eq!(maintained(token, "11d"), [Due::Activate(1)]);
        assert_eq!(states(token), [State::Active]);
    });
}

/// A token of Keyway's own holds keys to their days for every program; others are not told.
#[test]
fn the_token_itself_knows_the_days() {
    inside_every_token("the_token_itself_knows_the_days", |token| {
        use keyway::port::{Cipher, Vault};
        let start = Ahead(Some(period("10d"))).now();
        create(token, &Terms::default(), Some(start));
        let id = record(token).latest().id;
        let cipher = Cipher::AesGcm { nonce: &[0; 12], associated: b"" };
        let answer = TokenVault::new(token).encrypt(id, cipher, b"x");
        let ours = std::env::var("KEYWAY_TEST_INSIDE").expect("inside").contains("libkeyway");
        assert_eq!(answer.is_err(), ours, "{answer:?}");
    });
}

#[test]
fn rotation_is_due_once_a_period() {
    inside_every_token("rotation_is_due_once_a_period", |token| {
        let terms = Terms { rotate_every: Some(period("90d")), ..Terms::default() };
        create(token, &terms, None);
        assert_eq!(maintained(token, "89d"), []);
        assert_eq!(maintained(token, "91d"), [Due::Rotate]);
        assert_eq!(maintained(token, "91d"), []);
        assert_eq!(states(token), [State::Deactivated, State::Active]);
        assert_eq!(maintained(token, "182d"), [Due::Rotate]);
        // What a person suspended, a person rotates.
        after(token, "182d", |kms| kms.suspend_key(&name())).expect("suspended");
        assert_eq!(maintained(token, "300d"), []);
    });
}

#[test]
fn an_expired_key_with_a_rotation_period_gets_its_next_version() {
    inside_every_token("an_expired_key_with_a_rotation_period_gets_its_next_version", |token| {
        let terms = Terms {
            rotate_every: Some(period("30d")),
            expire_after: Some(period("60d")),
            ..Terms::default()
        };
        create(token, &terms, None);
        assert_eq!(maintained(token, "100d"), [Due::Expire(1), Due::Rotate]);
        assert_eq!(states(token), [State::Deactivated, State::Active]);
    });
}

#[test]
fn nothing_of_a_key_outlasts_its_last_day() {
    inside_every_token("nothing_of_a_key_outlasts_its_last_day", |token| {
        let end = Ahead(Some(period("10d"))).now();
        let terms = Terms {
            expire_at: Some(end),
            rotate_every: Some(period("1d")),
            destroy_at: Some(Ahead(Some(period("20d"))).now()),
            ..Terms::default()
        };
        create(token, &terms, None);
        assert_eq!(maintained(token, "2d"), [Due::Rotate]);
        assert_eq!(record(token).latest().expires, Some(end));
        assert_eq!(maintained(token, "11d"), [Due::Expire(2)]);
        let error = after(token, "11d", |kms| kms.rotate_key(&name())).expect_err("over");
        assert!(error.to_string().contains("ended"), "{error}");
        assert_eq!(maintained(token, "21d"), [Due::Destroy]);
        assert_eq!(maintained(token, "21d"), []);
        assert_eq!(states(token), [State::Destroyed, State::Destroyed]);
    });
}

#[test]
fn a_suspect_key_protects_no_more_and_is_revoked_unless_it_is_cleared() {
    inside_every_token(
        "a_suspect_key_protects_no_more_and_is_revoked_unless_it_is_cleared",
        |token| {
            create(token, &Terms::default(), None);
            let message = after(token, "", |kms| kms.encrypt(&name(), None, b"x")).expect("fine");
            let suspect = || after(token, "", |kms| kms.suspect_key(&name(), "in a dump"));
            assert!(suspect().expect("suspected").is_some());
            assert!(suspect().expect("again").is_none());
            assert!(after(token, "", |kms| kms.encrypt(&name(), None, b"x")).is_err());
            let inventory = after(token, "", |kms| kms.show_key(&name())).expect("shown");
            assert!(inventory.problems[0].contains("in a dump"), "{:?}", inventory.problems);
            after(token, "", |kms| kms.resume_key(&name())).expect("a false alarm");
            assert_eq!(maintained(token, ""), []);
            after(token, "", |kms| kms.encrypt(&name(), None, b"x")).expect("fine again");

            suspect().expect("suspected");
            after(token, "", |kms| kms.rotate_key(&name())).expect("a clean version");
            assert_eq!(maintained(token, ""), [Due::Revoke]);
            assert_eq!(maintained(token, ""), []);
            assert_eq!(states(token), [State::Compromised, State::Active]);
            assert!(after(token, "", |kms| kms.decrypt(None, &message)).is_err());
            assert_eq!(record(token).suspicion().expect("kept").evidence, "in a dump");
        },
    );
}

/// Somebody doubles a key's object, or puts a forged record beside the true one.
#[test]
fn a_key_that_was_tampered_with_is_suspended_and_then_revoked() {
    inside_every_token("a_key_that_was_tampered_with_is_suspended_and_then_revoked", |token| {
        for (key, doubled) in [("doubled", true), ("forged", false)] {
            let name: KeyName = key.parse().expect("a name");
            let request = NewKey { name: name.clone(), algorithm: Algorithm::Aes256, usage: None };
            after(token, "", |kms| kms.create_key(&request)).expect("created");
            let module = std::env::var_os("KEYWAY_TEST_INSIDE").expect("inside");
            let context = cryptoki::context::Pkcs11::new(module).expect("module");
            let slot = context.get_slots_with_initialized_token().expect("slots")[0];
            let session = context.open_rw_session(slot).expect("session");
            let template = [
                Attribute::Class(ObjectClass::SECRET_KEY),
                Attribute::Label(key.as_bytes().to_vec()),
            ];
            if doubled {
                let object = session.find_objects(&template).expect("found")[0];
                session.copy_object(object, &[]).expect("copied");
            } else {
                let forged = [
                    Attribute::Class(ObjectClass::DATA),
                    Attribute::Token(true),
                    Attribute::Private(true),
                    Attribute::Application(b"keyway".to_vec()),
                    Attribute::Label(format!("keyway-record:{key}").into_bytes()),
                    Attribute::Value(b"forged".to_vec()),
                ];
                session.create_object(&forged).expect("created");
            }
            let done = after(token, "", |kms| kms.maintain()).expect("maintained");
            assert_eq!(done.suspended.len(), 1, "{done:?}");
            assert!(after(token, "", |kms| kms.encrypt(&name, None, b"x")).is_err());
            assert_eq!(maintained(token, ""), [Due::Revoke], "{key}");
            assert_eq!(maintained(token, ""), [], "{key}");
        }
    });
}

#[test]
fn terms_are_shown_and_keys_are_found_by_owner_state_and_algorithm() {
    on_every_token(|token| {
        let create = ["key", "create", "k", "--algorithm", "aes-256"];
        let answer = token.ok(&[
            &create[..],
            &["--owner", "Zoë", "--expire-at", "2199-01-31", "--rotate-every", "90d"],
            &["--activate-at", "2198-12-24T08:00:00Z", "--shareable"],
        ]
        .concat());
        assert!(answer.contains("from 2198-12-24T08:00:00Z on, until 2199-01-31T00:00:00Z"));
        token.ok(&["key", "create", "other", "--algorithm", "ec-p256"]);
        let shown = token.keyway(&["key", "show", "k"]);
        for line in ["owner         Zoë", "shareable     yes", "rotates every 90d", "pre-active"] {
            assert!(shown.text().contains(line), "{line}: {}", shown.text());
        }
        assert_eq!(shown.stderr, "");
        for (filter, value) in
            [("--owner", "Zoë"), ("--state", "pre-active"), ("--algorithm", "aes-256")]
        {
            let listed = token.ok(&["key", "list", filter, value]);
            assert_eq!(listed.lines().count(), 2, "{listed}");
            assert!(listed.contains("\nk "), "{listed}");
        }
        token.fails(2, &["key", "list", "--state", "asleep"]);
        token.fails(2, &[&create[..], &["--expire-after", "0d"]].concat());
        let past = ["key", "create", "p", "--algorithm", "aes-256", "--expire-at", "2020-01-01"];
        let error = token.fails(2, &past);
        assert!(error.contains("2020-01-01"), "{error}");
    });
}

/// Through the command line, with this machine's clock.
#[test]
fn an_expired_key_is_refused_at_the_command_line() {
    on_every_token(|token| {
        for seconds in [3_u64, 10, 40] {
            let (key, period) = (format!("k{seconds}"), format!("{seconds}s"));
            let create = ["key", "create", &key, "--algorithm", "aes-256", "--expire-after"];
            token.ok(&[&create[..], &[&period]].concat());
            let encrypt = ["encrypt", "--key", &key, "--in", "pin", "--out", "message"];
            // A slow machine may be too late: then the next key has more time.
            if token.keyway(&encrypt).code != 0 {
                continue;
            }
            sleep(Duration::from_secs(seconds));
            assert!(token.fails(5, &encrypt).contains("expired"));
            assert_eq!(token.ok(&["decrypt", "--in", "message"]), harness::USER_PIN);
            let due = token.ok(&["maintain", "--dry-run"]);
            assert!(due.contains(&format!("key {key}: to do: deactivate")), "{due}");
            assert!(token.ok(&["maintain"]).contains("done: deactivate expired version 1"));
            assert!(token.ok(&["maintain"]).contains("nothing was due"));
            return;
        }
        panic!("the machine is too slow");
    });
}

#[test]
fn a_key_is_destroyed_on_its_day() {
    on_every_token(|token| {
        token.ok(&["key", "create", "k", "--algorithm", "aes-256"]);
        token.fails(5, &["key", "destroy", "k", "--at", "2199-01-01"]);
        token.ok(&["key", "destroy", "k", "--at", "2199-01-01", "--yes"]);
        assert!(token.ok(&["maintain"]).contains("nothing was due"));
        token.ok(&["key", "destroy", "k", "--at", "2020-01-01", "--yes"]);
        assert!(token.ok(&["maintain", "--dry-run"]).contains("key k: to do: destroy"));
        token.ok(&["maintain"]);
        assert!(token.ok(&["key", "show", "k"]).contains("destroyed"));
        token.fails(5, &["key", "destroy", "k", "--at", "2199-01-01", "--yes"]);
    });
}

#[test]
fn of_several_maintenances_at_once_each_thing_is_done_by_one() {
    on_every_token(|token| {
        for key in ["a", "b"] {
            let create = ["key", "create", key, "--algorithm", "aes-256", "--rotate-every"];
            token.ok(&[&create[..], &["1s"]].concat());
        }
        // Far enough for one rotation to be due, and none again while the processes run.
        sleep(Duration::from_secs(1));
        let outcomes = at_once(token, 4, &["key", "destroy", "b", "--at", "2020-01-01", "--yes"]);
        assert!(outcomes.iter().any(|(code, _)| *code == 0), "{outcomes:?}");
        let outcomes = at_once(token, 4, &["maintain"]);
        assert!(outcomes.iter().all(|(code, _)| *code == 0), "{outcomes:?}");
        let destroyed = outcomes.iter().filter(|(_, out)| out.contains("key b: done: destroy"));
        assert_eq!(destroyed.count(), 1, "{outcomes:?}");
        let rotations: usize =
            outcomes.iter().map(|(_, out)| out.matches("key a: done: rotate").count()).sum();
        let shown = token.keyway(&["key", "show", "a"]);
        assert_eq!(shown.stderr, "", "{outcomes:?}");
        assert_eq!(shown.text().matches("\nversion ").count(), rotations + 1, "{outcomes:?}");
        assert_eq!(shown.text().matches(" active since").count(), 1);
    });
}

/// Runs the same command in several processes at once: exit codes and standard outputs.
fn at_once(token: &Token, count: usize, arguments: &[&str]) -> Vec<(i32, String)> {
    let start = || {
        let mut command = token.command(env!("CARGO_BIN_EXE_keyway"));
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().expect("keyway starts")
    };
    let children: Vec<_> = (0..count).map(|_| start()).collect();
    children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().expect("it ends");
            let code = output.status.code().expect("not killed");
            (code, String::from_utf8_lossy(&output.stdout).into_owned())
        })
        .collect()
}

/// A key `backup` whose reporter is the key `security`, and a message for it.
fn with_reporter(token: &Token) {
    token.ok(&["key", "create", "security", "--algorithm", "ec-p256", "--use", "sign"]);
    token.ok(&["key", "export-public", "security", "--out", "security.pem"]);
    let create = ["key", "create", "backup", "--algorithm", "aes-256"];
    token.ok(&[&create[..], &["--reporter", "security.pem"]].concat());
    token.ok(&["encrypt", "--key", "backup", "--in", "pin", "--out", "message"]);
}

fn report(token: &Token, key: &str, signer: &str, out: &str) {
    let report = ["key", "report", key, "--evidence", "found in a dump", "--sign-with", signer];
    token.ok(&[&report[..], &["--out", out]].concat());
}

#[test]
fn a_report_suspends_at_once_and_the_maintenance_revokes() {
    on_every_token(|token| {
        with_reporter(token);
        report(token, "backup", "security", "one.report");
        assert!(token.ok(&["key", "accept-report", "one.report"]).contains("suspended"));
        let encrypt = ["encrypt", "--key", "backup", "--in", "pin", "--out", "other"];
        token.fails(5, &encrypt);
        let shown = token.keyway(&["key", "show", "backup"]);
        assert!(shown.stderr.contains("found in a dump"), "{}", shown.stderr);
        assert_eq!(token.ok(&["decrypt", "--in", "message"]), harness::USER_PIN);
        assert!(token.ok(&["key", "accept-report", "one.report"]).contains("already"));

        assert!(token.ok(&["maintain"]).contains("key backup: done: revoke"));
        token.fails(5, &["decrypt", "--in", "message"]);
        // The report is about the versions of its time.
        token.ok(&["key", "rotate", "backup"]);
        assert!(token.ok(&["key", "accept-report", "one.report"]).contains("already"));
        assert!(token.ok(&["maintain"]).contains("nothing was due"));
        token.ok(&encrypt);
    });
}

#[test]
fn reports_of_others_and_changed_ones_are_not_believed() {
    on_every_token(|token| {
        with_reporter(token);
        token.ok(&["key", "create", "mallory", "--algorithm", "ec-p256", "--use", "sign"]);
        std::fs::create_dir(token.path("spool")).expect("made");
        report(token, "backup", "mallory", "spool/mallory.report");
        report(token, "security", "mallory", "spool/self.report");
        report(token, "backup", "security", "true");
        let mut changed = token.read("true");
        let at = changed.windows(5).position(|part| part == b"found").expect("the evidence");
        changed[at] ^= 1;
        token.write("spool/changed.report", &changed);
        token.write("spool/junk.report", b"junk");
        token.fails(7, &["key", "accept-report", "spool/mallory.report"]);
        token.fails(7, &["key", "accept-report", "spool/changed.report"]);
        token.fails(12, &["key", "accept-report", "spool/junk.report"]);
        let answer = token.keyway(&["maintain", "--reports", "spool"]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert_eq!(answer.stderr.matches("not accepted").count(), 4, "{}", answer.stderr);
        assert!(answer.text().contains("nothing was due"), "{}", answer.text());

        token.write("spool/true.report", &token.read("true"));
        let answer = token.keyway(&["maintain", "--reports", "spool"]);
        assert!(answer.text().contains("key backup: done: revoke"), "{}", answer.text());
        token.fails(5, &["decrypt", "--in", "message"]);
    });
}

#[test]
fn whoever_can_sign_with_a_key_can_report_it() {
    on_every_token(|token| {
        for algorithm in ["rsa-2048", "ec-p384", "ed25519"] {
            let create = ["key", "create", algorithm, "--algorithm", algorithm, "--use", "sign"];
            token.ok(&create);
            report(token, algorithm, algorithm, "own");
            let answer = token.ok(&["maintain", "--reports", "own"]);
            assert!(answer.contains(&format!("key {algorithm}: done: revoke")), "{answer}");
            token.fails(5, &["sign", "--key", algorithm, "--in", "pin"]);
        }
    });
}

/// Somebody puts another public key in the place of a pair's own.
#[test]
fn a_key_that_fails_its_check_is_suspended_and_then_revoked() {
    on_every_token(|token| {
        for key in ["k", "other"] {
            token.ok(&["key", "create", key, "--algorithm", "ec-p256", "--use", "sign"]);
        }
        token.ok(&["key", "export-public", "other", "--out", "other.pem"]);
        let mut openssl = token.command("openssl");
        openssl.args([
            "pkey",
            "-pubin",
            "-in",
            "other.pem",
            "-outform",
            "DER",
            "-out",
            "other.der",
        ]);
        assert_eq!(harness::run(&mut openssl).code, 0);
        let id = token.key_id("k", 1);
        let object = ["--type", "pubkey", "--id", &id];
        for arguments in [&["--delete-object"][..], &["--write-object", "other.der"]] {
            let answer = token.pkcs11_tool(&[arguments, &object].concat());
            assert_eq!(answer.code, 0, "{}", answer.stderr);
        }
        let answer = token.keyway(&["key", "check"]);
        assert_eq!(answer.code, 13, "{}", answer.stderr);
        assert!(answer.text().contains("key k is suspended"), "{}", answer.text());
        token.fails(5, &["sign", "--key", "k", "--in", "pin"]);
        assert!(token.ok(&["maintain"]).contains("key k: done: revoke"));
        token.ok(&["sign", "--key", "other", "--in", "pin", "--out", "signature"]);
    });
}
