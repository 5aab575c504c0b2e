//! What an error of the operating system on a file means for the application, and what the person
//! who reads the log can do about it.

use std::io::{self, ErrorKind};
use std::path::Path;

use rustix::io::Errno;

use crate::error::{Code, Error, Result};

/// Kinds of trouble that differ in what helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// For lack of rights, or because the medium is read-only.
    Refused,
    /// No space, a quota, a limit on the size of files.
    Full,
    /// No descriptor is left in this process, or in the system.
    TooManyFiles,
    NoMemory,
    Other,
}

impl Trouble {
    pub fn of(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::Refused,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::Full
            }
            ErrorKind::OutOfMemory => Self::NoMemory,
            _ => match Errno::from_io_error(error) {
                Some(Errno::MFILE | Errno::NFILE) => Self::TooManyFiles,
                _ => Self::Other,
            },
        }
    }

    /// What to do.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Refused => "check the owner and the permissions of it and of its directory",
            Self::Full => "look for a full disk, a quota, a file size limit",
            Self::TooManyFiles => {
                "this process has too many files open: raise the limit with `ulimit -n` or \
                 LimitNOFILE="
            }
            Self::NoMemory => "no memory is left",
            Self::Other => "see the reason",
        }
    }

    /// The code for what a function could not do, which for lack of rights is `refused`.
    pub fn code(self, refused: Code) -> Code {
        match self {
            Self::Refused => refused,
            Self::Full => Code::DeviceMemory,
            Self::NoMemory => Code::HostMemory,
            Self::TooManyFiles | Self::Other => Code::DeviceError,
        }
    }
}

/// An error with what was being done to which file, and what to do; `refused` is the code for lack
/// of rights.
#[track_caller]
#[cold]
pub fn explain(error: io::Error, refused: Code, doing: &str, path: &Path) -> Error {
    let code = Trouble::of(&error).code(refused);
    explain_as(code, error, doing, path)
}

/// As [`explain`], for a function that has one code for all of it.
#[track_caller]
#[cold]
pub fn explain_as(code: Code, error: io::Error, doing: &str, path: &Path) -> Error {
    let story = format!("{doing} {}: {}", path.display(), Trouble::of(&error).advice());
    code.with_source(story, error)
}

/// `.or_explain(Code::TokenWriteProtected, "cannot make", path)?` as [`explain`].
pub trait Explained<T> {
    /// # Errors
    /// The operating system's error, explained.
    fn or_explain(self, refused: Code, doing: &str, path: &Path) -> Result<T>;
}

impl<T> Explained<T> for io::Result<T> {
    #[track_caller]
    fn or_explain(self, refused: Code, doing: &str, path: &Path) -> Result<T> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(explain(error, refused, doing, path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_has_its_code_and_its_advice() {
        for (errno, trouble, code, advice) in [
            (Errno::ACCESS, Trouble::Refused, Code::TokenWriteProtected, "owner"),
            (Errno::PERM, Trouble::Refused, Code::TokenWriteProtected, "permissions"),
            (Errno::ROFS, Trouble::Refused, Code::TokenWriteProtected, "permissions"),
            (Errno::NOSPC, Trouble::Full, Code::DeviceMemory, "full disk"),
            (Errno::DQUOT, Trouble::Full, Code::DeviceMemory, "quota"),
            (Errno::FBIG, Trouble::Full, Code::DeviceMemory, "file size limit"),
            (Errno::MFILE, Trouble::TooManyFiles, Code::DeviceError, "ulimit -n"),
            (Errno::NFILE, Trouble::TooManyFiles, Code::DeviceError, "LimitNOFILE="),
            (Errno::NOMEM, Trouble::NoMemory, Code::HostMemory, "memory"),
            (Errno::IO, Trouble::Other, Code::DeviceError, "reason"),
        ] {
            let error = io::Error::from(errno);
            assert_eq!(Trouble::of(&error), trouble, "{errno:?}");
            let error = explain(error, Code::TokenWriteProtected, "cannot make", Path::new("/x"));
            assert_eq!(error.code(), code, "{errno:?}");
            let story = error.to_string();
            assert!(story.contains("cannot make /x: ") && story.contains(advice), "{story}");
            assert!(story.contains("(os error "), "{story}");
        }
    }
}
