//! Places in the application's memory that a mechanism's parameter asks to be written to.

use std::marker::PhantomData;

use pkcs11_sys::CK_OBJECT_HANDLE;

use crate::error::{Code, Result};
use crate::handle::Handle;

/// Room for one value of `T`, a C structure of integers and pointers.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a, T> {
    pointer: *mut T,
    memory: PhantomData<&'a mut T>,
}

impl<T: Copy> Place<'_, T> {
    /// # Safety
    /// `pointer` is NULL or writable during `'a`.
    ///
    /// # Errors
    /// MechanismParamInvalid for NULL.
    pub(super) unsafe fn new(pointer: *mut T, what: &'static str) -> Result<Self> {
        match pointer.is_null() {
            false => Ok(Self { pointer, memory: PhantomData }),
            true => Err(Code::MechanismParamInvalid.because(format!("{what} is NULL"))),
        }
    }

    pub(super) fn write(&self, value: T) {
        // SAFETY: not NULL, writable by the promise to `new`; applications misalign it.
        unsafe { self.pointer.write_unaligned(value) }
    }
}

impl Place<'_, CK_OBJECT_HANDLE> {
    /// Writes a handle, CK_INVALID_HANDLE for none.
    pub fn set(&self, handle: Option<Handle>) {
        self.write(handle.map_or(0, Handle::raw) as CK_OBJECT_HANDLE);
    }
}
