//! Message digesting functions.

use pkcs11_sys::{
    CK_BYTE_PTR, CK_MECHANISM_PTR, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_ULONG,
    CK_ULONG_PTR,
};

use super::drive::{absorb, transform};
use crate::ffi::entry::entry;
use crate::ffi::mechanism;
use crate::handle::Handle;
use crate::session::active::{Class, Part};

/// `C_DigestInit`; a NULL mechanism ends a running digest.
///
/// # Safety
/// `mechanism` is NULL or readable with its parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_DigestInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
) -> CK_RV {
    entry("C_DigestInit", |module| {
        let mut session = module.session(session)?;
        if mechanism.is_null() {
            return session.cancel(Class::Digest);
        }
        // SAFETY: the caller's promise.
        let mechanism =
            unsafe { mechanism::read(&session, mechanism, |row| row.digest.is_some())? };
        session.start_digest(&mechanism)
    })
}

/// `C_Digest`.
///
/// # Safety
/// `data` is NULL or readable, `digest` NULL or writable for its length, the length NULL or both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_Digest(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    data_len: CK_ULONG,
    digest: CK_BYTE_PTR,
    digest_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_Digest", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let (input, output) = ((data, data_len), (digest, digest_len));
            transform(&mut session, Class::Digest, Part::Whole, input, output)
        }
    })
}

/// `C_DigestUpdate`.
///
/// # Safety
/// `part` is NULL or readable for `part_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_DigestUpdate(
    session: CK_SESSION_HANDLE,
    part: CK_BYTE_PTR,
    part_len: CK_ULONG,
) -> CK_RV {
    entry("C_DigestUpdate", |module| {
        // SAFETY: the caller's promise.
        unsafe { absorb(&mut *module.session(session)?, Class::Digest, part, part_len) }
    })
}

/// `C_DigestKey`.
///
/// # Safety
/// None: there are no pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_DigestKey(session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) -> CK_RV {
    entry("C_DigestKey", |module| module.session(session)?.digest_key(Handle::from_raw(key)))
}

/// `C_DigestFinal`.
///
/// # Safety
/// `digest` is NULL or writable for its length, which is NULL or readable and writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_DigestFinal(
    session: CK_SESSION_HANDLE,
    digest: CK_BYTE_PTR,
    digest_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_DigestFinal", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let (input, output) = ((std::ptr::null_mut(), 0), (digest, digest_len));
            transform(&mut session, Class::Digest, Part::Final, input, output)
        }
    })
}
