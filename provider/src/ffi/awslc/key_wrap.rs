//! AES key wrap of AWS-LC (RFC 3394) and key wrap with padding (RFC 5649), with the standard's
//! initial values.

use std::ptr;

use aws_lc_sys as aws;

use super::cipher::{Direction, Schedule};
use super::failure;
use crate::error::Code;

/// Half a block: what both forms count in.
pub(crate) const SEMIBLOCK: usize = 8;

/// Wraps `input`, at least two whole semiblocks, into `output`, which is one semiblock longer.
/// Returns the bytes written; `None` if the engine refuses.
pub(crate) fn wrap(key: &Schedule, input: &[u8], output: &mut [u8]) -> Option<usize> {
    assert!(output.len() == input.len() + SEMIBLOCK);
    let (from, to) = (input.as_ptr(), output.as_mut_ptr());
    // SAFETY: the schedule is one for encryption, the output as long as the engine writes; NULL
    // stands for the initial value of the standard.
    let written = unsafe {
        aws::AES_wrap_key(key.of(Direction::Encrypt), ptr::null(), to, from, input.len())
    };
    usize::try_from(written).ok().filter(|written| *written == output.len())
}

/// Undoes [`wrap`]; `None` if the integrity check fails, and `output` is zeros then.
pub(crate) fn unwrap(key: &Schedule, input: &[u8], output: &mut [u8]) -> Option<usize> {
    assert!(input.len() == output.len() + SEMIBLOCK);
    let (from, to) = (input.as_ptr(), output.as_mut_ptr());
    // SAFETY: as in `wrap`, with a schedule for decryption.
    let written = unsafe {
        aws::AES_unwrap_key(key.of(Direction::Decrypt), ptr::null(), to, from, input.len())
    };
    let written = usize::try_from(written).ok().filter(|written| *written == output.len());
    checked(written, output)
}

/// Wraps `input` of any length but zero into `output`, which is as long as the next whole
/// semiblock and one more. Returns the bytes written; `None` if the engine refuses.
pub(crate) fn wrap_padded(key: &Schedule, input: &[u8], output: &mut [u8]) -> Option<usize> {
    let (mut written, room) = (0, output.len());
    // SAFETY: the pointers come with the lengths of their slices; a schedule for encryption.
    let answer = unsafe {
        let (from, to) = (input.as_ptr(), output.as_mut_ptr());
        let key = key.of(Direction::Encrypt);
        aws::AES_wrap_key_padded(key, to, &mut written, room, from, input.len())
    };
    (answer == 1).then_some(written)
}

/// Undoes [`wrap_padded`] into `output`, one semiblock shorter than `input`; returns the length
/// without padding, which is zeros.
pub(crate) fn unwrap_padded(key: &Schedule, input: &[u8], output: &mut [u8]) -> Option<usize> {
    let (mut written, room) = (0, output.len());
    // SAFETY: the pointers come with the lengths of their slices; a schedule for decryption.
    let answer = unsafe {
        let (from, to) = (input.as_ptr(), output.as_mut_ptr());
        let key = key.of(Direction::Decrypt);
        aws::AES_unwrap_key_padded(key, to, &mut written, room, from, input.len())
    };
    checked((answer == 1).then_some(written), output)
}

/// What did not pass the check never leaves.
fn checked(written: Option<usize>, output: &mut [u8]) -> Option<usize> {
    if written.is_none() {
        output.fill(0);
        let _ = failure(Code::EncryptedDataInvalid, "unwrap with AES");
    }
    written
}
