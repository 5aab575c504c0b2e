//! Opening sealed files.

use std::cell::RefCell;
use std::io::{Read, Write};

use age::{DecryptError, Decryptor};

use super::Kms;
use super::flow::{copy, ours};
use super::stanza::TokenIdentity;
use crate::domain::key::KeyName;
use crate::error::{Error, Kind, Result};

impl Kms<'_> {
    /// Opens what [`Kms::seal`] made, or any age file with a stanza for a key of this token.
    /// Answers how many bytes it held.
    ///
    /// The pieces are authenticated one by one, and written as they come; only after `Ok` is the
    /// output whole.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when no key of the token opens it, [`Kind::Refused`] when the version's
    /// state forbids it, [`Kind::NotAuthentic`] when the file was changed or cut,
    /// [`Kind::Malformed`] when it is no age file.
    pub fn open(
        &self,
        named: Option<&KeyName>,
        input: &mut dyn Read,
        output: &mut dyn Write,
    ) -> Result<u64> {
        let mut opened = self.opening(named, input)?;
        let length = copy(&mut opened, output, changed)?;
        output.flush().map_err(super::flow::written)?;
        Ok(length)
    }

    /// What is sealed, as it is read. Errors on the way are for [`changed`].
    pub(super) fn opening<'r>(
        &self,
        named: Option<&KeyName>,
        input: &'r mut dyn Read,
    ) -> Result<impl Read + use<'r>> {
        let identity = TokenIdentity { kms: *self, named, refused: RefCell::default() };
        let opened = Decryptor::new(input)
            .and_then(|sealed| sealed.decrypt(std::iter::once(&identity as &dyn age::Identity)));
        let why = identity.refused.into_inner();
        opened.map_err(|error| refused(error, why))
    }
}

fn refused(error: DecryptError, why: Option<Error>) -> Error {
    match error {
        DecryptError::NoMatchingKeys => why.unwrap_or_else(|| {
            Kind::NotFound
                .because("the file is not sealed to a key of keyway")
                .advise("open it with age and the identity that it is for")
        }),
        DecryptError::Io(error) => match ours(error) {
            Ok(error) => error,
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Kind::Malformed.because("the sealed file ends in its header")
            }
            Err(error) => Kind::File.because("cannot read the sealed file").caused_by(error),
        },
        DecryptError::InvalidMac | DecryptError::DecryptionFailed => damaged(),
        error => Kind::Malformed
            .because(format!("the input is not a sealed file: {error}"))
            .advise("open takes what keyway seal or age made"),
    }
}

/// An error while the sealed data was read: the age crate answers InvalidData and UnexpectedEof
/// for what is not authentic.
pub(super) fn changed(error: std::io::Error) -> Error {
    use std::io::ErrorKind;
    match ours(error) {
        Ok(error) => error,
        Err(error) => match error.kind() {
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => damaged(),
            _ => Kind::File.because("cannot read the sealed file").caused_by(error),
        },
    }
}

fn damaged() -> Error {
    Kind::NotAuthentic
        .because("the sealed file is damaged: it was changed, cut or added to")
        .advise("get an undamaged copy of it")
}
