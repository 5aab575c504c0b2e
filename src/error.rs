//! What went wrong, in words for a person: what failed, on which token and key, what to do next.

use std::fmt;

use serde::Serialize;

/// Result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The sort of a failure. The command's exit code follows from it. In JSON it is its name in snake
/// case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A defect of this program, or a state that it holds for impossible.
    Internal,
    /// The command line asks for something that makes no sense.
    Usage,
    /// No such token, key, version or object.
    NotFound,
    /// A token or key of that name is there already.
    Exists,
    /// The key's state, its use or a missing confirmation forbids it.
    Refused,
    /// The PIN is wrong, locked or missing.
    Pin,
    /// A ciphertext, a signature or a record is not authentic.
    NotAuthentic,
    /// The token or its module failed.
    Token,
    /// The token has no way to do it.
    Unsupported,
    /// Another process changed the same key at the same moment.
    Conflict,
    /// A file could not be read or written.
    File,
    /// The input is not what it has to be.
    Malformed,
    /// A check found something that is not as it should be.
    Unsound,
    /// Every session with the token is in use, or others have the turn to change keys.
    Busy,
}

impl Kind {
    /// Every kind with the exit code that the command answers and a line for the manual.
    pub const TABLE: [(Kind, u8, &'static str); 14] = [
        (Kind::Internal, 1, "a defect in keyway itself"),
        (Kind::Usage, 2, "wrong use of the command line"),
        (Kind::NotFound, 3, "no such token, key or version"),
        (Kind::Exists, 4, "a token or key of that name exists"),
        (Kind::Refused, 5, "refused: the key's state or use forbids it, or --yes is missing"),
        (Kind::Pin, 6, "the PIN is wrong, locked or missing"),
        (Kind::NotAuthentic, 7, "a ciphertext, signature, certificate or record is not authentic"),
        (Kind::Token, 8, "the token or its module failed"),
        (Kind::Unsupported, 9, "the token cannot do this"),
        (Kind::Conflict, 10, "another process changed the key at the same moment"),
        (Kind::File, 11, "a file cannot be read or written"),
        (Kind::Malformed, 12, "the input is malformed"),
        (Kind::Unsound, 13, "a check found something that is not as it should be"),
        (Kind::Busy, 14, "every session with the token is in use, or other processes change keys"),
    ];

    /// The exit code of the command.
    pub fn exit_code(self) -> u8 {
        Self::TABLE.iter().find(|(kind, ..)| *kind == self).map_or(1, |(_, code, _)| *code)
    }

    /// An error of this kind.
    pub fn because(self, message: impl Into<String>) -> Error {
        Error { kind: self, message: message.into(), advice: None, source: None, lost: false }
    }
}

/// A failure: its kind, what failed, and what to do next.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    advice: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    lost: bool,
}

impl Error {
    /// The kind of failure.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What the person can do next.
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// Whether the session with the token ended, or the token went away. The next call on a
    /// [`Kms`](crate::Kms) opens a new session.
    pub fn is_session_lost(&self) -> bool {
        self.lost
    }

    /// Says that the session with the token is no more.
    pub(crate) fn losing_session(mut self) -> Self {
        self.lost = true;
        self
    }

    /// Adds what the person can do next.
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Keeps the failure that caused this one.
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Puts what was being done in front of the message.
    pub fn while_doing(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_an_exit_code_of_its_own() {
        let mut codes: Vec<u8> = Kind::TABLE.iter().map(|(_, code, _)| *code).collect();
        codes.dedup();
        assert_eq!(codes, (1..=14).collect::<Vec<u8>>());
    }

    #[test]
    fn an_error_tells_what_failed_and_why() {
        let error =
            Kind::File.because("cannot read a.txt").caused_by(std::io::Error::other("gone"));
        assert_eq!(error.while_doing("encrypt").to_string(), "encrypt: cannot read a.txt: gone");
    }
}
