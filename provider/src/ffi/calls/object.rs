//! Object management functions, without the search.

use pkcs11_sys::{
    CK_ATTRIBUTE_PTR, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE_PTR, CK_RV, CK_SESSION_HANDLE, CK_ULONG,
    CK_ULONG_PTR,
};

use crate::ffi::entry::entry;
use crate::ffi::{template, transfer};
use crate::handle::Handle;
use crate::object;

/// `C_CreateObject`.
///
/// # Safety
/// `attributes` is NULL or readable for `count` entries with their values; `object` is NULL or
/// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_CreateObject(
    session: CK_SESSION_HANDLE,
    attributes: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
    object: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    entry("C_CreateObject", |module| {
        let mut session = module.session(session)?;
        transfer::require(object, "phObject")?;
        // SAFETY: the caller's promise.
        unsafe {
            let template = template::read(attributes, count)?;
            let handle = session.create(&template)?;
            transfer::write(object, handle.raw() as CK_OBJECT_HANDLE, "phObject")
        }
    })
}

/// `C_CopyObject`.
///
/// # Safety
/// As [`C_CreateObject`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_CopyObject(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    attributes: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
    copy: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    entry("C_CopyObject", |module| {
        let mut session = module.session(session)?;
        transfer::require(copy, "phNewObject")?;
        // SAFETY: the caller's promise.
        unsafe {
            let template = template::read(attributes, count)?;
            let handle = session.copy(Handle::from_raw(object), &template)?;
            transfer::write(copy, handle.raw() as CK_OBJECT_HANDLE, "phNewObject")
        }
    })
}

/// `C_DestroyObject`.
///
/// # Safety
/// None: there are no pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_DestroyObject(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
) -> CK_RV {
    entry("C_DestroyObject", |module| module.session(session)?.destroy(Handle::from_raw(object)))
}

/// `C_GetObjectSize`.
///
/// # Safety
/// `size` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetObjectSize(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    size: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_GetObjectSize", |module| {
        let session = module.session(session)?;
        let snapshot = session.read(Handle::from_raw(object))?;
        let bytes = object::size(&snapshot.attributes);
        // SAFETY: the caller's promise.
        unsafe { transfer::write(size, bytes as CK_ULONG, "pulSize") }
    })
}

/// `C_GetAttributeValue`.
///
/// # Safety
/// `attributes` is NULL or readable and writable for `count` entries; each `pValue` is NULL or
/// writable for `ulValueLen` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetAttributeValue(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    attributes: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
) -> CK_RV {
    entry("C_GetAttributeValue", |module| {
        let session = module.session(session)?;
        let snapshot = session.read(Handle::from_raw(object))?;
        // SAFETY: the caller's promise.
        unsafe { template::answer(&snapshot.attributes, attributes, count) }
    })
}

/// `C_SetAttributeValue`.
///
/// # Safety
/// `attributes` is NULL or readable for `count` entries with their values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_SetAttributeValue(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    attributes: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
) -> CK_RV {
    entry("C_SetAttributeValue", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        let template = unsafe { template::read(attributes, count)? };
        session.modify(Handle::from_raw(object), &template)
    })
}
