//! Signatures from which the data is recovered.

use pkcs11_sys::{
    CK_BYTE_PTR, CK_MECHANISM_PTR, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_ULONG,
    CK_ULONG_PTR,
};

use super::drive::{start, transform};
use crate::ffi::entry::entry;
use crate::ffi::transfer;
use crate::session::active::{Class, Part};

/// `C_SignRecoverInit`; a NULL mechanism ends a running signature with recovery.
///
/// # Safety
/// `mechanism` is NULL or readable with its parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_SignRecoverInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    entry("C_SignRecoverInit", |module| {
        // SAFETY: the caller's promise.
        unsafe { start(&mut *module.session(session)?, Class::SignRecover, mechanism, key) }
    })
}

/// `C_SignRecover`.
///
/// # Safety
/// `data` is NULL or readable; `signature_len` is NULL or readable and writable; `signature` is NULL or
/// writable for `*signature_len` bytes; the two may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_SignRecover(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    data_len: CK_ULONG,
    signature: CK_BYTE_PTR,
    signature_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_SignRecover", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let (input, output) = ((data, data_len), (signature, signature_len));
            transform(&mut session, Class::SignRecover, Part::Whole, input, output)
        }
    })
}

/// `C_VerifyRecoverInit`; a NULL mechanism ends a running verification with recovery.
///
/// # Safety
/// `mechanism` is NULL or readable with its parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_VerifyRecoverInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    entry("C_VerifyRecoverInit", |module| {
        // SAFETY: the caller's promise.
        unsafe { start(&mut *module.session(session)?, Class::VerifyRecover, mechanism, key) }
    })
}

/// `C_VerifyRecover`.
///
/// # Safety
/// `signature` is NULL or readable; `data_len` is NULL or readable and writable; `data` is NULL or
/// writable for `*data_len` bytes; the two may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_VerifyRecover(
    session: CK_SESSION_HANDLE,
    signature: CK_BYTE_PTR,
    signature_len: CK_ULONG,
    data: CK_BYTE_PTR,
    data_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_VerifyRecover", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        let buffers =
            unsafe { transfer::input_and_output((signature, signature_len), (data, data_len)) };
        let written = match buffers {
            Ok((signature, output)) => session.recover(Ok((signature.bytes(), output)))?,
            Err(e) => session.recover(Err(e))?,
        };
        // SAFETY: the length is not NULL, or there would have been an error.
        unsafe { transfer::deliver(written, data_len) }
    })
}
