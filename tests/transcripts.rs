//! The transcripts of `docs/cli.md`, run on every token and compared.
//!
//! A line with `$` is a command, as typed in the directory of a fresh token; what it prints on
//! standard output and standard error stands below it. Only moments, identifiers and some numbers
//! differ. Where makers differ, a block is for one: `console softhsm`, `console keyway`.
//! With KEYWAY_WRITE_DOCS set the page is written anew instead.

mod harness;

use std::path::Path;

use harness::{Maker, Token, makers, run};

const PAGE: &str = "docs/cli.md";

/// A token whose `keyway` is found by its name.
fn shell(token: &Token, line: &str) -> String {
    let directory = Path::new(env!("CARGO_BIN_EXE_keyway")).parent().expect("a directory");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = token.command("sh");
    command.env("PATH", format!("{}:{path}", directory.display()));
    command.env("KEYWAY_SO_PIN_FILE", token.path("so-pin"));
    let answer = run(command.args(["-c", &format!("{{ {line}\n}} 2>&1")]));
    answer.text()
}

/// The page with what the commands really print on a token of this maker.
fn performed(page: &str, maker: Maker) -> String {
    let token = Token::initialised(maker);
    let mut done = String::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        done.push_str(&format!("{line}\n"));
        let runs_here = match line {
            "```console" => true,
            "```console softhsm" => maker == Maker::SoftHsm,
            "```console keyway" => maker == Maker::Keyway,
            _ => continue,
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match runs_here {
            true => done.push_str(&performed_block(&token, &block)),
            false => done.push_str(&(block.join("\n") + "\n")),
        }
        done.push_str("```\n");
    }
    done
}

fn performed_block(token: &Token, block: &[&str]) -> String {
    let mut done = String::new();
    let mut lines = block.iter().peekable();
    while let Some(line) = lines.next() {
        let Some(command) = line.strip_prefix("$ ") else { continue };
        let mut command = command.to_owned();
        while command.ends_with('\\') {
            command.push_str(&format!("\n{}", lines.next().expect("a continued line")));
        }
        let told = shell(token, &command).replace(&token.path(""), "");
        done.push_str(&format!("$ {command}\n{told}"));
        if !told.is_empty() && !told.ends_with('\n') {
            done.push('\n');
        }
    }
    done
}

/// What stands before words that differ from run to run and from machine to machine.
const BEFORE_DIFFERENT: [&str; 7] = [
    "keyway[",
    "\"process\":",
    "\"user\":\"",
    "\"bytes\":",
    "\"mechanisms\":",
    "\"sequence\":",
    "\"verified\":",
];

/// With one name for every moment, for every identifier and serial number, and for what differs.
fn normalised(text: &str) -> String {
    let mut normal = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        // The name of a user may have anything in it.
        let is_user = normal.ends_with("\"user\":\"") && first != '"';
        let is_part = |c: &char| match is_user {
            true => *c != '"',
            false => c.is_ascii_alphanumeric() || "-:".contains(*c),
        };
        let word = match is_user || first.is_ascii_alphanumeric() {
            true => rest.chars().take_while(is_part).map(char::len_utf8).sum(),
            false => 0,
        };
        if word == 0 {
            normal.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(word);
        let differs = BEFORE_DIFFERENT.iter().any(|before| normal.ends_with(before));
        normal.push_str(match () {
            () if is_moment(word) => "MOMENT",
            () if is_identifier(word) => "IDENTIFIER",
            () if differs => "DIFFERENT",
            () => word,
        });
        rest = after;
    }
    normal
}

fn is_moment(word: &str) -> bool {
    let shape: String = word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00Z"
}

fn is_identifier(word: &str) -> bool {
    word.len() >= 16 && word.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f' | '-'))
}

#[test]
fn the_page_shows_what_the_commands_print() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(&path).expect("the page");
    assert!(page.matches("\n$ keyway").count() > 20, "the page has transcripts");
    if std::env::var_os("KEYWAY_WRITE_DOCS").is_some() {
        let page = makers().iter().fold(page, |page, maker| performed(&page, *maker));
        std::fs::write(&path, page).expect("written");
        return;
    }
    for maker in makers() {
        let (told, page) = (normalised(&performed(&page, maker)), normalised(&page));
        for (at, (shown, printed)) in page.lines().zip(told.lines()).enumerate() {
            assert_eq!(shown, printed, "{maker:?}: {PAGE}, line {} or so", at + 1);
        }
        assert_eq!(page, told, "{maker:?}");
    }
}

#[test]
fn what_differs_is_named_alike_and_nothing_else() {
    for (text, normal) in [
        ("created 2026-11-22T08:00:00Z, until 2027-01-31", "created MOMENT, until 2027-01-31"),
        ("id 0123456789abcdef0123456789abcdef", "id IDENTIFIER"),
        ("keyway[4711] \"process\":4711 4711", "keyway[DIFFERENT] \"process\":DIFFERENT 4711"),
        ("key backup — active", "key backup — active"),
    ] {
        assert_eq!(normalised(text), normal);
    }
}
