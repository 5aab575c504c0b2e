//! Signing, MACing and verification functions.

use pkcs11_sys::{
    CK_BYTE_PTR, CK_MECHANISM_PTR, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_ULONG,
    CK_ULONG_PTR,
};

use super::drive::{absorb, start, transform};
use crate::ffi::entry::entry;
use crate::ffi::transfer;
use crate::session::active::{Class, Part};

/// `C_SignInit`; a NULL mechanism ends a running signature.
///
/// # Safety
/// `mechanism` is NULL or readable with its parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_SignInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    entry("C_SignInit", |module| {
        // SAFETY: the caller's promise.
        unsafe { start(&mut *module.session(session)?, Class::Sign, mechanism, key) }
    })
}

/// `C_Sign`.
///
/// # Safety
/// `data` is NULL or readable; `signature_len` is NULL or readable and writable; `signature` is NULL or
/// writable for `*signature_len` bytes; the two may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_Sign(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    data_len: CK_ULONG,
    signature: CK_BYTE_PTR,
    signature_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_Sign", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let (input, output) = ((data, data_len), (signature, signature_len));
            transform(&mut session, Class::Sign, Part::Whole, input, output)
        }
    })
}

/// `C_SignUpdate`.
///
/// # Safety
/// `part` is NULL or readable for `part_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_SignUpdate(
    session: CK_SESSION_HANDLE,
    part: CK_BYTE_PTR,
    part_len: CK_ULONG,
) -> CK_RV {
    entry("C_SignUpdate", |module| {
        // SAFETY: the caller's promise.
        unsafe { absorb(&mut *module.session(session)?, Class::Sign, part, part_len) }
    })
}

/// `C_SignFinal`.
///
/// # Safety
/// `signature_len` is NULL or readable and writable; `signature` is NULL or writable for that many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_SignFinal(
    session: CK_SESSION_HANDLE,
    signature: CK_BYTE_PTR,
    signature_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_SignFinal", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let (input, output) = ((std::ptr::null_mut(), 0), (signature, signature_len));
            transform(&mut session, Class::Sign, Part::Final, input, output)
        }
    })
}

/// `C_VerifyInit`; a NULL mechanism ends a running verification.
///
/// # Safety
/// `mechanism` is NULL or readable with its parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_VerifyInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    entry("C_VerifyInit", |module| {
        // SAFETY: the caller's promise.
        unsafe { start(&mut *module.session(session)?, Class::Verify, mechanism, key) }
    })
}

/// `C_Verify`.
///
/// # Safety
/// `data` and `signature` are NULL or readable for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_Verify(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    data_len: CK_ULONG,
    signature: CK_BYTE_PTR,
    signature_len: CK_ULONG,
) -> CK_RV {
    entry("C_Verify", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise for both.
        let data = unsafe { transfer::bytes(data, data_len, "pData") };
        // SAFETY: as above.
        let signature = unsafe { transfer::bytes(signature, signature_len, "pSignature") };
        session.verify(Part::Whole, data.and_then(|data| Ok((data, signature?))))
    })
}

/// `C_VerifyUpdate`.
///
/// # Safety
/// `part` is NULL or readable for `part_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_VerifyUpdate(
    session: CK_SESSION_HANDLE,
    part: CK_BYTE_PTR,
    part_len: CK_ULONG,
) -> CK_RV {
    entry("C_VerifyUpdate", |module| {
        // SAFETY: the caller's promise.
        unsafe { absorb(&mut *module.session(session)?, Class::Verify, part, part_len) }
    })
}

/// `C_VerifyFinal`.
///
/// # Safety
/// `signature` is NULL or readable for `signature_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_VerifyFinal(
    session: CK_SESSION_HANDLE,
    signature: CK_BYTE_PTR,
    signature_len: CK_ULONG,
) -> CK_RV {
    entry("C_VerifyFinal", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        let signature = unsafe { transfer::bytes(signature, signature_len, "pSignature") };
        session.verify(Part::Final, signature.map(|signature| (&[][..], signature)))
    })
}
