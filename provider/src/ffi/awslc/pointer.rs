//! The one owner of objects that AWS-LC allocates.

use std::ptr::NonNull;

use crate::error::{Code, Result};

/// An object of AWS-LC with the function that frees it.
///
/// # Safety
/// `free` frees what the engine allocated as `Self`, once, and zeroizes what is secret in it.
pub(crate) unsafe trait Free {
    /// # Safety
    /// `object` came from the engine, is owned by the caller, and is not used afterwards.
    unsafe fn free(object: *mut Self);
}

/// Owns one object of AWS-LC and frees it when dropped.
pub(crate) struct Owned<T: Free>(NonNull<T>);

impl<T: Free> Owned<T> {
    /// # Safety
    /// `object` is NULL or owned by the caller, who gives it away here.
    #[track_caller]
    pub(crate) unsafe fn new(object: *mut T, what: &'static str) -> Result<Self> {
        match NonNull::new(object) {
            Some(object) => Ok(Self(object)),
            None => Err(super::failure(Code::HostMemory, what)),
        }
    }

    pub(crate) fn as_ptr(&self) -> *const T {
        self.0.as_ptr()
    }

    /// For calls that change the object, which only its exclusive owner may make.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut T {
        self.0.as_ptr()
    }

    /// For functions that take a mutable pointer but are documented as safe to call from several
    /// threads at once on one object (signing, for example).
    pub(crate) fn as_shared_ptr(&self) -> *mut T {
        self.0.as_ptr()
    }

    /// Gives the object to a C function that takes it over.
    pub(crate) fn into_raw(self) -> *mut T {
        let object = self.0.as_ptr();
        std::mem::forget(self);
        object
    }
}

impl<T: Free> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: owned since `new`, and never used again.
        unsafe { T::free(self.0.as_ptr()) }
    }
}

// SAFETY: the objects held here may move between threads; AWS-LC ties none of them to one.
unsafe impl<T: Free> Send for Owned<T> {}
// SAFETY: a shared reference gives out `*const T`, and `as_shared_ptr` only where the engine
// documents the call as thread-safe.
unsafe impl<T: Free> Sync for Owned<T> {}
