//! Dual-function cryptographic functions: a cipher with a digest, a signature or a verification.

use pkcs11_sys::{CK_BYTE_PTR, CK_RV, CK_SESSION_HANDLE, CK_ULONG, CK_ULONG_PTR};

use crate::error::Result;
use crate::ffi::entry::entry;
use crate::ffi::transfer;
use crate::session::Session;
use crate::session::dual::Dual;

/// `C_DigestEncryptUpdate`.
///
/// # Safety
/// `part` is NULL or readable; `encrypted_len` is NULL or readable and writable; `encrypted` is NULL or
/// writable for `*encrypted_len` bytes; the two may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_DigestEncryptUpdate(
    session: CK_SESSION_HANDLE,
    part: CK_BYTE_PTR,
    part_len: CK_ULONG,
    encrypted: CK_BYTE_PTR,
    encrypted_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_DigestEncryptUpdate", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let (input, output) = ((part, part_len), (encrypted, encrypted_len));
            update(&mut session, Dual::DigestEncrypt, input, output)
        }
    })
}

/// `C_DecryptDigestUpdate`.
///
/// # Safety
/// `encrypted` is NULL or readable; `part_len` is NULL or readable and writable; `part` is NULL or
/// writable for `*part_len` bytes; the two may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_DecryptDigestUpdate(
    session: CK_SESSION_HANDLE,
    encrypted: CK_BYTE_PTR,
    encrypted_len: CK_ULONG,
    part: CK_BYTE_PTR,
    part_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_DecryptDigestUpdate", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let (input, output) = ((encrypted, encrypted_len), (part, part_len));
            update(&mut session, Dual::DecryptDigest, input, output)
        }
    })
}

/// `C_SignEncryptUpdate`.
///
/// # Safety
/// `part` is NULL or readable; `encrypted_len` is NULL or readable and writable; `encrypted` is NULL or
/// writable for `*encrypted_len` bytes; the two may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_SignEncryptUpdate(
    session: CK_SESSION_HANDLE,
    part: CK_BYTE_PTR,
    part_len: CK_ULONG,
    encrypted: CK_BYTE_PTR,
    encrypted_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_SignEncryptUpdate", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let (input, output) = ((part, part_len), (encrypted, encrypted_len));
            update(&mut session, Dual::SignEncrypt, input, output)
        }
    })
}

/// `C_DecryptVerifyUpdate`.
///
/// # Safety
/// `encrypted` is NULL or readable; `part_len` is NULL or readable and writable; `part` is NULL or
/// writable for `*part_len` bytes; the two may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_DecryptVerifyUpdate(
    session: CK_SESSION_HANDLE,
    encrypted: CK_BYTE_PTR,
    encrypted_len: CK_ULONG,
    part: CK_BYTE_PTR,
    part_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_DecryptVerifyUpdate", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let (input, output) = ((encrypted, encrypted_len), (part, part_len));
            update(&mut session, Dual::DecryptVerify, input, output)
        }
    })
}

/// Drives both operations.
///
/// # Safety
/// The input is NULL or readable; the output's length is NULL or readable and writable, the output
/// NULL or writable for that length.
unsafe fn update(
    session: &mut Session,
    dual: Dual,
    input: (CK_BYTE_PTR, CK_ULONG),
    output: (CK_BYTE_PTR, CK_ULONG_PTR),
) -> Result<()> {
    // SAFETY: the caller's promise.
    let buffers = unsafe { transfer::input_and_output((input.0, input.1), (output.0, output.1)) };
    let written = match buffers {
        Ok((input, output)) => session.dual(dual, Ok((input.bytes(), output)))?,
        Err(e) => session.dual(dual, Err(e))?,
    };
    // SAFETY: the length is not NULL, or there would have been an error.
    unsafe { transfer::deliver(written, output.1) }
}
