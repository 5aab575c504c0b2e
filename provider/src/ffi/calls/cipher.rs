//! Encryption and decryption functions.

use pkcs11_sys::{
    CK_BYTE_PTR, CK_MECHANISM_PTR, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_ULONG,
    CK_ULONG_PTR,
};

use super::drive::{start, transform};
use crate::ffi::entry::entry;
use crate::session::active::{Class, Part};

/// `C_EncryptInit`; a NULL mechanism ends a running encryption.
///
/// # Safety
/// `mechanism` is NULL or readable with its parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_EncryptInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    entry("C_EncryptInit", |module| {
        // SAFETY: the caller's promise.
        unsafe { start(&mut *module.session(session)?, Class::Encrypt, mechanism, key) }
    })
}

/// `C_Encrypt`.
///
/// # Safety
/// `data` is NULL or readable; `encrypted_len` is NULL or readable and writable; `encrypted` is NULL or
/// writable for `*encrypted_len` bytes; the two may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_Encrypt(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    data_len: CK_ULONG,
    encrypted: CK_BYTE_PTR,
    encrypted_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_Encrypt", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let (input, output) = ((data, data_len), (encrypted, encrypted_len));
            transform(&mut session, Class::Encrypt, Part::Whole, input, output)
        }
    })
}

/// `C_EncryptUpdate`.
///
/// # Safety
/// `part` is NULL or readable; `encrypted_len` is NULL or readable and writable; `encrypted` is NULL or
/// writable for `*encrypted_len` bytes; the two may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_EncryptUpdate(
    session: CK_SESSION_HANDLE,
    part: CK_BYTE_PTR,
    part_len: CK_ULONG,
    encrypted: CK_BYTE_PTR,
    encrypted_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_EncryptUpdate", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let (input, output) = ((part, part_len), (encrypted, encrypted_len));
            transform(&mut session, Class::Encrypt, Part::Update, input, output)
        }
    })
}

/// `C_EncryptFinal`.
///
/// # Safety
/// `encrypted_len` is NULL or readable and writable; `encrypted` is NULL or writable for that many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_EncryptFinal(
    session: CK_SESSION_HANDLE,
    encrypted: CK_BYTE_PTR,
    encrypted_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_EncryptFinal", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let (input, output) = ((std::ptr::null_mut(), 0), (encrypted, encrypted_len));
            transform(&mut session, Class::Encrypt, Part::Final, input, output)
        }
    })
}

/// `C_DecryptInit`; a NULL mechanism ends a running decryption.
///
/// # Safety
/// `mechanism` is NULL or readable with its parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_DecryptInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    entry("C_DecryptInit", |module| {
        // SAFETY: the caller's promise.
        unsafe { start(&mut *module.session(session)?, Class::Decrypt, mechanism, key) }
    })
}

/// `C_Decrypt`.
///
/// # Safety
/// `encrypted` is NULL or readable; `data_len` is NULL or readable and writable; `data` is NULL or
/// writable for `*data_len` bytes; the two may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_Decrypt(
    session: CK_SESSION_HANDLE,
    encrypted: CK_BYTE_PTR,
    encrypted_len: CK_ULONG,
    data: CK_BYTE_PTR,
    data_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_Decrypt", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let (input, output) = ((encrypted, encrypted_len), (data, data_len));
            transform(&mut session, Class::Decrypt, Part::Whole, input, output)
        }
    })
}

/// `C_DecryptUpdate`.
///
/// # Safety
/// `encrypted` is NULL or readable; `part_len` is NULL or readable and writable; `part` is NULL or
/// writable for `*part_len` bytes; the two may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_DecryptUpdate(
    session: CK_SESSION_HANDLE,
    encrypted: CK_BYTE_PTR,
    encrypted_len: CK_ULONG,
    part: CK_BYTE_PTR,
    part_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_DecryptUpdate", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let (input, output) = ((encrypted, encrypted_len), (part, part_len));
            transform(&mut session, Class::Decrypt, Part::Update, input, output)
        }
    })
}

/// `C_DecryptFinal`.
///
/// # Safety
/// `data_len` is NULL or readable and writable; `data` is NULL or writable for that many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_DecryptFinal(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    data_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_DecryptFinal", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let (input, output) = ((std::ptr::null_mut(), 0), (data, data_len));
            transform(&mut session, Class::Decrypt, Part::Final, input, output)
        }
    })
}
