//! Saving and restoring the state of operations.

use pkcs11_sys::{CK_BYTE_PTR, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_ULONG, CK_ULONG_PTR};

use crate::ffi::entry::entry;
use crate::ffi::transfer;
use crate::handle::Handle;

/// `C_GetOperationState`.
///
/// # Safety
/// `state_len` is NULL or readable and writable; `state` is NULL or writable for that many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetOperationState(
    session: CK_SESSION_HANDLE,
    state: CK_BYTE_PTR,
    state_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_GetOperationState", |module| {
        let session = module.session(session)?;
        // SAFETY: the caller's promise.
        let written = session.save(unsafe { transfer::output(state, state_len)? })?;
        // SAFETY: the length is not NULL, or there would have been an error.
        unsafe { transfer::deliver(written, state_len) }
    })
}

/// `C_SetOperationState`.
///
/// # Safety
/// `state` is NULL or readable for `state_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_SetOperationState(
    session: CK_SESSION_HANDLE,
    state: CK_BYTE_PTR,
    state_len: CK_ULONG,
    encryption_key: CK_OBJECT_HANDLE,
    authentication_key: CK_OBJECT_HANDLE,
) -> CK_RV {
    entry("C_SetOperationState", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        let state = unsafe { transfer::bytes(state, state_len, "pOperationState")? };
        session.restore(state, [encryption_key, authentication_key].map(Handle::from_raw))
    })
}
