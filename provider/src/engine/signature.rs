//! Signatures as operations: what comes before the key (hashing the parts, collecting them) is the
//! same for every family; a family gives its [`Scheme`].

use crate::backend::{Check, Operation, Transform};
use crate::engine::digest::digest;
use crate::error::{Code, Result};
use crate::ffi::awslc::digest::Digest;
use crate::mechanism::Hash;

/// A signature scheme with its key.
pub(super) trait Scheme: Send + 'static {
    /// Length of every signature in bytes.
    fn size(&self) -> usize;

    /// Whether `len` bytes can be signed: the length of the digest, or of the message where the
    /// scheme takes the message itself.
    ///
    /// # Errors
    /// DataLenRange if not.
    fn admits(&self, len: usize) -> Result<()>;

    /// Writes [`size`](Self::size) bytes.
    fn sign(&self, digest: &[u8], signature: &mut [u8]) -> Result<()>;

    /// # Errors
    /// SignatureLenRange for a signature of the wrong length, SignatureInvalid for a wrong one.
    fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<()>;
}

/// What the scheme gets of the application's input.
pub(crate) enum Input {
    /// The input itself, in one part.
    Whole,
    /// The input itself, of parts put together.
    Collected(Vec<u8>),
    /// Its digest; the state is made by the first part, so that a message in one piece needs none.
    Hashed(Hash, Option<Box<Digest>>),
}

impl Input {
    pub(crate) fn hashed(hash: Hash) -> Self {
        Self::Hashed(hash, None)
    }

    pub(crate) fn update(&mut self, part: &[u8]) -> Result<()> {
        match self {
            Self::Whole => {
                return Err(Code::GeneralError.because("a part for a single-part mechanism"));
            }
            Self::Collected(parts) => parts.extend_from_slice(part),
            Self::Hashed(hash, state) => {
                state.get_or_insert_with(|| Box::new(Digest::new(*hash))).update(part);
            }
        }
        Ok(())
    }

    /// Gives `then` what is to be signed, `last` being the last part.
    pub(crate) fn finish<T>(
        &mut self,
        last: &[u8],
        then: impl FnOnce(&[u8]) -> Result<T>,
    ) -> Result<T> {
        match self {
            Self::Whole => then(last),
            Self::Collected(parts) if parts.is_empty() => then(last),
            Self::Collected(parts) => {
                parts.extend_from_slice(last);
                then(parts)
            }
            Self::Hashed(hash, None) => then(&digest(*hash, last)[..hash.size()]),
            Self::Hashed(hash, Some(state)) => {
                state.update(last);
                then(&state.finish()[..hash.size()])
            }
        }
    }

    /// How long what is to be signed will be, if the whole of the input has `last` bytes.
    pub(crate) fn len(&self, last: usize) -> usize {
        match self {
            Self::Whole => last,
            Self::Collected(parts) => parts.len() + last,
            Self::Hashed(hash, _) => hash.size(),
        }
    }
}

/// `C_SignInit`.
pub(super) fn signer(scheme: impl Scheme, input: Input) -> Operation {
    Operation::Transform(Box::new(Running { scheme, input }))
}

/// `C_VerifyInit`.
pub(super) fn verifier(scheme: impl Scheme, input: Input) -> Operation {
    Operation::Check(Box::new(Running { scheme, input }))
}

struct Running<S> {
    scheme: S,
    input: Input,
}

impl<S: Scheme> Transform for Running<S> {
    fn output_size(&self, input: usize, last: bool) -> Result<usize> {
        if !last {
            return Ok(0);
        }
        self.scheme.admits(self.input.len(input))?;
        Ok(self.scheme.size())
    }

    fn update(&mut self, input: &[u8], _output: &mut [u8]) -> Result<usize> {
        self.input.update(input)?;
        Ok(0)
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let Self { scheme, input: before } = self;
        let size = scheme.size();
        before.finish(input, |digest| {
            scheme.admits(digest.len())?;
            scheme.sign(digest, &mut output[..size])
        })?;
        Ok(size)
    }
}

impl<S: Scheme> Check for Running<S> {
    fn update(&mut self, input: &[u8]) -> Result<()> {
        self.input.update(input)
    }

    fn finish(&mut self, input: &[u8], signature: &[u8]) -> Result<()> {
        let Self { scheme, input: before } = self;
        before.finish(input, |digest| {
            scheme.admits(digest.len())?;
            scheme.verify(digest, signature)
        })
    }
}
