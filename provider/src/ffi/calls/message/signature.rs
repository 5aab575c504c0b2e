//! Message-based signing, MACing and verification functions.

use pkcs11_sys::{
    CK_BYTE_PTR, CK_MECHANISM_PTR, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_ULONG,
    CK_ULONG_PTR, CK_VOID_PTR,
};

use super::drive::{finish, init, no_parameter, sign_begin};
use crate::ffi::entry::entry;
use crate::ffi::transfer;
use crate::session::active::Class;

/// `C_MessageSignInit`; a NULL mechanism ends the message-based signature that runs.
///
/// # Safety
/// `mechanism` is NULL or readable with its parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_MessageSignInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    entry("C_MessageSignInit", |module| {
        // SAFETY: the caller's promise.
        unsafe { init(&mut *module.session(session)?, Class::Sign, mechanism, key) }
    })
}

/// `C_SignMessage`.
///
/// # Safety
/// `data` is NULL or readable; `signature_len` is NULL or readable and writable; `signature` is NULL or
/// writable for `*signature_len` bytes; the two may overlap. The parameter is not looked at.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_SignMessage(
    session: CK_SESSION_HANDLE,
    _parameter: CK_VOID_PTR,
    parameter_len: CK_ULONG,
    data: CK_BYTE_PTR,
    data_len: CK_ULONG,
    signature: CK_BYTE_PTR,
    signature_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_SignMessage", |module| {
        let mut session = module.session(session)?;
        session.message_ready(Class::Sign)?;
        no_parameter(parameter_len)?;
        // SAFETY: the caller's promise.
        let (data, output) =
            unsafe { transfer::input_and_output((data, data_len), (signature, signature_len))? };
        let written = session.sign_message((data.bytes(), output))?;
        // SAFETY: the length is not NULL, or there would have been an error.
        unsafe { transfer::deliver(written, signature_len) }
    })
}

/// `C_SignMessageBegin`.
///
/// # Safety
/// None: the parameter is not looked at.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_SignMessageBegin(
    session: CK_SESSION_HANDLE,
    _parameter: CK_VOID_PTR,
    parameter_len: CK_ULONG,
) -> CK_RV {
    entry("C_SignMessageBegin", |module| sign_begin(module, session, Class::Sign, parameter_len))
}

/// `C_SignMessageNext`: the last part is the one with a place for the length of the signature.
///
/// # Safety
/// As [`C_SignMessage`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_SignMessageNext(
    session: CK_SESSION_HANDLE,
    _parameter: CK_VOID_PTR,
    parameter_len: CK_ULONG,
    part: CK_BYTE_PTR,
    part_len: CK_ULONG,
    signature: CK_BYTE_PTR,
    signature_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_SignMessageNext", |module| {
        let mut session = module.session(session)?;
        let fit = no_parameter(parameter_len);
        if signature_len.is_null() {
            // SAFETY: the caller's promise.
            let part = unsafe { transfer::bytes(part, part_len, "pDataPart") };
            return match fit.and(part) {
                Ok(part) => session.sign_message_next(Class::Sign, part),
                Err(e) => Err(session.message_refused(Class::Sign, e)),
            };
        }
        // SAFETY: the caller's promise.
        let buffers =
            unsafe { transfer::input_and_output((part, part_len), (signature, signature_len)) };
        let written = match fit.and(buffers) {
            Ok((part, output)) => session.sign_message_last(part.bytes(), output)?,
            Err(e) => return Err(session.message_refused(Class::Sign, e)),
        };
        // SAFETY: the length is not NULL.
        unsafe { transfer::deliver(written, signature_len) }
    })
}

/// `C_MessageSignFinal`.
///
/// # Safety
/// None: there are no pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_MessageSignFinal(session: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_MessageSignFinal", |module| finish(module, session, Class::Sign))
}

/// `C_MessageVerifyInit`; a NULL mechanism ends the message-based verification that runs.
///
/// # Safety
/// `mechanism` is NULL or readable with its parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_MessageVerifyInit(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    entry("C_MessageVerifyInit", |module| {
        // SAFETY: the caller's promise.
        unsafe { init(&mut *module.session(session)?, Class::Verify, mechanism, key) }
    })
}

/// `C_VerifyMessage`.
///
/// # Safety
/// `data` and `signature` are NULL or readable for their lengths. The parameter is not looked at.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_VerifyMessage(
    session: CK_SESSION_HANDLE,
    _parameter: CK_VOID_PTR,
    parameter_len: CK_ULONG,
    data: CK_BYTE_PTR,
    data_len: CK_ULONG,
    signature: CK_BYTE_PTR,
    signature_len: CK_ULONG,
) -> CK_RV {
    entry("C_VerifyMessage", |module| {
        let mut session = module.session(session)?;
        session.message_ready(Class::Verify)?;
        no_parameter(parameter_len)?;
        // SAFETY: the caller's promise for both.
        let data = unsafe { transfer::bytes(data, data_len, "pData")? };
        // SAFETY: as above.
        let signature = unsafe { transfer::bytes(signature, signature_len, "pSignature")? };
        session.verify_message(data, signature)
    })
}

/// `C_VerifyMessageBegin`.
///
/// # Safety
/// None: the parameter is not looked at.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_VerifyMessageBegin(
    session: CK_SESSION_HANDLE,
    _parameter: CK_VOID_PTR,
    parameter_len: CK_ULONG,
) -> CK_RV {
    entry("C_VerifyMessageBegin", |module| {
        sign_begin(module, session, Class::Verify, parameter_len)
    })
}

/// `C_VerifyMessageNext`: the last part is the one with a signature.
///
/// # Safety
/// As [`C_VerifyMessage`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_VerifyMessageNext(
    session: CK_SESSION_HANDLE,
    _parameter: CK_VOID_PTR,
    parameter_len: CK_ULONG,
    part: CK_BYTE_PTR,
    part_len: CK_ULONG,
    signature: CK_BYTE_PTR,
    signature_len: CK_ULONG,
) -> CK_RV {
    entry("C_VerifyMessageNext", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        let part = unsafe { transfer::bytes(part, part_len, "pDataPart") };
        // SAFETY: the caller's promise.
        let last = unsafe { transfer::bytes(signature, signature_len, "pSignature") };
        match no_parameter(parameter_len).and(part) {
            Ok(part) if signature.is_null() => session.sign_message_next(Class::Verify, part),
            Ok(part) => match last {
                Ok(signature) => session.verify_message_last(part, signature),
                Err(e) => Err(session.message_refused(Class::Verify, e)),
            },
            Err(e) => Err(session.message_refused(Class::Verify, e)),
        }
    })
}

/// `C_MessageVerifyFinal`.
///
/// # Safety
/// None: there are no pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_MessageVerifyFinal(session: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_MessageVerifyFinal", |module| finish(module, session, Class::Verify))
}
