//! Searching for objects.

use pkcs11_sys::{
    CK_ATTRIBUTE_PTR, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE_PTR, CK_RV, CK_SESSION_HANDLE, CK_ULONG,
    CK_ULONG_PTR,
};

use crate::attribute::matching;
use crate::ffi::entry::entry;
use crate::ffi::{template, transfer};

/// `C_FindObjectsInit`.
///
/// # Safety
/// `attributes` is NULL or readable for `count` entries with their values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_FindObjectsInit(
    session: CK_SESSION_HANDLE,
    attributes: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
) -> CK_RV {
    entry("C_FindObjectsInit", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        let template = unsafe { template::read(attributes, count)? };
        session.find_start(&matching::query(&template)?)
    })
}

/// `C_FindObjects`.
///
/// # Safety
/// `objects` is NULL or writable for `room` handles; `count` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_FindObjects(
    session: CK_SESSION_HANDLE,
    objects: CK_OBJECT_HANDLE_PTR,
    room: CK_ULONG,
    count: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_FindObjects", |module| {
        let mut session = module.session(session)?;
        transfer::require(count, "pulObjectCount")?;
        if room > 0 {
            transfer::require(objects, "phObject")?;
        }
        let handles = session.find_next(room as usize)?;
        for (i, handle) in handles.iter().enumerate() {
            // SAFETY: not NULL, and no more handles come back than there is room.
            unsafe { objects.add(i).write_unaligned(handle.raw() as CK_OBJECT_HANDLE) };
        }
        // SAFETY: the caller's promise.
        unsafe { transfer::write(count, handles.len() as CK_ULONG, "pulObjectCount") }
    })
}

/// `C_FindObjectsFinal`.
///
/// # Safety
/// None: there are no pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_FindObjectsFinal(session: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_FindObjectsFinal", |module| module.session(session)?.find_end())
}
