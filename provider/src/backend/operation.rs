//! A running cryptographic operation, as the session drives it.

use crate::error::{Code, Result};

/// What `C_EncryptInit`, `C_DecryptInit`, `C_DigestInit`, `C_SignInit` and `C_VerifyInit` start.
pub enum Operation {
    Transform(Box<dyn Transform>),
    Check(Box<dyn Check>),
}

/// Encrypt, decrypt, digest, sign: bytes in, bytes out.
pub trait Transform: Send {
    /// How many bytes the next call can write at most: answers a NULL buffer without computing.
    /// `last` is true for the one-shot and the final call. Exact wherever the length does not
    /// depend on the plaintext (only padding and decryption may give an upper bound).
    ///
    /// # Errors
    /// DataLenRange or EncryptedDataLenRange when no output is possible for that much input.
    fn output_size(&self, input: usize, last: bool) -> Result<usize>;

    /// Takes a part of the input; `output` holds at least `output_size(input.len(), false)` bytes.
    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize>;

    /// Takes all of the input (one-shot) or the empty rest (after updates) and ends the operation;
    /// `output` holds at least `output_size(input.len(), true)` bytes. Returns the bytes written.
    /// Only an operation that recovers data from signatures may be asked again after it.
    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize>;

    /// What `C_GetOperationState` keeps of an operation; `None` if that must not leave the token
    /// or cannot be had, as with everything but digests.
    fn save(&self) -> Option<Vec<u8>> {
        None
    }

    /// Goes on where [`save`](Self::save) was called, on an operation of the same mechanism.
    ///
    /// # Errors
    /// SavedStateInvalid for bytes that did not come from there.
    fn load(&mut self, _state: &[u8]) -> Result<()> {
        Err(Code::SavedStateInvalid.because("the operation has no state to be restored"))
    }
}

/// Verify: bytes and a signature in, yes or no out.
pub trait Check: Send {
    fn update(&mut self, input: &[u8]) -> Result<()>;

    /// # Errors
    /// SignatureLenRange for a signature of the wrong length, SignatureInvalid for a wrong one.
    fn finish(&mut self, input: &[u8], signature: &[u8]) -> Result<()>;
}
