//! One error type: what the application sees (`Code`) and what the log sees (context, place, source).

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;

pub use crate::code::Code;

/// An error on its way to the application and to the log.
pub struct Error(Box<Story>);

struct Story {
    code: Code,
    at: &'static Location<'static>,
    context: Cow<'static, str>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What the application sees.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What was being done, for the log.
    pub fn context(&self) -> &str {
        &self.0.context
    }

    /// The same story under another code, for callers whose function names the failure otherwise.
    pub fn with_code(mut self, code: Code) -> Self {
        self.0.code = code;
        self
    }

    #[cold]
    fn new(
        code: Code,
        at: &'static Location<'static>,
        context: Cow<'static, str>,
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self(Box::new(Story { code, at, context, source }))
    }
}

impl Code {
    /// Turns a code into an error that says what was being done.
    #[track_caller]
    #[cold]
    pub fn because(self, context: impl Into<Cow<'static, str>>) -> Error {
        Error::new(self, Location::caller(), context.into(), None)
    }

    /// As [`because`](Self::because), with the foreign error behind it.
    #[track_caller]
    #[cold]
    pub fn with_source(
        self,
        context: impl Into<Cow<'static, str>>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Error {
        Error::new(self, Location::caller(), context.into(), Some(Box::new(source)))
    }
}

impl From<Code> for Error {
    #[track_caller]
    #[cold]
    fn from(code: Code) -> Self {
        Error::new(code, Location::caller(), Cow::Borrowed(""), None)
    }
}

/// `.or_code(Code::DeviceError, "open the store")?` maps a foreign error and keeps it as the source.
pub trait Context<T> {
    /// # Errors
    /// The foreign error, under `code` and with what was being done.
    fn or_code(self, code: Code, context: impl Into<Cow<'static, str>>) -> Result<T>;
}

impl<T, E: std::error::Error + Send + Sync + 'static> Context<T> for std::result::Result<T, E> {
    #[track_caller]
    fn or_code(self, code: Code, context: impl Into<Cow<'static, str>>) -> Result<T> {
        let at = Location::caller();
        self.map_err(|e| Error::new(code, at, context.into(), Some(Box::new(e))))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.code.name())?;
        if !self.0.context.is_empty() {
            write!(f, ": {}", self.0.context)?;
        }
        if let Some(source) = &self.0.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} at {}", self.0.at)
    }
}

impl std::error::Error for Error {}
