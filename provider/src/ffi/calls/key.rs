//! Key management functions: generate, wrap, unwrap, derive.

use pkcs11_sys::{
    CK_ATTRIBUTE_PTR, CK_BYTE_PTR, CK_MECHANISM_PTR, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE_PTR, CK_RV,
    CK_SESSION_HANDLE, CK_ULONG, CK_ULONG_PTR,
};

use crate::ffi::entry::entry;
use crate::ffi::transfer::{Output, Written};
use crate::ffi::{mechanism, template, transfer};
use crate::handle::Handle;

/// `C_GenerateKey`.
///
/// # Safety
/// `mechanism` and `attributes` are NULL or readable with what they point to; `key` is NULL or
/// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GenerateKey(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    attributes: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
    key: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    entry("C_GenerateKey", |module| {
        let mut session = module.session(session)?;
        transfer::require(key, "phKey")?;
        // SAFETY: the caller's promise.
        unsafe {
            let mechanism = mechanism::read(&session, mechanism, |row| row.generate.is_some())?;
            let template = template::read(attributes, count)?;
            let handle = session.generate(&mechanism, &template)?;
            transfer::write(key, handle.raw() as CK_OBJECT_HANDLE, "phKey")
        }
    })
}

/// `C_GenerateKeyPair`.
///
/// # Safety
/// As [`C_GenerateKey`], for both templates and both handles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GenerateKeyPair(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    public_attributes: CK_ATTRIBUTE_PTR,
    public_count: CK_ULONG,
    private_attributes: CK_ATTRIBUTE_PTR,
    private_count: CK_ULONG,
    public_key: CK_OBJECT_HANDLE_PTR,
    private_key: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    entry("C_GenerateKeyPair", |module| {
        let mut session = module.session(session)?;
        transfer::require(public_key, "phPublicKey")?;
        transfer::require(private_key, "phPrivateKey")?;
        // SAFETY: the caller's promise.
        unsafe {
            let mechanism =
                mechanism::read(&session, mechanism, |row| row.generate_pair.is_some())?;
            let public = template::read(public_attributes, public_count)?;
            let private = template::read(private_attributes, private_count)?;
            let (public, private) = session.generate_pair(&mechanism, &public, &private)?;
            transfer::write(public_key, public.raw() as CK_OBJECT_HANDLE, "phPublicKey")?;
            transfer::write(private_key, private.raw() as CK_OBJECT_HANDLE, "phPrivateKey")
        }
    })
}

/// `C_WrapKey`. The wrapped key is made for a size query, too: its size is not known otherwise.
///
/// # Safety
/// `mechanism` is NULL or readable with its parameter; `wrapped_len` is NULL or readable and
/// writable; `wrapped` is NULL or writable for `*wrapped_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_WrapKey(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    wrapping_key: CK_OBJECT_HANDLE,
    key: CK_OBJECT_HANDLE,
    wrapped: CK_BYTE_PTR,
    wrapped_len: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_WrapKey", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let mechanism = mechanism::read(&session, mechanism, |row| row.wrap.is_some())?;
            let output = transfer::output(wrapped, wrapped_len)?;
            let bytes =
                session.wrap(&mechanism, Handle::from_raw(wrapping_key), Handle::from_raw(key))?;
            let written = match output {
                Output::Query => Written::Needed(bytes.len()),
                Output::Buffer(buffer) if buffer.len() < bytes.len() => {
                    Written::TooSmall(bytes.len())
                }
                Output::Buffer(buffer) => {
                    buffer[..bytes.len()].copy_from_slice(&bytes);
                    Written::Done(bytes.len())
                }
            };
            transfer::deliver(written, wrapped_len)
        }
    })
}

/// `C_UnwrapKey`.
///
/// # Safety
/// `mechanism`, `wrapped` and `attributes` are NULL or readable with what they point to; `key` is
/// NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_UnwrapKey(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    unwrapping_key: CK_OBJECT_HANDLE,
    wrapped: CK_BYTE_PTR,
    wrapped_len: CK_ULONG,
    attributes: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
    key: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    entry("C_UnwrapKey", |module| {
        let mut session = module.session(session)?;
        transfer::require(key, "phKey")?;
        // SAFETY: the caller's promise.
        unsafe {
            let mechanism = mechanism::read(&session, mechanism, |row| row.unwrap.is_some())?;
            let wrapped = transfer::bytes(wrapped, wrapped_len, "pWrappedKey")?;
            let template = template::read(attributes, count)?;
            let handle =
                session.unwrap(&mechanism, Handle::from_raw(unwrapping_key), wrapped, &template)?;
            transfer::write(key, handle.raw() as CK_OBJECT_HANDLE, "phKey")
        }
    })
}

/// `C_DeriveKey`.
///
/// # Safety
/// As [`C_GenerateKey`]; what the mechanism's parameter asks to be written to is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_DeriveKey(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    base_key: CK_OBJECT_HANDLE,
    attributes: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
    key: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    entry("C_DeriveKey", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        unsafe {
            let mut mechanism = mechanism::read(&session, mechanism, |row| row.derives())?;
            if !mechanism.params.say_where_handles_go() {
                transfer::require(key, "phKey")?;
            }
            let template = template::read(attributes, count)?;
            match session.derive(&mut mechanism, Handle::from_raw(base_key), &template)? {
                Some(handle) => transfer::write(key, handle.raw() as CK_OBJECT_HANDLE, "phKey"),
                None => Ok(()),
            }
        }
    })
}
