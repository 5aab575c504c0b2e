//! Mutex functions of an application (`CK_CREATEMUTEX` and its three companions), for tests that
//! use one thread: they lock nothing.

use std::ffi::c_void;
use std::ptr::addr_of_mut;

/// The addresses of CreateMutex, DestroyMutex, LockMutex, UnlockMutex.
pub fn functions() -> [u64; 4] {
    let create: unsafe extern "C" fn(*mut *mut c_void) -> u64 = create;
    let other: unsafe extern "C" fn(*mut c_void) -> u64 = nothing;
    [create as usize as u64, other as usize as u64, other as usize as u64, other as usize as u64]
}

unsafe extern "C" fn create(mutex: *mut *mut c_void) -> u64 {
    static mut MUTEX: u8 = 0;
    if mutex.is_null() {
        return 7;
    }
    // SAFETY: the module gives a place for a pointer; what it points to is never looked at.
    unsafe { *mutex = addr_of_mut!(MUTEX).cast() };
    0
}

unsafe extern "C" fn nothing(_mutex: *mut c_void) -> u64 {
    0
}
