//! Two operations that take the same data.

use crate::error::{Code, Error, Result};
use crate::ffi::transfer::{Output, Written};
use crate::session::Session;
use crate::session::active::{Class, Part};

/// A cipher, and what is told of the plaintext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dual {
    DigestEncrypt,
    DecryptDigest,
    SignEncrypt,
    DecryptVerify,
}

/// On which side of the cipher the plaintext is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plaintext {
    Input,
    Output,
}

impl Dual {
    /// The cipher, the operation that listens, and to what.
    fn parts(self) -> (Class, Class, Plaintext) {
        match self {
            Self::DigestEncrypt => (Class::Encrypt, Class::Digest, Plaintext::Input),
            Self::DecryptDigest => (Class::Decrypt, Class::Digest, Plaintext::Output),
            Self::SignEncrypt => (Class::Encrypt, Class::Sign, Plaintext::Input),
            Self::DecryptVerify => (Class::Decrypt, Class::Verify, Plaintext::Output),
        }
    }
}

impl Session {
    /// `C_DigestEncryptUpdate` and its like. While the cipher gives no output, the other operation
    /// gets no plaintext. An operation that runs goes on if the other one does not run; any other
    /// error but BufferTooSmall ends both, since one of them may have missed a part.
    ///
    /// # Errors
    /// As [`transform`](Self::transform); OperationNotInitialized after a logout also where that
    /// says UserNotLoggedIn, but for `C_SignEncryptUpdate`, which alone of the four lists it.
    pub fn dual(&mut self, dual: Dual, arguments: Result<(&[u8], Output<'_>)>) -> Result<Written> {
        let (cipher, other, plaintext) = dual.parts();
        self.require_one(cipher)?;
        self.require_one(other)?;
        let (ciphering, listening) =
            (self.take(cipher, Part::Update), self.take(other, Part::Update));
        let listed = |error: Error| match (error.code(), dual) {
            (Code::UserNotLoggedIn, Dual::SignEncrypt) => error,
            (Code::UserNotLoggedIn, _) => error.with_code(Code::OperationNotInitialized),
            _ => error,
        };
        let mut ciphering = ciphering.map_err(listed)?;
        let mut listening = listening.map_err(listed)?;
        let (input, output) = arguments?;
        let transform = ciphering.transform()?;
        let needed = transform.output_size(input.len(), false)?;
        let written = match output.room(needed) {
            Err(short) => short,
            Ok(buffer) => {
                let len = transform.update(input, buffer)?;
                let heard = listening.absorb(match plaintext {
                    Plaintext::Input => input,
                    Plaintext::Output => &buffer[..len],
                });
                // Nothing is left of a plaintext that is not given out.
                heard.inspect_err(|_| buffer[..len].fill(0))?;
                Written::Part(len)
            }
        };
        self.resume(cipher, ciphering);
        self.resume(other, listening);
        Ok(written)
    }
}
