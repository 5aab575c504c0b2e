//! What is kept in the books of a token, and how its DER is read and written.

use der::asn1::OctetString;

use super::key::KeyName;
use crate::error::{Error, Kind, Result};

/// Something that a book keeps.
pub trait Entry: Sized {
    /// The name under which there is one.
    fn name(&self) -> KeyName;

    /// Its DER.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it.
    fn to_der(&self) -> Result<Vec<u8>>;

    /// Reads one.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is none.
    fn from_der(bytes: &[u8]) -> Result<Self>;
}

/// A sort of entries, by what errors call one of them: `an entry about a share`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sort(pub &'static str);

impl Sort {
    pub(super) fn octets(self, bytes: &[u8]) -> Result<OctetString> {
        OctetString::new(bytes).map_err(|error| self.unencodable(error))
    }

    /// Refuses another version of the format than the one that is known.
    ///
    /// # Errors
    /// [`Kind::Malformed`].
    pub(super) fn require_format(self, found: u8, known: u8) -> Result<()> {
        if found == known {
            return Ok(());
        }
        Err(Kind::Malformed
            .because(format!("{} in format {found}", self.0))
            .advise("a newer keyway wrote it: update this one"))
    }

    pub(super) fn malformed(self, error: der::Error) -> Error {
        Kind::Malformed.because(format!("not {}", self.0)).caused_by(error)
    }

    pub(super) fn unencodable(self, error: der::Error) -> Error {
        Kind::Internal.because(format!("cannot encode {}", self.0)).caused_by(error)
    }
}
