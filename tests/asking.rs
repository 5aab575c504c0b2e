//! What cannot be undone is asked at a terminal, or takes `--yes`; without both it is refused.

mod harness;

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use harness::{Answer, LABEL, Maker, Token, USER_PIN, on_every_token};

/// Exit code of what is refused.
const REFUSED: i32 = 5;
/// Exit code of a check that found something.
const UNSOUND: i32 = 13;

/// `keyway` at a terminal of its own, which asks there for what no variable gives it.
fn start_at_a_terminal(token: &Token, arguments: &[&str], without: &str) -> Child {
    let words: Vec<String> = arguments.iter().map(|word| format!("'{word}'")).collect();
    let line = format!("{} {}", env!("CARGO_BIN_EXE_keyway"), words.join(" "));
    // What waits for words that never come, fails.
    let mut command: Command = token.command("timeout");
    command.args(["120", "script", "-qec", &line, "/dev/null"]);
    command.env("TERM", "xterm").env_remove("NO_COLOR");
    command.env_remove(without);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("script starts: apt install bsdutils")
}

/// As [`start_at_a_terminal`], where this is typed.
fn at_a_terminal(token: &Token, arguments: &[&str], typed: &str) -> Answer {
    let mut child = start_at_a_terminal(token, arguments, "NO_COLOR");
    let mut terminal = child.stdin.take().expect("a pipe");
    terminal.write_all(typed.as_bytes()).expect("typed");
    let output = child.wait_with_output().expect("script ends");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Answer { code: output.status.code().expect("a code"), stdout: output.stdout, stderr }
}

/// Refused without a terminal; refused at one where "no" is typed; done where "yes" is.
fn is_asked(token: &Token, arguments: &[&str], question: &str) {
    let refused = token.fails(REFUSED, arguments);
    assert!(refused.contains("no terminal") && refused.contains("add --yes"), "{refused}");
    let no = at_a_terminal(token, arguments, "no\n");
    assert_eq!(no.code, REFUSED, "{arguments:?}: {}", no.text());
    assert!(no.text().contains("not confirmed: nothing was done"), "{}", no.text());
    let yes = at_a_terminal(token, arguments, "yes\n");
    assert_eq!(yes.code, 0, "{arguments:?}: {}", yes.text());
    assert!(yes.text().contains(question), "{arguments:?}: {}", yes.text());
}

#[test]
fn what_ends_a_key_is_asked() {
    on_every_token(|token| {
        for name in ["a", "b", "c"] {
            token.ok(&["key", "create", name, "--algorithm", "ec-p256"]);
        }
        let revoke = ["key", "revoke", "a", "--reason", "superseded"];
        is_asked(token, &revoke, "Revoke key a for superseded");
        assert!(token.ok(&["key", "list", "--state", "deactivated"]).contains("\na "));
        let later = ["key", "destroy", "b", "--at", "2099-01-31"];
        is_asked(token, &later, "Destroy key b at 2099-01-31");
        is_asked(token, &["key", "destroy", "c"], "Destroy key c and lose");
        assert!(token.ok(&["key", "list", "--state", "destroyed"]).contains("\nc "));
        token.ok(&["agree", "start", "--group", "p256", "--public-out", "public.pem"]);
        is_asked(token, &["agree", "cancel"], "Destroy every ephemeral pair");
        let stray = ["--keypairgen", "--key-type", "EC:prime256v1", "--label", "stray"];
        let made = token.pkcs11_tool(&[&stray[..], &["--id", "77"]].concat());
        assert_eq!(made.code, 0, "{}", made.stderr);
        is_asked(token, &["key", "destroy", "stray", "--strays"], "that belong to no version");
    });
}

#[test]
fn nobody_waits_for_a_person_who_types() {
    on_every_token(|token| {
        token.ok(&["key", "create", "a", "--algorithm", "aes-256"]);
        let lock = File::open(token.path("keyway/keys.lock")).expect("whoever changes keys has it");
        let create = ["key", "create", "b", "--algorithm", "aes-256"];
        let mut child = start_at_a_terminal(token, &create, "KEYWAY_PIN_FILE");
        let (mut shown, mut terminal) = (Vec::new(), child.stdout.take().expect("a pipe"));
        while !shown.ends_with(b"user PIN: ") {
            let mut byte = [0];
            assert_eq!(terminal.read(&mut byte).expect("read"), 1, "{shown:?}");
            shown.extend(byte);
        }
        lock.try_lock().expect("nobody has the turn");
        lock.unlock().expect("given back");
        let typed = format!("{USER_PIN}\n");
        child.stdin.as_ref().expect("a pipe").write_all(typed.as_bytes()).expect("typed");
        terminal.read_to_end(&mut shown).expect("read");
        let said = String::from_utf8_lossy(&shown);
        assert!(child.wait().expect("it ends").success(), "{said}");
        assert!(said.contains("key b created"), "{said}");
    });
}

#[test]
fn what_ends_a_certificate_is_asked() {
    on_every_token(|token| {
        token.ok(&["ca", "init", "root", "--subject", "CN=Root", "--out", "root.pem"]);
        token.ok(&["key", "create", "www", "--algorithm", "ec-p256", "--use", "sign"]);
        token.ok(&["csr", "create", "--key", "www", "--subject", "CN=www", "--out", "www.csr"]);
        let issue = ["ca", "issue", "--ca", "root", "--csr", "www.csr", "--profile", "tls-client"];
        token.ok(&[&issue[..], &["--out", "www.pem"]].concat());
        let revoke = ["ca", "revoke", "--cert", "www.pem", "--reason", "superseded"];
        is_asked(token, &revoke, "Revoke certificate");
    });
}

#[test]
fn what_ends_a_token_is_asked() {
    let token = Token::initialised(Maker::Keyway);
    token.write("passphrase", b"a good deal longer");
    let passphrase = ["--passphrase-file", "passphrase"];
    token.ok(&[&["token", "backup", "--out", "backup"][..], &passphrase].concat());
    let restore = ["token", "restore", "--in", "backup", "--replace"];
    let restore = [&restore[..], &passphrase].concat();
    is_asked(&token, &restore, "in the place of");
    token.ok(&["key", "create", "a", "--algorithm", "aes-256"]);
    token.ok(&["key", "revoke", "a", "--reason", "compromise", "--yes"]);
    let so_pin = token.path("so-pin");
    is_asked(&token, &["key", "recover", "a", "--so-pin-file", &so_pin], "decrypt and verify");
    let force = ["--token", LABEL, "token", "init", "--label", "new", "--force"];
    let force = [&force[..], &["--so-pin-file", &so_pin]].concat();
    is_asked(&token, &force, "destroy every object of token suite");
    assert!(token.ok(&["token", "list"]).contains("\nnew "));
}

#[test]
fn what_vouches_for_a_damaged_token_is_asked() {
    let token = Token::initialised(Maker::Keyway);
    for name in ["a", "b"] {
        token.ok(&["key", "create", name, "--algorithm", "aes-256"]);
    }
    let accept = ["token", "check", "--accept"];
    let whole = token.ok(&accept);
    assert!(
        whole.contains("as Keyway left it"),
        "where nothing is wrong nothing is asked: {whole}"
    );
    let damage = "DELETE FROM object WHERE id = (SELECT max(id) FROM object)";
    token.tamper(damage);
    assert_eq!(token.keyway(&["token", "check"]).code, UNSOUND);
    is_asked(&token, &accept, "accept the objects and accounts that are there now");
    assert!(token.ok(&["token", "check"]).contains("as Keyway left it"));
    token.tamper(damage);
    let accepted = token.ok(&[&accept[..], &["--yes"]].concat());
    assert!(accepted.contains("as Keyway left it"), "{accepted}");
}

#[test]
fn colours_are_for_terminals() {
    on_every_token(|token| {
        token.ok(&["key", "create", "a", "--algorithm", "aes-256"]);
        let list = ["key", "list"];
        let plain = token.ok(&list);
        assert!(!plain.contains('\x1b'), "{plain:?}");
        let shown = at_a_terminal(token, &list, "").text();
        assert!(shown.contains("\x1b[32mactive\x1b[0m"), "{shown:?}");
        let mut command = token.command(env!("CARGO_BIN_EXE_keyway"));
        let forced = harness::run(command.args(list).env("CLICOLOR_FORCE", "1")).text();
        assert!(forced.contains("\x1b[32mactive\x1b[0m"), "{forced:?}");
        let mut command = token.command(env!("CARGO_BIN_EXE_keyway"));
        command.args(list).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
        assert_eq!(harness::run(&mut command).text(), plain);
    });
}
