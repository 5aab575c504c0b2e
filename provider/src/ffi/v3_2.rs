//! What PKCS#11 3.2 adds to the C interface and `pkcs11-sys` (3.1) does not have yet.
#![allow(non_camel_case_types, non_snake_case)] // names of the C interface

use pkcs11_sys::*;

/// `CK_ASYNC_DATA`; no function that takes one is implemented yet.
#[repr(C)]
pub struct CK_ASYNC_DATA {
    pub ulVersion: CK_ULONG,
    pub pValue: *mut CK_BYTE,
    pub ulValue: CK_ULONG,
    pub hObject: CK_OBJECT_HANDLE,
    pub hAdditionalObject: CK_OBJECT_HANDLE,
}

pub type CK_ASYNC_DATA_PTR = *mut CK_ASYNC_DATA;

/// `CK_FUNCTION_LIST_3_2`: the list of 3.0 and the functions of 3.2 behind it.
#[repr(C)]
pub struct CK_FUNCTION_LIST_3_2 {
    pub base: CK_FUNCTION_LIST_3_0,
    pub C_EncapsulateKey: Option<
        unsafe extern "C" fn(
            CK_SESSION_HANDLE,
            *mut CK_MECHANISM,
            CK_OBJECT_HANDLE,
            *mut CK_ATTRIBUTE,
            CK_ULONG,
            *mut CK_BYTE,
            *mut CK_ULONG,
            *mut CK_OBJECT_HANDLE,
        ) -> CK_RV,
    >,
    pub C_DecapsulateKey: Option<
        unsafe extern "C" fn(
            CK_SESSION_HANDLE,
            *mut CK_MECHANISM,
            CK_OBJECT_HANDLE,
            *mut CK_ATTRIBUTE,
            CK_ULONG,
            *mut CK_BYTE,
            CK_ULONG,
            *mut CK_OBJECT_HANDLE,
        ) -> CK_RV,
    >,
    pub C_VerifySignatureInit: Option<
        unsafe extern "C" fn(
            CK_SESSION_HANDLE,
            *mut CK_MECHANISM,
            CK_OBJECT_HANDLE,
            *mut CK_BYTE,
            CK_ULONG,
        ) -> CK_RV,
    >,
    pub C_VerifySignature:
        Option<unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG) -> CK_RV>,
    pub C_VerifySignatureUpdate:
        Option<unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG) -> CK_RV>,
    pub C_VerifySignatureFinal: Option<unsafe extern "C" fn(CK_SESSION_HANDLE) -> CK_RV>,
    pub C_GetSessionValidationFlags:
        Option<unsafe extern "C" fn(CK_SESSION_HANDLE, CK_ULONG, *mut CK_FLAGS) -> CK_RV>,
    pub C_AsyncComplete: Option<
        unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_UTF8CHAR, CK_ASYNC_DATA_PTR) -> CK_RV,
    >,
    pub C_AsyncGetID:
        Option<unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_UTF8CHAR, *mut CK_ULONG) -> CK_RV>,
    pub C_AsyncJoin: Option<
        unsafe extern "C" fn(
            CK_SESSION_HANDLE,
            *mut CK_UTF8CHAR,
            CK_ULONG,
            *mut CK_BYTE,
            CK_ULONG,
        ) -> CK_RV,
    >,
    pub C_WrapKeyAuthenticated: Option<
        unsafe extern "C" fn(
            CK_SESSION_HANDLE,
            *mut CK_MECHANISM,
            CK_OBJECT_HANDLE,
            CK_OBJECT_HANDLE,
            *mut CK_BYTE,
            CK_ULONG,
            *mut CK_BYTE,
            *mut CK_ULONG,
        ) -> CK_RV,
    >,
    pub C_UnwrapKeyAuthenticated: Option<
        unsafe extern "C" fn(
            CK_SESSION_HANDLE,
            *mut CK_MECHANISM,
            CK_OBJECT_HANDLE,
            *mut CK_BYTE,
            CK_ULONG,
            *mut CK_ATTRIBUTE,
            CK_ULONG,
            *mut CK_BYTE,
            CK_ULONG,
            *mut CK_OBJECT_HANDLE,
        ) -> CK_RV,
    >,
}

#[cfg(test)]
mod tests {
    use std::mem::{offset_of, size_of};

    use super::*;

    #[test]
    fn the_layout_is_that_of_the_c_header() {
        type Theirs = cryptoki_sys::CK_FUNCTION_LIST_3_2;
        assert_eq!(size_of::<CK_FUNCTION_LIST_3_2>(), size_of::<Theirs>());
        macro_rules! same_offset {
            ($($field:ident)*) => {$(
                assert_eq!(
                    offset_of!(CK_FUNCTION_LIST_3_2, $field),
                    offset_of!(Theirs, $field),
                    stringify!($field)
                );
            )*};
        }
        same_offset!(C_EncapsulateKey C_DecapsulateKey C_VerifySignatureInit C_VerifySignature C_VerifySignatureUpdate C_VerifySignatureFinal C_GetSessionValidationFlags C_AsyncComplete C_AsyncGetID C_AsyncJoin C_WrapKeyAuthenticated C_UnwrapKeyAuthenticated);
        assert_eq!(
            size_of::<CK_FUNCTION_LIST_3_0>(),
            size_of::<cryptoki_sys::CK_FUNCTION_LIST_3_0>()
        );
    }
}
