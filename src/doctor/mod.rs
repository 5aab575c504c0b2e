//! What is wrong with an installation, and the command that mends it.
//!
//! Each part of it looks and changes nothing.

mod configuration;
mod files;
mod module;
mod openssl;
mod p11_kit;
mod tokens;
mod user;

use std::path::{Path, PathBuf};

use crate::token::Pin;

/// How a part of the installation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// As it should be.
    Good,
    /// It works; somebody should know this.
    Noted,
    /// Something does not work, or is not safe.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it is.
    pub health: Health,
    /// What was seen.
    pub what: String,
    /// What mends it: a command for a shell, or what to do if no command can.
    pub remedy: Option<Remedy>,
}

/// What mends something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// For a shell.
    Command(String),
    /// For a person.
    Advice(String),
}

/// Findings about one part of the installation.
#[derive(Clone, Debug)]
pub struct Section {
    /// The part.
    pub name: &'static str,
    /// What was seen of it.
    pub findings: Vec<Finding>,
}

/// What is to be examined.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The module that was named, or where our own was found; or why it was not.
    pub module: Result<PathBuf, String>,
    /// Whether the module is our own: another maker's tokens have no files that we know.
    pub is_own: bool,
    /// The token to log in to.
    pub token: Option<&'a str>,
    /// The user PIN, if one was given: nobody is asked for it.
    pub pin: Option<Pin>,
    /// Where the system's files are: `/`.
    pub root: &'a Path,
}

/// Looks at everything.
pub fn examine(subject: &Subject<'_>) -> Vec<Section> {
    let mut sections = vec![
        Section { name: "module", findings: module::examine(subject) },
        Section { name: "user", findings: user::examine() },
    ];
    if subject.is_own {
        let (configuration, findings) = configuration::examine();
        sections.push(Section { name: "configuration", findings });
        if let Some(configuration) = configuration {
            let findings = tokens::examine(&configuration);
            sections.push(Section { name: "tokens", findings });
        }
    }
    let findings = module::log_in(subject);
    if !findings.is_empty() {
        sections.push(Section { name: "login", findings });
    }
    if let Ok(module) = &subject.module {
        let findings = p11_kit::examine(subject.root, module);
        sections.push(Section { name: "p11-kit", findings });
        sections.push(Section { name: "OpenSSL", findings: openssl::examine(module) });
    }
    sections
}

fn good(what: impl Into<String>) -> Finding {
    Finding { health: Health::Good, what: what.into(), remedy: None }
}

fn noted(what: impl Into<String>) -> Finding {
    Finding { health: Health::Noted, what: what.into(), remedy: None }
}

fn bad(what: impl Into<String>) -> Finding {
    Finding { health: Health::Bad, what: what.into(), remedy: None }
}

impl Finding {
    fn command(mut self, command: impl Into<String>) -> Self {
        self.remedy = Some(Remedy::Command(command.into()));
        self
    }

    fn advice(mut self, advice: impl Into<String>) -> Self {
        self.remedy = Some(Remedy::Advice(advice.into()));
        self
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    match text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_spaces_and_quotes_survives_a_shell() {
        assert_eq!(quoted(Path::new("/a/b.so")), "/a/b.so");
        assert_eq!(quoted(Path::new("/a b/it's")), "'/a b/it'\\''s'");
    }
}
