//! Calls into AWS-LC, one file a family; C objects are held by one RAII pointer.

pub(crate) mod aead;
pub(crate) mod bignum;
pub(crate) mod ccm;
pub(crate) mod cipher;
pub(crate) mod cmac;
pub(crate) mod curve25519;
pub(crate) mod des;
pub(crate) mod dh;
pub(crate) mod digest;
pub(crate) mod dsa;
pub(crate) mod ec;
pub(crate) mod hash;
pub(crate) mod hmac;
pub(crate) mod kdf;
pub(crate) mod key_wrap;
pub mod pointer;
pub(crate) mod rand;
pub(crate) mod rsa;
pub(crate) mod sealing;

use std::ffi::c_int;

use crate::error::{Code, Error, Result};

/// Turns the usual answer of AWS-LC (1 for success) into a result; the engine's error queue of
/// this thread is emptied, its newest reason goes into the log.
#[track_caller]
pub(crate) fn check(answer: c_int, code: Code, what: &'static str) -> Result<()> {
    match answer {
        1 => Ok(()),
        _ => Err(failure(code, what)),
    }
}

/// An error with the reason that the engine left in this thread's error queue.
#[track_caller]
#[cold]
pub(crate) fn failure(code: Code, what: &'static str) -> Error {
    // SAFETY: both work on this thread's error queue and take no pointers.
    let reason = unsafe {
        let packed = aws_lc_sys::ERR_peek_last_error();
        aws_lc_sys::ERR_clear_error();
        packed
    };
    match reason {
        0 => code.because(what),
        packed => code.because(format!("{what} (engine reason {:#x})", packed)),
    }
}
