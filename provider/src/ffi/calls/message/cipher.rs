//! Message-based encryption and decryption functions.

use pkcs11_sys::{
    CK_BYTE_PTR, CK_FLAGS, CK_MECHANISM_PTR, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_ULONG,
    CK_ULONG_PTR, CK_VOID_PTR,
};

use super::drive::{begin, finish, init, next, whole};
use crate::ffi::entry::entry;
use crate::session::active::Class;

/// `C_MessageEncryptInit`; a NULL mechanism ends the message-based encryption that runs.
///
/// # Safety
/// `mechanism` is NULL or readable with its parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_MessageEncryptInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    entry("C_MessageEncryptInit", |module| {
        // SAFETY: the caller's promise.
        unsafe { init(&mut *module.session(session)?, Class::Encrypt, mechanism, key) }
    })
}

/// `C_EncryptMessage`.
///
/// # Safety
/// `parameter` is NULL or readable, and what its structure points to readable and writable; `aad` and
/// `plaintext` are NULL or readable; `ciphertext_len` is NULL or readable and writable; `ciphertext` is NULL
/// or writable for `*ciphertext_len` bytes; they may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_EncryptMessage(
    session: CK_SESSION_HANDLE,
    parameter: CK_VOID_PTR,
    parameter_len: CK_ULONG,
    aad: CK_BYTE_PTR,
    aad_len: CK_ULONG,
    plaintext: CK_BYTE_PTR,
    plaintext_len: CK_ULONG,
    ciphertext: CK_BYTE_PTR,
    ciphertext_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_EncryptMessage", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let beside = ((parameter, parameter_len), (aad, aad_len));
            let (input, output) = ((plaintext, plaintext_len), (ciphertext, ciphertext_len));
            whole(&mut session, Class::Encrypt, beside, input, output)
        }
    })
}

/// `C_EncryptMessageBegin`.
///
/// # Safety
/// `parameter` is NULL or readable, and what its structure points to readable and writable; `aad` is
/// NULL or readable; they may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_EncryptMessageBegin(
    session: CK_SESSION_HANDLE,
    parameter: CK_VOID_PTR,
    parameter_len: CK_ULONG,
    aad: CK_BYTE_PTR,
    aad_len: CK_ULONG,
) -> CK_RV {
    entry("C_EncryptMessageBegin", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe { begin(&mut session, Class::Encrypt, (parameter, parameter_len), (aad, aad_len)) }
    })
}

/// `C_EncryptMessageNext`.
///
/// # Safety
/// `parameter` is NULL or readable, and what its structure points to readable and writable;
/// `plaintext` is NULL or readable; `ciphertext_len` is NULL or readable and writable; `ciphertext` is NULL or
/// writable for `*ciphertext_len` bytes; they may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_EncryptMessageNext(
    session: CK_SESSION_HANDLE,
    parameter: CK_VOID_PTR,
    parameter_len: CK_ULONG,
    plaintext: CK_BYTE_PTR,
    plaintext_len: CK_ULONG,
    ciphertext: CK_BYTE_PTR,
    ciphertext_len: CK_ULONG_PTR,
    flags: CK_FLAGS,
) -> CK_RV {
    entry("C_EncryptMessageNext", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let parameter = (parameter, parameter_len);
            let (input, output) = ((plaintext, plaintext_len), (ciphertext, ciphertext_len));
            next(&mut session, Class::Encrypt, parameter, input, output, flags)
        }
    })
}

/// `C_MessageEncryptFinal`.
///
/// # Safety
/// None: there are no pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_MessageEncryptFinal(session: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_MessageEncryptFinal", |module| finish(module, session, Class::Encrypt))
}

/// `C_MessageDecryptInit`; a NULL mechanism ends the message-based decryption that runs.
///
/// # Safety
/// `mechanism` is NULL or readable with its parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_MessageDecryptInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    entry("C_MessageDecryptInit", |module| {
        // SAFETY: the caller's promise.
        unsafe { init(&mut *module.session(session)?, Class::Decrypt, mechanism, key) }
    })
}

/// `C_DecryptMessage`.
///
/// # Safety
/// `parameter` is NULL or readable, and what its structure points to readable and writable; `aad` and
/// `ciphertext` are NULL or readable; `plaintext_len` is NULL or readable and writable; `plaintext` is NULL
/// or writable for `*plaintext_len` bytes; they may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_DecryptMessage(
    session: CK_SESSION_HANDLE,
    parameter: CK_VOID_PTR,
    parameter_len: CK_ULONG,
    aad: CK_BYTE_PTR,
    aad_len: CK_ULONG,
    ciphertext: CK_BYTE_PTR,
    ciphertext_len: CK_ULONG,
    plaintext: CK_BYTE_PTR,
    plaintext_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_DecryptMessage", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let beside = ((parameter, parameter_len), (aad, aad_len));
            let (input, output) = ((ciphertext, ciphertext_len), (plaintext, plaintext_len));
            whole(&mut session, Class::Decrypt, beside, input, output)
        }
    })
}

/// `C_DecryptMessageBegin`.
///
/// # Safety
/// `parameter` is NULL or readable, and what its structure points to readable and writable; `aad` is
/// NULL or readable; they may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_DecryptMessageBegin(
    session: CK_SESSION_HANDLE,
    parameter: CK_VOID_PTR,
    parameter_len: CK_ULONG,
    aad: CK_BYTE_PTR,
    aad_len: CK_ULONG,
) -> CK_RV {
    entry("C_DecryptMessageBegin", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe { begin(&mut session, Class::Decrypt, (parameter, parameter_len), (aad, aad_len)) }
    })
}

/// `C_DecryptMessageNext`.
///
/// # Safety
/// `parameter` is NULL or readable, and what its structure points to readable and writable;
/// `ciphertext` is NULL or readable; `plaintext_len` is NULL or readable and writable; `plaintext` is NULL or
/// writable for `*plaintext_len` bytes; they may overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_DecryptMessageNext(
    session: CK_SESSION_HANDLE,
    parameter: CK_VOID_PTR,
    parameter_len: CK_ULONG,
    ciphertext: CK_BYTE_PTR,
    ciphertext_len: CK_ULONG,
    plaintext: CK_BYTE_PTR,
    plaintext_len: CK_ULONG_PTR,
    flags: CK_FLAGS,
) -> CK_RV {
    entry("C_DecryptMessageNext", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let parameter = (parameter, parameter_len);
            let (input, output) = ((ciphertext, ciphertext_len), (plaintext, plaintext_len));
            next(&mut session, Class::Decrypt, parameter, input, output, flags)
        }
    })
}

/// `C_MessageDecryptFinal`.
///
/// # Safety
/// None: there are no pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_MessageDecryptFinal(session: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_MessageDecryptFinal", |module| finish(module, session, Class::Decrypt))
}
