//! `keyway token`, and what happens with wrong modules, tokens and PINs.

mod harness;

use harness::{LABEL, Maker, SO_PIN, Token, makers, on_every_token, run};

#[test]
fn a_token_is_initialised_listed_and_shown() {
    on_every_token(|token| {
        assert!(token.ok(&["token", "list"]).contains(LABEL));
        let shown = token.ok(&["token", "show"]);
        assert!(shown.contains(&format!("token         {LABEL}")), "{shown}");
        assert!(shown.contains("user PIN      set"), "{shown}");
        let file = token.path("tokens/token-1.db");
        assert_eq!(shown.contains(&format!("file          {file}")), token.maker == Maker::Keyway);
    });
}

#[test]
fn a_label_that_is_taken_is_refused() {
    on_every_token(|token| {
        let so_pin = token.path("so-pin");
        let error = token.fails(4, &["token", "init", "--label", LABEL, "--so-pin-file", &so_pin]);
        assert!(error.contains("exists already"), "{error}");
    });
}

#[test]
fn a_second_token_is_found_by_its_label() {
    on_every_token(|token| {
        let so_pin = token.path("so-pin");
        let init = ["token", "init", "--label", "other", "--so-pin-file", &so_pin];
        let answer = token.keyway(&init);
        if answer.code == 3 {
            assert!(answer.stderr.contains("no free slot"), "{}", answer.stderr);
            return;
        }
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        token.ok(&["--token", "other", "key", "create", "k", "--algorithm", "aes-128"]);
        assert!(token.ok(&["--token", "other", "key", "list"]).contains("aes-128"));
        assert!(!token.ok(&["--token", LABEL, "key", "list"]).contains("aes-128"));
        assert!(token.fails(2, &["key", "list"]).contains("several tokens"));
    });
}

#[test]
fn a_wrong_pin_is_told_and_named_so() {
    on_every_token(|token| {
        let wrong = token.write("wrong", b"000000");
        let error = token.fails(6, &["--pin-file", &wrong, "key", "list"]);
        assert!(error.contains("PIN"), "{error}");
        assert!(!error.contains("000000"), "the PIN stands in the error: {error}");
    });
}

#[test]
fn a_missing_pin_without_a_terminal_says_where_to_put_it() {
    on_every_token(|token| {
        let mut command = token.command("setsid");
        command.arg(env!("CARGO_BIN_EXE_keyway")).args(["key", "list"]);
        let answer = run(command.env_remove("KEYWAY_PIN_FILE"));
        assert_eq!(answer.code, 6, "{}", answer.stderr);
        assert!(answer.stderr.contains("KEYWAY_PIN"), "{}", answer.stderr);
    });
}

#[test]
fn the_pin_may_come_from_the_environment() {
    on_every_token(|token| {
        let mut command = token.command(env!("CARGO_BIN_EXE_keyway"));
        command.args(["key", "list"]).env_remove("KEYWAY_PIN_FILE");
        let answer = run(command.env("KEYWAY_PIN", harness::USER_PIN));
        assert_eq!(answer.code, 0, "{}", answer.stderr);
    });
}

/// systemd.exec(5), LoadCredential=: a file in $CREDENTIALS_DIRECTORY, which only the service reads.
#[test]
fn the_pin_may_come_as_a_credential_of_systemd() {
    on_every_token(|token| {
        let command = |credential: &[u8]| {
            token.write("keyway-pin", credential);
            let mut command = token.command("setsid");
            command.args(["-w", env!("CARGO_BIN_EXE_keyway"), "key", "list"]);
            let folder = std::path::absolute(token.path(".")).expect("a path");
            command.env_remove("KEYWAY_PIN_FILE").env("CREDENTIALS_DIRECTORY", folder);
            command
        };
        let answer = run(&mut command(harness::USER_PIN.as_bytes()));
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        // It is that file that was read; and what is said to this very command comes first.
        assert_eq!(run(&mut command(b"000000")).code, 6);
        let answer = run(command(b"000000").env("KEYWAY_PIN", harness::USER_PIN));
        assert_eq!(answer.code, 0, "{}", answer.stderr);
    });
}

#[test]
fn every_pin_may_be_a_credential_of_systemd() {
    on_every_token(|token| {
        let command = |credentials: &[(&str, &str)], arguments: &[&str]| {
            let folder = tempfile::tempdir().expect("a directory");
            for (name, pin) in credentials {
                std::fs::write(folder.path().join(name), pin).expect("written");
            }
            let mut command = token.command("setsid");
            command.args(["-w", env!("CARGO_BIN_EXE_keyway")]).args(arguments);
            command.env_remove("KEYWAY_PIN_FILE").env("CREDENTIALS_DIRECTORY", folder.path());
            run(&mut command)
        };
        let (user, officer) = (harness::USER_PIN, harness::SO_PIN);
        let change: &[&str] = &["token", "change-pin"];
        let answer = command(&[("keyway-pin", user), ("keyway-new-pin", "654321")], change);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert_eq!(command(&[("keyway-pin", user)], &["key", "list"]).code, 6);
        assert_eq!(command(&[("keyway-pin", "654321")], &["key", "list"]).code, 0);
        let unlock: &[&str] = &["token", "unlock"];
        let wrong = command(&[("keyway-so-pin", "87654321"), ("keyway-new-pin", user)], unlock);
        assert_eq!(wrong.code, 6, "{}", wrong.stderr);
        let answer = command(&[("keyway-so-pin", officer), ("keyway-new-pin", user)], unlock);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert_eq!(command(&[("keyway-pin", user)], &["key", "list"]).code, 0);
    });
}

#[test]
fn an_unknown_token_lists_those_there_are() {
    on_every_token(|token| {
        let error = token.fails(3, &["--token", "nobody", "key", "list"]);
        assert!(error.contains(LABEL), "{error}");
    });
}

#[test]
fn an_empty_module_says_how_to_make_a_token() {
    for maker in makers() {
        let error = Token::empty(maker).fails(3, &["key", "list"]);
        assert!(error.contains("keyway token init"), "{error}");
    }
}

#[test]
fn a_user_pin_that_the_token_refuses_is_told() {
    for maker in makers() {
        let token = Token::empty(maker);
        let (so_pin, short) = (token.path("so-pin"), token.write("short", b"1"));
        let init = ["token", "init", "--label", LABEL, "--so-pin-file", &so_pin];
        let error = token.fails(6, &[&init[..], &["--pin-file", &short]].concat());
        assert!(error.contains("4 to 255") && !error.contains(SO_PIN), "{error}");
        // Nothing was half made: the same command with a good PIN works.
        token.ok(&init);
    }
}

#[test]
fn a_changed_user_pin_takes_the_place_of_the_old_one() {
    on_every_token(|token| {
        let new = token.write("new", b"a longer PIN");
        token.ok(&["key", "create", "k", "--algorithm", "aes-128"]);
        let wrong = token.write("wrong", b"000000");
        let change = ["token", "change-pin", "--new-pin-file", &new];
        token.fails(6, &[&["--pin-file", &wrong][..], &change].concat());
        token.ok(&change);
        token.fails(6, &["key", "list"]);
        assert!(token.ok(&["--pin-file", &new, "key", "list"]).contains("aes-128"));
    });
}

#[test]
fn the_security_officer_changes_the_own_pin_and_unlocks_the_users() {
    on_every_token(|token| {
        let (so_pin, new_so) = (token.path("so-pin"), token.write("new-so", b"87654321"));
        token.ok(&["key", "create", "k", "--algorithm", "aes-128"]);
        let officer = ["token", "change-pin", "--security-officer", "--so-pin-file"];
        token.ok(&[&officer[..], &[&so_pin, "--new-pin-file", &new_so]].concat());
        let new = token.write("new", b"forgotten no more");
        let unlock = ["token", "unlock", "--new-pin-file", &new, "--so-pin-file"];
        token.fails(6, &[&unlock[..], &[&so_pin]].concat());
        token.ok(&[&unlock[..], &[&new_so]].concat());
        assert!(token.ok(&["--pin-file", &new, "key", "list"]).contains("aes-128"));
    });
}

#[test]
fn a_file_that_is_no_module_is_refused() {
    on_every_token(|token| {
        let file = token.write("module.so", b"not a library");
        assert!(token.fails(8, &["--module", &file, "token", "list"]).contains("module.so"));
        assert!(token.fails(11, &["--module", "/nowhere.so", "token", "list"]).contains("nowhere"));
    });
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    on_every_token(|token| {
        let mut shell = token.command("sh");
        shell.args(["-c", "\"$0\" key list | true", env!("CARGO_BIN_EXE_keyway")]);
        let answer = run(&mut shell);
        assert_eq!(answer.stderr, "");
    });
}

/// The command holds the module's code as well as loading the module: neither may see the other.
#[test]
fn the_command_exports_nothing_that_a_module_could_be_bound_to() {
    let listed = std::process::Command::new("nm")
        .args(["-D", "--defined-only", env!("CARGO_BIN_EXE_keyway")])
        .output()
        .expect("nm: apt install binutils");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let text = String::from_utf8_lossy(&listed.stdout);
    let names = text.lines().filter_map(|line| line.split_whitespace().last());
    let engine = |name: &&str| {
        ["C_", "sqlite3", "aws_lc", "EVP_", "AES_"].iter().any(|start| name.starts_with(start))
    };
    assert_eq!(names.filter(engine).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn a_token_whose_officer_s_pin_is_lost_is_made_anew_by_force() {
    on_every_token(|token| {
        token.ok(&["key", "create", "k", "--algorithm", "aes-256"]);
        let so_pin = token.path("so-pin");
        let force = ["token", "init", "--force", "--label", "anew", "--so-pin-file", &so_pin];
        if token.maker != Maker::Keyway {
            assert!(token.fails(9, &force).contains("not Keyway's own"));
            return;
        }
        assert!(token.fails(5, &force).contains("not confirmed"));
        assert!(token.ok(&["key", "list"]).contains("aes-256"));
        let told = token.ok(&[&force[..], &["--yes"]].concat());
        assert!(told.contains("token anew"), "{told}");
        assert!(!token.ok(&["key", "list"]).contains("aes-256"));
    });
}
