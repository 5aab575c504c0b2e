//! A key in an HSM, here SoftHSM2, without which no PIN opens a token of ours: through the command.

mod harness;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Answer, Maker, Token, USER_PIN, run};

/// A token of ours in a slot whose root is a key of a SoftHSM2 token beside it.
struct Rooted {
    token: Token,
    hsm: [softhsm::Token; 2],
}

const ROOT: usize = 0;
const OTHER: usize = 1;
const PASSPHRASE: &[u8] = b"correct horse battery staple\n";

impl Rooted {
    fn new() -> Self {
        let hsm = [softhsm::Token::labelled("hsm"), softhsm::Token::labelled("hsm2")];
        let rooted = Self { token: Token::empty(Maker::Keyway), hsm };
        fs::write(rooted.token.path("hsm-pin"), USER_PIN).expect("written");
        for hsm in &rooted.hsm {
            aes_key(hsm, "root", "01");
        }
        rooted.configure(Some(&rooted.uri(ROOT)));
        rooted.ok(ROOT, &["token", "init", "--label", "suite"]);
        rooted.ok(ROOT, &["key", "create", "web", "--algorithm", "ed25519"]);
        rooted
    }

    fn uri(&self, which: usize) -> String {
        let (label, module) = (self.hsm[which].label(), self.hsm[which].module().display());
        let pin = self.token.path("hsm-pin");
        format!("pkcs11:token={label};object=root?module-path={module}&pin-source=file:{pin}")
    }

    /// Writes the configuration, with this root for slot 1.
    fn configure(&self, root: Option<&str>) {
        let root = root.map_or(String::new(), |uri| format!("root = {uri:?}\n"));
        let tokens = self.token.path("tokens");
        let text = format!("token_dir = {tokens:?}\n[[slot]]\nid = 1\n{root}");
        fs::write(self.token.path("keyway.toml"), text).expect("written");
    }

    /// The command, with one of the HSMs connected to the machine.
    fn command(&self, connected: usize, arguments: &[&str]) -> Command {
        let mut command = self.token.command(env!("CARGO_BIN_EXE_keyway"));
        let (name, configuration) = self.hsm[connected].environment();
        command.env(name, configuration).env("KEYWAY_SO_PIN_FILE", self.token.path("so-pin"));
        command.args(arguments);
        command
    }

    fn keyway(&self, connected: usize, arguments: &[&str]) -> Answer {
        run(&mut self.command(connected, arguments))
    }

    #[track_caller]
    fn ok(&self, connected: usize, arguments: &[&str]) -> String {
        let answer = self.keyway(connected, arguments);
        assert_eq!(answer.code, 0, "{arguments:?}: {}", answer.stderr);
        answer.text()
    }

    /// What it says when it fails, but not for a wrong PIN.
    #[track_caller]
    fn fails(&self, connected: usize, arguments: &[&str]) -> String {
        let answer = self.keyway(connected, arguments);
        assert!(![0, 6].contains(&answer.code), "{arguments:?}: {} {}", answer.code, answer.stderr);
        answer.stderr
    }

    fn sign(&self) -> [String; 5] {
        let message = self.token.write("message", b"signed");
        ["sign", "--key", "web", "--in", &message].map(str::to_owned)
    }
}

#[test]
fn the_right_pin_opens_nothing_without_the_hsm() {
    let rooted = Rooted::new();
    let sign = rooted.sign();
    let sign = sign.each_ref().map(String::as_str);
    rooted.ok(ROOT, &sign);
    let shown = rooted.ok(ROOT, &["token", "show"]);
    assert!(shown.contains("AES key 'root'") && shown.contains("token 'hsm'"), "{shown}");
    assert!(rooted.ok(ROOT, &["token", "check"]).contains("as Keyway left it"));
    let doctor = rooted.keyway(ROOT, &["doctor"]).text();
    assert!(doctor.contains("opens with a PIN and the AES key 'root'"), "{doctor}");
    // The wrong HSM, the wrong key in the right place, no root in the configuration.
    let named = "opens with a PIN and the AES key 'root' (01)";
    let rounds = [
        (OTHER, Some(rooted.uri(ROOT)), "no token is that"),
        (OTHER, Some(rooted.uri(OTHER)), "of token 'hsm2'"),
        (ROOT, None, "no root is configured"),
    ];
    for (connected, uri, why) in rounds {
        rooted.configure(uri.as_deref());
        for arguments in [&sign[..], &["token", "check"]] {
            let told = rooted.fails(connected, arguments);
            assert!(told.contains(named) && told.contains(why), "{why}: {told}");
        }
        assert!(
            rooted.ok(connected, &["token", "check", "--without-pin"]).contains("nothing wrong")
        );
        let doctor = rooted.keyway(connected, &["doctor"]);
        let text = doctor.text();
        let line = text.lines().find(|line| line.contains("no PIN opens it")).expect(&text);
        assert!(line.contains("BAD") && line.contains(named) && line.contains(why), "{text}");
        assert!(text.contains("keyway token rewrap"), "{text}");
        assert_eq!(doctor.code, 13, "{text}");
    }
    // Nothing was counted: the wrong PIN is still answered as one, and the right one opens.
    rooted.configure(Some(&rooted.uri(ROOT)));
    rooted.ok(ROOT, &sign);
}

#[test]
fn a_backup_restored_elsewhere_needs_the_hsm() {
    let here = Rooted::new();
    let (passphrase, out) = (here.token.write("passphrase", PASSPHRASE), here.token.path("backup"));
    let with = ["--passphrase-file", &passphrase];
    here.ok(ROOT, &[&["token", "backup", "--out", &out], &with[..]].concat());
    fs::remove_dir_all(here.token.path("tokens")).expect("the disk is lost");
    here.ok(OTHER, &[&["token", "restore", "--in", &out], &with[..]].concat());
    let sign = here.sign();
    let sign = sign.each_ref().map(String::as_str);
    let told = here.fails(OTHER, &sign);
    assert!(told.contains("the AES key 'root'"), "{told}");
    here.ok(ROOT, &sign);
}

#[test]
fn a_token_moves_to_another_root_and_says_what_to_configure() {
    let rooted = Rooted::new();
    // Both keys in one HSM: the command needs both at once.
    aes_key(&rooted.hsm[ROOT], "second", "02");
    let from = rooted.uri(ROOT);
    let to = from.replace("object=root", "object=second");
    let told = rooted.ok(ROOT, &["token", "rewrap", "--to", &to]);
    assert!(
        told.contains("AES key 'second'") && told.contains(&format!("root = \"{to}\"")),
        "{told}"
    );
    let sign = rooted.sign();
    let sign = sign.each_ref().map(String::as_str);
    assert!(rooted.fails(ROOT, &sign).contains("AES key 'second'"));
    rooted.configure(Some(&to));
    rooted.ok(ROOT, &sign);
    // The configuration first, the command after it.
    rooted.configure(Some(&from));
    let told = rooted.ok(ROOT, &["token", "rewrap", "--root", &to]);
    assert!(told.contains("AES key 'root'") && !told.contains("keyway.toml"), "{told}");
    rooted.ok(ROOT, &sign);
    let told = rooted.ok(ROOT, &["token", "rewrap", "--to", "none"]);
    assert!(told.contains("a PIN alone") && told.contains("no root"), "{told}");
    assert!(rooted.fails(ROOT, &sign).contains("keyway token rewrap"));
    rooted.ok(ROOT, &["token", "rewrap"]);
    rooted.ok(ROOT, &sign);
    let log = rooted.ok(ROOT, &["log"]);
    assert_eq!(log.matches("the master key was wrapped anew").count(), 4, "{log}");
    let wrong = rooted.token.write("wrong", b"000000");
    let answer = rooted.keyway(ROOT, &["token", "rewrap", "--so-pin-file", &wrong]);
    assert_eq!(answer.code, 6, "{}", answer.stderr);
    let answer = rooted.keyway(ROOT, &["token", "rewrap", "--to", "pkcs11:object=x"]);
    assert_eq!(answer.code, 2, "{}", answer.stderr);
    assert!(answer.stderr.contains("module-path"), "{}", answer.stderr);
}

/// Makes an AES key in an HSM.
fn aes_key(hsm: &softhsm::Token, label: &str, id: &str) {
    let (name, configuration) = hsm.environment();
    let mut tool = Command::new("pkcs11-tool");
    tool.env(name, configuration).arg("--module").arg(hsm.module());
    tool.args(["--token-label", hsm.label(), "--login", "--pin", USER_PIN]);
    tool.args(["--keygen", "--sensitive", "--private", "--key-type", "AES:32"]);
    let made = run(tool.args(["--label", label, "--id", id]));
    assert_eq!(made.code, 0, "{}", made.stderr);
}

/// The library that kills its program at a write.
fn preload(token: &Token) -> PathBuf {
    let library = PathBuf::from(token.path("writing.so"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/harness/writing.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).args([source, "-ldl"]);
    let answer = run(&mut compiler);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    library
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).expect("made");
    for entry in fs::read_dir(from).expect("read") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
    }
}

#[test]
fn killed_at_any_write_the_old_root_or_the_new_one_opens_it() {
    let rooted = Rooted::new();
    let library = preload(&rooted.token);
    aes_key(&rooted.hsm[ROOT], "second", "02");
    let from = rooted.uri(ROOT);
    let to = from.replace("object=root", "object=second");
    let (tokens, before) = (rooted.token.path("tokens"), rooted.token.path("before"));
    copy(Path::new(&tokens), Path::new(&before));
    let check = ["token", "check"];
    let (mut old, mut new) = (0, 0);
    for at in 1.. {
        copy(Path::new(&before), Path::new(&tokens));
        rooted.configure(Some(&from));
        let mut command = rooted.command(ROOT, &["token", "rewrap", "--to", &to]);
        command.env("LD_PRELOAD", &library).env("KEYWAY_TEST_BELOW", &tokens);
        let output = command.env("KEYWAY_TEST_WRITE", at.to_string()).output().expect("it starts");
        let whole = match (output.status.signal(), output.status.code()) {
            (Some(9), _) => false,
            (_, Some(0)) => true,
            other => panic!("{at}: {other:?} {}", String::from_utf8_lossy(&output.stderr)),
        };
        // One of the roots opens both accounts: the command takes both PINs.
        let (now, back) = match rooted.keyway(ROOT, &check).code {
            0 => (&from, &to),
            _ => (&to, &from),
        };
        match now == &from {
            true => old += 1,
            false => new += 1,
        }
        rooted.configure(Some(now));
        rooted.ok(ROOT, &["token", "rewrap", "--to", back]);
        assert!(!whole || now == &to, "{at}: it ended and the old root opens the token");
        if whole {
            break;
        }
    }
    eprintln!("killed at {} writes: {old} times the old root, {new} times the new", old + new - 1);
    assert!(old > 5 && new > 1, "{old} {new}");
}
